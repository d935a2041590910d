/* Every exit status that bester-send has, against a server that is played. */
#include "tests/bester-send/send_fixture.h"

#include "libbester/status.h"

static const char *const one[] = {"-t", "chat", "-d", "{\"to\":\"G\"}", "--id", "m", NULL};

/* One message, with this report; how bester-send ends then. */
static void reported(
    void **state, const char *status, const char *more, int exit_status, const char *err)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, one, modern);
    peer_expect(&self->peer, "chat", "{\"to\": \"G\"}", id);
    assert_string_equal(id, "m");
    peer_report(&self->peer, id, status, more);
    expect_end(self, exit_status, err, "");
}

static void test_0_good(void **state)
{
    reported(state, "good", "", EXIT_ALL_GOOD, "");
    reported(state, "good", ",\"outcome\":\"delivered\"", EXIT_ALL_GOOD, "");
}

static void test_0_answered_by_the_server_itself(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "dummy", "-d", "null", "-i", "d", "-v"), modern);
    peer_expect(&self->peer, "dummy", "null", NULL);
    peer_send(&self->peer,
        "{\"header\":{\"status\":\"0\"},\"payload\":{\"data\":null,\"type\":\"dummy\",\"id\":"
        "\"d\"}}");
    expect_end(self, EXIT_ALL_GOOD, "bester-send: id d: answered\n", "");
}

static void test_2_usage(void **state)
{
    struct fixture *self = *state;
    static const struct {
        const char *args[8];
        const char *err;
    } cases[] = {
        {{"-x"}, "bester-send: unknown option -x\nTry 'bester-send --help'.\n"},
        {{"-d", "1"}, "bester-send: which type? say it with --type\n"},
        {{"-t", "chat"},
            "bester-send: nothing to send: give --data, fields with --arg, text, or --lines for "
            "standard input\n"},
        {{"-t", "chat", "-d", "1", "text"},
            "bester-send: \"text\" does not go together with --data\n"},
        {{"-t", "chat", "-l", "-"}, "bester-send: \"-\" does not go together with --lines\n"},
        {{"-t", "chat", "-d", "1", "-a", "to=G"},
            "bester-send: --data gives the whole data; fields and templates do not go together "
            "with it\n"},
        {{"-t", "chat", "--ndjson", "--template", "f"},
            "bester-send: --ndjson gives the whole data; fields and templates do not go together "
            "with it\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(self, cases[i].args);
        expect_end(self, EXIT_USAGE, cases[i].err, "");
    }
    start(self, ARGS("-t", "chat", "-l", "-0"));
    expect_end(self, EXIT_USAGE,
        "bester-send: --null: does not go together with --lines\nTry 'bester-send --help'.\n", "");
    start(self, ARGS("-t", "chat", "-a", "to=G", "--arg-json", "to=1"));
    expect_end(self, EXIT_USAGE,
        "bester-send: --arg-json: \"to\" is given twice\nTry 'bester-send --help'.\n", "");
    start(self, ARGS("-t", "chat", "-d", "1", "-S", "bester://T:pw@h"));
    expect_end(self, EXIT_USAGE,
        "bester-send: bester://T:pw@h: a password does not belong into SERVER; use "
        "--password-file\n",
        "");
    unsetenv("BESTER_PASSWORD_FILE");
    start(self, one);
    expect_end(self, EXIT_USAGE,
        "bester-send: no password: there is no terminal to ask at; use --password-file or "
        "--password-fd\n",
        "");
}

/* Three messages with these three reports. */
static void three(void **state, const char *const reports[3], int exit_status, const char *err)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m"), modern);
    program_write(&self->program, "1\n2\n3\n");
    for (int i = 0; i < 3; i++)
        peer_expect(&self->peer, "x", NULL, id);
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "m-%d", i + 1);
        peer_report(&self->peer, id, reports[i] == NULL ? "good" : "bad",
            reports[i] == NULL ? "" : reports[i]);
    }
    expect_end(self, exit_status, err, "");
}

static void test_3_some_failed(void **state)
{
    three(state, (const char *const[]){NULL, ",\"reason\":\"offline\"", NULL}, EXIT_SOME_FAILED,
        "bester-send: line 2: id m-2: failed: offline\n");
    three(state,
        (const char *const[]){
            ",\"reason\":\"offline\"", ",\"reason\":\"noHandler\"", ",\"reason\":\"offline\""},
        EXIT_SOME_FAILED,
        "bester-send: line 1: id m-1: failed: offline\n"
        "bester-send: line 2: id m-2: failed: noHandler\n"
        "bester-send: line 3: id m-3: failed: offline\n");
}

