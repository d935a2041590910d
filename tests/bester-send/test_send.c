/* What bester-send sends and tells, against a server that is played. */
#include "tests/bester-send/send_fixture.h"

#include "libbester/status.h"

static void good(struct fixture *self, const char *type, const char *data)
{
    char id[128];
    peer_expect(&self->peer, type, data, id);
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
}

/* Plays the server's part of the question for the templates. */
static void answer_types(struct fixture *self, const char *types)
{
    char id[128];
    peer_expect(&self->peer, "builtin", "{\"command\": {\"type\": \"types\", \"args\": null}}", id);
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"%s\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"types\",\"types\":%s}}}",
        id, types);
}

#define SERVER_CHAT                                                                          \
    "{\"raw\": {}, \"chat\": {\"template\": {\"type\": \"chat\", \"fields\": [{\"name\": "   \
    "\"to\", \"kind\": \"recipients\", \"required\": true}, {\"name\": \"text\", \"kind\": " \
    "\"text\", \"rest\": true}, {\"name\": \"mood\", \"kind\": \"json\"}]}}}"

/* ---- where the data comes from ----------------------------------------------------------------
 */

static void test_template_of_the_server(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self,
        ARGS("-t", "chat", "-a", "to=G, H@S2", "--arg-json", "mood={\"n\": 1.50}", "Hello,",
            "world"),
        modern);
    answer_types(self, SERVER_CHAT);
    good(self, "chat",
        "{\"to\": [\"G\", \"H@S2\"], \"text\": \"Hello, world\", \"mood\": {\"n\": 1.50}}");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

static void test_own_template_goes_before_the_servers(void **state)
{
    struct fixture *self = *state;
    own_template(self, "{\"type\": \"chat\", \"fields\": [{\"name\": \"teks\", \"rest\": true}]}");
    start_logged_in(self, ARGS("-t", "chat", "Dag"), modern);
    good(self, "chat", "{\"teks\": \"Dag\"}");
    expect_end(self, EXIT_ALL_GOOD, "", "");

    start_logged_in(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "Hi"), modern);
    good(self, "chat", "{\"to\": \"G\", \"text\": \"Hi\"}");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

static void test_own_template_with_a_mistake(void **state)
{
    struct fixture *self = *state;
    char err[300];
    own_template(self, "{\"type\": \"chat\", \"fields\": [{\"name\": 7}]}");
    start(self, ARGS("-t", "chat", "Dag"));
    snprintf(err, sizeof err,
        "bester-send: %s/bester/templates/chat.json: fields[0].name: must be a string\n",
        self->directory);
    expect_end(self, EXIT_BAD_INPUT, err, "");
}

static void test_no_template(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "raw", "text"), modern);
    answer_types(self, SERVER_CHAT);
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: the server has no template for raw; give one with --template, or JSON with "
        "--data\n",
        "");
    start_logged_in(self, ARGS("-t", "chat", "text"), ""); /* a server of Part I */
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: this server gives no templates; give one with --template, or JSON with "
        "--data\n",
        "");
    start_logged_in(self, ARGS("-t", "chat", "text"), modern);
    peer_expect(&self->peer, "builtin", NULL, self->program.text_out);
    peer_report(&self->peer, self->program.text_out, "bad", ",\"reason\":\"notAllowed\"");
    expect_end(
        self, EXIT_REJECTED, "bester-send: asking for the template: failed: notAllowed\n", "");
}

static void test_text_and_no_field_for_it(void **state)
{
    struct fixture *self = *state;
    own_template(self, "{\"type\": \"chat\", \"fields\": [{\"name\": \"n\", \"kind\": \"int\"}]}");
    start(self, ARGS("-t", "chat", "-a", "n=1", "text"));
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: the template of chat has no field that takes text; give its fields with "
        "--arg\n",
        "");
    start_logged_in(self, ARGS("-t", "chat", "-a", "n=1"), modern);
    good(self, "chat", "{\"n\": 1}");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* ---- standard input ---------------------------------------------------------------------------
 */

static void test_lines(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-l"), modern);
    program_write(&self->program, "one\r\n\n{\"three\"}\nunterminated");
    program_close_in(&self->program);
    good(self, "chat", "{\"to\": \"G\", \"text\": \"one\"}");
    good(self, "chat", "{\"to\": \"G\", \"text\": \"\"}");
    good(self, "chat", "{\"to\": \"G\", \"text\": \"{\\\"three\\\"}\"}");
    good(self, "chat", "{\"to\": \"G\", \"text\": \"unterminated\"}");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* A line goes out when it comes, not when the input ends. */
static void test_each_line_at_once(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "--ndjson"), modern);
    for (int i = 0; i < 3; i++) {
        char line[20];
        snprintf(line, sizeof line, "%d\n", i);
        program_write(&self->program, line);
        good(self, "x", line);
    }
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

