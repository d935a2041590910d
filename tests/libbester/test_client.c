#include "tests/libbester/client_fixture.h"

/* ---- login ---- */

static void test_login(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    assert_string_equal(client_server(self->client)->name, "S1");
    assert_string_equal(client_server(self->client)->version, "0.1.0");
    assert_int_equal(client_server(self->client)->max_frame, 300);
    client_finish(self->client);
    until_end(self, CLIENT_END_FINISHED);
    assert_null(peer_read(&self->peer));
}

static void test_login_to_a_server_of_part_one(void **state)
{
    struct fixture *self = *state;
    connected(self, "");
    assert_string_equal(client_server(self->client)->name, "");
    assert_int_equal(client_server(self->client)->max_frame, 0);
}

static void test_login_frame_is_that_of_the_contract(void **state)
{
    struct fixture *self = *state;
    static const char expected[] =
        "{\"header\":{\"scope\":\"client\",\"authentication\":{\"username\":\"T\",\"password\":"
        "\"secret\"}},\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}";
    char got[sizeof expected + 3];
    start(self);
    peer_accept(&self->peer);
    assert_true(peer_read_bytes(&self->peer, got, sizeof got));
    assert_int_equal((unsigned char)got[0], sizeof expected - 1);
    assert_memory_equal(got + 4, expected, sizeof expected - 1);
}

static void refused(struct fixture *self, const char *more, enum client_end why, const char *text)
{
    start(self);
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    if (more != NULL)
        peer_send(&self->peer, "%s", more);
    peer_hang_up(&self->peer);
    until_end(self, why);
    assert_string_equal(self->seen.fault.text, text);
    assert_false(self->seen.ready);
}

static void test_login_refused(void **state)
{
    refused(*state,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},\"payload\":{\"id\":"
        "\"auth_special\",\"reason\":\"authFailed\",\"detail\":\"wrong password\"}}",
        CLIENT_END_REFUSED, "authFailed: wrong password");
    assert_int_equal(client_end_exit(CLIENT_END_REFUSED), EXIT_LOGIN_REFUSED);
}

static void test_login_refused_without_a_reason(void **state)
{
    refused(*state,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},\"payload\":{}}",
        CLIENT_END_REFUSED, "the server refused the login");
}

static void test_login_refused_without_a_word(void **state)
{
    refused(*state, NULL, CLIENT_END_REFUSED,
        "the server closed the connection without an answer to the login");
}

static void test_a_good_report_of_something_else_is_no_login(void **state)
{
    refused(*state,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":{\"id\":"
        "\"0\"}}",
        CLIENT_END_REFUSED, "the server refused the login");
}

static void test_no_bester_server(void **state)
{
    refused(*state, "{\"hello\": \"I am something else\"}", CLIENT_END_UNREACHABLE,
        "what answers there is no Bester server");
    assert_int_equal(client_end_exit(CLIENT_END_UNREACHABLE), EXIT_NO_CONNECTION);
}

static void test_no_server_at_all(void **state)
{
    struct fixture *self = *state;
    peer_refuse(&self->peer);
    start(self);
    until_end(self, CLIENT_END_UNREACHABLE);
    assert_string_equal(self->seen.fault.text, "Connection refused");
}

static void test_no_answer_to_the_login(void **state)
{
    struct fixture *self = *state;
    self->options.connect_s = 0.05;
    start(self);
    until_end(self, CLIENT_END_UNREACHABLE);
    assert_string_equal(self->seen.fault.text, "no answer to the login in time");
}

/* ---- messages and reports ---- */

static void test_reports_in_any_order(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    char ids[3][128];
    uint64_t tickets[3];
    for (int i = 0; i < 3; i++)
        tickets[i] = say(self, i == 1 ? "mine \"quoted\"" : NULL);
    for (int i = 0; i < 3; i++)
        peer_expect(&self->peer, "chat", "{\"to\": \"G\"}", ids[i]);
    assert_string_equal(ids[1], "mine \"quoted\"");
    assert_string_not_equal(ids[0], ids[2]);
    assert_int_equal(client_in_flight(self->client), 3);

    peer_report(&self->peer, ids[2], "good",
        ",\"outcome\":\"delivered\",\"recipients\":{\"G\":\"delivered\"}");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, tickets[2]);
    assert_int_equal(self->seen.last.fate, CLIENT_GOOD);
    assert_int_equal(self->seen.last.outcome, OUTCOME_DELIVERED);
    assert_string_equal(self->seen.text, "delivered");

    peer_report(&self->peer, "mine \\u0022quoted\\u0022", "bad",
        ",\"reason\":\"offline\",\"recipients\":{\"G\":\"offline\",\"H\":\"delivered\"}");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, tickets[1]);
    assert_int_equal(self->seen.last.fate, CLIENT_BAD);
    assert_int_equal(self->seen.last.reason, STATUS_OFFLINE);
    assert_string_equal(self->seen.text, "failed: offline (G, H delivered)");

    peer_report(&self->peer, ids[0], "bad", "");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, tickets[0]);
    assert_string_equal(self->seen.text, "failed: no reason told");
    assert_int_equal(client_in_flight(self->client), 0);
}

