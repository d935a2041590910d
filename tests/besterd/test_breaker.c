/* breaker: when it opens, for whom, and what closes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "besterd/breaker.h"

enum { T = 11, G = 13 };

static const struct breaker_limits limits = {.failures = 3, .pause_s = 1, .most_s = 8};
static struct breaker breaker;
static double now_s;

static int set_up(void **state)
{
    (void)state;
    breaker = (struct breaker){.open = false};
    now_s = 1000;
    return 0;
}

static bool fails(uint64_t who, bool was_probe)
{
    struct breaker_failure failure = {.who = who, .was_probe = was_probe, .why = "it hangs"};
    return breaker_failed(&breaker, &limits, &failure, now_s, 0);
}

/* Three failures, of two askers. */
static void break_it(void)
{
    assert_false(fails(T, false));
    assert_false(fails(G, false));
    assert_true(fails(T, false));
    assert_true(breaker.open);
}

static void test_it_opens_at_the_limit(void **state)
{
    char text[BREAKER_TEXT_MAX];
    (void)state;
    for (int i = 0; i < 10; i++) { /* not in a row */
        assert_false(fails(T, false));
        assert_false(fails(G, false));
        assert_false(breaker_succeeded(&breaker));
    }
    break_it();
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_NO);
    assert_int_equal(breaker_asks(&breaker, G, now_s), BREAKER_NO);
    assert_string_equal(breaker_tell(&breaker, now_s + 0.75, text),
        "not asked since 1970-01-01T00:00:00.000Z, after 3 failures in a row, the last: it hangs; "
        "asked again in 0.2 s");
    assert_true(breaker_succeeded(&breaker)); /* asked before it was opened */
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_YES);
    break_it(); /* from the beginning */
}

static void test_never(void **state)
{
    const struct breaker_limits never = {.failures = 0, .pause_s = 1, .most_s = 8};
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_false(breaker_failed(
            &breaker, &never, &(struct breaker_failure){.why = "it hangs"}, now_s, 0));
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_YES);
}

static void test_one_probe_after_each_pause(void **state)
{
    static const double pauses[] = {1, 2, 4, 8, 8, 8};
    (void)state;
    break_it();
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        assert_int_equal(breaker_asks(&breaker, T, now_s + pauses[i] - 0.001), BREAKER_NO);
        now_s += pauses[i];
        assert_int_equal(breaker_asks(&breaker, G, now_s), BREAKER_PROBE);
        assert_int_equal(breaker_asks(&breaker, T, now_s + 100), BREAKER_NO); /* one is enough */
        assert_false(fails(T, false)); /* what was asked before is no probe */
        assert_int_equal(breaker_asks(&breaker, T, now_s + 100), BREAKER_NO);
        assert_false(fails(G, true));
    }
    now_s += 8;
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_PROBE);
    assert_true(breaker_succeeded(&breaker));
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_YES);
    break_it();
    assert_int_equal(breaker_asks(&breaker, T, now_s + 1), BREAKER_PROBE); /* 1 s again */
}

static void test_a_connection_closes_it_and_proves_little(void **state)
{
    (void)state;
    assert_false(breaker_connected(&breaker));
    assert_false(fails(T, false)); /* who was never open is not wary */
    assert_false(fails(G, false));
    assert_true(fails(T, false));
    assert_true(breaker_connected(&breaker));
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_YES);
    assert_true(fails(T, false)); /* at once */
    assert_int_equal(breaker_asks(&breaker, T, now_s + 1.9), BREAKER_NO);
    assert_int_equal(breaker_asks(&breaker, T, now_s + 2), BREAKER_PROBE);
    assert_true(breaker_connected(&breaker));
    assert_false(breaker_succeeded(&breaker));
    break_it(); /* all is forgotten */
}

/* Whoever sends what the handler chokes on shuts it for himself. */
static void test_one_asker_alone(void **state)
{
    char text[BREAKER_TEXT_MAX];
    (void)state;
    assert_false(fails(T, false));
    assert_false(fails(T, false));
    assert_true(fails(T, false));
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_NO);
    assert_int_equal(breaker_asks(&breaker, G, now_s), BREAKER_YES);
    assert_non_null(
        strstr(breaker_tell(&breaker, now_s, text), "3 failures in a row at what you "));
    assert_false(fails(G, false)); /* so it was not T's fault */
    assert_int_equal(breaker_asks(&breaker, G, now_s), BREAKER_NO);
    assert_null(strstr(breaker_tell(&breaker, now_s, text), "you"));
    assert_true(breaker_succeeded(&breaker));
    for (int i = 0; i < 2; i++)
        assert_false(fails(T, false));
    assert_true(fails(0, false)); /* nobody's: for everybody */
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_NO);
    assert_int_equal(breaker_asks(&breaker, G, now_s), BREAKER_NO);
}

static void test_hurry(void **state)
{
    (void)state;
    break_it();
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_NO);
    breaker_hurry(&breaker);
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_PROBE);
    assert_int_equal(breaker_asks(&breaker, T, now_s), BREAKER_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(test_it_opens_at_the_limit),
        TEST(test_never),
        TEST(test_one_probe_after_each_pause),
        TEST(test_a_connection_closes_it_and_proves_little),
        TEST(test_one_asker_alone),
        TEST(test_hurry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
