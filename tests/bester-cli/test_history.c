/* What stays of what was typed and said. */
#include "tests/bester-cli/cli_fixture.h"

#include "bester-cli/history.h"
#include "bester-cli/journal.h"
#include "libbester/status.h"

static char *read_file(const char *path, mode_t *mode)
{
    struct stat info;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 21);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 21) - 1, file) > 0);
    fclose(file);
    assert_int_equal(stat(path, &info), 0);
    *mode = info.st_mode & 0777;
    return text;
}

static void test_the_next_run_knows(void **state)
{
    struct fixture *self = *state;
    char path[160];
    mode_t mode;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "findable\r");
    report_next(self, "chat", NULL, "good", "");
    terminal_type(&self->terminal, " not kept\r");
    report_next(self, "chat", NULL, "good", "");
    terminal_type(&self->terminal, "my Password is x\r");
    report_next(self, "chat", NULL, "good", "");
    terminal_type(&self->terminal, "\033[200~two\nli\\nes\033[201~\r");
    report_next(self, "chat", "{\"to\": \"G\", \"text\": \"two\\nli\\\\nes\"}", "good", "");
    terminal_type(&self->terminal, "/new weather\r3\rOslo\r");
    report_next(self, "weather", NULL, "good", "");
    EXPECT_ROWS(&self->terminal, "#5 reported good", "#6 chat to G>");
    char *text = read_file(state_file(self, "history", path), &mode);
    assert_string_equal(text, "findable\ntwo\\nli\\\\nes\n/new weather\n");
    assert_int_equal(mode, 0600);
    free(text);
    /* it was killed: what was typed is there all the same */
    assert_int_equal(kill(self->terminal.pid, SIGKILL), 0);
    terminal_status(&self->terminal);
    terminal_close(&self->terminal);
    peer_hang_up(&self->peer);
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "\020\020\020");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> findable");
    terminal_type(&self->terminal, "\016\r");
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"two\\nli\\\\nes\"}", NULL);
}

static unsigned loaded;
static char last_loaded[40];

static void count(const char *line)
{
    loaded++;
    snprintf(last_loaded, sizeof last_loaded, "%s", line);
}

