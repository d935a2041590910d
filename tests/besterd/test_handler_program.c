/* handler: programs that we start: late, never, again and again. The program is
 * the chat handler behind a script that does what the test needs first. */
#include "tests/besterd/asker.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* $1: the socket's path, as besterd gives it; $2: the directory of the place. */
static void open_configured(void **state, const char *protocol, unsigned timeout_ms,
    const char *lines, const char *configuration)
{
    char more[200];
    snprintf(more, sizeof more, ",\"handlerBinary\":\"%%/program\",\"handlerArguments\":[\"%%\"]%s",
        configuration);
    assert_int_equal(asker_open(state, protocol, timeout_ms, more), 0);
    struct asker *self = *state;
    char *chat = built("handlers/chat");
    char text[1024];
    if (!chat) {
        asker_tear_down(state);
        skip(); /* built elsewhere; `make test` knows where */
    }
    snprintf(text, sizeof text, "chat=%s\n%s", chat, lines);
    place_script(&self->place, "program", text);
    place_gate(&self->place, "gate");
    free(chat);
}

static void open_with(void **state, const char *protocol, unsigned timeout_ms, const char *lines)
{
    open_configured(state, protocol, timeout_ms, lines, "");
}

static void close_after(void **state)
{
    asker_tear_down(state);
}

/* What the chat handler says to a question that it does not understand. */
static void expect_chat_answers(struct asker *self, uint64_t ticket)
{
    unsigned before = self->answer_count;
    assert_int_equal(ask(self, ticket, "\"?\""), STATUS_OK);
    RUN_UNTIL(self->loop, self->answer_count == before + 1);
    assert_int_equal(self->outcomes[ticket].answers, 1);
}

static pid_t program_id(struct asker *self)
{
    char text[32] = "";
    int fd = open(place_path(&self->place, "pid"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return (pid_t)strtol(text, NULL, 10);
}

#define CHAT "echo $$ >$2/pid; exec $chat $1"

static void test_started_at_the_start(void **state)
{
    open_with(state, "stream", 10000, CHAT);
    struct asker *self = *state;
    assert_false(handler_is_running(self->handler));
    handler_start(self->handler);
    RUN_UNTIL(self->loop, handler_is_running(self->handler));
    expect_chat_answers(self, 1);
    expect_outcomes(self, 1, 0);
    close_after(state);
}

static void test_started_by_a_question(void **state)
{
    open_with(state, "oneshot", 10000, CHAT);
    struct asker *self = *state;
    expect_chat_answers(self, 1);
    expect_outcomes(self, 1, 0);
    close_after(state);
}

static void test_one_that_listens_late(void **state)
{
    open_with(state, "stream", 10000, "read x <$2/gate; " CHAT);
    struct asker *self = *state;
    handler_start(self->handler);
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(ask(self, i, "\"?\""), STATUS_OK);
    run_for(self->loop, 0.1);
    expect_outcomes(self, 0, 0); /* they wait */
    place_open_gate(place_path(&self->place, "gate"));
    RUN_UNTIL(self->loop, self->answer_count == 20);
    close_after(state);
}

static void test_one_that_never_listens(void **state)
{
    open_with(state, "stream", 300, "read x <$2/gate");
    struct asker *self = *state;
    handler_start(self->handler);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_DOWN);
    assert_true(self->outcomes[1].at - self->outcomes[1].asked_at >= 0.299);
    close_after(state);
}

/* It crashes at once, again and again: a question waits for the next start as
 * long as that comes before its deadline, and is told as soon as it cannot. */
static void test_one_that_crashes_at_once(void **state)
{
    open_with(state, "stream", 6000, "echo x >>$2/starts; exit 3");
    struct asker *self = *state;
    struct stat starts;
    handler_start(self->handler);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->outcomes[1].data, "starts again in"));
    /* Pauses of 0.1, 0.2 and so on up to 3.2 s: the deadline is in the last of them, unless
     * the starts themselves take almost as long as all pauses. */
    assert_int_equal(stat(place_path(&self->place, "starts"), &starts), 0);
    assert_in_range(starts.st_size, 2, 12);
    close_after(state);
}

#define BREAKS ",\"breakerFailures\":2,\"breakerPauseMs\":3600000"

static bool is_broken(struct asker *self)
{
    return handler_condition(self->handler).breaker->open;
}

/* One that ends before it listens is not waited for any more; each new start is worth a
 * question. */
static void test_one_that_crashes_too_often(void **state)
{
    open_configured(state, "oneshot", 3600000, "read x <$2/gate; exit 3", BREAKS);
    struct asker *self = *state;
    handler_start(self->handler);
    for (unsigned i = 0; i < 2; i++) {
        RUN_UNTIL(self->loop, handler_is_running(self->handler));
        assert_false(is_broken(self));
        place_open_gate(place_path(&self->place, "gate"));
        RUN_UNTIL(self->loop, !handler_is_running(self->handler));
        ask(self, i + 1, "1"); /* so that it is started again */
    }
    assert_true(is_broken(self));
    assert_int_equal(ask(self, 10, "1"), STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->refusal, "its program ended before it listened"));
    handler_start(self->handler);
    RUN_UNTIL(self->loop, handler_is_running(self->handler));
    assert_int_equal(ask(self, 11, "1"), STATUS_OK);
    assert_int_equal(ask(self, 12, "1"), STATUS_HANDLER_DOWN);
    place_open_gate(place_path(&self->place, "gate"));
    close_after(state);
}