static void test_null_and_whole(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-0"), modern);
    assert_int_equal(write(self->program.in, "a\nb\0c", 5), 5);
    program_close_in(&self->program);
    good(self, "chat", "{\"to\": \"G\", \"text\": \"a\\nb\"}");
    good(self, "chat", "{\"to\": \"G\", \"text\": \"c\"}");
    expect_end(self, EXIT_ALL_GOOD, "", "");

    start_logged_in(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-i", "m", "-"), modern);
    program_write(&self->program, "a\nb\n");
    program_close_in(&self->program);
    char id[128];
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"a\\nb\\n\"}", id);
    assert_string_equal(id, "m");
    peer_report(&self->peer, id, "good", "");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

static void test_a_line_that_is_not_utf8(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-l"), modern);
    program_write(&self->program, "\xff\n");
    expect_end(self, EXIT_BAD_INPUT, "bester-send: line 1: text: is not valid UTF-8\n", "");
}

/* What was not asked for stays in the pipe for whoever comes next. */
static void test_stdin_is_left_alone(void **state)
{
    struct fixture *self = *state;
    int ends[2];
    char rest[8] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "mine", 4), 4);
    program_start(&self->program, "bester-send", ARGS("-t", "x", "-d", "1"), ends[0]);
    peer_log_in(&self->peer, "T", "secret", modern);
    good(self, "x", "1");
    expect_end(self, EXIT_ALL_GOOD, "", "");
    close(ends[1]);
    assert_int_equal(read(ends[0], rest, sizeof rest - 1), 4);
    assert_string_equal(rest, "mine");
    close(ends[0]);
}

static void test_a_regular_file_as_stdin(void **state)
{
    struct fixture *self = *state;
    int file = open("besterd/handlers/chat.json", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    program_start(
        &self->program, "bester-send", ARGS("-t", "chat", CHAT_TEMPLATE, "-a", "to=G", "-s"), file);
    close(file);
    peer_log_in(&self->peer, "T", "secret", modern);
    good(self, "chat", NULL);
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* ---- the window -------------------------------------------------------------------------------
 */

static void test_the_window(void **state)
{
    struct fixture *self = *state;
    char ids[4][128];
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--inflight", "2"), modern);
    program_write(&self->program, "1\n2\n3\n4\n");
    program_close_in(&self->program);
    peer_expect(&self->peer, "x", "1", ids[0]);
    peer_expect(&self->peer, "x", "2", ids[1]);
    /* The second's report alone makes no room: its line is not told before the first's. */
    peer_report(&self->peer, ids[1], "good", "");
    peer_report(&self->peer, ids[0], "good", "");
    peer_expect(&self->peer, "x", "3", ids[2]);
    peer_expect(&self->peer, "x", "4", ids[3]);
    peer_report(&self->peer, ids[2], "good", "");
    peer_report(&self->peer, ids[3], "good", "");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* More than fits into any buffer on the way, while the server is slow to read. */
static void test_much_input(void **state)
{
    struct fixture *self = *state;
    enum { LINES = 20000 };
    char path[160];
    snprintf(path, sizeof path, "%s/lines", self->directory);
    FILE *file = fopen(path, "w+");
    assert_non_null(file);
    unlink(path);
    for (int i = 0; i < LINES; i++)
        fprintf(file, "{\"n\": %d, \"fill\": \"%0500d\"}\n", i, i);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    program_start(&self->program, "bester-send", ARGS("-t", "x", "--ndjson"), fileno(file));
    peer_log_in(&self->peer, "T", "secret", modern);
    for (int i = 0; i < LINES; i++) {
        json_t *frame = peer_read(&self->peer);
        json_t *payload = json_object_get(frame, "payload");
        json_t *n = json_object_get(json_object_get(payload, "data"), "n");
        assert_int_equal(json_integer_value(n), i);
        peer_report(&self->peer, json_string_value(json_object_get(payload, "id")), "good", "");
        json_decref(frame);
    }
    fclose(file);
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* ---- what is told -----------------------------------------------------------------------------
 */

/* The rtt is a time; all else of a line is known. */
static void blank_rtt(char *text)
{
    for (char *at = text; (at = strstr(at, "\"rtt_ms\": ")) != NULL;) {
        at += strlen("\"rtt_ms\": ");
        size_t len = strspn(at, "0123456789.");
        if (len == 0)
            continue;
        memmove(at + 1, at + len, strlen(at + len) + 1);
        *at = '#';
    }
}

static void test_report_json_in_the_order_of_the_input(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m", "-k", "--report", "json"), modern);
    program_write(&self->program, "1\n2\n{\n4\n5");
    program_close_in(&self->program);
    for (int i = 0; i < 4; i++)
        peer_expect(&self->peer, "x", NULL, NULL);
    peer_report(&self->peer, "m-5", "good", "");
    peer_report(&self->peer, "m-2", "bad",
        ",\"reason\":\"offline\",\"detail\":\"a \\\"b\\\"\\u001b\",\"recipients\":{\n\"G\":"
        "\"offline\"}");
    peer_report(&self->peer, "m-1", "good",
        ",\"outcome\":\"delivered\",\"servers\":{\"S2\":\"delivered\"}");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"chat\","
        "\"data\":\"not for us\"}}");
    peer_hang_up(&self->peer);
    int got = program_finish(&self->program);
    blank_rtt(self->program.text_out);
    assert_string_equal(self->program.text_out,
        "{\"line\": 1, \"id\": \"m-1\", \"status\": \"good\", \"outcome\": \"delivered\", "
        "\"reason\": null, \"rtt_ms\": #, \"servers\": {\"S2\":\"delivered\"}}\n"
        "{\"line\": 2, \"id\": \"m-2\", \"status\": \"bad\", \"outcome\": null, \"reason\": "
        "\"offline\", \"rtt_ms\": #, \"detail\": \"a \\\"b\\\"\\u001b\", \"recipients\": { "
        "\"G\":\"offline\"}}\n"
        "{\"line\": 3, \"id\": null, \"status\": \"invalid\", \"outcome\": null, \"reason\": null, "
        "\"rtt_ms\": null, \"detail\": \"not JSON: byte 1: the name of a member is expected, not "
        "the "
        "end of the text\"}\n"
        "{\"line\": 4, \"id\": \"m-4\", \"status\": \"unknown\", \"outcome\": null, \"reason\": "
        "null, \"rtt_ms\": #, \"detail\": \"the peer closed the connection\"}\n"
        "{\"line\": 5, \"id\": \"m-5\", \"status\": \"good\", \"outcome\": null, \"reason\": null, "
        "\"rtt_ms\": #}\n");
    assert_int_equal(got, EXIT_BAD_INPUT);
}

static void test_verbose_and_quiet(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "-v", "--ack", "accepted"), modern);
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good",
        ",\"outcome\":\"stored\",\"recipients\":{\"G\":\"stored\",\"H\":\"delivered\"}");
    expect_end(self, EXIT_ALL_GOOD, "bester-send: id m: stored (G, H delivered)\n", "");
}

