/* What a person sees: bester-cli on a terminal, the server played. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

#define GREETING "logged in at S1 as T; /help lists the commands"
#define THREE "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" /* three characters of two columns */
#define WIDE THREE THREE THREE
/* Five times WIDE behind the prompt, as it wraps. */
#define UPPER_ROW "#1 chat to G> " WIDE WIDE WIDE THREE THREE
#define LOWER_ROW THREE WIDE

/* Everything is over: exit status, terminal as it was. */
static void expect_exit(struct fixture *self, int exit_status)
{
    int status = terminal_status(&self->terminal);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != exit_status)
        terminal_print(&self->terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_status);
    terminal_expect_sane(&self->terminal);
}

static void test_a_line_and_its_fate(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "Hello, G\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"Hello, G\"}", "good",
        ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> Hello, G", "#1 delivered", "#2 chat to G>");
    terminal_type(&self->terminal, "again\r");
    report_next(
        self, "chat", NULL, "bad", ",\"reason\":\"offline\",\"recipients\":{\"G\":\"offline\"}");
    EXPECT_ROWS(&self->terminal, "#2 chat to G> again", "#2 failed: offline (G)", "#3 chat to G>");
    terminal_type(&self->terminal, "\004");
    EXPECT_ROWS(&self->terminal, "#3 chat to G>", "");
    expect_exit(self, EXIT_ALL_GOOD);
    assert_null(peer_read(&self->peer));
}

static void test_fates_in_any_order(void **state)
{
    struct fixture *self = *state;
    char ids[2][128];
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "one\rtwo\r");
    peer_expect(&self->peer, "chat", NULL, ids[0]);
    peer_expect(&self->peer, "chat", NULL, ids[1]);
    peer_report(&self->peer, ids[1], "good", ",\"outcome\":\"stored\"");
    EXPECT_ROWS(&self->terminal, "#2 stored", "#3 chat to G (#1 sent)>");
    peer_report(&self->peer, ids[0], "good", ",\"outcome\":\"delivered\"");
    peer_report(&self->peer, ids[1], "good", ",\"outcome\":\"delivered\"");
    peer_report(&self->peer, "somebody-elses", "bad", ",\"reason\":\"internal\"");
    EXPECT_ROWS(&self->terminal, "#2 stored", "#1 delivered", "#2 delivered",
        "the server says: failed: internal", "#3 chat to G>");
}

static void test_a_fate_that_comes_late(void **state)
{
    struct fixture *self = *state;
    char id[128];
    own_chat(self);
    terminal_start(&self->terminal, "bester-cli", ARGS("--report-timeout", "50ms"));
    log_in_at_part_one(self);
    terminal_type(&self->terminal, "one\r");
    peer_expect(&self->peer, "chat", NULL, id);
    EXPECT_ROWS(&self->terminal, "#1 no report in time", "#2 chat>");
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#1 no report in time", "#1 delivered", "#2 chat>");
}

/* ---- messages while one types ------------------------------------------------------------------
 */

static void test_above_a_line_half_typed(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "half a line");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> half a line");
    message(self, "first");
    EXPECT_ROWS(&self->terminal, GREETING, SHOWN "first", "#1 chat to G> half a line");
    terminal_type(&self->terminal, "\001"); /* the cursor at home */
    message(self, "second");
    EXPECT_ROWS(&self->terminal, SHOWN "first", SHOWN "second", "#1 chat to G> half a line");
    terminal_type(&self->terminal, "X");
    EXPECT_ROWS(&self->terminal, SHOWN "second", "#1 chat to G> Xhalf a line");
    assert_int_equal(self->terminal.column, 15);
    terminal_type(&self->terminal, "\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"Xhalf a line\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> Xhalf a line", "#1 reported good", "#2 chat to G>");
}

static void test_above_wrapped_wide_text(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, WIDE WIDE WIDE WIDE WIDE);
    EXPECT_ROWS(&self->terminal, GREETING, UPPER_ROW, LOWER_ROW);
    message(self, "over two rows");
    EXPECT_ROWS(&self->terminal, GREETING, SHOWN "over two rows", UPPER_ROW, LOWER_ROW);
    terminal_type(&self->terminal, "\001"); /* on the first of both rows */
    message(self, "again");
    EXPECT_ROWS(
        &self->terminal, GREETING, SHOWN "over two rows", SHOWN "again", UPPER_ROW, LOWER_ROW);
    terminal_expect_column(&self->terminal, 14);
    terminal_type(&self->terminal, "\003"); /* all of it is left behind */
    EXPECT_ROWS(&self->terminal, LOWER_ROW "^C", "#1 chat to G>");
}

