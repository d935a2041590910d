/* handler: connections that break, handlers that are not there and come again. */
#include "tests/besterd/asker.h"

static int set_up(void **state)
{
    return asker_set_up(state, "stream", 10000);
}

static void connect_far(struct asker *self)
{
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    post_accept(&self->post, &self->far);
}

static void test_nobody_listens(void **state)
{
    struct asker *self = *state;
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 3); /* at once, not at the deadline */
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_DOWN);
        assert_non_null(strstr(self->outcomes[i].data, "nobody answers"));
        assert_true(self->outcomes[i].at - self->outcomes[i].asked_at < 9);
    }
    expect_outcomes(self, 0, 3);
}

static void test_one_who_comes_later(void **state)
{
    struct asker *self = *state;
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    post_unix(&self->post, self->loop, self->path, 64);
    assert_int_equal(ask(self, 2, "2"), STATUS_OK); /* a question does not wait for the pause */
    post_accept(&self->post, &self->far);
    handler_answers(&self->far, handler_reads(&self->far, "2"), "\"status\":\"0\"", "2");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    expect_outcomes(self, 1, 1);
}

/* Connected before the first question, so that it need not wait. */
static void test_it_connects_by_itself(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_far(self);
    wire_hang_up(&self->far);
    post_accept(&self->post, &again);
    wire_close(&again);
}

/* The handler dies: what was with it fails, because it may have acted on it; what
 * was not sent yet is asked of its successor. */
static void test_death_in_the_middle_of_an_answer(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_far(self);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    const char *first = handler_reads(&self->far, "1");
    handler_answers(&self->far, first, "\"status\":\"0\"", "1");
    wire_send_bytes(&self->far, "\x20\x00\x00\x00{\"header\":", 14);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->answer_count + self->failure_count == 3);
    assert_int_equal(self->outcomes[1].answers, 1); /* given before it died */
    for (unsigned i = 2; i <= 3; i++)
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_DOWN);
    post_accept(&self->post, &again);
    assert_int_equal(ask(self, 4, "4"), STATUS_OK);
    handler_answers(&again, handler_reads(&again, "4"), "\"status\":\"0\"", "4");
    RUN_UNTIL(self->loop, self->answer_count == 2);
    expect_outcomes(self, 2, 2);
    wire_close(&again);
}

/* Answers that were given before the connection broke count, also when the first
 * we notice of the break is that we cannot write. */
static void test_answers_given_before_death_count(void **state)
{
    struct asker *self = *state;
    enum { COUNT = 500 };
    static char exchanges[COUNT][24];
    struct wire again;
    connect_far(self);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ask(self, i + 1, "%u", i), STATUS_OK);
    for (unsigned i = 0; i < COUNT; i++)
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->far, NULL));
    for (unsigned i = 0; i < COUNT; i++)
        handler_answers(&self->far, exchanges[i], "\"status\":\"0\"", "\"done\"");
    wire_hang_up(&self->far);
    assert_int_equal(ask(self, COUNT + 1, "1"), STATUS_OK);
    streams_flush(self->streams);                           /* writes before it reads */
    assert_int_equal(ask(self, COUNT + 2, "2"), STATUS_OK); /* for the next connection */
    post_accept(&self->post, &again);
    handler_answers(&again, handler_reads(&again, "2"), "\"status\":\"0\"", "\"done\"");
    RUN_UNTIL(self->loop, self->answer_count + self->failure_count == COUNT + 2);
    expect_outcomes(self, COUNT + 1, 1);
    assert_int_equal(self->outcomes[COUNT + 1].failures, 1);
    wire_close(&again);
}

static void ask_again(struct asker *self, uint64_t ticket)
{
    if (ticket < 100)
        assert_int_equal(ask(self, ticket + 100, "%u", (unsigned)ticket), STATUS_OK);
}

/* Whoever is told of a failure may ask anew at once; that is a question to the
 * next connection and does not die with this one. */
static void test_asking_anew_when_told_of_the_loss(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_far(self);
    self->at_failure = ask_again;
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    handler_reads(&self->far, "1");
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->failure_count == 3);
    post_accept(&self->post, &again);
    for (unsigned i = 1; i <= 3; i++) {
        char data[8];
        snprintf(data, sizeof data, "%u", i);
        handler_answers(&again, handler_reads(&again, data), "\"status\":\"0\"", data);
    }
    RUN_UNTIL(self->loop, self->answer_count == 3);
    expect_outcomes(self, 3, 3);
    wire_close(&again);
}

/* One that takes each connection and drops it: pauses grow. A timer is never
 * early, so each gap has a least length; how long it really is does not matter. */
static void test_pauses_between_connections_grow(void **state)
{
    struct asker *self = *state;
    struct wire caller;
    double before = 0;
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    for (int i = 0; i < 9; i++) {
        post_accept(&self->post, &caller);
        double at = ev_time();
        if (i > 1)
            assert_true(at - before >= 0.0008 * (1 << (i - 1)));
        before = at;
        wire_close(&caller);
    }
}

/* A handler whose queue of connections is full is there, and busy. */
static void test_a_full_queue_of_connections(void **state)
{
    struct asker *self = *state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int filler[2];
    snprintf(at.sun_path, sizeof at.sun_path, "%s", self->path);
    post_unix(&self->post, self->loop, self->path, 0);
    for (int i = 0; i < 2; i++) {
        filler[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&at, sizeof at);
    }
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    run_for(self->loop, 0.05);
    assert_int_equal(self->failure_count, 0);
    for (int i = 0; i < 2; i++) {
        struct wire caller;
        close(filler[i]);
        while (self->far.fd < 0 && post_accept_now(&self->post, &caller)) {
            char byte;
            /* The fillers have gone; ours is still there. */
            if (recv(caller.fd, &byte, 1, MSG_PEEK) == 0)
                wire_close(&caller);
            else
                self->far = caller;
        }
    }
    if (self->far.fd < 0)
        post_accept(&self->post, &self->far);
    handler_answers(&self->far, handler_reads(&self->far, "1"), "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
}

/* Freed with questions in every state: nobody is told, nothing leaks. */
static void test_freed_with_questions(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 50; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    handler_reads(&self->far, "1");
    for (unsigned i = 51; i <= 60; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    expect_outcomes(self, 0, 0);
}

static void test_a_path_that_is_too_long(void **state)
{
    struct asker *self = *state;
    struct config_handler config = self->config->handlers[0];
    char path[200];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    config.path = path;
    handler_free(self->handler);
    self->handler = handler_new(&config, &self->context);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_DOWN);
    handler_free(self->handler);
    self->handler = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asker_tear_down)
        TEST(test_nobody_listens),
        TEST(test_one_who_comes_later),
        TEST(test_it_connects_by_itself),
        TEST(test_death_in_the_middle_of_an_answer),
        TEST(test_answers_given_before_death_count),
        TEST(test_asking_anew_when_told_of_the_loss),
        TEST(test_pauses_between_connections_grow),
        TEST(test_a_full_queue_of_connections),
        TEST(test_freed_with_questions),
        TEST(test_a_path_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
