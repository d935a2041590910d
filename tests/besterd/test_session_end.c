/* session: messages in flight, and every way to end. */
#include "tests/besterd/visit.h"

/* ---- messages ---- */

static void test_wrong_messages_cost_themselves(void **state)
{
    static const struct {
        const char *message, *report;
    } rows[] = {
        {"", "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {"[1,2", "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {"{\"payload\":{\"id\":\"m\",\"data\":tru}}",
            "{\"payload\":{\"reason\":\"malformed\",\"id\":\"m\"}}"},
        {"{\"payload\":{\"id\":7,\"data\":tru}}",
            "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {"{\"payload\":{\"id\":\"m\",\"id\":\"n\"}}",
            "{\"payload\":{\"reason\":\"malformed\",\"id\":\"m\"}}"},
        {"{\"payload\":{\"id\":\"m\",\"data\":[[[[[[[[[[[[",
            "{\"payload\":{\"reason\":\"tooLarge\"}}"},
        {"{\"payload\":{\"id\":\"m\",\"data\":\"\xc3\x28\"}}",
            "{\"payload\":{\"reason\":\"malformed\"}}"},
    };
    struct visit *self = *state;
    visit_log_in(self);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_send(&self->far, "%s", rows[i].message);
        wire_expect(&self->far, rows[i].report);
    }
    assert_int_equal(self->messages, 0);
    wire_send(&self->far, "%s", MESSAGE("1"));
    RUN_UNTIL(self->loop, self->messages == 1);
}

static void test_messages_in_flight_are_bounded(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    self->hold = 100;
    for (int i = 0; i < 20; i++)
        wire_send(&self->far, MESSAGE("%d"), i);
    RUN_UNTIL(self->loop, self->messages == 4);
    run_turns(self->loop, 5);
    assert_int_equal(self->messages, 4);
    while (self->messages < 20) {
        unsigned before = self->messages;
        session_leave_flight(self->session);
        run_turns(self->loop, 3);
        assert_in_range(self->session->in_flight, 0, 4);
        assert_in_range(self->messages - before, 0, 4);
    }
    while (self->session->in_flight > 0)
        session_leave_flight(self->session);
}

/* However much has come, others have their turn after a few. */
static void test_a_flood_takes_turns(void **state)
{
    enum { FLOOD = 300, TURN = 64 };
    static const char text[] = MESSAGE("0");
    const uint32_t len = sizeof text - 1;
    struct visit *self = *state;
    char flood[FLOOD * (sizeof len + sizeof text)];
    size_t used = 0;
    for (int i = 0; i < FLOOD; i++) {
        memcpy(flood + used, &len, sizeof len); /* of the tests' machines, all little-endian */
        memcpy(flood + used + sizeof len, text, len);
        used += sizeof len + len;
    }
    visit_log_in(self);
    wire_send_bytes(&self->far, flood, used); /* at once: it waits for nothing */
    while (self->messages < FLOOD) {
        unsigned before = self->messages;
        run_turns(self->loop, 1);
        assert_in_range(self->messages - before, 0, TURN);
    }
}

/* A client that asks and does not read: it is not read from until it does. */
static void test_who_does_not_read_is_not_read_from(void **state)
{
    struct visit *self = *state;
    char block[2000];
    ssize_t n;
    visit_log_in(self);
    /* Frames of no bytes: each is malformed and costs a report. */
    memset(block, 0, sizeof block);
    while ((n = send(self->far.fd, block, sizeof block, MSG_NOSIGNAL)) > 0)
        run_turns(self->loop, 2);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(self->goings, 0);
    assert_in_range(stream_queued_bytes(self->session->stream), 1, 200000 / 2);
    for (int i = 0; i < 1000; i++)
        wire_expect(&self->far, "{\"payload\":{\"reason\":\"malformed\"}}");
}

/* ---- ends ---- */

static void test_half_closed_with_messages_in_flight(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    self->hold = 3;
    for (int i = 0; i < 3; i++)
        wire_send(&self->far, "%s", MESSAGE("1"));
    assert_int_equal(shutdown(self->far.fd, SHUT_WR), 0);
    RUN_UNTIL(self->loop, self->leaves == 1);
    assert_int_equal(self->messages, 3);
    for (int i = 0; i < 3; i++) {
        session_report(self->session, &(struct report){.good = true});
        session_leave_flight(self->session);
        wire_expect(&self->far, "{\"header\":{\"status\":\"good\"}}");
    }
    wire_expect_end(&self->far);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->goings == 1);
}

static void test_ended_by_us_with_messages_in_flight(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    self->hold = 1;
    wire_send(&self->far, "%s", MESSAGE("1"));
    RUN_UNTIL(self->loop, self->messages == 1);
    session_end(self->session);
    session_end(self->session);
    wire_send(&self->far, "%s", MESSAGE("2"));
    run_turns(self->loop, 5);
    assert_int_equal(self->messages, 1); /* no more are taken */
    assert_int_equal(self->leaves, 1);
    session_report(self->session, &(struct report){.good = true});
    session_leave_flight(self->session);
    wire_expect(&self->far, "{\"header\":{\"status\":\"good\"}}");
    wire_expect_end(&self->far);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->goings == 1);
}

static void test_too_large_with_messages_in_flight(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    self->hold = 1;
    wire_send(&self->far, "%s", MESSAGE("1"));
    wire_send_bytes(&self->far, "\xd1\x07\0\0xxxxxxxx", 12); /* 2001 */
    wire_expect(&self->far,
        "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"tooLarge\",\"!id\":0}}");
    assert_int_equal(self->goings, 0);
    session_report(self->session, &(struct report){.good = true});
    session_leave_flight(self->session);
    wire_expect(&self->far, "{\"header\":{\"status\":\"good\"}}");
    wire_expect_end(&self->far);
}

static void test_a_peer_that_vanishes(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    self->hold = 1;
    wire_send(&self->far, "%s", MESSAGE("1"));
    RUN_UNTIL(self->loop, self->messages == 1);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->leaves == 1);
    session_report(self->session, &(struct report){.good = true});
    session_leave_flight(self->session);
    RUN_UNTIL(self->loop, self->goings == 1);
    assert_int_equal(session_send(self->session, message_report(&(struct report){.good = true}), 1),
        STATUS_CLOSED);
}

/* A report that cannot be queued ends the session rather than be missing. */
static void test_a_report_that_cannot_be_queued(void **state)
{
    struct visit *self = *state;
    char detail[8001];
    visit_log_in(self);
    memset(detail, 'd', sizeof detail);
    detail[sizeof detail - 1] = '\0';
    for (int i = 0; i < 100 && self->goings == 0; i++)
        session_report(self->session, &(struct report){.detail = detail});
    assert_int_equal(self->goings, 1);
    assert_int_equal(self->leaves, 1);
    session_report(self->session, &(struct report){.good = true}); /* and is safe afterwards */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, visit_set_up, visit_tear_down)
        TEST(test_wrong_messages_cost_themselves),
        TEST(test_messages_in_flight_are_bounded),
        TEST(test_a_flood_takes_turns),
        TEST(test_who_does_not_read_is_not_read_from),
        TEST(test_half_closed_with_messages_in_flight),
        TEST(test_ended_by_us_with_messages_in_flight),
        TEST(test_too_large_with_messages_in_flight),
        TEST(test_a_peer_that_vanishes),
        TEST(test_a_report_that_cannot_be_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
