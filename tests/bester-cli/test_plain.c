/* Without drawing: --plain at a terminal, -e and --source at none. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

#define GREETING "logged in at S1 as T; /help lists the commands"

static void test_plain_lines(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--plain", "--color", "always", "--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_expect_sane(&self->terminal);
    terminal_type(&self->terminal, "Hello\n");
    report_next(
        self, "chat", "{\"to\": \"G\", \"text\": \"Hello\"}", "bad", ",\"reason\":\"offline\"");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> Hello", "#2 chat to G (#1 sent)>",
        "#1 failed: offline", "#2 chat to G>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, "#2 chat to G>", SHOWN "m", "#2 chat to G>");
    terminal_type(&self->terminal, "thrown away");
    EXPECT_ROWS(&self->terminal, "#2 chat to G> thrown away");
    terminal_type(&self->terminal, "\003");
    EXPECT_ROWS(&self->terminal, "#2 chat to G> thrown away^C", "#2 chat to G>");
    terminal_type(&self->terminal, "/to H\n");
    EXPECT_ROWS(&self->terminal, "#2 chat to H>");
    terminal_type(&self->terminal, "\004");
    int status = terminal_status(&self->terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_ALL_GOOD);
    assert_null(strchr(self->terminal.raw, '\033'));
}

static void test_a_dumb_terminal(void **state)
{
    struct fixture *self = *state;
    setenv("TERM", "dumb", 1);
    start(self, ARGS("--to", "G", "--reconnect", "1h"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "lost\n");
    peer_expect(&self->peer, "chat", NULL, NULL);
    peer_hang_up(&self->peer);
    EXPECT_ROWS(&self->terminal,
        "#1 fate unknown: the peer closed the connection; /resend 1 sends it again",
        "the connection was lost: the peer closed the connection",
        "trying to connect again; what you write is kept and sent then",
        "[offline, retry " ANY_TIME "] #2 chat to G>");
    assert_null(strchr(self->terminal.raw, '\033'));
}

static void expect_end(struct fixture *self, int exit_status, const char *err, const char *out)
{
    int got = program_wait(&self->program);
    assert_string_equal(self->program.text_err, err);
    assert_string_equal(self->program.text_out, out);
    assert_int_equal(got, exit_status);
}

static void test_execute(void **state)
{
    struct fixture *self = *state;
    program_start(&self->program, "bester-cli", ARGS("-e", "/to H", "-e", "one", "-e", "two"), -1);
    log_in(self);
    report_next(self, "chat", "{\"to\": \"H\", \"text\": \"one\"}", "good", "");
    report_next(
        self, "chat", "{\"to\": \"H\", \"text\": \"two\"}", "bad", ",\"reason\":\"offline\"");
    /* its standard input is open still, and not read */
    expect_end(
        self, EXIT_SOME_FAILED, "bester-cli: line 3: #2 failed: offline\n", "#1 reported good\n");
}

static void test_execute_at_a_terminal(void **state)
{
    struct fixture *self = *state;
    terminal_start(&self->terminal, "bester-cli", ARGS("--to", "G", "-e", "one"));
    log_in(self);
    report_next(
        self, "chat", "{\"to\": \"G\", \"text\": \"one\"}", "bad", ",\"reason\":\"noHandler\"");
    EXPECT_ROWS(&self->terminal, "bester-cli: line 1: #1 failed: noHandler", "");
    int status = terminal_status(&self->terminal);
    assert_int_equal(WEXITSTATUS(status), EXIT_NO_HANDLER);
    assert_null(strchr(self->terminal.raw, '\033'));
}

static void test_source(void **state)
{
    struct fixture *self = *state;
    char path[100];
    snprintf(path, sizeof path, "%s/script", self->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("one\n/nonsense\ntwo\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    program_start(&self->program, "bester-cli", ARGS("--to", "G", "--source", path), -1);
    log_in(self);
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"one\"}", "good", "");
    unlink(path);
    expect_end(self, EXIT_BAD_INPUT,
        "bester-cli: line 2: /nonsense: no such command; /help lists the commands\n",
        "#1 reported good\n");
    char said[200];
    snprintf(said, sizeof said, "bester-cli: %s: No such file or directory\n", path);
    program_start(&self->program, "bester-cli", ARGS("--source", path), -1);
    expect_end(self, EXIT_LOCAL_IO, said, "");
    program_start(&self->program, "bester-cli", ARGS("--source", path, "-e", "x"), -1);
    expect_end(self, EXIT_USAGE, "bester-cli: either -e or --source\n", "");
}

static void test_colour_for_a_file(void **state)
{
    struct fixture *self = *state;
    program_start(
        &self->program, "bester-cli", ARGS("--color", "always", "--to", "G", "-e", "one"), -1);
    log_in(self);
    report_next(self, "chat", NULL, "good", ",\"outcome\":\"delivered\"");
    expect_end(self, EXIT_ALL_GOOD, "", "\033[32m#1 delivered\033[0m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_plain_lines),
        PLAY(test_a_dumb_terminal),
        PLAY(test_execute),
        PLAY(test_execute_at_a_terminal),
        PLAY(test_source),
        PLAY(test_colour_for_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
