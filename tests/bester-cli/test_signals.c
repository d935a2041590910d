/* However bester-cli is stopped or ended, the terminal is left as it was found. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

#define GREETING "logged in at S1 as T; /help lists the commands"

/* Started, and a line half typed. */
static void begin(struct fixture *self)
{
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "half");
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G> half");
}

static bool is_sane(const struct terminal *terminal)
{
    struct termios now;
    assert_int_equal(tcgetattr(terminal->fd, &now), 0);
    return now.c_lflag == terminal->found.c_lflag && now.c_iflag == terminal->found.c_iflag;
}

static void expect_exit(struct fixture *self, int exit_status)
{
    int status = terminal_status(&self->terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_status);
    terminal_expect_sane(&self->terminal);
}

static void test_the_terminal_is_changed_at_all(void **state)
{
    struct fixture *self = *state;
    begin(self);
    assert_false(is_sane(&self->terminal)); /* or the tests below would prove nothing */
}

static void killed_by(struct fixture *self, int number)
{
    begin(self);
    assert_int_equal(kill(self->terminal.pid, number), 0);
    int status = terminal_status(&self->terminal);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
    terminal_expect_sane(&self->terminal);
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G> half", "");
}

static void test_sigterm(void **state)
{
    killed_by(*state, SIGTERM);
}

static void test_sighup(void **state)
{
    killed_by(*state, SIGHUP);
}

/* Stops the program with this, and lets it go on. */
static void stopped_by(struct fixture *self, int number, bool by_key)
{
    begin(self);
    if (by_key)
        terminal_type(&self->terminal, "\032");
    else
        assert_int_equal(kill(self->terminal.pid, number), 0);
    int status = terminal_status(&self->terminal);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), number);
    if (number != SIGSTOP) { /* which nobody can prepare for */
        terminal_expect_sane(&self->terminal);
        EXPECT_ROWS(&self->terminal, GREETING, "");
    }
    message(self, "meanwhile");
    assert_int_equal(kill(self->terminal.pid, SIGCONT), 0);
    status = terminal_status(&self->terminal);
    assert_true(WIFCONTINUED(status));
    if (number == SIGSTOP)
        EXPECT_ROWS(&self->terminal, SHOWN "meanwhile", "#1 chat to G> half");
    else
        EXPECT_ROWS(&self->terminal, GREETING, SHOWN "meanwhile", "#1 chat to G> half");
    assert_false(is_sane(&self->terminal));
    terminal_type(&self->terminal, " a line\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"half a line\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> half a line", "#1 reported good", "#2 chat to G>");
    terminal_type(&self->terminal, "\004");
    expect_exit(self, EXIT_ALL_GOOD);
}

static void test_sigtstp(void **state)
{
    stopped_by(*state, SIGTSTP, false);
}

static void test_ctrl_z(void **state)
{
    stopped_by(*state, SIGTSTP, true);
}

static void test_sigstop(void **state)
{
    stopped_by(*state, SIGSTOP, false);
}

static void test_ctrl_c_clears_the_line(void **state)
{
    struct fixture *self = *state;
    begin(self);
    terminal_type(&self->terminal, "\003");
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G> half^C", "#1 chat to G>");
    terminal_type(&self->terminal, "\022xy");
    EXPECT_ROWS(&self->terminal, "(failed reverse-i-search)`xy':");
    terminal_expect_column(&self->terminal, 31);
    terminal_type(&self->terminal, "\003"); /* ends a search, too */
    EXPECT_ROWS(&self->terminal, "#1 chat to G> ^C", "#1 chat to G>");
    terminal_type(&self->terminal, "fresh\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"fresh\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
}

static void test_a_new_width(void **state)
{
    struct fixture *self = *state;
    struct winsize size = {.ws_row = TERMINAL_ROWS, .ws_col = 20};
    begin(self);
    assert_int_equal(ioctl(self->terminal.fd, TIOCSWINSZ, &size), 0);
    self->terminal.columns = 20;
    terminal_type(&self->terminal, " more");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> half m", "ore");
}

/* ---- the end ------------------------------------------------------------------------------------
 */

static void test_the_end_waits_for_reports(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "last words\r");
    peer_expect(&self->peer, "chat", NULL, id);
    EXPECT_ROWS(&self->terminal, "#2 chat to G (#1 sent)>");
    terminal_type(&self->terminal, "/quit\r");
    EXPECT_ROWS(&self->terminal, "#2 chat to G (#1 sent)> /quit",
        "waiting for 1 report; Ctrl-C leaves at once", "");
    terminal_expect_sane(&self->terminal);
    message(self, "one more");
    EXPECT_ROWS(
        &self->terminal, "waiting for 1 report; Ctrl-C leaves at once", SHOWN "one more", "");
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, SHOWN "one more", "#1 delivered", "");
    expect_exit(self, EXIT_ALL_GOOD);
}

static void test_ctrl_c_does_not_wait(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "last words\r");
    peer_expect(&self->peer, "chat", NULL, NULL);
    EXPECT_ROWS(&self->terminal, "#2 chat to G (#1 sent)>");
    terminal_type(&self->terminal, "\004");
    EXPECT_ROWS(&self->terminal, "waiting for 1 report; Ctrl-C leaves at once", "");
    terminal_type(&self->terminal, "\003");
    int status = terminal_status(&self->terminal);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    terminal_expect_sane(&self->terminal);
}

/* The person at the terminal is asked for the password, and it is not shown. */
static void test_the_password_is_asked_for(void **state)
{
    struct fixture *self = *state;
    char prompt[100];
    unsetenv("BESTER_PASSWORD_FILE");
    terminal_start(&self->terminal, "bester-cli", ARGS("--to", "G"));
    snprintf(prompt, sizeof prompt, "Password of T at %s:", self->peer.address);
    EXPECT_ROWS(&self->terminal, prompt);
    assert_false(is_sane(&self->terminal));
    terminal_type(&self->terminal, "secret\r");
    log_in(self);
    EXPECT_ROWS(&self->terminal, prompt, GREETING, "#1 chat to G>");
    assert_null(strstr(self->terminal.raw, "secret"));
}

static void test_nobody_answers(void **state)
{
    struct fixture *self = *state;
    terminal_start(&self->terminal, "bester-cli", ARGS("--connect-timeout", "50ms"));
    EXPECT_ROWS(&self->terminal, "bester-cli: no connection: no answer to the login in time", "");
    expect_exit(self, EXIT_NO_CONNECTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_the_terminal_is_changed_at_all),
        PLAY(test_sigterm),
        PLAY(test_sighup),
        PLAY(test_sigtstp),
        PLAY(test_ctrl_z),
        PLAY(test_sigstop),
        PLAY(test_ctrl_c_clears_the_line),
        PLAY(test_a_new_width),
        PLAY(test_the_end_waits_for_reports),
        PLAY(test_ctrl_c_does_not_wait),
        PLAY(test_the_password_is_asked_for),
        PLAY(test_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
