/* The parts of a load that need no server: the histogram, when messages are due, what
 * the figures keep, what the messages say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/chance.h"
#include "harness/load_figures.h"
#include "harness/load_pace.h"
#include "harness/load_text.h"
#include "harness/must.h"

static const uint64_t SECOND = 1000000000;

/* ---- histogram ---- */

static void test_values_are_known_to_a_hundredth(void **state)
{
    struct chance chance;

    (void)state;
    chance_init(&chance, 7);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t ns = chance_next(&chance) >> (64 - 1 - i % 42); /* up to more than an hour */
        struct histogram *self = must_alloc(sizeof(*self));

        histogram_add(self, ns);
        histogram_add(self, UINT64_MAX / 2); /* so that the greatest does not tell it */
        uint64_t told = histogram_at(self, 0.5);
        if (told < ns || told - ns > ns / 128)
            fail_msg("%llu is told as %llu", (unsigned long long)ns, (unsigned long long)told);
        free(self);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void test_percentiles_of_many(void **state)
{
    static const double shares[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    enum { VALUES = 5000 };
    struct histogram *self = must_alloc(sizeof(*self));
    struct histogram *other = must_alloc(sizeof(*other));
    uint64_t *values = must_alloc(VALUES * sizeof(*values));
    struct chance chance;

    (void)state;
    chance_init(&chance, 3);
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = 1000 + chance_next(&chance) % (1U << (10 + i % 20));
        histogram_add(i % 3 ? self : other, values[i]);
    }
    histogram_add_all(self, other);
    qsort(values, VALUES, sizeof(*values), by_value);
    assert_int_equal(self->count, VALUES);
    assert_int_equal(self->least, values[0]);
    assert_int_equal(self->greatest, values[VALUES - 1]);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        size_t rank = (size_t)(shares[i] * VALUES);
        uint64_t exact = values[rank > 0 ? rank - 1 : 0];
        uint64_t told = histogram_at(self, shares[i]);

        assert_true(told >= exact && told <= exact + exact / 100 + 1);
    }
    assert_int_equal(histogram_at(self, 1), values[VALUES - 1]);
    free(values);
    free(other);
    free(self);
}

static void test_cells_are_all_of_it(void **state)
{
    struct histogram *self = must_alloc(sizeof(*self));
    uint64_t up_to;
    uint64_t before = 0;
    uint64_t count;
    uint64_t sum = 0;
    size_t cell = 0;

    (void)state;
    assert_false(histogram_next(self, &cell, &up_to, &count));
    assert_int_equal(histogram_at(self, 0.99), 0);
    for (uint64_t ns = 0; ns < 100000; ns++)
        histogram_add(self, ns);
    histogram_add(self, UINT64_MAX);
    for (cell = 0; histogram_next(self, &cell, &up_to, &count); sum += count) {
        assert_true(sum == 0 || up_to > before);
        before = up_to;
    }
    assert_int_equal(sum, 100001);
    assert_true(before == UINT64_MAX);
    free(self);
}

/* ---- when messages are due ---- */

static void test_due_by_rate(void **state)
{
    struct load_pace pace = {.rate = 1000, .count = 30, .until_ns = 10 * SECOND};

    (void)state;
    assert_int_equal(load_pace_due(&pace, 0), 1);
    assert_int_equal(load_pace_take(&pace, 0), 0);
    assert_int_equal(load_pace_next_ns(&pace), SECOND / 1000);
    assert_int_equal(load_pace_due(&pace, SECOND / 1000 - 1), 0);
    assert_int_equal(load_pace_due(&pace, 10 * SECOND / 1000 + 1), 10);
    /* Late, they are still counted from when they were due. */
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(load_pace_take(&pace, 5 * SECOND), i * SECOND / 1000);
    /* No more than the count, and none from the end on. */
    assert_int_equal(load_pace_due(&pace, 5 * SECOND), 19);
    pace.count = UINT64_MAX;
    assert_int_equal(load_pace_due(&pace, 20 * SECOND), 10000 - 11);
    pace.taken = 10000;
    assert_true(load_pace_next_ns(&pace) == UINT64_MAX);
}

static void test_due_without_a_rate(void **state)
{
    struct load_pace pace = {.count = 3, .until_ns = SECOND};

    (void)state;
    assert_int_equal(load_pace_due(&pace, 5), 3);
    assert_int_equal(load_pace_take(&pace, 5), 5);
    assert_int_equal(load_pace_due(&pace, 6), 2);
    assert_int_equal(load_pace_due(&pace, SECOND), 0);
    assert_true(load_pace_next_ns(&pace) == UINT64_MAX);
}

/* A server answers in 1 ms, but for one second in which it answers nothing; one message
 * may be in flight. Who counts from when he sent sees one slow message of thousands. Of
 * 2,000 that people would have sent in these four seconds a quarter met the pause. */
static void test_a_pause_is_not_left_out(void **state)
{
    struct load_pace pace = {.rate = 500, .count = UINT64_MAX, .until_ns = 4 * SECOND};
    struct histogram *counted = must_alloc(sizeof(*counted));
    struct histogram *omitting = must_alloc(sizeof(*omitting));
    uint64_t now = 0;
    bool paused = false;

    (void)state;
    while (load_pace_due(&pace, now) > 0 || load_pace_next_ns(&pace) != UINT64_MAX) {
        if (load_pace_due(&pace, now) == 0)
            now = load_pace_next_ns(&pace) + 1;
        uint64_t sent = now;
        uint64_t from = load_pace_take(&pace, now);

        now += SECOND / 1000;
        if (!paused && now >= 2 * SECOND) {
            paused = true;
            now += SECOND;
        }
        histogram_add(counted, now - from);
        histogram_add(omitting, now - sent);
        if (now >= pace.until_ns)
            break;
    }
    assert_true(histogram_at(omitting, 0.99) < 2 * SECOND / 1000);
    assert_true(histogram_at(counted, 0.99) > SECOND / 2);
    assert_true(histogram_at(counted, 0.8) > SECOND / 20);
    free(omitting);
    free(counted);
}

