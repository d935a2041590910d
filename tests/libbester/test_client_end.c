#include "tests/libbester/client_fixture.h"

/* ---- the end ---- */

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
    self->options.heartbeat_s = 0.5;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