/* Nobody reads what we print: no noise, the messages are sent, the status tells. */
static void test_a_closed_pipe_is_quiet(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--report", "json"), modern);
    close(self->program.out);
    self->program.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    program_write(&self->program, "1\n");
    good(self, "x", "1");
    program_write(&self->program, "2\n");
    good(self, "x", "2");
    expect_end(self, EXIT_LOCAL_IO, "", "");
}

static void test_trouble_that_is_no_messages(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_send(&self->peer, "{");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},\"payload\":{\"reason\":"
        "\"rateLimited\"}}");
    peer_report(&self->peer, "m", "good", "");
    expect_end(self, EXIT_ALL_GOOD,
        "bester-send: the server sent what is no message: byte 1: the name of a member is "
        "expected, not the end of the text\n"
        "bester-send: the server says: failed: rateLimited\n",
        "");
}

static void test_help_and_man_page(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--help"));
    assert_int_equal(program_finish(&self->program), EXIT_ALL_GOOD);
    assert_non_null(strstr(self->program.text_out, "\n  7   the server has no handler"));
    start(self, ARGS("--man-page"));
    assert_int_equal(program_finish(&self->program), EXIT_ALL_GOOD);

    /* The page in docs/ is what the program prints. */
    FILE *page = fopen("docs/bester-send.1", "r");
    assert_non_null(page);
    static char text[PROGRAM_TEXT_MAX];
    text[fread(text, 1, sizeof text - 1, page)] = '\0';
    fclose(page);
    assert_string_equal(text, self->program.text_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_template_of_the_server),
        PLAY(test_own_template_goes_before_the_servers),
        PLAY(test_own_template_with_a_mistake),
        PLAY(test_no_template),
        PLAY(test_text_and_no_field_for_it),
        PLAY(test_lines),
        PLAY(test_each_line_at_once),
        PLAY(test_null_and_whole),
        PLAY(test_a_line_that_is_not_utf8),
        PLAY(test_stdin_is_left_alone),
        PLAY(test_a_regular_file_as_stdin),
        PLAY(test_the_window),
        PLAY(test_much_input),
        PLAY(test_report_json_in_the_order_of_the_input),
        PLAY(test_verbose_and_quiet),
        PLAY(test_a_closed_pipe_is_quiet),
        PLAY(test_trouble_that_is_no_messages),
        PLAY(test_help_and_man_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