/* ---- figures ---- */

static const struct client_result good = {.ticket = 1, .fate = CLIENT_GOOD, .reason_text = ""};

static void test_the_course_keeps_its_size(void **state)
{
    struct load_figures *self = must_alloc(sizeof(*self));
    uint64_t sent = 0;
    uint64_t results = 0;

    (void)state;
    load_figures_init(self, SECOND / 10);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t now = i * SECOND / 10;

        load_figures_sent(self, 10);
        load_figures_result(self, &good, now, now + 1000 + i);
        load_figures_tick(self, now + 1000 + i, i);
    }
    load_figures_end(self, 2000 * SECOND);
    assert_true(self->interval_count <= LOAD_INTERVALS);
    assert_true((double)self->interval_count * (double)self->interval_ns >= 2000e9);
    for (size_t i = 0; i < self->interval_count; i++) {
        sent += self->intervals[i].sent;
        results += self->intervals[i].good;
    }
    assert_int_equal(sent, 20000);
    assert_int_equal(results, 20000);
    assert_int_equal(self->latencies.count, 20000);
    assert_int_equal(self->latencies.greatest, 1000 + 19999);
    free(self);
}

static void test_reasons_are_bounded(void **state)
{
    struct load_figures *self = must_alloc(sizeof(*self));
    uint64_t sum = 0;

    (void)state;
    load_figures_init(self, SECOND);
    for (unsigned i = 0; i < 1000; i++) {
        char reason[40];

        snprintf(reason, sizeof(reason), "reason %u", i % 100);
        load_figures_result(self,
            &(struct client_result){
                .fate = CLIENT_BAD, .reason_text = reason, .reason = STATUS_COUNT},
            0, 1);
    }
    load_figures_result(
        self, &(struct client_result){.fate = CLIENT_TIMEOUT, .reason_text = ""}, 0, 1);
    load_figures_end(self, 2);
    assert_int_equal(self->reason_count, LOAD_REASONS);
    for (size_t i = 0; i < self->reason_count; i++)
        sum += self->reasons[i].count;
    assert_int_equal(sum, 1001);
    assert_string_equal(self->reasons[0].text, "reason 0");
    assert_int_equal(self->reasons[0].count, 10);
    assert_string_equal(self->reasons[LOAD_REASONS - 1].text, "other reasons");
    assert_int_equal(self->bad, 1001);
    /* What never came has no latency. */
    assert_int_equal(self->latencies.count, 1000);
    free(self);
}

/* ---- what the messages say ---- */

static void assert_makes(
    const char *form, size_t least, size_t most, const char *user, const char *wanted)
{
    struct load_text text;
    struct fault fault;

    assert_int_equal(load_text_init(&text, form, least, most, 1, &fault), STATUS_OK);
    struct span made = load_text_make(&text, user, "G", 12);
    if (made.len != strlen(wanted) || memcmp(made.at, wanted, made.len) != 0)
        fail_msg("%.*s instead of %s", (int)made.len, made.at, wanted);
    load_text_release(&text);
}

static void test_texts(void **state)
{
    struct load_text text;
    struct fault fault;

    (void)state;
    assert_makes("null", 0, 0, "T", "null");
    assert_makes("\"${fill}\"", 6, 6, "T", "\"xxxx\"");
    assert_makes("\"${fill}\"", 0, 0, "T", "\"\"");
    assert_makes(
        "{\"f\": \"${fill}\", \"n\": ${n}}", 24, 24, "T", "{\"f\": \"xxxxxx\", \"n\": 12}");
    assert_makes("\"${user} ${to} $${n} ${none}\"", 0, 0, "a\"b", "\"a\\\"b G $12 ${none}\"");
    assert_int_equal(load_text_init(&text, "\"${fill}\"", 10, 20, 1, &fault), STATUS_OK);
    bool seen[21] = {false};
    for (unsigned i = 0; i < 400; i++) {
        size_t len = load_text_make(&text, "T", "G", i).len;

        assert_true(len >= 10 && len <= 20);
        seen[len] = true;
    }
    for (size_t i = 10; i <= 20; i++)
        assert_true(seen[i]);
    load_text_release(&text);
    assert_int_equal(load_text_init(&text, "${to}", 0, 0, 1, &fault), STATUS_INVALID);
    assert_int_equal(load_text_init(&text, "\"x\"", 5, 5, 1, &fault), STATUS_INVALID);
    assert_int_equal(
        load_text_init(&text, "[\"${fill}\", \"${fill}\"]", 5, 5, 1, &fault), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_known_to_a_hundredth),
        cmocka_unit_test(test_percentiles_of_many),
        cmocka_unit_test(test_cells_are_all_of_it),
        cmocka_unit_test(test_due_by_rate),
        cmocka_unit_test(test_due_without_a_rate),
        cmocka_unit_test(test_a_pause_is_not_left_out),
        cmocka_unit_test(test_the_course_keeps_its_size),
        cmocka_unit_test(test_reasons_are_bounded),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
