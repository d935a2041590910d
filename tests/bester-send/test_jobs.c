/* What success is, finishing a job, trying again, and messages that arrive. */
#include "tests/bester-send/send_fixture.h"

#include "libbester/status.h"

static void read_file(const char *path, char out[4096])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    out[fread(out, 1, 4095, file)] = '\0';
    fclose(file);
}

static const char *in_directory(const struct fixture *self, const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", self->directory, name);
    return out;
}

static void expect_file(const char *path, const char *text)
{
    char found[4096];
    read_file(path, found);
    assert_string_equal(found, text);
    unlink(path);
}

static void receive(struct fixture *self, const char *from, const char *data)
{
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"%s\",\"id\":\"r\"},"
        "\"payload\":{\"type\":\"chat\",\"data\":%s}}",
        from, data);
}

/* ---- --ack
 * --------------------------------------------------------------------------------------- */

static void test_ack_accepted(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "--ack", "accepted"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_report(&self->peer, "m", "good", ",\"outcome\":\"stored\"");
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* No report comes, and none is waited for; all has left before the program does. */
static void test_ack_none(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--ack", "none"), modern);
    program_write(&self->program, "1\n2\n3");
    program_close_in(&self->program);
    for (int i = 1; i <= 3; i++) {
        char data[8];
        snprintf(data, sizeof data, "%d", i);
        peer_expect(&self->peer, "x", data, NULL);
    }
    char rest;
    assert_false(peer_read_bytes(&self->peer, &rest, 1)); /* its goodbye */
    peer_hang_up(&self->peer);
    expect_end(self, EXIT_ALL_GOOD, "", "");
}

/* ---- --failed
 * ------------------------------------------------------------------------------------ */

static void test_failed_inputs_are_kept_with_their_ids(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    char ids[160];
    char id[2][128];
    char again[128];
    in_directory(self, "todo", todo);
    in_directory(self, "todo.ids", ids);
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-k", "--failed", todo), modern);
    program_write(&self->program, "1\r\n 2 \n{bad\n4");
    program_close_in(&self->program);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_expect(&self->peer, "x", "2", id[0]);
    peer_report(&self->peer, id[0], "bad", ",\"reason\":\"offline\"");
    peer_expect(&self->peer, "x", "4", id[1]);
    peer_hang_up(&self->peer); /* the fate of 1 and 4 is unknown */
    assert_int_equal(program_finish(&self->program), EXIT_BAD_INPUT);
    char found[4096];
    read_file(todo, found);
    assert_string_equal(found, "1\r\n 2 \n{bad\n4");

    int file = open(todo, O_RDONLY | O_CLOEXEC);
    program_start(
        &self->program, "bester-send", ARGS("-t", "x", "--ndjson", "-k", "--failed", todo), file);
    close(file);
    peer_log_in(&self->peer, "T", "secret", modern);
    peer_expect(&self->peer, "x", "1", again);
    peer_report(&self->peer, again, "good", "");
    peer_expect(&self->peer, "x", "2", again);
    assert_string_equal(again, id[0]);
    peer_report(&self->peer, again, "good", "");
    peer_expect(&self->peer, "x", "4", again);
    assert_string_equal(again, id[1]);
    peer_report(&self->peer, again, "good", "");
    assert_int_equal(program_finish(&self->program), EXIT_BAD_INPUT);
    expect_file(todo, "{bad\n");
    assert_int_equal(access(ids, F_OK), -1);
}

static void test_failed_holds_what_was_not_read(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    char id[128];
    in_directory(self, "todo", todo);
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--failed", todo), modern);
    program_write(&self->program, "1\n{bad\n3\n");
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good", "");
    program_write(&self->program, "4\n5");
    assert_int_equal(program_finish(&self->program), EXIT_BAD_INPUT);
    expect_file(todo, "{bad\n3\n4\n5");
    peer_hang_up(&self->peer);

    peer_refuse(&self->peer); /* nobody listens: nothing is lost */
    start(self, ARGS("-t", "x", "--ndjson", "--failed", todo));
    program_write(&self->program, "1\n2\n");
    assert_int_equal(program_finish(&self->program), EXIT_NO_CONNECTION);
    expect_file(todo, "1\n2\n");
}

static void test_failed_holds_a_line_that_is_too_long(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    char found[4096];
    char line[2001];
    in_directory(self, "todo", todo);
    memset(line, '7', 2000);
    line[2000] = '\0';
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-k", "--failed", todo), modern);
    program_write(&self->program, line);
    program_write(&self->program, "\n2\n");
    char id[128];
    peer_expect(&self->peer, "x", "2", id);
    peer_report(&self->peer, id, "bad", "");
    assert_int_equal(program_finish(&self->program), EXIT_BAD_INPUT);
    assert_non_null(strstr(self->program.text_err, "line 1: longer than 1000 bytes"));
    read_file(todo, found);
    assert_int_equal(strlen(found), 2003);
    assert_memory_equal(found, "2\n777", 5);
    peer_hang_up(&self->peer);
    unlink(todo);
    unlink(in_directory(self, "todo.ids", todo));
}

/* A pipe that does not end does not outlast --timeout. */
static void test_failed_does_not_wait_for_ever(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    char err[400];
    in_directory(self, "todo", todo);
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "--failed", todo, "--timeout", "2s"), modern);
    program_write(&self->program, "{\n2\n");
    snprintf(err, sizeof err,
        "bester-send: line 1: not JSON: byte 1: the name of a member is expected, not the end of "
        "the text\nbester-send: the time is up, and not all of standard input is in %s\n",
        todo);
    expect_end_by_itself(self, EXIT_BAD_INPUT, err, "");
    expect_file(todo, "{\n2\n");
}