static void test_all_failed_alike(void **state)
{
    three(state,
        (const char *const[]){
            ",\"reason\":\"noHandler\"", ",\"reason\":\"noHandler\"", ",\"reason\":\"noHandler\""},
        EXIT_NO_HANDLER,
        "bester-send: line 1: id m-1: failed: noHandler\n"
        "bester-send: line 2: id m-2: failed: noHandler\n"
        "bester-send: line 3: id m-3: failed: noHandler\n");
}

static void test_4_no_connection(void **state)
{
    struct fixture *self = *state;
    peer_refuse(&self->peer);
    start(self, one);
    expect_end(self, EXIT_NO_CONNECTION, "bester-send: no connection: Connection refused\n", "");
    start(self, ARGS("-t", "x", "-d", "1", "-S", "unix:/nonexistent/socket"));
    expect_end(
        self, EXIT_NO_CONNECTION, "bester-send: no connection: No such file or directory\n", "");
}

static void test_4_nobody_answers(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "x", "-d", "1", "--connect-timeout", "50ms"));
    expect_end(self, EXIT_NO_CONNECTION,
        "bester-send: no connection: no answer to the login in time\n", "");
    start(self, ARGS("-t", "x", "-d", "1", "--timeout", "50ms"));
    expect_end(self, EXIT_NO_CONNECTION, "bester-send: the time is up\n", "");
}

static void test_5_login_refused(void **state)
{
    struct fixture *self = *state;
    start(self, one);
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(
        &self->peer, "auth_special", "bad", ",\"reason\":\"authFailed\",\"detail\":\"no \\u001b\"");
    expect_end(self, EXIT_LOGIN_REFUSED, "bester-send: login: authFailed: no \\x1b\n", "");

    start(self, one); /* as the reference does it */
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_hang_up(&self->peer);
    expect_end(self, EXIT_LOGIN_REFUSED,
        "bester-send: login: the server closed the connection without an answer to the login\n",
        "");
}

static void test_6_less_than_was_asked_for(void **state)
{
    reported(state, "good", ",\"outcome\":\"queued\"", EXIT_REJECTED,
        "bester-send: id m: queued, and --ack asks for delivered\n");
    reported(state, "good", ",\"outcome\":\"stored\"", EXIT_REJECTED,
        "bester-send: id m: stored, and --ack asks for delivered\n");
}

static void test_6_reported_bad(void **state)
{
    reported(state, "bad",
        ",\"reason\":\"offline\",\"detail\":\"not here\",\"recipients\":{\"G\":\"offline\"}",
        EXIT_REJECTED, "bester-send: id m: failed: offline (G): not here\n");
    reported(state, "bad", "", EXIT_REJECTED, "bester-send: id m: failed: no reason told\n");
    reported(state, "bad", ",\"reason\":\"somethingNew\"", EXIT_REJECTED,
        "bester-send: id m: failed: somethingNew\n");
}

static void test_7_no_handler(void **state)
{
    reported(state, "bad", ",\"reason\":\"noHandler\"", EXIT_NO_HANDLER,
        "bester-send: id m: failed: noHandler\n");
}

