/* delivery: to one user's sessions, the fast, the slow and the dead, and what becomes
 * of it. Several recipients are in test_delivery_many.c, servers in test_pipeline.c. */
#include "tests/besterd/courier.h"

/* ---- one recipient ---- */

static void test_what_a_recipient_reads(void **state)
{
    struct courier *self = *state;
    courier_log_in(self, "G");
    courier_deliver(self, "[\"G\"]", "{ \"a\" : 1.50 }");
    json_t *message = wire_read(&self->far[0]);
    json_must_cover(message,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"T@S1\",\"id\":\"m1\","
        "\"!authenticated\":0},\"payload\":{\"type\":\"chat\",\"data\":{\"a\":1.5},\"!id\":0}}");
    const char *time =
        json_string_value(json_object_get(json_object_get(message, "header"), "time"));
    assert_non_null(time);
    assert_int_equal(strlen(time), strlen("2026-11-22T17:00:00.123Z"));
    json_decref(message);
    assert_int_equal(self->resolved, 1);
    courier_expect_report(self, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"m1\","
                                "\"outcome\":\"delivered\",\"recipients\":{\"G\":\"delivered\"},"
                                "\"!reason\":0,\"!servers\":0}}");
}

static void test_one_who_is_not_vouched_for(void **state)
{
    struct courier *self = *state;
    struct origin *origin = NULL;
    assert_int_equal(origin_new_legacy(&origin, (struct span){0},
                         &(struct config){.server_name = (char *)"S1"}, NULL),
        STATUS_OK);
    origin_unref(self->origin);
    self->origin = origin;
    courier_new_ticket(self, NULL);
    courier_log_in(self, "G");
    courier_deliver(self, "\"G\"", "1");
    wire_expect(&self->far[0],
        "{\"header\":{\"authenticated\":false,\"!from\":0,\"!id\":0},\"payload\":{\"data\":1}}");
    courier_expect_report(self, "{\"payload\":{\"!id\":0,\"recipients\":{\"G\":\"delivered\"}}}");
}

static void test_every_session_receives(void **state)
{
    struct courier *self = *state;
    for (int i = 0; i < 5; i++)
        courier_log_in(self, "G");
    courier_deliver(self, "[\"G\"]", "1");
    for (int i = 0; i < 5; i++)
        wire_expect(&self->far[i], "{\"payload\":{\"data\":1}}");
    run_turns(self->loop, 3);
    assert_int_equal(self->resolved, 1); /* with the first that took it */
    courier_expect_report(self, "{\"header\":{\"status\":\"good\"}}");
}

static void test_one_session_slow_one_dead_one_well(void **state)
{
    struct courier *self = *state;
    size_t slow = courier_log_in(self, "G");
    size_t dead = courier_log_in(self, "G");
    courier_clog_up(self, slow);
    courier_clog_up(self, dead);
    courier_deliver(self, "[\"G\"]", "1");
    run_turns(self->loop, 3);
    assert_int_equal(self->resolved, 0);
    wire_hang_up(&self->far[dead]);
    run_turns(self->loop, 3);
    assert_int_equal(self->resolved, 0); /* the slow one may still take it */
    free(wire_read_payload(&self->far[slow], NULL));
    wire_expect(&self->far[slow], "{\"payload\":{\"data\":1}}");
    RUN_UNTIL(self->loop, self->resolved == 1);
    courier_expect_report(self, "{\"header\":{\"status\":\"good\"}}");
}

static void test_all_sessions_die_before_they_take_it(void **state)
{
    struct courier *self = *state;
    for (size_t i = 0; i < 3; i++) {
        courier_log_in(self, "G");
        courier_clog_up(self, i);
    }
    courier_deliver(self, "[\"G\"]", "1");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(self->resolved, 0);
        wire_hang_up(&self->far[i]);
        run_turns(self->loop, 3);
    }
    RUN_UNTIL(self->loop, self->resolved == 1);
    courier_expect_report(self,
        "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"offline\","
        "\"recipients\":{\"G\":\"offline\"},\"!outcome\":0}}");
}