static void test_failed_is_written_when_a_signal_comes(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    in_directory(self, "todo", todo);
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m", "--failed", todo), modern);
    program_write(&self->program, "1\n");
    peer_expect(&self->peer, "x", "1", NULL);
    assert_int_equal(kill(self->program.pid, SIGTERM), 0);
    assert_int_equal(program_wait(&self->program), 1000 + SIGTERM);
    expect_file(todo, "1\n");
    peer_hang_up(&self->peer);
    in_directory(self, "todo.ids", todo);
    char found[4096];
    read_file(todo, found);
    assert_non_null(strstr(found, " m-1\n"));
    unlink(todo);
}

/* ---- --retry
 * ------------------------------------------------------------------------------------- */

static void test_retry_where_nothing_was_done(void **state)
{
    struct fixture *self = *state;
    char id[2][128];
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "--retry", "2"), modern);
    peer_expect(&self->peer, "x", "1", id[0]);
    peer_report(&self->peer, id[0], "bad", ",\"reason\":\"rateLimited\"");
    peer_expect(&self->peer, "x", "1", id[1]);
    assert_string_equal(id[0], id[1]);
    peer_report(&self->peer, id[1], "good", "");
    expect_end(self, EXIT_ALL_GOOD, "", "");

    /* somebody may have got it; and at some time it is enough */
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "--retry", "2"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_report(&self->peer, "m", "bad",
        ",\"reason\":\"overloaded\",\"recipients\":{\"G\":\"delivered\",\"H\":\"overloaded\"}");
    expect_end(self, EXIT_REJECTED, "bester-send: id m: failed: overloaded (G delivered, H)\n", "");
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "--retry", "1"), modern);
    for (int i = 0; i < 2; i++) {
        peer_expect(&self->peer, "x", "1", NULL);
        peer_report(&self->peer, "m", "bad", ",\"reason\":\"overloaded\"");
    }
    expect_end(self, EXIT_REJECTED, "bester-send: id m: failed: overloaded\n", "");
}

/* What may have been taken is not sent again; what is new is. */
static void test_retry_after_a_lost_connection(void **state)
{
    struct fixture *self = *state;
    start_logged_in(
        self, ARGS("-t", "x", "--ndjson", "-i", "m", "--retry", "3", "--inflight", "1"), modern);
    program_write(&self->program, "1\n2\n");
    program_close_in(&self->program);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_hang_up(&self->peer);
    peer_log_in(&self->peer, "T", "secret", modern);
    peer_expect(&self->peer, "x", "2", NULL);
    peer_report(&self->peer, "m-2", "good", "");
    expect_end(self, EXIT_CONNECTION_LOST,
        "bester-send: line 1: id m-1: fate unknown: the peer closed the connection\n", "");
}

/* The next login is refused for this reason. */
static void refuse_login(struct fixture *self, const char *reason)
{
    char more[60];
    snprintf(more, sizeof more, ",\"reason\":\"%s\"", reason);
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_report(&self->peer, "auth_special", "bad", more);
    peer_hang_up(&self->peer);
}

/* Only for what may be otherwise in a while, and not for ever. */
static void test_retry_at_login(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "x", "-d", "1", "-i", "m", "--retry", "3"));
    refuse_login(self, "overloaded");
    refuse_login(self, "rateLimited");
    refuse_login(self, "shuttingDown");
    peer_log_in(&self->peer, "T", "secret", modern);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_report(&self->peer, "m", "good", "");
    expect_end(self, EXIT_ALL_GOOD, "", "");

    start(self, ARGS("-t", "x", "-d", "1", "--retry", "1"));
    refuse_login(self, "overloaded");
    refuse_login(self, "overloaded");
    expect_end(self, EXIT_LOGIN_REFUSED, "bester-send: login: overloaded\n", "");

    start(self, ARGS("-t", "x", "-d", "1", "--retry", "3"));
    refuse_login(self, "authFailed");
    expect_end(self, EXIT_LOGIN_REFUSED, "bester-send: login: authFailed\n", "");
}

