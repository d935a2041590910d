/* The connection is lost and made again: what was kept, what is sent, what is not. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

#define LOST "the connection was lost: the peer closed the connection"
#define KEPT "trying to connect again; what you write is kept and sent then"
#define OFFLINE "[offline, retry " ANY_TIME "] "
#define AGAIN "connected again to S1 as T"

static void expect_exit(struct fixture *self, int exit_status)
{
    int status = terminal_status(&self->terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_status);
    terminal_expect_sane(&self->terminal);
}

/* Line 1 has no report when the connection goes, a line is half typed. */
static void lose(struct fixture *self)
{
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "perhaps\r");
    peer_expect(&self->peer, "chat", NULL, NULL);
    EXPECT_ROWS(&self->terminal, "#2 chat to G>");
    terminal_type(&self->terminal, "half");
    EXPECT_ROWS(&self->terminal, "#2 chat to G> half");
    peer_hang_up(&self->peer);
    EXPECT_ROWS(&self->terminal, "#1 chat to G> perhaps",
        "#1 fate unknown: the peer closed the connection; /resend 1 sends it again", LOST, KEPT,
        OFFLINE "#2 chat to G> half");
}

/* Nothing is done by hand here: it comes back by itself, and sends what it should. */
static void test_it_comes_back(void **state)
{
    struct fixture *self = *state;
    char ids[2][128];
    lose(self);
    terminal_type(&self->terminal, " a line\r");
    EXPECT_ROWS(
        &self->terminal, OFFLINE "#2 chat to G> half a line", "#2 queued", OFFLINE "#3 chat to G>");
    terminal_type(&self->terminal, "another");
    log_in(self);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"half a line\"}", ids[0]);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 sent", "#3 chat to G> another");
    assert_non_null(strstr(ids[0], "-2"));
    peer_report(&self->peer, ids[0], "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#2 sent", "#2 delivered", "#3 chat to G> another");
    terminal_type(&self->terminal, "\r");
    /* the next on the wire: what is of unknown fate was not sent again */
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"another\"}", ids[1]);
    assert_non_null(strstr(ids[1], "-3"));
}

static void test_resend_by_hand(void **state)
{
    struct fixture *self = *state;
    char id[128];
    lose(self);
    terminal_type(&self->terminal, "\025/resend 1\r");
    EXPECT_ROWS(&self->terminal, "#1 queued", OFFLINE "#2 chat to G>");
    terminal_type(&self->terminal, "/connect\r");
    EXPECT_ROWS(&self->terminal, "[connecting] #2 chat to G>");
    log_in(self);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"perhaps\"}", id);
    assert_non_null(strstr(id, "-1"));
    peer_report(&self->peer, id, "good", ",\"outcome\":\"stored\"");
    EXPECT_ROWS(&self->terminal, AGAIN, "#1 sent", "#1 stored", "#2 chat to G>");
}

/* Nobody is there: attempt after attempt, told once, and Ctrl-D waits for what is queued. */
static void test_nobody_there(void **state)
{
    struct fixture *self = *state;
    lose(self);
    close(self->peer.listener);
    self->peer.listener = -1;
    EXPECT_ROWS(&self->terminal, LOST, KEPT, "no connection: Connection refused",
        OFFLINE "#2 chat to G> half");
    terminal_type(&self->terminal, "\025/connect\r");
    EXPECT_ROWS(&self->terminal, OFFLINE "#2 chat to G> /connect",
        "no connection: Connection refused", OFFLINE "#2 chat to G>");
    terminal_type(&self->terminal, "kept\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G>");
    terminal_type(&self->terminal, "\004");
    EXPECT_ROWS(&self->terminal, OFFLINE "#3 chat to G>",
        "waiting to send 1 line; Ctrl-C leaves at once, without", "");
    terminal_expect_sane(&self->terminal);
}

static void test_leaving_sends_what_is_queued(void **state)
{
    struct fixture *self = *state;
    char id[128];
    lose(self);
    terminal_type(&self->terminal, " kept\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G>");
    terminal_type(&self->terminal, "/quit\r");
    EXPECT_ROWS(&self->terminal, "waiting to send 1 line; Ctrl-C leaves at once, without", "");
    log_in(self);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"half kept\"}", id);
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 sent", "#2 delivered", "");
    expect_exit(self, EXIT_ALL_GOOD);
}

/* A password that is wrong now would be wrong each time: a person must look. */
static void test_the_login_is_refused_now(void **state)
{
    struct fixture *self = *state;
    lose(self);
    terminal_type(&self->terminal, "\025/connect\r");
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(&self->peer, "auth_special", "bad", ",\"reason\":\"authFailed\"");
    EXPECT_ROWS(&self->terminal, "login: authFailed", "/connect tries again",
        "[offline, login refused] #2 chat to G>");
    peer_hang_up(&self->peer);
    terminal_type(&self->terminal, "/connect\r");
    log_in(self);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 chat to G>");
}

/* It is not refused for good, only not now. */
static void test_the_server_shuts_down(void **state)
{
    struct fixture *self = *state;
    lose(self);
    terminal_type(&self->terminal, "\025/connect\r");
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(&self->peer, "auth_special", "bad", ",\"reason\":\"shuttingDown\"");
    EXPECT_ROWS(&self->terminal, "login: shuttingDown", OFFLINE "#2 chat to G>");
    peer_hang_up(&self->peer);
    log_in(self);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 chat to G>");
}

/* The peer stays connected and says nothing more. */
static void test_a_dead_peer(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G", "--heartbeat", "300ms"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    peer_expect(&self->peer, "dummy", "null", NULL);
    EXPECT_ROWS(&self->terminal, "the connection was lost: no sign of life from the server", KEPT,
        OFFLINE "#1 chat to G>");
    peer_hang_up(&self->peer);
    log_in(self);
    peer_expect(&self->peer, "dummy", "null", NULL);
}

#define WIDE_TEXT "a text that has many more bytes than the server allows for a whole message"
/* A message over the limit of the server that comes back. */
static void test_what_cannot_be_sent_any_more(void **state)
{
    struct fixture *self = *state;
    lose(self);
    terminal_type(&self->terminal, "\025" WIDE_TEXT "\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G>");
    peer_log_in(
        &self->peer, "T", "secret", ",\"server\":{\"name\":\"S1\",\"limits\":{\"maxFrame\":100}}");
    EXPECT_ROWS(
        &self->terminal, AGAIN, "#2 failed: 163 bytes, the server takes 100", "#3 chat to G>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_it_comes_back),
        PLAY(test_resend_by_hand),
        PLAY(test_nobody_there),
        PLAY(test_leaving_sends_what_is_queued),
        PLAY(test_the_login_is_refused_now),
        PLAY(test_the_server_shuts_down),
        PLAY(test_a_dead_peer),
        PLAY(test_what_cannot_be_sent_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
