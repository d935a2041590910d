/* What the soak's judge takes for a breach, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/soak/judge.h"

enum { SENDERS = 2, TYPES = 2, RECIPIENTS = 2 };

static int make(void **state)
{
    static struct judge judge;

    judge_init(&judge, SENDERS, TYPES, RECIPIENTS);
    *state = &judge;
    return 0;
}

static int release(void **state)
{
    judge_release(*state);
    return 0;
}

/* From sender 0 to client 5. */
static uint64_t send(struct judge *judge)
{
    return judge_sent(judge, 0, 0, 0, 5, 0);
}

static void must_say(struct judge *judge, const char *what)
{
    assert_int_equal(judge->breaches, 1);
    if (!strstr(judge->first, what))
        fail_msg("\"%s\" instead of \"%s\"", judge->first, what);
}

static void test_what_is_well(void **state)
{
    struct judge *judge = *state;

    for (int i = 0; i < 5000; i++) {
        uint64_t number = send(judge);
        assert_int_equal(number, i);
        if (i % 2)
            judge_received(judge, number, 5);
        assert_non_null(judge_reported(judge, number, 0, true));
        if (i % 2 == 0)
            judge_received(judge, number, 5);
    }
    judge_end(judge);
    assert_int_equal(judge->breaches, 0);
    assert_int_equal(judge->good, 5000);
    assert_int_equal(judge->received, 5000);
}

static void test_bad_ones_may_come_once(void **state)
{
    struct judge *judge = *state;
    uint64_t before = send(judge), after = send(judge), never = send(judge);

    judge_received(judge, before, 5);
    judge_reported(judge, before, 0, false);
    judge_reported(judge, after, 0, false);
    judge_received(judge, after, 5);
    judge_reported(judge, never, 0, false);
    judge_end(judge);
    assert_int_equal(judge->breaches, 0);
    assert_int_equal(judge->bad_and_received, 2);
    judge_received(judge, after, 5);
    must_say(judge, "message 1 came a second time");
}

static void test_lost(void **state)
{
    struct judge *judge = *state;

    judge_reported(judge, send(judge), 0, true);
    judge_end(judge);
    must_say(judge, "message 0 was reported good and did not come");
}

static void test_no_report(void **state)
{
    struct judge *judge = *state;

    judge_received(judge, send(judge), 5);
    judge_end(judge);
    must_say(judge, "message 0 has no report");
}

static void test_two_reports(void **state)
{
    struct judge *judge = *state;
    uint64_t number = send(judge);

    judge_reported(judge, number, 0, true);
    judge_reported(judge, number, 0, true);
    must_say(judge, "message 0 was reported a second time");
}

static void test_twice(void **state)
{
    struct judge *judge = *state;
    uint64_t number = send(judge);

    judge_received(judge, number, 5);
    judge_received(judge, number, 5);
    must_say(judge, "message 0 came a second time");
}

static void test_astray(void **state)
{
    struct judge *judge = *state;

    judge_received(judge, send(judge), 6);
    must_say(judge, "client 6 got message 0, which is for client 5");
}

static void test_report_astray(void **state)
{
    struct judge *judge = *state;

    judge_reported(judge, send(judge), 1, true);
    must_say(judge, "came to client 1, who did not send it");
}

static void test_out_of_nowhere(void **state)
{
    struct judge *judge = *state;

    judge_received(judge, 7, 5);
    must_say(judge, "client 5 got message 7, which nobody sent");
    assert_null(judge_reported(judge, 7, 0, true));
    assert_int_equal(judge->breaches, 2);
}

static void test_reports_out_of_order(void **state)
{
    struct judge *judge = *state;
    uint64_t first = send(judge), other = judge_sent(judge, 0, 1, 0, 5, 0), second = send(judge);

    judge_reported(judge, other, 0, true); /* of another type: that may be */
    judge_reported(judge, second, 0, true);
    assert_int_equal(judge->breaches, 0);
    judge_reported(judge, first, 0, true);
    must_say(judge, "message 0 was reported after 2");
}

static void test_deliveries_out_of_order(void **state)
{
    struct judge *judge = *state;
    uint64_t first = send(judge), other = judge_sent(judge, 0, 0, 1, 6, 0), second = send(judge);

    judge_received(judge, other, 6); /* to somebody else: that may be */
    judge_received(judge, second, 5);
    assert_int_equal(judge->breaches, 0);
    judge_received(judge, first, 5);
    must_say(judge, "message 0 was delivered after 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_well, make, release),
        cmocka_unit_test_setup_teardown(test_bad_ones_may_come_once, make, release),
        cmocka_unit_test_setup_teardown(test_lost, make, release),
        cmocka_unit_test_setup_teardown(test_no_report, make, release),
        cmocka_unit_test_setup_teardown(test_two_reports, make, release),
        cmocka_unit_test_setup_teardown(test_twice, make, release),
        cmocka_unit_test_setup_teardown(test_astray, make, release),
        cmocka_unit_test_setup_teardown(test_report_astray, make, release),
        cmocka_unit_test_setup_teardown(test_out_of_nowhere, make, release),
        cmocka_unit_test_setup_teardown(test_reports_out_of_order, make, release),
        cmocka_unit_test_setup_teardown(test_deliveries_out_of_order, make, release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