static void test_no_retry_unless_asked_and_not_for_ever(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("-t", "x", "--ndjson"), modern);
    peer_hang_up(&self->peer);
    expect_end_by_itself(self, EXIT_CONNECTION_LOST,
        "bester-send: the connection was lost: the peer closed the connection; the rest was not "
        "sent\n",
        "");
    peer_refuse(&self->peer);
    start(self, ARGS("-t", "x", "-d", "1", "--retry", "1"));
    expect_end(self, EXIT_NO_CONNECTION, "bester-send: no connection: Connection refused\n", "");
}

/* ---- replies
 * ------------------------------------------------------------------------------------- */

#define REPLY(from, data) \
    "{\"type\": \"chat\", \"from\": \"" from "\", \"id\": \"r\", \"data\": " data "}\n"

/* A reply may come before the report; what does not match is no reply. */
static void test_wait_reply(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self,
        ARGS("-t", "x", "-d", "1", "--wait-reply=2", "--match", "from=G", "-m", "data.n=1"),
        modern);
    peer_expect(&self->peer, "x", "1", id);
    receive(self, "G", "{\"n\": 1}");
    receive(self, "H", "{\"n\": 1}");
    receive(self, "G", "{\"n\": \"2\"}");
    receive(self, "G", "{\"n\":\n\"1\"}");
    receive(self, "G", "{\"n\": 1}"); /* one more than was asked for */
    peer_report(&self->peer, id, "good", "");
    expect_end_by_itself(
        self, EXIT_ALL_GOOD, "", REPLY("G", "{\"n\": 1}") REPLY("G", "{\"n\": \"1\"}"));
}

static void test_9_no_reply(void **state)
{
    struct fixture *self = *state;
    char id[128];
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-w", "-W", "50ms"), modern);
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good", "");
    expect_end_by_itself(self, EXIT_REPLY_TIMEOUT, "bester-send: no reply in time\n", "");

    /* a message that failed has no reply to be waited for */
    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "-w"), modern);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_report(&self->peer, "m", "bad", ",\"reason\":\"noHandler\"");
    expect_end_by_itself(self, EXIT_NO_HANDLER, "bester-send: id m: failed: noHandler\n", "");

    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-w"), modern);
    peer_expect(&self->peer, "x", "1", id);
    peer_report(&self->peer, id, "good", "");
    peer_hang_up(&self->peer);
    expect_end_by_itself(self, EXIT_CONNECTION_LOST,
        "bester-send: the connection was lost: the peer closed the connection\n", "");
}

static void test_listen(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("--listen", "-c", "2", "-t", "chat"), modern);
    receive(self, "G", "\"\\u001b[31m\"");
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"other\","
        "\"data\":1}}");
    receive(self, "G", "[1]");
    expect_end_by_itself(self, EXIT_ALL_GOOD, "", REPLY("G", "\"\\u001b[31m\"") REPLY("G", "[1]"));

    start_logged_in(self,
        ARGS("--listen", "-c", "1", "-F", "{from}\\t{data.a}{data.b}{nothing}\\{{data}"), modern);
    receive(self, "G", "{\"a\": \"x\\ny\", \"b\": 1.50}");
    expect_end_by_itself(self, EXIT_ALL_GOOD, "", "G\tx\ny1.50{{\"a\": \"x\\ny\", \"b\": 1.50}\n");

    start_logged_in(self, ARGS("--listen", "-W", "50ms"), modern);
    expect_end_by_itself(self, EXIT_REPLY_TIMEOUT, "bester-send: no message in time\n", "");
}

/* Who reads them has gone: no noise, no waiting. */
static void test_listen_to_a_closed_pipe(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("--listen"), modern);
    close(self->program.out);
    self->program.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    receive(self, "G", "1");
    expect_end_by_itself(self, EXIT_LOCAL_IO, "", "");
}

static void test_listen_is_bounded(void **state)
{
    struct fixture *self = *state;
    start_logged_in(self, ARGS("--listen", "--timeout", "3s"), modern);
    expect_end_by_itself(self, EXIT_REPORT_TIMEOUT, "bester-send: the time is up\n", "");
}

/* ---- a server of Part I --------------------------------------------------------------------- */

