/* child_output: what a child writes becomes lines of the log, and not too many. */
#include "tests/besterd/support.h"

#include <signal.h>
#include <sys/wait.h>

#include "besterd/child_output.h"
#include "tests/besterd/log_watch.h"

struct world {
    struct ev_loop *loop;
    struct log_watch log;
    struct child_output *output;
    int writer;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_default_loop(0);
    log_watch_begin(&self->log, self->loop);
    self->output = child_output_new(self->loop, "x says", &self->writer);
    assert_non_null(self->output);
    *state = self;
    return 0;
}

static void close_writer(struct world *self)
{
    if (self->writer >= 0)
        close(self->writer);
    self->writer = -1;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    child_output_free(self->output);
    close_writer(self);
    log_watch_end(&self->log);
    free(self);
    return 0;
}

static void put(struct world *self, const char *text, size_t len)
{
    assert_int_equal(write(self->writer, text, len), len);
}

#define PUT(self, literal) put((self), (literal), sizeof(literal) - 1)

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

/* ---- */

static void test_each_line_is_a_line(void **state)
{
    struct world *self = *state;
    PUT(self, "one\ntwo\r\n\n\nthree");
    PUT(self, " and four\n");
    RUN_UNTIL(self->loop, log_has(&self->log, " info x says: three and four\n"));
    assert_true(log_has(&self->log, " info x says: one\n"));
    assert_true(log_has(&self->log, " info x says: two\n"));
    assert_int_equal(count_of(self->log.text, "\n"), 3);
}

static void test_bytes_are_made_visible(void **state)
{
    struct world *self = *state;
    PUT(self, "a\0b\x1b[31m\xff\rc\n");
    log_await(&self->log, "x says: a\\x00b\\x1b[31m\\xff\\rc\n");
}

static void test_a_long_line_is_cut(void **state)
{
    struct world *self = *state;
    char line[CHILD_OUTPUT_LINE + 24];
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = '\n';
    put(self, line, sizeof line);
    PUT(self, "next\n");
    RUN_UNTIL(self->loop, log_has(&self->log, "x says: next\n"));
    assert_true(log_has(&self->log, "aaa... (23 bytes more)\n"));
    assert_int_equal(
        count_of(self->log.text, "a"), CHILD_OUTPUT_LINE + 2); /* "says" has one, twice */
}

/* Every byte of it needs four to be shown. */
static void test_a_long_line_of_garbage(void **state)
{
    struct world *self = *state;
    char line[2 * CHILD_OUTPUT_LINE];
    memset(line, '\xff', sizeof line);
    put(self, line, sizeof line);
    close_writer(self);
    log_await(&self->log, "\\xff... (1000 bytes more)\n");
}

static void test_the_last_words(void **state)
{
    struct world *self = *state;
    PUT(self, "last words");
    child_output_drain(self->output);
    log_await(&self->log, "x says: last words\n");
    PUT(self, "of a helper\n");
    log_await(&self->log, "x says: of a helper\n");
    PUT(self, "that has gone");
    close_writer(self);
    log_await(&self->log, "x says: that has gone\n");
}

static void test_nobody_reads_after_the_end(void **state)
{
    struct world *self = *state;
    close_writer(self);
    ev_run(self->loop, EVRUN_NOWAIT);
    ev_run(self->loop, EVRUN_NOWAIT);
    child_output_drain(self->output);
    assert_false(log_has(&self->log, "x says"));
}

static void test_too_many_lines(void **state)
{
    enum { LINES = 1000 };
    struct world *self = *state;
    for (unsigned i = 0; i < LINES; i++)
        PUT(self, "again\n");
    close_writer(self);
    RUN_UNTIL(self->loop, log_has(&self->log, " lines left out\n"));
    unsigned told = count_of(self->log.text, "x says: again\n");
    const char *sentence = strstr(self->log.text, "warning x says: ");
    assert_non_null(sentence);
    assert_int_equal(told + strtoul(sentence + strlen("warning x says: "), NULL, 10), LINES);
    assert_int_equal(told, CHILD_OUTPUT_BURST);
}

/* It is slowed down, and all others have their turns. */
static void test_one_that_writes_without_end(void **state)
{
    struct world *self = *state;
    double began = ev_time();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(self->writer, STDOUT_FILENO);
        execlp("yes", "yes", (char *)NULL);
        _exit(1);
    }
    assert_true(pid > 0);
    RUN_UNTIL(self->loop, log_has(&self->log, " lines left out\n"));
    double lasted = ev_time() - began;
    unsigned told = count_of(self->log.text, "x says: y\n");
    assert_in_range(told, CHILD_OUTPUT_BURST, CHILD_OUTPUT_BURST + lasted * CHILD_OUTPUT_PER_S + 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_each_line_is_a_line),
        TEST(test_bytes_are_made_visible),
        TEST(test_a_long_line_is_cut),
        TEST(test_a_long_line_of_garbage),
        TEST(test_the_last_words),
        TEST(test_nobody_reads_after_the_end),
        TEST(test_too_many_lines),
        TEST(test_one_that_writes_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