static void test_a_full_queue(void **state)
{
    struct courier *self = *state;
    static char much[1000003];
    memset(much, '7', sizeof much - 1);
    courier_log_in(self, "G");
    courier_clog_up(self, 0);
    courier_deliver(self, "[\"G\"]", much);
    assert_int_equal(self->ticket->open, 1);
    courier_new_ticket(self, "\"m2\"");
    self->ticket->number = 6;
    for (int i = 0; i < 3; i++)
        courier_deliver(self, "[\"G\"]", much);
    /* Some fit, the last did not, and was told at once. */
    assert_int_equal(self->ticket->failure, STATUS_OVERLOADED);
    courier_new_ticket(self, "\"m3\"");
    self->ticket->number = 7;
    courier_log_in(self, "G"); /* another session of the same user has room */
    courier_deliver(self, "[\"G\"]", "1");
    wire_expect(&self->far[1], "{\"payload\":{\"data\":1}}");
    assert_int_equal(self->resolved, 1);
    assert_int_equal(self->ticket->failure, STATUS_OK);
}

/* ---- who is not here ---- */

static void test_what_the_accounts_say(void **state)
{
    static const struct {
        enum status status;
        const char *reason;
    } rows[] = {
        {STATUS_OFFLINE, "offline"},
        {STATUS_UNKNOWN_USER, "unknownUser"},
        {STATUS_OVERLOADED, "overloaded"},
        {STATUS_INTERNAL, "internal"},
    };
    struct courier *self = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char pattern[200];
        courier_new_ticket(self, "\"m1\"");
        courier_deliver(self, "[\"H\"]", "1");
        assert_string_equal(self->asked[i], "H");
        assert_int_equal(self->ticket->open, 1);
        courier_account_says(self, i, rows[i].status);
        assert_int_equal(self->resolved, 1);
        snprintf(pattern, sizeof pattern,
            "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"%s\",\"detail\":\"H: %s\","
            "\"recipients\":{\"H\":\"%s\"}}}",
            rows[i].reason, status_help(rows[i].status), rows[i].reason);
        courier_expect_report(self, pattern);
    }
}

static void test_accounts_that_cannot_be_asked(void **state)
{
    struct courier *self = *state;
    self->accounts_status = STATUS_OVERLOADED;
    courier_deliver(self, "[\"H\"]", "1");
    courier_expect_report(self, "{\"payload\":{\"recipients\":{\"H\":\"overloaded\"}}}");
    courier_new_ticket(self, "\"m2\"");
    self->accounts_status = STATUS_NO_MEMORY;
    courier_deliver(self, "[\"H\"]", "1");
    courier_expect_report(self, "{\"payload\":{\"recipients\":{\"H\":\"internal\"}}}");
}

static void test_names_that_nobody_can_have(void **state)
{
    static const char *const names[] = {"\"\"", "\" \"", "\"a@b\"", "\"a\\u0000b\"", "\"\\u202e\"",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\""};
    struct courier *self = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        courier_new_ticket(self, "\"m1\"");
        courier_deliver(self, names[i], "1");
        assert_int_equal(self->ticket->failure, STATUS_UNKNOWN_USER);
        assert_int_equal(self->asked_count, 0);
        courier_expect_report(self, "{\"payload\":{\"reason\":\"unknownUser\"}}");
    }
}

/* A name finds its user as it would at a login: without the white space. */
static void test_white_space_around_a_name(void **state)
{
    struct courier *self = *state;
    courier_log_in(self, "G");
    courier_deliver(self, "[\" G\\t\"]", "1");
    wire_expect(&self->far[0], "{\"payload\":{\"data\":1}}");
    assert_int_equal(self->resolved, 1);
    courier_expect_report(self, "{\"header\":{\"status\":\"good\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, courier_set_up, courier_tear_down)
        TEST(test_what_a_recipient_reads),
        TEST(test_one_who_is_not_vouched_for),
        TEST(test_every_session_receives),
        TEST(test_one_session_slow_one_dead_one_well),
        TEST(test_all_sessions_die_before_they_take_it),
        TEST(test_a_full_queue),
        TEST(test_what_the_accounts_say),
        TEST(test_accounts_that_cannot_be_asked),
        TEST(test_names_that_nobody_can_have),
        TEST(test_white_space_around_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
