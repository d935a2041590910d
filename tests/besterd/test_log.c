#define _GNU_SOURCE /* F_SETPIPE_SZ */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "besterd/log.h"

#define MOMENT "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static void assert_matches(const char *text, const char *pattern)
{
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int answer = regexec(&compiled, text, 0, NULL, 0);
    regfree(&compiled);
    if (answer != 0)
        fail_msg("\"%s\" does not match %s", text, pattern);
}

/* A pipe that the log writes into. */
struct fixture {
    int read_end;
    int write_end;
    char text[1 << 20];
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    int ends[2];
    assert_non_null(self);
    assert_int_equal(pipe(ends), 0);
    self->read_end = ends[0];
    self->write_end = ends[1];
    fcntl(self->read_end, F_SETFL, O_NONBLOCK);
    log_open(self->write_end, LOG_LEVEL_INFO);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    log_close();
    close(self->read_end);
    close(self->write_end);
    free(self);
    return 0;
}

/* All that has been written and not read yet. */
static const char *drain(struct fixture *self)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(self->read_end, self->text + len, sizeof self->text - 1 - len)) > 0)
        len += (size_t)got;
    self->text[len] = '\0';
    return self->text;
}

static void test_a_line(void **state)
{
    log_line(LOG_LEVEL_INFO, "session 12", "logged in as \"%s\" after %d ms", "T", 3);
    assert_matches(drain(*state), "^" MOMENT " info session 12: logged in as \"T\" after 3 ms\n$");
    log_line(LOG_LEVEL_ERROR, "", "gone");
    assert_matches(drain(*state), "^" MOMENT " error besterd: gone\n$");
}

static void test_levels(void **state)
{
    for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
        log_set_level((enum log_level)level);
        for (int at = 0; at < LOG_LEVEL_COUNT; at++) {
            log_line((enum log_level)at, "x", "text");
            assert_int_equal(drain(*state)[0] != '\0', at <= level);
            assert_int_equal(log_enabled((enum log_level)at), at <= level);
        }
        const char *text = log_level_text((enum log_level)level);
        assert_int_equal(log_level_from_text(span_of(text)), level);
    }
    assert_int_equal(log_level_from_text(span_of("loud")), LOG_LEVEL_COUNT);
}

static void test_no_line_can_be_forged(void **state)
{
    log_line(LOG_LEVEL_INFO, "peer \"a\nb\"", "%s",
        "x\n2026-01-01T00:00:00.000Z error besterd: forged\r\x1b[2J\xff\xc2\x85");
    const char *text = drain(*state);
    assert_matches(text, "^" MOMENT " info peer \"a\\\\nb\": x\\\\n2026.*forged\\\\r\\\\x1b\\[2J"
                         "\\\\xff[^\n]*\n$");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    for (const char *at = text; at[1] != '\0'; at++)
        assert_true((unsigned char)*at >= 0x20);
}

static void test_a_long_line_is_cut(void **state)
{
    char *text = malloc(100001);
    memset(text, 'a', 100000);
    text[100000] = '\0';
    log_line(LOG_LEVEL_INFO, text, "%s", text);
    free(text);
    const char *line = drain(*state);
    assert_in_range(strlen(line), LOG_LINE_MAX - 8, LOG_LINE_MAX);
    assert_matches(line, "^[^\n]*\\.\\.\\.\n$");
    log_line(LOG_LEVEL_INFO, "x", "short again");
    assert_matches(drain(*state), "^" MOMENT " info x: short again\n$");
}

