/* /edit: a text in an editor, which is a script here, and what becomes of it. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

static void begin(struct fixture *self, const char *script)
{
    use_editor(self, script);
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
}

static void test_edit(void **state)
{
    struct fixture *self = *state;
    /* it talks with the person at the terminal, whose modes are the usual ones */
    begin(self, "echo 'the editor:'; read -r line; printf '%s\\nmore\\n' \"$line\" >\"$1\"\n");
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal, "the editor:", "");
    terminal_expect_sane(&self->terminal);
    message(self, "meanwhile");
    terminal_type(&self->terminal, "typed there\n");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"typed there\\nmore\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    const char *echo = strstr(self->terminal.raw, "typed there");
    assert_non_null(echo);
    assert_non_null(strstr(echo, SHOWN "meanwhile"));
    remove_editor(self);
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal, "the editor failed; nothing was sent", "#2 chat to G>");
}

/* A mistake is told with its place, and the text is not lost. */
static void test_json(void **state)
{
    struct fixture *self = *state;
    use_editor(self, "if [ -s \"$1\" ]; then sed -i s/tru/true/ \"$1\"; "
                     "else printf '{\"a\":\\n tru}\\n' >\"$1\"; fi\n");
    start(self, ARGS("-t", "raw"));
    EXPECT_ROWS(&self->terminal, "#1 raw>");
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(
        &self->terminal, "not JSON: line 2, column 2: a value is expected, not 't'", "#1 raw>");
    terminal_type(&self->terminal, "/edit\r");
    report_next(self, "raw", "{\"a\": true}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 raw>");
}

/* It fails, and leaves the terminal as no editor should; what was written is not lost. */
static void test_one_that_fails(void **state)
{
    struct fixture *self = *state;
    begin(self, "[ ! -s \"$1\" ] || exit 0; stty raw -echo; echo kept >\"$1\"; exit 1\n");
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal,
        "the editor failed; nothing was sent; /edit goes on with your text", "#1 chat to G>");
    terminal_type(&self->terminal, "/edit\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"kept\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    terminal_type(&self->terminal, "\004");
    terminal_status(&self->terminal);
    terminal_expect_sane(&self->terminal);
}

/* ---- signals ----------------------------------------------------------------------------------
 */

/* It has written something and waits for the person, with the terminal raw. */
#define AT_WORK                                                                    \
    "[ ! -s \"$1\" ] || exit 0; echo $$ >$directory/editor.pid; echo \"$1\" "      \
    ">$directory/editor.file; echo 'half a text' >\"$1\"; stty raw -echo; printf " \
    "'at work\\r\\n'; while :; do read -r line; done\n"

static void read_file(const struct fixture *self, const char *name, char out[100])
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", self->directory, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(out, 100, file));
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

/* Editor and file are gone, we ended by this signal, the terminal is sane, and the next
 * run goes on with the text. */
static void ended_by(struct fixture *self, const char *script, int number)
{
    char text[100];
    begin(self, script);
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal, "at work", "");
    assert_int_equal(kill(self->terminal.pid, number), 0);
    int status = terminal_status(&self->terminal);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
    terminal_expect_sane(&self->terminal);
    EXPECT_ROWS(&self->terminal, "your text is kept; /edit goes on with it", "");
    read_file(self, "editor.pid", text);
    assert_int_equal(kill((pid_t)strtol(text, NULL, 10), 0), -1);
    assert_int_equal(errno, ESRCH);
    read_file(self, "editor.file", text);
    assert_int_equal(access(text, F_OK), -1);
    terminal_close(&self->terminal);
    peer_hang_up(&self->peer);
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "/edit\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"half a text\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    assert_int_equal(access(state_file(self, "draft", (char[160]){0}), F_OK), -1);
}

static void test_sigterm(void **state)
{
    ended_by(*state, AT_WORK, SIGTERM);
}

static void test_sighup(void **state)
{
    ended_by(*state, AT_WORK, SIGHUP);
}

static void test_an_editor_that_does_not_want_to_end(void **state)
{
    ended_by(*state, "trap '' TERM\n" AT_WORK, SIGTERM);
}

/* Ctrl-C and Ctrl-\ are the editor's. */
static void test_keys(void **state)
{
    struct fixture *self = *state;
    begin(self, "trap 'echo interrupted' INT QUIT; echo 'at work'\n"
                "until read -r line; do :; done; echo \"$line\" >\"$1\"\n");
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal, "at work", "");
    terminal_type(&self->terminal, "\003");
    EXPECT_ROWS(&self->terminal, "at work", "^Cinterrupted", "");
    terminal_type(&self->terminal, "\034");
    EXPECT_ROWS(&self->terminal, "^Cinterrupted", "^\\interrupted", "");
    terminal_type(&self->terminal, "done\n");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"done\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
}

/* Ctrl-Z stops both, and both go on. */
static void test_ctrl_z(void **state)
{
    struct fixture *self = *state;
    begin(self, "echo 'at work'; read -r line; echo \"$line\" >\"$1\"\n");
    terminal_type(&self->terminal, "/edit\r");
    EXPECT_ROWS(&self->terminal, "at work", "");
    terminal_type(&self->terminal, "\032");
    int status = terminal_status(&self->terminal);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), SIGTSTP);
    assert_int_equal(kill(-self->terminal.pid, SIGCONT), 0);
    status = terminal_status(&self->terminal);
    assert_true(WIFCONTINUED(status));
    terminal_type(&self->terminal, "gone on\n");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"gone on\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
}

/* ---- without drawing --------------------------------------------------------------------------
 */

/* On a dumb terminal it is $EDITOR; what comes meanwhile waits, what was typed ahead too. */
static void test_plain(void **state)
{
    struct fixture *self = *state;
    use_editor(self, "echo 'at work'; read -r line; echo \"$line\" >\"$1\"\n");
    setenv("EDITOR", getenv("VISUAL"), 1);
    setenv("VISUAL", "false", 1);
    setenv("TERM", "dumb", 1);
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "/edit\n");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /edit", "at work", "");
    message(self, "meanwhile");
    terminal_type(&self->terminal, "one line\n");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"one line\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    const char *shown = strstr(self->terminal.raw, "one line");
    assert_non_null(shown);
    assert_non_null(strstr(shown, SHOWN "meanwhile"));
    assert_null(strchr(self->terminal.raw, '\033'));
    unsetenv("EDITOR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_edit),
        PLAY(test_json),
        PLAY(test_one_that_fails),
        PLAY(test_sigterm),
        PLAY(test_sighup),
        PLAY(test_an_editor_that_does_not_want_to_end),
        PLAY(test_keys),
        PLAY(test_ctrl_z),
        PLAY(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