static void test_above_a_search(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "needle\r");
    report_next(self, "chat", NULL, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#1 delivered", "#2 chat to G>");
    terminal_type(&self->terminal, "\022nee");
    EXPECT_ROWS(&self->terminal, "#1 delivered", "(reverse-i-search)`nee': needle");
    message(self, "meanwhile");
    EXPECT_ROWS(
        &self->terminal, "#1 delivered", SHOWN "meanwhile", "(reverse-i-search)`nee': needle");
    terminal_type(&self->terminal, "\005!");
    EXPECT_ROWS(&self->terminal, "#1 delivered", SHOWN "meanwhile", "#2 chat to G> needle!");
}

/* How often the prompt is drawn then depends on how many turns of the loop they take, so that
 * is looked at where the turns are known: test_redraw.c. */
static void test_a_burst(void **state)
{
    struct fixture *self = *state;
    enum { COUNT = 20000 };
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "typing");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> typing");
    pid_t writer = fork(); /* the terminal has to be read while we write */
    assert_true(writer >= 0);
    if (writer == 0) {
        for (int i = 0; i < COUNT; i++) {
            char text[20];
            snprintf(text, sizeof text, "m%05d", i);
            message(self, text);
        }
        _exit(0);
    }
    EXPECT_ROWS(&self->terminal, SHOWN "m19998", SHOWN "m19999", "#1 chat to G> typing");
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    const char *at = self->terminal.raw;
    for (int i = 0; i < COUNT; i++) { /* each one, in order */
        char text[20];
        snprintf(text, sizeof text, "m%05d\r\n", i);
        at = strstr(at, text);
        assert_non_null(at);
    }
}

static void test_what_others_write_is_harmless(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    message(self, "\\u001b[2Jgone\\u202eabc\\nG@S1: #1 delivered");
    static const char shown[] = SHOWN "\\x1b[2Jgone\\u{202e}abc";
    EXPECT_ROWS(&self->terminal, GREETING, shown, "    G@S1: #1 delivered", "#1 chat to G>");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"X@S9\",\"authenticated\":"
        "false},\"payload\":{\"type\":\"odd\\u0007\",\"data\":{\"a\":\"\\u001b\"}}}");
    while (strstr(self->terminal.raw, "[odd\\x07] X@S9 (unproven): {\"a\":\"\\u001b\"}") == NULL)
        assert_true(terminal_read(&self->terminal));
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static void test_a_paste_is_one_message(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "\033[200~/quit\nand more\n\033[201~");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /quit", "and more", "");
    terminal_type(&self->terminal, "\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"/quit\\nand more\\n\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
}

static void test_new_asks_field_by_field(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "/new weather\r");
    EXPECT_ROWS(
        &self->terminal, "#1 chat to G> /new weather", "  days (a whole number; may be empty):");
    terminal_type(&self->terminal, "two\r");
    EXPECT_ROWS(
        &self->terminal, "days: must be a whole number", "  days (a whole number; may be empty):");
    terminal_type(&self->terminal, "\r");
    EXPECT_ROWS(&self->terminal, "  place (text on one line):");
    terminal_type(&self->terminal, "\r");
    EXPECT_ROWS(&self->terminal, "place must not be empty", "  place (text on one line):");
    terminal_type(&self->terminal, "Oslo\r");
    report_next(self, "weather", "{\"place\": \"Oslo\"}", "good", "");
    EXPECT_ROWS(
        &self->terminal, "  place (text on one line): Oslo", "#1 reported good", "#2 chat to G>");
    terminal_type(&self->terminal, "/new\r");
    EXPECT_ROWS(&self->terminal, "  to (one name, or several separated by commas; empty: G):");
    terminal_type(&self->terminal, "\003");
    EXPECT_ROWS(&self->terminal, "  to (one name, or several separated by commas; empty: G): ^C",
        "nothing was sent", "#2 chat to G>");
}