/* Nor is one that runs and never listens. */
static void test_one_that_never_listens_breaks(void **state)
{
    open_configured(state, "stream", 100, "read x <$2/gate", BREAKS);
    struct asker *self = *state;
    handler_start(self->handler);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
        RUN_UNTIL(self->loop, self->failure_count == i);
    }
    assert_int_equal(ask(self, 3, "1"), STATUS_HANDLER_DOWN);
    close_after(state);
}

static void test_one_that_crashes_on_a_question(void **state)
{
    /* With the gate's line it is the chat handler, and without one it dies. */
    open_with(state, "stream", 10000, "[ -e $2/good ] || { touch $2/good; exit 3; }; " CHAT);
    struct asker *self = *state;
    expect_chat_answers(self, 1); /* it was started a second time */
    close_after(state);
}

static void test_one_that_is_killed(void **state)
{
    open_with(state, "stream", 10000, CHAT);
    struct asker *self = *state;
    for (unsigned i = 1; i <= 3; i++) {
        expect_chat_answers(self, i);
        assert_int_equal(kill(program_id(self), SIGKILL), 0);
        RUN_UNTIL(self->loop, !handler_is_running(self->handler));
    }
    expect_outcomes(self, 3, 0);
    close_after(state);
}

static void test_one_that_is_stopped_and_goes_on(void **state)
{
    open_with(state, "stream", 3000, CHAT);
    struct asker *self = *state;
    handler_start(self->handler);
    expect_chat_answers(self, 1);
    assert_int_equal(kill(program_id(self), SIGSTOP), 0);
    for (unsigned i = 2; i <= 5; i++)
        assert_int_equal(ask(self, i, "\"?\""), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 4);
    for (unsigned i = 2; i <= 5; i++)
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_TIMEOUT);
    assert_int_equal(kill(program_id(self), SIGCONT), 0);
    expect_chat_answers(self, 6); /* and the late answers trouble nobody */
    expect_outcomes(self, 2, 4);
    close_after(state);
}

/* A socket that a dead program left behind. */
static void leave_a_stale_socket(struct asker *self)
{
    struct post post;
    post_unix(&post, self->loop, self->path, 1);
    post_close(&post);
}

static void test_a_stale_socket(void **state)
{
    static const char *const protocols[] = {"stream", "oneshot"};
    for (int i = 0; i < 2; i++) {
        open_with(state, protocols[i], 10000, "[ -e $1 ] && exit 4; " CHAT);
        struct asker *self = *state;
        leave_a_stale_socket(self);
        handler_start(self->handler);
        expect_chat_answers(self, 1);
        close_after(state);
    }
}

/* Whoever listens already is the handler; no program is started. */
static void test_somebody_listens_already(void **state)
{
    open_with(state, "stream", 10000, "touch $2/started");
    struct asker *self = *state;
    post_unix(&self->post, self->loop, self->path, 8);
    handler_start(self->handler);
    post_accept(&self->post, &self->far);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    handler_answers(&self->far, handler_reads(&self->far, "1"), "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_false(handler_is_running(self->handler));
    assert_int_not_equal(access(place_path(&self->place, "started"), F_OK), 0);
    close_after(state);
}

static void test_stopping(void **state)
{
    open_with(state, "stream", 10000, CHAT);
    struct asker *self = *state;
    handler_start(self->handler);
    expect_chat_answers(self, 1);
    handler_stop(self->handler);
    RUN_UNTIL(self->loop, self->end_count == 1);
    assert_false(handler_is_running(self->handler));
    run_for(self->loop, 0.15);
    assert_false(handler_is_running(self->handler));
    assert_int_equal(ask(self, 2, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[2].reason, STATUS_HANDLER_DOWN);
    close_after(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_started_at_the_start),
        cmocka_unit_test(test_started_by_a_question),
        cmocka_unit_test(test_one_that_listens_late),
        cmocka_unit_test(test_one_that_never_listens),
        cmocka_unit_test(test_one_that_crashes_at_once),
        cmocka_unit_test(test_one_that_crashes_too_often),
        cmocka_unit_test(test_one_that_never_listens_breaks),
        cmocka_unit_test(test_one_that_crashes_on_a_question),
        cmocka_unit_test(test_one_that_is_killed),
        cmocka_unit_test(test_one_that_is_stopped_and_goes_on),
        cmocka_unit_test(test_a_stale_socket),
        cmocka_unit_test(test_somebody_listens_already),
        cmocka_unit_test(test_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
