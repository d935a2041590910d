/* bester-cli without a terminal. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

static void begin(struct fixture *self, const char *const *args)
{
    program_start(&self->program, "bester-cli", args, -1);
    log_in(self);
}

static void expect_end(struct fixture *self, int exit_status, const char *err, const char *out)
{
    int got = program_finish(&self->program);
    assert_string_equal(self->program.text_err, err);
    assert_string_equal(self->program.text_out, out);
    assert_int_equal(got, exit_status);
    peer_hang_up(&self->peer);
}

static void test_lines(void **state)
{
    struct fixture *self = *state;
    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\n\n/to H\n/type weather\n/new\n3\nOslo\nunterminated");
    program_close_in(&self->program);
    report_next(
        self, "chat", "{\"to\": \"G\", \"text\": \"one\"}", "good", ",\"outcome\":\"delivered\"");
    message(self, "for T");
    report_next(self, "weather", "{\"days\": 3, \"place\": \"Oslo\"}", "good", "");
    expect_end(self, EXIT_BAD_INPUT,
        "bester-cli: line 8: weather has no field for a plain line; use /new or /raw\n",
        "#1 delivered\n" SHOWN "for T\n#2 reported good\n");
}

static void test_fates_make_the_exit_status(void **state)
{
    struct fixture *self = *state;
    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\ntwo\n");
    report_next(self, "chat", NULL, "good", ",\"outcome\":\"stored\"");
    report_next(self, "chat", NULL, "bad", ",\"reason\":\"offline\"");
    expect_end(self, EXIT_SOME_FAILED, "bester-cli: line 2: #2 failed: offline\n", "#1 stored\n");

    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\n");
    report_next(self, "chat", NULL, "bad", ",\"reason\":\"offline\"");
    expect_end(self, EXIT_REJECTED, "bester-cli: line 1: #1 failed: offline\n", "");

    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\n");
    report_next(self, "chat", NULL, "bad", ",\"reason\":\"noHandler\"");
    expect_end(self, EXIT_NO_HANDLER, "bester-cli: line 1: #1 failed: noHandler\n", "");

    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\n");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_hang_up(&self->peer);
    expect_end(self, EXIT_CONNECTION_LOST,
        "bester-cli: line 1: #1 fate unknown: the peer closed the connection\n"
        "bester-cli: the connection was lost: the peer closed the connection\n",
        "");
}

static void test_no_report_in_time(void **state)
{
    struct fixture *self = *state;
    own_chat(self);
    program_start(&self->program, "bester-cli", ARGS("--report-timeout", "50ms"), -1);
    log_in_at_part_one(self);
    program_write(&self->program, "one\n");
    peer_expect(&self->peer, "chat", "{\"text\": \"one\"}", NULL);
    expect_end(self, EXIT_REPORT_TIMEOUT, "bester-cli: line 1: #1 no report in time\n", "");
}

/* What was sent before the mistake is waited for, what follows it is not sent. */
static void test_a_mistake_ends_it(void **state)
{
    struct fixture *self = *state;
    char id[128];
    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "one\n/nonsense\nthree\n");
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"one\"}", id);
    peer_report(&self->peer, id, "good", "");
    int got = program_wait(&self->program);
    assert_string_equal(self->program.text_err,
        "bester-cli: line 2: /nonsense: no such command; /help lists the commands\n");
    assert_int_equal(got, EXIT_BAD_INPUT);
    assert_null(peer_read(&self->peer));
    peer_hang_up(&self->peer);

    begin(self, ARGS("--to", "G", "-t", "raw"));
    program_write(&self->program, "/raw {\"a\":\n");
    expect_end(self, EXIT_BAD_INPUT,
        "bester-cli: line 1: not JSON: line 1, column 6: a value is expected, not the end of the "
        "text\n",
        "");
}

static void test_quit_and_questions(void **state)
{
    struct fixture *self = *state;
    begin(self, ARGS("--to", "G"));
    program_write(&self->program, "/who\n/type\n/quit\nnot sent\n");
    answer(self, "whoami", "\"user\":\"T\",\"server\":\"S1\"");
    int got = program_wait(&self->program);
    assert_string_equal(self->program.text_out,
        "people met: G\n* chat         a line to people\n  weather      \n  raw          no "
        "template\nyou are T at S1\n");
    assert_string_equal(self->program.text_err, "");
    assert_int_equal(got, EXIT_ALL_GOOD);
    assert_null(peer_read(&self->peer));
}

