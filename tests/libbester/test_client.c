#include "tests/support/peer.h"

#include "libbester/client.h"

static const char modern[] = ",\"server\":{\"name\":\"S1\",\"version\":\"0.1.0\",\"features\":[],"
                             "\"limits\":{\"maxFrame\":300}}";

struct seen {
    bool ready;
    bool ended;
    enum client_end why;
    struct fault fault;
    unsigned results;
    struct client_result last;
    char id[CLIENT_ID_MAX];
    char reason[64];
    char text[200];
    char answer[200];
    unsigned messages;
    char message_data[200];
    char from[64];
    unsigned noises;
    bool free_in_result;
    bool free_in_end;
    bool free_in_ready;
    bool done; /* whatever the test waits for */
};

struct fixture {
    struct ev_loop *loop;
    struct streams *streams;
    struct peer peer;
    struct client *client;
    struct seen seen;
    struct client_options options;
};

static void drop(struct fixture *self)
{
    client_free(self->client);
    self->client = NULL;
}

static void on_ready(struct client *client, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ready);
    self->seen.ready = true;
    if (self->seen.free_in_ready)
        drop(self);
}

static void copy(char *out, size_t cap, struct span text)
{
    snprintf(out, cap, "%.*s", (int)text.len, text.at == NULL ? "" : text.at);
}

static void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_true(self->seen.ready && text.len > 0);
    self->seen.messages++;
    self->seen.done = true;
    copy(self->seen.message_data, sizeof self->seen.message_data, message->data);
    copy(self->seen.from, sizeof self->seen.from, message->from);
}

static void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ended);
    self->seen.results++;
    self->seen.last = *result;
    self->seen.done = true;
    snprintf(self->seen.id, sizeof self->seen.id, "%s", result->id);
    snprintf(self->seen.reason, sizeof self->seen.reason, "%s", result->reason_text);
    client_result_text(result, self->seen.text, sizeof self->seen.text);
    if (result->answer != NULL)
        copy(self->seen.answer, sizeof self->seen.answer, result->answer->data);
    if (self->seen.free_in_result)
        drop(self);
}

static void on_noise(struct client *client, const struct fault *fault, void *user)
{
    struct fixture *self = user;
    (void)client;
    self->seen.noises++;
    self->seen.fault = *fault;
    self->seen.done = true;
}

static void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ended);
    self->seen.ended = true;
    self->seen.why = why;
    self->seen.fault = *fault;
    if (self->seen.free_in_end)
        drop(self);
}

static const struct client_callbacks callbacks = {.on_ready = on_ready,
    .on_message = on_message,
    .on_result = on_result,
    .on_noise = on_noise,
    .on_end = on_end};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    self->streams = streams_new(self->loop);
    peer_listen(&self->peer, self->loop);
    self->options = (struct client_options){.user = "T",
        .password = "secret",
        .connect_s = 30,
        .report_s = 30,
        .max_frame = 1 << 20,
        .max_queued_bytes = 1 << 16};
    assert_int_equal(
        address_parse(&self->options.address, span_of(self->peer.address), NULL), STATUS_OK);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    client_free(self->client);
    peer_close(&self->peer);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

static void start(struct fixture *self)
{
    self->client = client_new(self->streams, NULL, &self->options, &callbacks, self);
    assert_non_null(self->client);
}

static void connected(struct fixture *self, const char *server)
{
    start(self);
    peer_log_in(&self->peer, "T", "secret", server);
    peer_run_until(&self->peer, &self->seen.ready);
}

static void until_done(struct fixture *self)
{
    self->seen.done = false;
    peer_run_until(&self->peer, &self->seen.done);
}

static void until_end(struct fixture *self, enum client_end why)
{
    peer_run_until(&self->peer, &self->seen.ended);
    assert_int_equal(self->seen.why, why);
}

static uint64_t say(struct fixture *self, const char *id)
{
    uint64_t ticket = 0;
    struct fault fault = {0};
    assert_int_equal(
        client_send(self->client, "chat", SPAN_LITERAL("{\"to\":\"G\"}"), id, &ticket, &fault),
        STATUS_OK);
    assert_int_not_equal(ticket, 0);
    return ticket;
}

/* ---- login ----------------------------------------------------------------------------------- */

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
    peer_close(&self->peer);
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

/* ---- messages and reports -------------------------------------------------------------------- */

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

/* ---- the end --------------------------------------------------------------------------------- */

static void test_lost_with_fates_unknown(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    uint64_t ticket = say(self, "gone");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_hang_up(&self->peer);
    until_end(self, CLIENT_END_LOST);
    assert_int_equal(self->seen.results, 1);
    assert_int_equal(self->seen.last.ticket, ticket);
    assert_int_equal(self->seen.last.fate, CLIENT_UNKNOWN);
    assert_int_equal(client_result_exit(&self->seen.last), EXIT_CONNECTION_LOST);
    assert_int_equal(
        client_send(self->client, "chat", SPAN_LITERAL("1"), NULL, NULL, NULL), STATUS_CLOSED);
}

