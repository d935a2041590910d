/* rates: token buckets at their edges, and a table that many cannot turn against one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "besterd/rates.h"
#include "besterd/siphash.h"

#define assert_near(found, wanted) assert_true(fabs((found) - (wanted)) < 1e-6)

static const struct rate three = {.per_s = 2, .burst = 3};

static int set_up(void **state)
{
    *state = rates_new();
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    rates_free(*state);
    return 0;
}

static void test_as_many_as_the_burst(void **state)
{
    for (int i = 0; i < 3; i++)
        assert_true(rates_try(*state, 1, &three, 100));
    assert_false(rates_try(*state, 1, &three, 100));
    assert_false(rates_try(*state, 1, &three, 100.49));
    assert_true(rates_try(*state, 1, &three, 100.5));
    assert_false(rates_try(*state, 1, &three, 100.5));
    assert_true(rates_try(*state, 2, &three, 100.5)); /* somebody else */
}

static void test_no_more_than_the_burst_is_saved_up(void **state)
{
    assert_true(rates_try(*state, 1, &three, 100));
    for (int i = 0; i < 3; i++)
        assert_true(rates_try(*state, 1, &three, 1e6));
    assert_false(rates_try(*state, 1, &three, 1e6));
}

static void test_how_long_to_wait(void **state)
{
    assert_true(rates_take(*state, 1, &three, 100) == 0);
    assert_true(rates_take(*state, 1, &three, 100) == 0);
    assert_near(rates_take(*state, 1, &three, 100), 0.5);
    /* Who does not wait owes more. */
    assert_near(rates_take(*state, 1, &three, 100), 1);
    assert_near(rates_take(*state, 1, &three, 101), 0.5);
}

/* At a steady pace, however many there were. */
static void test_the_rate_holds(void **state)
{
    static const struct rate fast = {.per_s = 1000000, .burst = 1};
    double now_s = 1e6;
    for (int i = 0; i < 100000; i++) {
        assert_true(rates_take(*state, 1, &fast, now_s) < 1.1e-6);
        now_s += 1e-6;
    }
}

static uint64_t key_of(uint64_t number)
{
    static const unsigned char secret[SIPHASH_KEY_BYTES] = {1};
    return siphash(secret, &number, sizeof number);
}

/* Somebody has ten times as many addresses as there are places. */
static void test_a_crowd(void **state)
{
    uint64_t offender = key_of(0);
    static const struct rate slow = {.per_s = 0.001, .burst = 3};
    for (int i = 0; i < 3; i++)
        assert_true(rates_try(*state, offender, &slow, 100));
    for (uint64_t i = 1; i <= 10 * (uint64_t)RATES_PLACES; i++)
        assert_true(rates_try(*state, key_of(i), &slow, 100)); /* a newcomer is never refused */
    assert_false(rates_try(*state, offender, &slow, 100));     /* who did the most is known */
}

static void test_siphash(void **state)
{
    /* From the paper, appendix A. */
    unsigned char key[SIPHASH_KEY_BYTES], text[15];
    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)i;
    assert_true(siphash(key, text, sizeof text) == 0xa129ca6149be45e5);
    key[0] = 1;
    assert_false(siphash(key, text, sizeof text) == 0xa129ca6149be45e5);
}

static void test_looking_and_giving_back(void **state)
{
    assert_true(rates_wait(*state, 1, &three, 100) == 0); /* never seen */
    assert_true(rates_is_full(*state, 1, 100));
    assert_int_equal(rates_taken(*state, 1, &three, 100), 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(rates_wait(*state, 1, &three, 100) == 0);
        assert_true(rates_try(*state, 1, &three, 100));
        assert_int_equal(rates_taken(*state, 1, &three, 100), i);
    }
    assert_near(rates_wait(*state, 1, &three, 100), 0.5);
    assert_near(rates_wait(*state, 1, &three, 100.2), 0.3);
    assert_int_equal(rates_taken(*state, 1, &three, 100.2), 3); /* one is on its way */
    assert_int_equal(rates_taken(*state, 1, &three, 100.5), 2);
    rates_give(*state, 1, &three, 100);
    assert_true(rates_wait(*state, 1, &three, 100) == 0);
    assert_true(rates_try(*state, 1, &three, 100));
    assert_false(rates_try(*state, 1, &three, 100));
    for (int i = 0; i < 5; i++) /* more than there were */
        rates_give(*state, 1, &three, 100);
    assert_true(rates_is_full(*state, 1, 100));
    for (int i = 0; i < 3; i++)
        assert_true(rates_try(*state, 1, &three, 100));
    assert_false(rates_try(*state, 1, &three, 100));
    rates_clear(*state, 1);
    assert_true(rates_is_full(*state, 1, 100));
    assert_true(rates_try(*state, 1, &three, 100));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_as_many_as_the_burst),
        TEST(test_no_more_than_the_burst_is_saved_up),
        TEST(test_how_long_to_wait),
        TEST(test_the_rate_holds),
        TEST(test_a_crowd),
        cmocka_unit_test(test_siphash),
        TEST(test_looking_and_giving_back),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