/* It tells neither outcome nor reason, and stamps nothing on messages. */
static void test_a_server_of_part_one(void **state)
{
    struct fixture *self = *state;
    char todo[160];
    in_directory(self, "todo", todo);
    start_logged_in(self, ARGS("-t", "x", "--ndjson", "-i", "m", "-k", "--failed", todo), "");
    program_write(&self->program, "1\n2\n");
    program_close_in(&self->program);
    peer_expect(&self->peer, "x", "1", NULL);
    peer_report(&self->peer, "m-1", "good", "");
    peer_expect(&self->peer, "x", "2", NULL);
    peer_report(&self->peer, "m-2", "bad", "");
    expect_end(self, EXIT_SOME_FAILED, "bester-send: line 2: id m-2: failed: no reason told\n", "");
    expect_file(todo, "2\n");
    unlink(in_directory(self, "todo.ids", todo));

    start_logged_in(self, ARGS("-t", "x", "-d", "1", "-i", "m", "-w"), "");
    peer_expect(&self->peer, "x", "1", NULL);
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"x\","
        "\"data\":[1, 2]}}");
    peer_report(&self->peer, "m", "good", "");
    expect_end_by_itself(self, EXIT_ALL_GOOD, "", "{\"type\": \"x\", \"data\": [1, 2]}\n");

    /* it refuses a login, and ends, without a word */
    start(self, ARGS("--listen"));
    peer_accept(&self->peer);
    json_decref(peer_read(&self->peer));
    peer_hang_up(&self->peer);
    expect_end_by_itself(self, EXIT_LOGIN_REFUSED,
        "bester-send: login: the server closed the connection without an answer to the login\n",
        "");
}

/* ---- --dry-run
 * ----------------------------------------------------------------------------------- */

static void test_dry_run(void **state)
{
    struct fixture *self = *state;
    unsetenv("BESTER_PASSWORD_FILE"); /* nobody is asked */
    start(self, ARGS("-t", "x", "-d", "{\"n\": 1.50}", "-i", "m", "--dry-run"));
    expect_end(self, EXIT_ALL_GOOD, "",
        "40 00 00 00 "
        "{\"header\":{},\"payload\":{\"type\":\"x\",\"data\":{\"n\": 1.50},\"id\":\"m\"}}\n");
    start(self, ARGS("-t", "x", "--ndjson", "-i", "m", "--dry-run=bytes"));
    program_write(&self->program, "1\n{\n");
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: line 2: not JSON: byte 1: the name of a member is expected, not the end of "
        "the text\n",
        "\x38");
    assert_memory_equal(self->program.text_out + 1,
        "\0\0\0{\"header\":{},\"payload\":{\"type\":\"x\",\"data\":1,\"id\":\"m-1\"}}", 59);
    start(self, ARGS("-t", "chat", "-n", "text"));
    expect_end(self, EXIT_BAD_INPUT,
        "bester-send: --dry-run asks no server; give the template with --template, or JSON with "
        "--data\n",
        "");
}

static void test_contradictions(void **state)
{
    struct fixture *self = *state;
    static const struct {
        const char *args[8];
        const char *why;
    } cases[] = {
        {{"--listen", "-w"}, "--listen sends nothing"},
        {{"--listen", "-a", "to=G"}, "--listen sends nothing"},
        {{"-t", "x", "-d", "1", "--listen"}, "does not go together with --data"},
        {{"-t", "x", "-d", "1", "-c", "1"}, "--count is for --listen"},
        {{"-t", "x", "-d", "1", "-w", "--report", "json"}, "both go to standard output"},
        {{"-t", "x", "-d", "1", "-W", "1s"}, "are for --wait-reply and --listen"},
        {{"-t", "x", "-d", "1", "--failed", "f"}, "--failed is for messages from standard input"},
        {{"-t", "x", "-d", "1", "-i", "a\nb"}, "control characters"},
        {{"-t", "x", "-d", "1", "-m", "from"}, "is not PATH=VALUE"},
        {{"--listen", "-F", "{a"}, "'}' is missing"},
        {{"--listen", "-F", "\\q"}, "behind '\\' comes"},
        {{"-t", "x", "-d", "1", "--ack", "all"}, "must be none, accepted or delivered"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(self, cases[i].args);
        assert_int_equal(program_finish(&self->program), EXIT_USAGE);
        if (strstr(self->program.text_err, cases[i].why) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].why, self->program.text_err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_ack_accepted),
        PLAY(test_ack_none),
        PLAY(test_failed_inputs_are_kept_with_their_ids),
        PLAY(test_failed_holds_what_was_not_read),
        PLAY(test_failed_holds_a_line_that_is_too_long),
        PLAY(test_failed_does_not_wait_for_ever),
        PLAY(test_failed_is_written_when_a_signal_comes),
        PLAY(test_retry_where_nothing_was_done),
        PLAY(test_retry_after_a_lost_connection),
        PLAY(test_retry_at_login),
        PLAY(test_no_retry_unless_asked_and_not_for_ever),
        PLAY(test_wait_reply),
        PLAY(test_9_no_reply),
        PLAY(test_listen),
        PLAY(test_listen_to_a_closed_pipe),
        PLAY(test_listen_is_bounded),
        PLAY(test_a_server_of_part_one),
        PLAY(test_dry_run),
        PLAY(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