/* What was queued in the turn in which the connection broke never left. */
static void test_lost_before_it_was_sent(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    say(self, "left");
    peer_expect(&self->peer, "chat", NULL, NULL);
    shutdown(self->peer.fd, SHUT_RDWR);
    peer_hang_up(&self->peer);
    say(self, "stays");
    until_end(self, CLIENT_END_LOST);
    assert_int_equal(self->seen.results, 2);
    assert_string_equal(self->seen.id, "stays");
    /* The kernel may or may not have taken the second: both are told truthfully. */
    assert_true(self->seen.last.fate == CLIENT_UNSENT || self->seen.last.fate == CLIENT_UNKNOWN);
}

static void test_unsent_behind_a_full_socket(void **state)
{
    struct fixture *self = *state;
    size_t size = (size_t)32 << 20;
    char *data = malloc(size);
    connected(self, "");
    memset(data, ' ', size);
    data[0] = '1';
    uint64_t large = 0;
    assert_int_equal(
        client_send(self->client, "chat", (struct span){data, size}, "large", &large, NULL),
        STATUS_OK);
    char some[1000];
    assert_true(peer_read_bytes(&self->peer, some, sizeof some));
    peer_hang_up(&self->peer);
    until_end(self, CLIENT_END_LOST);
    assert_int_equal(self->seen.last.ticket, large);
    assert_int_equal(self->seen.last.fate, CLIENT_UNSENT);
    assert_string_equal(self->seen.id, "large");
    free(data);
}

static void test_a_frame_over_the_limit_ends_it(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    peer_send_bytes(&self->peer, "\xff\xff\xff\x7f", 4);
    until_end(self, CLIENT_END_LOST);
    assert_int_equal(self->seen.fault.status, STATUS_TOO_LARGE);
}

static void test_heartbeats(void **state)
{
    struct fixture *self = *state;
    self->options.heartbeat_s = 0.02;
    connected(self, modern);
    peer_expect(&self->peer, "dummy", "null", NULL);
    peer_send(&self->peer,
        "{\"header\":{\"status\":\"0\"},\"payload\":{\"data\":null,\"type\":\"dummy\",\"id\":"
        "\"beat\"}}");
    peer_expect(&self->peer, "dummy", "null", NULL);
    assert_false(self->seen.ended);
    until_end(self, CLIENT_END_LOST);
    assert_string_equal(self->seen.fault.text, "no sign of life from the server");
    assert_int_equal(self->seen.results + self->seen.noises + self->seen.messages, 0);
}

static void test_finish_before_the_connection(void **state)
{
    struct fixture *self = *state;
    start(self);
    client_finish(self->client);
    assert_false(self->seen.ended);
    until_end(self, CLIENT_END_FINISHED);
}

static void test_finish_sends_what_is_queued(void **state)
{
    struct fixture *self = *state;
    connected(self, modern);
    say(self, "last");
    client_finish(self->client);
    client_finish(self->client);
    peer_expect(&self->peer, "chat", NULL, NULL);
    assert_null(peer_read(&self->peer));
    peer_hang_up(&self->peer);
    until_end(self, CLIENT_END_FINISHED);
    assert_int_equal(self->seen.last.fate, CLIENT_UNKNOWN);
}

static void test_freed_within_callbacks(void **state)
{
    struct fixture *self = *state;
    self->seen.free_in_result = true;
    connected(self, modern);
    say(self, "a");
    say(self, "b");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_report(&self->peer, "a", "good", "");
    peer_report(&self->peer, "b", "good", "");
    until_done(self);
    assert_null(self->client);
    assert_int_equal(self->seen.results, 1);
    assert_false(self->seen.ended);
}

static void test_freed_while_the_fates_are_told(void **state)
{
    struct fixture *self = *state;
    self->seen.free_in_result = true;
    connected(self, modern);
    say(self, "a");
    say(self, "b");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_hang_up(&self->peer);
    until_done(self);
    assert_null(self->client);
    assert_int_equal(self->seen.results, 1);
    assert_false(self->seen.ended);
}

static void test_freed_at_the_end_and_at_ready(void **state)
{
    struct fixture *self = *state;
    self->seen.free_in_end = true;
    connected(self, modern);
    peer_hang_up(&self->peer);
    until_end(self, CLIENT_END_LOST);
    assert_null(self->client);

    self->seen = (struct seen){.free_in_ready = true};
    connected(self, modern);
    assert_null(self->client);
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
#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        PLAY(test_lost_with_fates_unknown),
        PLAY(test_lost_before_it_was_sent),
        PLAY(test_unsent_behind_a_full_socket),
        PLAY(test_a_frame_over_the_limit_ends_it),
        PLAY(test_heartbeats),
        PLAY(test_finish_before_the_connection),
        PLAY(test_finish_sends_what_is_queued),
        PLAY(test_freed_within_callbacks),
        PLAY(test_freed_while_the_fates_are_told),
        PLAY(test_freed_at_the_end_and_at_ready),
        cmocka_unit_test(test_result_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