static void test_type_to_and_raw(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "chat"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to nobody>");
    terminal_type(&self->terminal, "hello\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to nobody> hello", "to whom? say /to NAME first",
        "#1 chat to nobody>");
    terminal_type(&self->terminal, "/to G, H@S2\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G, H@S2>");
    terminal_type(&self->terminal, "//me waves\r");
    report_next(self, "chat", "{\"to\": [\"G\", \"H@S2\"], \"text\": \"/me waves\"}", "good",
        ",\"outcome\":\"delivered\",\"recipients\":{\"G\":\"delivered\",\"H@S2\":\"queued\"}");
    EXPECT_ROWS(&self->terminal, "#1 delivered (G, H@S2 queued)", "#2 chat to G, H@S2>");
    terminal_type(&self->terminal, "/type\r");
    EXPECT_ROWS(&self->terminal, "* chat         a line to people", "  weather",
        "  raw          no template", "#2 chat to G, H@S2>");
    terminal_type(&self->terminal, "/type raw\r");
    EXPECT_ROWS(&self->terminal, "no template for it is known; send JSON with /raw", "#2 raw>");
    terminal_type(&self->terminal, "/raw {\"a\": tru}\r");
    EXPECT_ROWS(
        &self->terminal, "not JSON: line 1, column 7: a value is expected, not 't'", "#2 raw>");
}

static void test_raw_sends_and_shows(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "raw"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 raw>");
    terminal_type(&self->terminal, "/raw\r");
    EXPECT_ROWS(&self->terminal, "no message has come that could be shown", "#1 raw>");
    terminal_type(&self->terminal, "/raw  {\"n\": 1.50}\r");
    report_next(self, "raw", "{\"n\": 1.50}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 raw>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#2 raw (1 unread)>");
    terminal_type(&self->terminal, "/raw\r");
    EXPECT_ROWS(&self->terminal,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"G@S1\",\"time\":\"2020-02-"
        "03T04:0",
        "5:06.789Z\"},\"payload\":{\"type\":\"chat\",\"data\":{\"from\":\"forged\",\"text\":"
        "\"m\"}}}",
        "#2 raw (1 unread)>");
}

static void test_who_help_and_what_is_no_command(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#1 chat to G>");
    terminal_type(&self->terminal, "/who\r");
    answer(self, "whoami", "\"user\":\"T\",\"server\":\"S1\"");
    EXPECT_ROWS(&self->terminal, "people met: G, G@S1", "you are T at S1", "#1 chat to G>");
    terminal_type(&self->terminal, "/wat\r");
    EXPECT_ROWS(
        &self->terminal, "/wat: no such command; /help lists the commands", "#1 chat to G>");
    terminal_type(&self->terminal, "/t G\r");
    EXPECT_ROWS(&self->terminal, "/t: could be several commands; /help lists the commands",
        "#1 chat to G>");
    terminal_type(&self->terminal, "/help who\r");
    EXPECT_ROWS(&self->terminal,
        "  /who             tell who you are to the server, and whom you have met",
        "#1 chat to G>");
}

static void test_completion(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#1 chat to G>");
    terminal_type(&self->terminal, "/n\t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /new");
    terminal_type(&self->terminal, "we\t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /new weather");
    terminal_type(&self->terminal, "\025/to G@\t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /to G@S1");
    terminal_type(&self->terminal, "\025/to G\t\t");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /to G", "G     G@S1", "#1 chat to G> /to G");
    message(self, "below the list");
    EXPECT_ROWS(&self->terminal, "G     G@S1", SHOWN "below the list", "#1 chat to G> /to G");
}

static void test_no_colour(void **state)
{
    struct fixture *self = *state;
    setenv("NO_COLOR", "1", 1);
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, GREETING, "#1 chat to G>");
    terminal_type(&self->terminal, "x\r");
    report_next(self, "chat", NULL, "bad", ",\"reason\":\"offline\"");
    EXPECT_ROWS(&self->terminal, "#1 failed: offline", "#2 chat to G>");
    for (const char *at = self->terminal.raw; (at = strstr(at, "\033[")) != NULL; at += 2)
        assert_int_not_equal(at[2 + strspn(at + 2, "0123456789;")], 'm');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_a_line_and_its_fate),
        PLAY(test_fates_in_any_order),
        PLAY(test_a_fate_that_comes_late),
        PLAY(test_above_a_line_half_typed),
        PLAY(test_above_wrapped_wide_text),
        PLAY(test_above_a_search),
        PLAY(test_a_burst),
        PLAY(test_what_others_write_is_harmless),
        PLAY(test_a_paste_is_one_message),
        PLAY(test_new_asks_field_by_field),
        PLAY(test_type_to_and_raw),
        PLAY(test_raw_sends_and_shows),
        PLAY(test_who_help_and_what_is_no_command),
        PLAY(test_completion),
        PLAY(test_no_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