static void test_no_connection_and_no_login(void **state)
{
    struct fixture *self = *state;
    program_start(&self->program, "bester-cli", ARGS("--to", "G"), -1);
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(&self->peer, "auth_special", "bad", ",\"reason\":\"authFailed\"");
    expect_end(self, EXIT_LOGIN_REFUSED, "bester-cli: login: authFailed\n", "");
    program_start(&self->program, "bester-cli", ARGS("--to", "G"), -1);
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_send_bytes(&self->peer, "\x15\3\1\0\2\2\x0a", 7); /* the alert of a port with TLS */
    expect_end(self, EXIT_TLS,
        "bester-cli: no connection: the server expects TLS there: besters:// instead of "
        "bester://\n",
        "");
    peer_refuse(&self->peer);
    program_start(&self->program, "bester-cli", ARGS("--to", "G"), -1);
    expect_end(self, EXIT_NO_CONNECTION, "bester-cli: no connection: Connection refused\n", "");
    program_start(&self->program, "bester-cli", ARGS("a", "b"), -1);
    expect_end(self, EXIT_USAGE, "bester-cli: one SERVER is enough\n", "");
}

/* A server of Part I tells neither name nor types. */
static void test_a_server_of_part_one(void **state)
{
    struct fixture *self = *state;
    program_start(&self->program, "bester-cli", ARGS("-t", "raw"), -1);
    peer_log_in(&self->peer, "T", "secret", "");
    program_write(&self->program, "/raw \"text\"\n/type\n");
    report_next(self, "raw", "\"text\"", "good", "");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"raw\","
        "\"data\":{\"van\":\"G\"}}}");
    program_close_in(&self->program);
    int got = program_wait(&self->program);
    assert_int_equal(got, EXIT_ALL_GOOD);
    assert_string_equal(self->program.text_err, "");
    assert_non_null(strstr(self->program.text_out, "#1 reported good\n"));
    assert_non_null(strstr(self->program.text_out, "the server has told no types; now: raw\n"));
}

static void test_much(void **state)
{
    struct fixture *self = *state;
    enum { LINES = 2000 }; /* what is said of them fits into a pipe */
    begin(self, ARGS("--to", "G"));
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        for (int i = 0; i < LINES; i++) {
            char line[20];
            snprintf(line, sizeof line, "line %d\n", i);
            program_write(&self->program, line);
        }
        _exit(0);
    }
    program_close_in(&self->program);
    for (int i = 0; i < LINES; i++) {
        char data[80];
        snprintf(data, sizeof data, "{\"to\": \"G\", \"text\": \"line %d\"}", i);
        report_next(self, "chat", data, "good", "");
    }
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    int got = program_wait(&self->program);
    assert_string_equal(self->program.text_err, "");
    assert_int_equal(got, EXIT_ALL_GOOD);
}

/* Reads standard output to its end; how many lines it was. */
static size_t count_lines(struct fixture *self)
{
    char part[8192];
    size_t lines = 0;
    ssize_t n;
    while ((n = read(self->program.out, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += part[i] == '\n';
    assert_int_equal(n, 0);
    return lines;
}

/* More than a pipe holds is to be said, and nobody reads it: lines are sent all the same. */
static void test_an_unread_output_stops_nothing(void **state)
{
    struct fixture *self = *state;
    enum { COUNT = 20000 };
    begin(self, ARGS("--to", "G"));
    for (int i = 0; i < COUNT; i++)
        message(self, "so much to read");
    program_write(&self->program, "one\ntwo\n");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"one\"}", "good", "");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"two\"}", "good", "");
    program_close_in(&self->program);
    assert_null(peer_read(&self->peer)); /* it is at its end but for that */
    assert_int_equal(count_lines(self), COUNT + 2);
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* Who reads has gone: what is to be sent is sent, and the exit status tells. */
static void test_a_reader_who_has_gone(void **state)
{
    struct fixture *self = *state;
    begin(self, ARGS("--to", "G"));
    close(self->program.out);
    self->program.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    program_write(&self->program, "one\n");
    report_next(self, "chat", NULL, "good", "");
    program_write(&self->program, "two\n");
    report_next(self, "chat", NULL, "good", "");
    expect_end(self, EXIT_LOCAL_IO, "", "");
}

static void test_the_man_page_is_that_of_the_program(void **state)
{
    struct fixture *self = *state;
    static char text[PROGRAM_TEXT_MAX];
    program_start(&self->program, "bester-cli", ARGS("--man-page"), -1);
    assert_int_equal(program_finish(&self->program), EXIT_ALL_GOOD);
    FILE *page = fopen("docs/bester-cli.1", "r");
    assert_non_null(page);
    text[fread(text, 1, sizeof text - 1, page)] = '\0';
    fclose(page);
    assert_string_equal(text, self->program.text_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_lines),
        PLAY(test_fates_make_the_exit_status),
        PLAY(test_no_report_in_time),
        PLAY(test_a_mistake_ends_it),
        PLAY(test_quit_and_questions),
        PLAY(test_no_connection_and_no_login),
        PLAY(test_a_server_of_part_one),
        PLAY(test_much),
        PLAY(test_an_unread_output_stops_nothing),
        PLAY(test_a_reader_who_has_gone),
        PLAY(test_the_man_page_is_that_of_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
