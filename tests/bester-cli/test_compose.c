/* What helps to write a message: completion of fields and files, /new with values. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

static void test_fields(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "/new weather d\t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /new weather days=");
    terminal_type(&self->terminal, "3 \t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /new weather days=3 place=");
    terminal_type(&self->terminal, "Oslo\r");
    report_next(self, "weather", "{\"days\": 3, \"place\": \"Oslo\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    terminal_type(&self->terminal, "/new weather days=2\r");
    EXPECT_ROWS(&self->terminal, "  place (text on one line):");
    terminal_type(&self->terminal, "Bergen\r");
    report_next(self, "weather", "{\"days\": 2, \"place\": \"Bergen\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#2 reported good", "#3 chat to G>");
    terminal_type(&self->terminal, "/new weather days=many\r");
    EXPECT_ROWS(&self->terminal, "days: must be a whole number", "#3 chat to G>");
    terminal_type(&self->terminal, "/new weather place=\"New d\t"); /* no field there */
    terminal_type(&self->terminal, "York\" d\t4\r");
    report_next(self, "weather", "{\"days\": 4, \"place\": \"New dYork\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#3 reported good", "#4 chat to G>");
    terminal_type(&self->terminal, "/new weather place=\"New\r");
    EXPECT_ROWS(&self->terminal, "the quotation mark \" is not closed", "#4 chat to G>");
}

static void test_files(void **state)
{
    struct fixture *self = *state;
    char typed[120];
    char shown[160];
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    snprintf(typed, sizeof typed, "/log %s/passw\t", self->directory);
    snprintf(shown, sizeof shown, "#1 chat to G> /log %s", self->password);
    terminal_type(&self->terminal, typed);
    EXPECT_ROWS(&self->terminal, shown);
    terminal_type(&self->terminal, "\025/to pa\t");
    message(self, "m"); /* elsewhere no files are meant */
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#1 chat to G> /to pa");
}

/* Names that a server made up are completed only if they are harmless. */
static void test_harmful_names(void **state)
{
    struct fixture *self = *state;
    terminal_start(&self->terminal, "bester-cli", ARGS("-t", "raw"));
    peer_log_in(&self->peer, "T", "secret", modern);
    answer(self, "types", "\"types\":{\"ev\\u001b[2Jil\":{},\"eve\":{},\"e\\u202ev\":{}}");
    EXPECT_ROWS(&self->terminal, "#1 raw>");
    terminal_type(&self->terminal, "/type e\t");
    EXPECT_ROWS(&self->terminal, "#1 raw> /type eve");
    terminal_type(&self->terminal, "\025/type\r");
    EXPECT_ROWS(&self->terminal, "  ev\\x1b[2Jil  no template", "  eve          no template",
        "  e\\u{202e}v   no template", "#1 raw>");
    assert_null(strstr(self->terminal.raw, "\033[2Jil"));
}

/* /raw shows the JSON as it came, made visible. */
static void test_raw_is_harmless(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "raw"));
    EXPECT_ROWS(&self->terminal, "#1 raw>");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"x\",\"data\":"
        "\"\xe2\x80\xae\"}}");
    terminal_type(&self->terminal, "typed");
    while (strstr(self->terminal.raw, "[x] \"\\u{202e}\"") == NULL)
        assert_true(terminal_read(&self->terminal));
    terminal_type(&self->terminal, "\025/raw\r");
    EXPECT_ROWS(&self->terminal,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"x\",\"data\":"
        "\"\\u{202",
        "e}\"}}", "#1 raw>");
    assert_null(strstr(self->terminal.raw, "\xe2\x80\xae"));
}

/* 40 columns: the line wraps, the cursor is at home, a list of completions stands above. */
static void test_narrow(void **state)
{
    struct fixture *self = *state;
    struct winsize size = {.ws_row = TERMINAL_ROWS, .ws_col = 40};
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#1 chat to G>");
    assert_int_equal(ioctl(self->terminal.fd, TIOCSWINSZ, &size), 0);
    self->terminal.columns = 40;
    terminal_type(&self->terminal, "a line of more than forty columns /to G\t\t");
    EXPECT_ROWS(
        &self->terminal, "G     G@S1", "#1 chat to G> a line of more than forty", "columns /to G");
    terminal_type(&self->terminal, "\001");
    terminal_expect_column(&self->terminal, 14);
    message(self, "below the list");
    static const char below[] = SHOWN "below the list";
    EXPECT_ROWS(&self->terminal, "G     G@S1", below, "#1 chat to G> a line of more than forty",
        "columns /to G");
    terminal_expect_column(&self->terminal, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_fields),
        PLAY(test_files),
        PLAY(test_harmful_names),
        PLAY(test_raw_is_harmless),
        PLAY(test_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