static void test_8_no_report_in_time(void **state)
{
    struct fixture *self = *state;
    start_logged_in(
        self, ARGS("-t", "x", "-d", "1", "-i", "m", "--report-timeout", "50ms"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    expect_end(self, EXIT_REPORT_TIMEOUT, "bester-send: id m: no report in time\n", "");

    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "--timeout", "3s"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    expect_end(self, EXIT_REPORT_TIMEOUT,
        "bester-send: the time is up\nbester-send: id m: no report in time\n", "");
}

/* The input never ends, and --timeout holds all the same. */
static void test_8_the_run_is_bounded(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--timeout", "3s"), modern);
    program_write(&self->program, "1\n");
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good", "");
    expect_end_by_itself(self, EXIT_REPORT_TIMEOUT, "bester-send: the time is up\n", "");
}

static void test_10_connection_lost(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, one, modern);
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_hang_up(&self->peer);
    expect_end(self, EXIT_CONNECTION_LOST,
        "bester-send: id m: fate unknown: the peer closed the connection\n"
        "bester-send: the connection was lost: the peer closed the connection\n",
        "");

    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m"), modern);
    program_write(&self->program, "1\n2\n");
    peer_expect(&self->peer, "x", "1", id);
    peer_expect(&self->peer, "x", "2", NULL);
    peer_report(&self->peer, id, "good", "");
    peer_hang_up(&self->peer);
    expect_end_by_itself(self, EXIT_CONNECTION_LOST,
        "bester-send: line 2: id m-2: fate unknown: the peer closed the connection\n"
        "bester-send: the connection was lost: the peer closed the connection; the rest was not "
        "sent\n",
        "");
}

static void test_65_bad_input(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "x", "-d", "{\"a\":}"));
    assert_int_equal(program_finish(&self->program), EXIT_BAD_INPUT);
    assert_memory_equal(self->program.text_err, "bester-send: not JSON: byte 5: ", 31);

    start(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "too=G", "hello"));
    expect_end(
        self, EXIT_BAD_INPUT, "bester-send: chat has no field \"too\"; it has to, text\n", "");
    start(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G"));
    expect_end(self, EXIT_BAD_INPUT, "bester-send: text is missing: what you say\n", "");
    start(self, ARGS("-t", "news", CHAT_TEMPLATE, "-a", "to=G", "hello"));
    expect_end(
        self, EXIT_BAD_INPUT, "bester-send: the template is for the type chat, not for news\n", "");
    start(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-a", "text=a", "b"));
    expect_end(self, EXIT_BAD_INPUT, "bester-send: text is given as a field and as text\n", "");
}

static void test_65_a_bad_line(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m"), modern);
    program_write(&self->program, "1\n\n{\n3\n");
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good", "");
    int got = program_finish(&self->program);
    assert_memory_equal(self->program.text_err, "bester-send: line 3: not JSON: byte 1: ", 39);
    assert_int_equal(got, EXIT_BAD_INPUT);
    assert_null(peer_read(&self->peer)); /* line 4 was not sent */
    peer_hang_up(&self->peer);
}

static void test_65_and_the_rest_is_sent(void **state)
{
    struct fixture *self = *state;
    char id[128];
    char large[1200];
    memset(large, '7', sizeof large - 2);
    snprintf(large + sizeof large - 2, 2, "\n");
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m", "-k"), modern);
    program_write(&self->program, large);
    program_write(&self->program, "2\n");
    memset(large + 960, '\n', 1);
    large[961] = '\0';
    program_write(&self->program, large);
    program_write(&self->program, "4");
    program_close_in(&self->program);
    peer_expect(&self->peer, "x", "2", id);
    peer_report(&self->peer, id, "good", "");
    peer_expect(&self->peer, "x", "4", id);
    assert_string_equal(id, "m-4");
    peer_report(&self->peer, id, "good", "");
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: line 1: longer than 1000 bytes, which is the limit\n"
        "bester-send: line 3: 1015 bytes, the server takes 1000\n",
        "");
}

static void test_74_local_files(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "chat", "--template", "/nonexistent", "-a", "to=G"));
    expect_end(self, EXIT_LOCAL_IO, "bester-send: /nonexistent: No such file or directory\n", "");
    setenv("BESTER_PASSWORD_FILE", "/nonexistent", 1);
    start(self, one);
    expect_end(self, EXIT_LOCAL_IO, "bester-send: /nonexistent: No such file or directory\n", "");
    setenv("BESTER_PASSWORD_FILE", self->password, 1);

    int directory = open("/", O_RDONLY | O_CLOEXEC);
    program_start(&self->program, "bester-send", ARGS("-t", "x", "--ndjson"), directory);
    close(directory);
    peer_log_in(&self->peer, "T", "secret", modern);
    expect_end(self, EXIT_LOCAL_IO, "bester-send: standard input: Is a directory\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_0_good),
        PLAY(test_0_answered_by_the_server_itself),
        PLAY(test_2_usage),
        PLAY(test_3_some_failed),
        PLAY(test_all_failed_alike),
        PLAY(test_4_no_connection),
        PLAY(test_4_nobody_answers),
        PLAY(test_5_login_refused),
        PLAY(test_6_less_than_was_asked_for),
        PLAY(test_6_reported_bad),
        PLAY(test_7_no_handler),
        PLAY(test_8_no_report_in_time),
        PLAY(test_8_the_run_is_bounded),
        PLAY(test_10_connection_lost),
        PLAY(test_65_bad_input),
        PLAY(test_65_a_bad_line),
        PLAY(test_65_and_the_rest_is_sent),
        PLAY(test_74_local_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