static void test_one_write_for_a_line(void **state)
{
    (void)state;
    int ends[2];
    char text[2 * LOG_LINE_MAX];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    log_open(ends[1], LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "a", "first");
    log_line(LOG_LEVEL_INFO, "b", "second");
    for (int i = 0; i < 2; i++) {
        ssize_t len = recv(ends[0], text, sizeof text - 1, MSG_DONTWAIT);
        assert_true(len > 0);
        text[len] = '\0';
        assert_matches(text, i == 0 ? "info a: first\n$" : "info b: second\n$");
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- JSON ---- */

/* The line as an object; the callee's until json_decref. */
static json_t *parse_line(const char *line)
{
    json_error_t error;
    assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %s", error.text, line);
    return object;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_json(void **state)
{
    log_set_format(LOG_FORMAT_JSON);
    log_line(LOG_LEVEL_WARNING, "", "\"quoted\"\n\x1b\xff \xc3\xa9");
    const char *line = drain(*state);
    assert_matches(line, "^[{]\"time\":\"" MOMENT "\",\"level\":\"warning\","
                         "\"subject\":\"besterd\",\"message\":\".*\"[}]\n$");
    json_t *object = parse_line(line);
    assert_string_equal(member(object, "message"), "\"quoted\"\\n\\x1b\\xff \xc3\xa9");
    assert_null(json_object_get(object, "trace"));
    json_decref(object);
    log_traced(LOG_LEVEL_INFO, "a \"b\"", "5f0c", "text");
    object = parse_line(drain(*state));
    assert_string_equal(member(object, "subject"), "a \"b\"");
    assert_string_equal(member(object, "trace"), "5f0c");
    json_decref(object);
    log_traced(LOG_LEVEL_DEBUG, "x", "5f0c", "not enabled");
    assert_string_equal(drain(*state), "");
}

/* However long the parts, a line is one object. */
static void test_long_json_is_cut(void **state)
{
    char text[10001];
    log_set_format(LOG_FORMAT_JSON);
    for (int round = 0; round < 3; round++) {
        memset(text, "a\"\x01"[round], sizeof text - 1);
        text[sizeof text - 1] = '\0';
        log_traced(LOG_LEVEL_INFO, text, text, "%s", text);
        const char *line = drain(*state);
        assert_in_range(strlen(line), LOG_LINE_MAX - 40, LOG_LINE_MAX);
        json_decref(parse_line(line));
    }
}

static void test_traced_text(void **state)
{
    log_traced(LOG_LEVEL_INFO, "pipeline", "5f0c", "asked %s", "chat");
    assert_matches(drain(*state), "^" MOMENT " info pipeline \\[5f0c\\]: asked chat\n$");
}

static void test_json_losses(void **state)
{
    struct fixture *self = *state;
    log_set_format(LOG_FORMAT_JSON);
    assert_true(fcntl(self->write_end, F_SETPIPE_SZ, 4096) > 0);
    while (log_dropped() < 3)
        log_line(LOG_LEVEL_INFO, "flood", "line");
    drain(self);
    log_line(LOG_LEVEL_INFO, "x", "room again");
    assert_matches(drain(self), "^[{].*\"message\":\"3 lines were lost here\"[}]\n[{].*[}]\n$");
}

static void test_a_full_pipe_drops_lines_and_says_so(void **state)
{
    struct fixture *self = *state;
    assert_true(fcntl(self->write_end, F_SETPIPE_SZ, 4096) > 0);
    int written = 0;
    while (log_dropped() < 10) {
        log_line(LOG_LEVEL_INFO, "flood", "line %d", written++);
        assert_true(written < 100000);
    }
    drain(self);
    log_line(LOG_LEVEL_INFO, "x", "room again");
    assert_matches(drain(self),
        "^" MOMENT " warning log: 10 lines were lost here\n" MOMENT " info x: room again\n$");
    log_line(LOG_LEVEL_INFO, "x", "and told once");
    assert_matches(drain(self), "^" MOMENT " info x: and told once\n$");
    /* Others share the pipe: its own flags were not touched. */
    assert_int_equal(fcntl(self->write_end, F_GETFL) & O_NONBLOCK, 0);
}

static void test_a_torn_line_is_ended(void **state)
{
    struct fixture *self = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    log_open(ends[1], LOG_LEVEL_INFO);
    char text[3001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    while (log_dropped() < 2)
        log_line(LOG_LEVEL_INFO, "flood", "%s", text);
    int saved = self->read_end;
    self->read_end = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const char *flood = drain(self);
    size_t len = strlen(flood);
    log_line(LOG_LEVEL_INFO, "x", "after");
    char *after = strdup(flood[len - 1] == '\n' ? "\n" : "");
    assert_non_null(after);
    const char *rest = drain(self);
    /* Whether the flood was torn depends on the kernel; either way a line begins
     * at the beginning of a line. */
    assert_true(after[0] == '\n' || rest[0] == '\n');
    assert_matches(
        rest, "\n?" MOMENT " warning log: 2 lines were lost here\n" MOMENT " info x: after\n$");
    free(after);
    self->read_end = saved;
    close(ends[0]);
    close(ends[1]);
}

static void test_nobody_reads(void **state)
{
    struct fixture *self = *state;
    close(self->read_end);
    for (int i = 0; i < 3; i++)
        log_line(LOG_LEVEL_INFO, "x", "nobody hears this"); /* and SIGPIPE would end us */
    assert_int_equal(log_dropped(), 3);
    self->read_end = dup(self->write_end);
}

/* One that cannot be opened anew, so it is asked for room first; an earlier call was interrupted.
 */
static void test_no_room_after_an_interruption(void **state)
{
    (void)state;
    int counter = eventfd(0, EFD_NONBLOCK);
    uint64_t full = UINT64_MAX - 1;

    assert_int_equal(write(counter, &full, sizeof(full)), sizeof(full));
    log_open(counter, LOG_LEVEL_INFO);
    errno = EINTR;
    log_line(LOG_LEVEL_INFO, "", "nobody takes it, and nobody waits");
    assert_int_equal(log_dropped(), 1);
    close(counter);
}

static void test_no_stderr_at_all(void **state)
{
    (void)state;
    log_open(-1, LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "x", "nowhere");
    assert_int_equal(log_dropped(), 1);
}

static void test_a_regular_file(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    char line[200] = "";
    assert_non_null(file);
    log_open(fileno(file), LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "x", "into a file");
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_matches(line, "^" MOMENT " debug x: into a file\n$");
    fclose(file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_line),
        TEST(test_levels),
        TEST(test_no_line_can_be_forged),
        TEST(test_a_long_line_is_cut),
        TEST(test_one_write_for_a_line),
        TEST(test_json),
        TEST(test_long_json_is_cut),
        TEST(test_traced_text),
        TEST(test_json_losses),
        TEST(test_a_full_pipe_drops_lines_and_says_so),
        TEST(test_a_torn_line_is_ended),
        TEST(test_nobody_reads),
        TEST(test_no_room_after_an_interruption),
        TEST(test_no_stderr_at_all),
        TEST(test_a_regular_file),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
