/* slots: a number leads to its own thing, or to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "besterd/slots.h"

enum { THINGS = 5000, ROUNDS = 200000 };

static int things[THINGS];

static void test_numbers_are_never_reused(void **state)
{
    struct slots slots;
    uint64_t before = 0;
    (void)state;
    slots_init(&slots);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = slots_add(&slots, &things[i]);
        assert_int_not_equal(number, 0);
        assert_int_not_equal(number, before);
        assert_ptr_equal(slots_find(&slots, number), &things[i]);
        assert_null(slots_find(&slots, before)); /* its place is taken by another */
        assert_null(slots_remove(&slots, before));
        assert_ptr_equal(slots_remove(&slots, number), &things[i]);
        assert_null(slots_remove(&slots, number));
        before = number;
    }
    assert_int_equal(slots.count, 0);
    slots_release(&slots);
}

static void test_numbers_of_nothing(void **state)
{
    static const uint64_t strange[] = {0, 1, 17, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    struct slots slots;
    (void)state;
    slots_init(&slots);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_null(slots_find(&slots, strange[i]));
        assert_null(slots_remove(&slots, strange[i]));
    }
    assert_int_equal(slots_add(&slots, &things[0]), 1);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        if (strange[i] != 1)
            assert_null(slots_find(&slots, strange[i]));
    slots_release(&slots);
}

/* Against the plainest model: the number of each thing, or 0. */
static void test_against_a_model(void **state)
{
    static uint64_t numbers[THINGS];
    static uint64_t former[THINGS];
    struct slots slots;
    size_t count = 0;
    uint32_t random = 99;
    (void)state;
    slots_init(&slots);
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        size_t i = (random >> 8) % THINGS;
        if (numbers[i]) {
            assert_ptr_equal(slots_find(&slots, numbers[i]), &things[i]);
            assert_ptr_equal(slots_remove(&slots, numbers[i]), &things[i]);
            former[i] = numbers[i];
            numbers[i] = 0;
            count--;
        } else {
            numbers[i] = slots_add(&slots, &things[i]);
            assert_int_not_equal(numbers[i], 0);
            count++;
        }
        assert_null(slots_find(&slots, former[i]));
        assert_int_equal(slots.count, count);
    }
    slots_release(&slots);
}

/* Each thing is met once, though the one just met is removed. */
static void test_next_meets_each_once(void **state)
{
    static unsigned met[THINGS];
    struct slots slots;
    uint32_t cursor = 0;
    int *thing;
    (void)state;
    slots_init(&slots);
    assert_null(slots_next(&slots, &cursor));
    uint64_t numbers[100];
    for (int i = 0; i < 100; i++)
        numbers[i] = slots_add(&slots, &things[i]);
    for (int i = 0; i < 100; i += 3)
        slots_remove(&slots, numbers[i]);
    cursor = 0;
    while ((thing = slots_next(&slots, &cursor)) != NULL) {
        size_t i = (size_t)(thing - things);
        met[i]++;
        if (i % 2)
            assert_ptr_equal(slots_remove(&slots, numbers[i]), thing);
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(met[i], i % 3 ? 1 : 0);
    slots_release(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_never_reused),
        cmocka_unit_test(test_numbers_of_nothing),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_next_meets_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
