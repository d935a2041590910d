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
    start(self, ARGS("--to", "G", "--reconnect", "1h"));
    terminal_type(&self->terminal, "perhaps\r");
    peer_expect(&self->peer, "chat", NULL, NULL);
    EXPECT_ROWS(&self->terminal, "#2 chat to G (#1 sent)>");
    terminal_type(&self->terminal, "half");
    EXPECT_ROWS(&self->terminal, "#2 chat to G (#1 sent)> half");
    peer_hang_up(&self->peer);
    EXPECT_ROWS(&self->terminal, "#1 chat to G> perhaps",
        "#1 fate unknown: the peer closed the connection; /resend 1 sends it again", LOST, KEPT,
        OFFLINE "#2 chat to G> half");
}

/* Nothing is done by hand here. */
static void test_it_comes_back_by_itself(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G", "--reconnect", "10ms"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "half");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> half");
    peer_hang_up(&self->peer);
    log_in(self);
    EXPECT_ROWS(&self->terminal, AGAIN, "#1 chat to G> half");
}

static void connect_again(struct fixture *self)
{
    terminal_type(&self->terminal, "\025/connect\r");
    log_in(self);
}

static void test_what_is_sent_then(void **state)
{
    struct fixture *self = *state;
    char ids[2][128];
    lose(self);
    terminal_type(&self->terminal, " a line\r");
    EXPECT_ROWS(&self->terminal, OFFLINE "#2 chat to G> half a line", "#2 queued",
        OFFLINE "#3 chat to G (#2 queued)>");
    connect_again(self);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"half a line\"}", ids[0]);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 sent", "#3 chat to G (#2 sent)>");
    terminal_type(&self->terminal, "another");
    assert_non_null(strstr(ids[0], "-2"));
    peer_report(&self->peer, ids[0], "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#2 delivered", "#3 chat to G> another");
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
    EXPECT_ROWS(&self->terminal, "#1 queued", OFFLINE "#2 chat to G (#1 queued)>");
    terminal_type(&self->terminal, "/connect\r");
    EXPECT_ROWS(&self->terminal, "[connecting] #2 chat to G (#1 queued)>");
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
    peer_refuse(&self->peer);
    terminal_type(&self->terminal, "\025/connect\r");
    EXPECT_ROWS(&self->terminal, OFFLINE "#2 chat to G> /connect",
        "no connection: Connection refused", OFFLINE "#2 chat to G>");
    terminal_type(&self->terminal, "/connect\r"); /* who asks is told again */
    EXPECT_ROWS(&self->terminal, OFFLINE "#2 chat to G> /connect",
        "no connection: Connection refused", OFFLINE "#2 chat to G> /connect",
        "no connection: Connection refused", OFFLINE "#2 chat to G>");
    terminal_type(&self->terminal, "kept\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G (#2 queued)>");
    terminal_type(&self->terminal, "\004");
    EXPECT_ROWS(&self->terminal, OFFLINE "#3 chat to G (#2 queued)>",
        "waiting to send 1 line; Ctrl-C leaves at once, without",
        "bester-cli: no connection: Connection refused", "");
    terminal_expect_sane(&self->terminal);
}

/* Attempt after attempt fails alike, which is told once. */
static void test_the_same_trouble(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G", "--reconnect", "10ms"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    peer_refuse(&self->peer);
    peer_hang_up(&self->peer);
    const char *at = self->terminal.raw;
    for (int i = 0; i < 3; i++) { /* attempts that the prompt tells of */
        while (strstr(at, "[connecting]") == NULL)
            assert_true(terminal_read(&self->terminal));
        at = strstr(at, "[connecting]") + 1;
    }
    const char *told = strstr(self->terminal.raw, "no connection: Connection refused");
    assert_non_null(told);
    assert_null(strstr(told + 1, "no connection: Connection refused"));
}

static void test_leaving_sends_what_is_queued(void **state)
{
    struct fixture *self = *state;
    char id[128];
    lose(self);
    terminal_type(&self->terminal, " kept\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G (#2 queued)>");
    terminal_type(&self->terminal, "/quit\r"); /* which does not wait for an hour */
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
    connect_again(self);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 chat to G>");
}

/* Nobody could say /connect any more: it is tried once and then over. */
static void test_leaving_when_the_login_is_refused(void **state)
{
    struct fixture *self = *state;
    lose(self);
    terminal_type(&self->terminal, " kept\r/quit\r");
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(&self->peer, "auth_special", "bad", ",\"reason\":\"authFailed\"");
    EXPECT_ROWS(&self->terminal, "bester-cli: login: authFailed", "bester-cli: #2 not sent", "");
    expect_exit(self, EXIT_LOGIN_REFUSED);
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
    connect_again(self);
    EXPECT_ROWS(&self->terminal, AGAIN, "#2 chat to G>");
}

/* The peer stays connected and says nothing more. Of Part I, so that a test that is slow
 * to answer a question is not taken for such a peer. */
static void test_a_dead_peer(void **state)
{
    struct fixture *self = *state;
    terminal_start(
        &self->terminal, "bester-cli", ARGS("--heartbeat", "300ms", "--reconnect", "1h"));
    log_in_at_part_one(self);
    peer_expect(&self->peer, "dummy", "null", NULL);
    EXPECT_ROWS(&self->terminal, "the connection was lost: no sign of life from the server", KEPT,
        OFFLINE "#1 chat>");
    peer_hang_up(&self->peer);
    terminal_type(&self->terminal, "/connect\r");
    log_in_at_part_one(self);
    peer_expect(&self->peer, "dummy", "null", NULL);
}

#define WIDE_TEXT "a text that has many more bytes than the server allows for a whole message"
/* A message over the limit of the server that comes back. */
static void test_what_cannot_be_sent_any_more(void **state)
{
    struct fixture *self = *state;
    lose(self);
    terminal_type(&self->terminal, "\025" WIDE_TEXT "\r");
    EXPECT_ROWS(&self->terminal, "#2 queued", OFFLINE "#3 chat to G (#2 queued)>");
    terminal_type(&self->terminal, "/connect\r");
    peer_log_in(
        &self->peer, "T", "secret", ",\"server\":{\"name\":\"S1\",\"limits\":{\"maxFrame\":100}}");
    EXPECT_ROWS(
        &self->terminal, AGAIN, "#2 failed: 163 bytes, the server takes 100", "#3 chat to G>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_it_comes_back_by_itself),
        PLAY(test_what_is_sent_then),
        PLAY(test_resend_by_hand),
        PLAY(test_nobody_there),
        PLAY(test_the_same_trouble),
        PLAY(test_leaving_sends_what_is_queued),
        PLAY(test_the_login_is_refused_now),
        PLAY(test_leaving_when_the_login_is_refused),
        PLAY(test_the_server_shuts_down),
        PLAY(test_a_dead_peer),
        PLAY(test_what_cannot_be_sent_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