static void test_a_report_for_nothing_we_know(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    peer_report(&self->peer, "strange", "bad", ",\"reason\":\"malformed\",\"detail\":\"why\"");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, 0);
    assert_string_equal(self->seen.id, "strange");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},\"payload\":"
        "{\"reason\":\"newReason\"}}");
    until_done(self);
    assert_string_equal(self->seen.id, "");
    assert_int_equal(self->seen.last.reason, STATUS_COUNT);
    assert_string_equal(self->seen.reason, "newReason");
    assert_int_equal(client_result_exit(&self->seen.last), EXIT_REJECTED);
}

static void test_a_report_that_comes_late(void **state)
{
    struct fixture *self = *state;
    self->options.report_s = 0.05;
    connected(self, modern);
    uint64_t ticket = say(self, "slow");
    peer_expect(&self->peer, "chat", NULL, NULL);
    until_done(self);
    assert_int_equal(self->seen.last.ticket, ticket);
    assert_int_equal(self->seen.last.fate, CLIENT_TIMEOUT);
    assert_int_equal(client_result_exit(&self->seen.last), EXIT_REPORT_TIMEOUT);
    peer_report(&self->peer, "slow", "good", ",\"outcome\":\"stored\"");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, 0);
    assert_string_equal(self->seen.id, "slow");
    assert_int_equal(self->seen.last.outcome, OUTCOME_STORED);
    assert_int_equal(self->seen.results, 2);
}

static void test_builtin_and_dummy(void **state)
{
    struct fixture *self = *state;
    char id[128];
    uint64_t ticket = 0;
    connected(self, modern);
    assert_int_equal(
        client_ask(self->client, "whoami", (struct span){0}, &ticket, NULL), STATUS_OK);
    peer_expect(
        &self->peer, "builtin", "{\"command\": {\"type\": \"whoami\", \"args\": null}}", id);
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"%s\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"whoami\"}}}",
        id);
    until_done(self);
    assert_int_equal(self->seen.last.ticket, ticket);
    assert_int_equal(self->seen.last.fate, CLIENT_ANSWERED);
    assert_string_equal(self->seen.answer, "{\"command\":\"whoami\"}");

    assert_int_equal(
        client_send(self->client, "dummy", SPAN_LITERAL("null"), "d", &ticket, NULL), STATUS_OK);
    peer_expect(&self->peer, "dummy", "null", id);
    peer_send(&self->peer,
        "{\"header\":{\"status\":\"0\"},\"payload\":{\"data\":null,\"type\":\"dummy\",\"id\":"
        "\"d\"}}");
    until_done(self);
    assert_int_equal(self->seen.last.ticket, ticket);
    assert_int_equal(self->seen.last.fate, CLIENT_ANSWERED);

    /* a failure of a built-in is an ordinary report */
    assert_int_equal(
        client_ask(self->client, "nonsense", SPAN_LITERAL("[1]"), &ticket, NULL), STATUS_OK);
    peer_expect(
        &self->peer, "builtin", "{\"command\": {\"type\": \"nonsense\", \"args\": [1]}}", id);
    peer_report(&self->peer, id, "bad", ",\"reason\":\"malformed\"");
    until_done(self);
    assert_int_equal(self->seen.last.fate, CLIENT_BAD);
    assert_int_equal(self->seen.messages, 0);
}

/* Somebody who writes with the id of our message does not take its report away. */
static void test_a_message_is_no_answer(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    say(self, "mine");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"mine\",\"from\":\"G@S2\"},"
        "\"payload\":{\"type\":\"builtin\",\"data\":{\"text\":\"hi\"}}}");
    until_done(self);
    assert_int_equal(self->seen.messages, 1);
    assert_string_equal(self->seen.message_data, "{\"text\":\"hi\"}");
    assert_string_equal(self->seen.from, "\"G@S2\"");
    assert_int_equal(client_in_flight(self->client), 1);
}