/* The earlier half of a history that has grown too long goes. */
static void test_it_is_cut(void **state)
{
    (void)state;
    char path[HISTORY_PATH_MAX];
    assert_true(history_path(path, "history"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    enum { LINES = HISTORY_BYTES_MAX / 10 };
    for (int i = 0; i < LINES; i++)
        fprintf(file, "line %06d\n", i);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(history_append(path, "the last"), STATUS_OK);
    history_load(path, count); /* all of it, once more */
    assert_int_equal(loaded, LINES + 1);
    loaded = 0;
    history_load(path, count);
    assert_true(loaded > LINES / 2 - 10 && loaded < LINES / 2 + 10);
    assert_string_equal(last_loaded, "the last");
}

static void test_log(void **state)
{
    struct fixture *self = *state;
    char path[160];
    char said[200];
    char id[128];
    mode_t mode;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "/log\r");
    EXPECT_ROWS(&self->terminal, "nothing is logged", "#1 chat to G>");
    terminal_type(&self->terminal, "/log on\r");
    snprintf(said, sizeof said, "logging to %s", state_file(self, "log.ndjson", path));
    EXPECT_ROWS(&self->terminal, said, "#1 chat to G>");
    terminal_type(&self->terminal, "Hello\r");
    peer_expect(&self->peer, "chat", NULL, id);
    peer_report(&self->peer, id, "good", ",\"outcome\":\"stored\"");
    EXPECT_ROWS(&self->terminal, "#1 stored", "#2 chat to G>");
    message(self, "an\\u001bswer");
    EXPECT_ROWS(&self->terminal, SHOWN "an\\x1bswer", "#2 chat to G>");
    terminal_type(&self->terminal, "/log off\r");
    EXPECT_ROWS(&self->terminal, "nothing is logged any more", "#2 chat to G>");
    message(self, "unlogged");
    EXPECT_ROWS(&self->terminal, SHOWN "unlogged", "#2 chat to G>");
    char *text = read_file(path, &mode);
    assert_int_equal(mode, 0600);
    static const char *const events[] = {"sent", "fate", "received"};
    char *at = text;
    for (size_t i = 0; i < 3; i++) {
        json_error_t error;
        char *end = strchr(at, '\n');
        assert_non_null(end);
        *end = '\0';
        json_t *record = json_loads(at, 0, &error);
        assert_non_null(record);
        assert_string_equal(json_string_value(json_object_get(record, "event")), events[i]);
        if (i < 2) {
            assert_string_equal(json_string_value(json_object_get(record, "id")), id);
            assert_int_equal(json_integer_value(json_object_get(record, "line")), 1);
        } else {
            const json_t *data = json_object_get(
                json_object_get(json_object_get(record, "message"), "payload"), "data");
            assert_string_equal(json_string_value(json_object_get(data, "text")), "an\033swer");
        }
        json_decref(record);
        at = end + 1;
    }
    assert_string_equal(at, "");
    free(text);
    terminal_type(&self->terminal, "/log /nonexistent/x\r");
    EXPECT_ROWS(&self->terminal, "/nonexistent/x: No such file or directory", "#2 chat to G>");
}

static void test_last_and_grep(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "/last\r");
    EXPECT_ROWS(&self->terminal, "nothing was said yet", "#1 chat to G>");
    message(self, "needle one");
    message(self, "hay");
    EXPECT_ROWS(&self->terminal, SHOWN "hay", "#1 chat to G>");
    terminal_type(&self->terminal, "a Needle two\r");
    report_next(self, "chat", NULL, "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    terminal_type(&self->terminal, "/grep needle\r");
    static const char needle[] = SHOWN "needle one";
    static const char hay[] = SHOWN "hay";
    EXPECT_ROWS(&self->terminal, "#2 chat to G> /grep needle", needle, "#1 chat: a Needle two",
        "#2 chat to G>");
    terminal_type(&self->terminal, "/last 2\r");
    EXPECT_ROWS(
        &self->terminal, "#2 chat to G> /last 2", hay, "#1 chat: a Needle two", "#2 chat to G>");
    terminal_type(&self->terminal, "/grep nowhere\r");
    EXPECT_ROWS(&self->terminal, "nothing was said with that", "#2 chat to G>");
}

/* What was logged before is found too, and nothing is found twice. */
static void test_earlier_sessions(void **state)
{
    struct fixture *self = *state;
    static const char one[] = SHOWN "needle one";
    static const char now[] = SHOWN "needle now";
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "/log on\ra needle sent\r");
    report_next(self, "chat", NULL, "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to G>");
    message(self, "needle one");
    message(self, "hay");
    EXPECT_ROWS(&self->terminal, SHOWN "hay", "#2 chat to G>");
    terminal_close(&self->terminal);
    peer_hang_up(&self->peer);

    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "/grep needle\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /grep needle",
        ANY ANY ":" ANY ANY " #1 chat: a needle sent", one, "#1 chat to G>");
    terminal_type(&self->terminal, "/log on\r");
    char path[160];
    char said[200];
    snprintf(said, sizeof said, "logging to %s", state_file(self, "log.ndjson", path));
    EXPECT_ROWS(&self->terminal, said, "#1 chat to G>");
    message(self, "needle now");
    EXPECT_ROWS(&self->terminal, now, "#1 chat to G>");
    terminal_type(&self->terminal, "/log off\r/log on\r/grep NEEDLE\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /grep NEEDLE",
        ANY ANY ":" ANY ANY " #1 chat: a needle sent", one, now, "#1 chat to G>");
    terminal_type(&self->terminal, "/last 3\r");
    static const char hay[] = SHOWN "hay";
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /last 3", one, hay, now, "#1 chat to G>");
}

static void count_record(const struct journal_record *record, void *user)
{
    unsigned *seen = user;
    assert_true(span_is(record->data, "1"));
    (*seen)++;
}

/* Only the latest of a long file, from a whole line on; a line that makes no sense is none. */
static void test_a_long_log(void **state)
{
    (void)state;
    struct journal journal;
    unsigned seen = 0;
    char path[HISTORY_PATH_MAX];
    static const char record[] = "{\"time\":\"2020-02-03T04:05:06Z\",\"data\":1}\n";
    const unsigned count = JOURNAL_EARLIER_MAX / (sizeof record - 1);
    assert_true(history_path(path, "log.ndjson"));
    journal_init(&journal);
    assert_int_equal(journal_earlier(&journal, path, count_record, &seen), STATUS_IO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"data\":2, \"", file);
    fputs("never ended\n[1]\n{\"event\":\"fate\"}\n", file);
    for (unsigned i = 0; i < 10; i++)
        fputs(record, file);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(journal_earlier(&journal, path, count_record, &seen), STATUS_OK);
    assert_int_equal(seen, 10);
    for (unsigned i = 0; i < count; i++)
        fputs(record, file);
    assert_int_equal(fclose(file), 0);
    seen = 0;
    assert_int_equal(journal_open(&journal, path), STATUS_OK);
    assert_int_equal(journal_fate(&journal, 1, "id", "delivered"), STATUS_OK);
    assert_int_equal(journal_sent(&journal, 1, "id", "chat", SPAN_LITERAL("3")), STATUS_OK);
    assert_int_equal(journal_earlier(&journal, path, count_record, &seen), STATUS_OK);
    assert_int_equal(seen, count);
    journal_release(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_the_next_run_knows),
        PLAY(test_it_is_cut),
        PLAY(test_log),
        PLAY(test_last_and_grep),
        PLAY(test_earlier_sessions),
        PLAY(test_a_long_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