static void test_noise_is_left_out(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    static const char *const frames[] = {"{", "{}", "{\"header\":{\"messageType\":\"new\"}}", "7"};
    for (unsigned i = 0; i < 4; i++) {
        peer_send(&self->peer, "%s", frames[i]);
        until_done(self);
        assert_int_equal(self->seen.noises, i + 1);
    }
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"x\"}}");
    until_done(self);
    assert_int_equal(self->seen.messages, 1);
}

static void test_what_is_refused_before_it_is_sent(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {0};
    uint64_t ticket = 77;
    char large[400];
    start(self);
    assert_int_equal(
        client_send(self->client, "chat", SPAN_LITERAL("1"), NULL, NULL, &fault), STATUS_CLOSED);
    peer_log_in(&self->peer, "T", "secret", modern);
    peer_run_until(&self->peer, &self->seen.ready);

    memset(large, 'x', sizeof large);
    large[0] = large[399] = '"';
    assert_int_equal(
        client_send(self->client, "chat", (struct span){large, 400}, "big", &ticket, &fault),
        STATUS_TOO_LARGE);
    assert_string_equal(fault.text, "458 bytes, the server takes 300");
    assert_int_equal(ticket, 77);
    say(self, "twice");
    assert_int_equal(client_send(self->client, "chat", SPAN_LITERAL("1"), "twice", NULL, &fault),
        STATUS_INVALID);
    memset(large, 'i', 200);
    large[200] = '\0';
    assert_int_equal(
        client_send(self->client, "chat", SPAN_LITERAL("1"), large, NULL, &fault), STATUS_INVALID);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\"}", NULL);
    assert_int_equal(client_in_flight(self->client), 1);
}

static void test_a_full_queue_empties(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {0};
    unsigned sent = 0;
    self->options.max_queued_bytes = 1000;
    connected(self, modern);
    while (client_send(self->client, "chat", SPAN_LITERAL("\"0123456789\""), NULL, NULL, &fault) ==
           STATUS_OK)
        sent++;
    assert_int_equal(fault.status, STATUS_OVERLOADED);
    assert_true(sent > 5 && sent < 20);
    for (unsigned i = 0; i < sent; i++)
        peer_expect(&self->peer, "chat", "\"0123456789\"", NULL);
    say(self, "again");
    peer_expect(&self->peer, "chat", NULL, NULL);
}

static void test_result_texts(void **state)
{
    (void)state;
    char out[120];
    struct client_result result = {.fate = CLIENT_GOOD,
        .reason_text = "",
        .detail = "",
        .outcome = OUTCOME_STORED,
        .recipients = SPAN_LITERAL("{\"G\":\"stored\",\"H\":\"delivered\"}")};
    assert_string_equal(client_result_text(&result, out, sizeof out), "stored (G, H delivered)");
    result = (struct client_result){.fate = CLIENT_GOOD, .reason_text = "", .detail = ""};
    assert_string_equal(client_result_text(&result, out, sizeof out), "reported good");
    result = (struct client_result){.fate = CLIENT_BAD,
        .reason = STATUS_SERVER_UNREACHABLE,
        .reason_text = "serverUnreachable",
        .detail = "no route\x1b[2J",
        .servers = SPAN_LITERAL("{\"S2\":\"serverUnreachable\"}")};
    assert_string_equal(client_result_text(&result, out, sizeof out),
        "failed: serverUnreachable (S2): no route\\x1b[2J");
    assert_int_equal(client_result_exit(&result), EXIT_REJECTED);
    result.reason = STATUS_NO_HANDLER;
    assert_int_equal(client_result_exit(&result), EXIT_NO_HANDLER);
    assert_string_equal(client_result_text(&result, out, 20), "failed: serverUn...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_login),
        PLAY(test_login_to_a_server_of_part_one),
        PLAY(test_login_frame_is_that_of_the_contract),
        PLAY(test_login_refused),
        PLAY(test_login_refused_without_a_reason),
        PLAY(test_login_refused_without_a_word),
        PLAY(test_a_good_report_of_something_else_is_no_login),
        PLAY(test_no_bester_server),
        PLAY(test_no_server_at_all),
        PLAY(test_no_answer_to_the_login),
        PLAY(test_reports_in_any_order),
        PLAY(test_a_report_for_nothing_we_know),
        PLAY(test_a_report_that_comes_late),
        PLAY(test_builtin_and_dummy),
        PLAY(test_a_message_is_no_answer),
        PLAY(test_noise_is_left_out),
        PLAY(test_what_is_refused_before_it_is_sent),
        PLAY(test_a_full_queue_empties),
        cmocka_unit_test(test_result_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
