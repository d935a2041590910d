/* handler: one that fails again and again is asked no more, until it answers or is there
 * again. breaker's own tests are in test_breaker.c. */
#include "tests/besterd/asker.h"

enum { PAUSE_MS = 60, FAR_MS = 3600000 };

static struct origin *origins[2]; /* of T and of G */

static int open_with(void **state, const char *protocol, unsigned timeout_ms, unsigned pause_ms)
{
    char more[100];
    snprintf(more, sizeof more, ",\"breakerFailures\":3,\"breakerPauseMs\":%u", pause_ms);
    int result = asker_open(state, protocol, timeout_ms, more);
    struct asker *self = *state;
    origins[0] = self->origin;
    origins[1] = origin_new_client("G", "S1");
    return result;
}

static int set_up(void **state)
{
    return open_with(state, "stream", 10000, FAR_MS);
}

static int set_up_quick(void **state)
{
    return open_with(state, "stream", 10000, PAUSE_MS);
}

static int set_up_hasty(void **state)
{
    return open_with(state, "stream", 200, FAR_MS);
}

static int set_up_oneshot(void **state)
{
    return open_with(state, "oneshot", 10000, FAR_MS);
}

static int tear_down(void **state)
{
    struct asker *self = *state;
    self->origin = origins[0];
    origin_unref(origins[1]);
    return asker_tear_down(state);
}

static void connect_far(struct asker *self)
{
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    post_accept(&self->post, &self->far);
}

static enum status ask_of(struct asker *self, int user, uint64_t ticket)
{
    self->origin = origins[user];
    self->asker = (uint64_t)user + 1;
    return ask(self, ticket, "%u", (unsigned)ticket);
}

static bool is_open(const struct asker *self)
{
    return handler_condition(self->handler).breaker->open;
}

static double opened(const struct asker *self)
{
    return metrics_value(self->metrics, METRIC_BREAKER_OPENS, handler_label(self->handler), 0);
}

static void answer(struct asker *self, const char *exchange)
{
    unsigned before = self->answer_count;
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == before + 1);
}

static void refuse_sense(struct asker *self)
{
    unsigned before = self->failure_count;
    handler_reads(&self->far, NULL);
    wire_send(&self->far, "garbage");
    RUN_UNTIL(self->loop, self->failure_count == before + 1);
}

/* Three in a row, of both users. */
static void break_it(struct asker *self)
{
    for (unsigned i = 0; i < 3; i++) {
        assert_false(is_open(self));
        assert_int_equal(ask_of(self, (int)i % 2, 10000 + i), STATUS_OK);
        refuse_sense(self);
        self->outcomes[10000 + i].failures = 0;
    }
    assert_true(is_open(self));
}

static void test_refused_at_once(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    assert_int_equal(ask_of(self, 0, 1), STATUS_OK); /* before */
    char exchange[64];
    snprintf(exchange, sizeof exchange, "%s", handler_reads(&self->far, "1"));
    for (unsigned i = 2; i <= 4; i++) {
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
        wire_send(&self->far, "{\"header\":{\"exchange\":\"%s\"},\"header\":{}}",
            handler_reads(&self->far, NULL));
        RUN_UNTIL(self->loop, self->failure_count == i - 1);
        assert_int_equal(self->outcomes[i].reason, STATUS_BAD_REPLY);
    }
    for (unsigned i = 5; i < 8; i++)
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_HANDLER_DOWN);
    assert_ptr_equal(strstr(self->refusal, "chat: not asked since 2"), self->refusal);
    assert_non_null(strstr(self->refusal, "after 3 failures in a row, the last: "));
    assert_int_equal((int)opened(self), 1);
    answer(self, exchange); /* what was asked before counts */
    assert_false(is_open(self));
    assert_int_equal(ask_of(self, 0, 9), STATUS_OK);
    answer(self, handler_reads(&self->far, "9"));
}

static void test_an_answer_in_between(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(ask_of(self, (int)i % 2, i + 1), STATUS_OK);
        if (i % 3 < 2)
            refuse_sense(self);
        else
            answer(self, handler_reads(&self->far, NULL));
    }
    assert_int_equal((int)opened(self), 0);
}

/* A refusal is an answer; nonsense that is well formed is not. */
static void test_refusals_and_nonsense(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 6; i++) {
        unsigned before = self->answer_count;
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
        handler_answers(&self->far, handler_reads(&self->far, NULL), "\"status\":\"1\"", "null");
        RUN_UNTIL(self->loop, self->answer_count == before + 1);
    }
    assert_int_equal((int)opened(self), 0);
    self->is_nonsense = true;
    for (unsigned i = 11; i <= 13; i++) {
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
        answer(self, handler_reads(&self->far, NULL));
    }
    assert_int_equal((int)opened(self), 1);
}

static void test_one_user_alone(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(ask_of(self, 0, i), STATUS_OK);
        refuse_sense(self);
    }
    self->asker = 77; /* in another session */
    self->origin = origins[0];
    assert_int_equal(ask(self, 4, "4"), STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->refusal, "at what you sent"));
    assert_int_equal(ask_of(self, 1, 5), STATUS_OK);
    answer(self, handler_reads(&self->far, "5"));
    assert_int_equal(ask_of(self, 0, 6), STATUS_OK);
    answer(self, handler_reads(&self->far, "6"));
}

static void test_the_probe(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    break_it(self);
    unsigned long refused = 0;
    double began = ev_time();
    while (ask_of(self, 0, 1) == STATUS_HANDLER_DOWN) { /* until the pause is over */
        refused++;
        run_turns(self->loop, 1);
    }
    assert_true(ev_time() - began >= PAUSE_MS / 1000.0 - 0.05);
    for (unsigned i = 2; i < 10; i++) /* one is enough */
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_HANDLER_DOWN);
    assert_true(refused > 0);
    refuse_sense(self);
    assert_int_equal(ask_of(self, 1, 2), STATUS_HANDLER_DOWN);
    while (ask_of(self, 1, 2) == STATUS_HANDLER_DOWN)
        run_turns(self->loop, 1);
    answer(self, handler_reads(&self->far, "2"));
    assert_false(is_open(self));
    assert_int_equal((int)opened(self), 1);
}

/* Those that wait when it is opened are told as well; those that are with it may still
 * be answered. */
static void test_timeouts(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 3);
    assert_true(is_open(self));
    assert_int_equal(ask_of(self, 0, 4), STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->refusal, "the last: no reply in 200 ms"));
}

static int set_up_narrow(void **state)
{
    int result = asker_open(state, "stream", 10000,
        ",\"breakerFailures\":3,\"breakerPauseMs\":3600000,\"pipelined\":4");
    struct asker *self = *state;
    origins[0] = self->origin;
    origins[1] = origin_new_client("G", "S1");
    return result;
}

static void test_those_that_wait(void **state)
{
    struct asker *self = *state;
    char exchanges[4][64];
    connect_far(self);
    for (unsigned i = 1; i <= 7; i++)
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
    for (unsigned i = 0; i < 4; i++)
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->far, NULL));
    /* Each makes room for one more; the third opens the breaker. */
    for (unsigned i = 0; i < 3; i++)
        wire_send(&self->far, "{\"header\":{\"exchange\":\"%s\"},\"header\":{}}", exchanges[i]);
    RUN_UNTIL(self->loop, self->failure_count >= 4);
    assert_int_equal(self->outcomes[7].reason, STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->outcomes[7].data, "3 failures in a row"));
    expect_outcomes(self, 0, 4);
    answer(self, exchanges[3]);
    assert_false(is_open(self));
}

/* A connection that breaks is one failure, however many questions were on it, and none
 * if there were none. */
static void test_lost_connections(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned k = 0; k < 3; k++) {
        assert_int_equal((int)opened(self), 0);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(ask_of(self, (int)i % 2, k * 10 + i + 1), STATUS_OK);
        handler_reads(&self->far, NULL);
        wire_hang_up(&self->far);
        RUN_UNTIL(self->loop, self->failure_count == (k + 1) * 10);
        wire_close(&self->far);
        post_accept(&self->post, &self->far);
        wire_close(&self->far); /* with nothing on it */
        post_accept(&self->post, &self->far);
    }
    assert_int_equal((int)opened(self), 1);
    /* Of both users: it is for everybody. */
    assert_true(handler_condition(self->handler).breaker->who == 0);
    assert_false(is_open(self)); /* it was connected again */
    assert_int_equal(ask_of(self, 0, 100), STATUS_OK);
    handler_reads(&self->far, NULL);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, opened(self) > 1); /* and has to prove itself */
}

/* Who is not there is called at each question all the same: that costs nothing. */
static void test_one_who_is_away(void **state)
{
    struct asker *self = *state;
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(ask_of(self, (int)i % 2, i), STATUS_OK);
        RUN_UNTIL(self->loop, self->failure_count == i);
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_DOWN);
    }
    assert_true(is_open(self));
    post_unix(&self->post, self->loop, self->path, 64);
    assert_int_equal(ask_of(self, 0, 6), STATUS_OK);
    post_accept(&self->post, &self->far);
    RUN_UNTIL(self->loop, self->far.fd >= 0);
    wire_close(&self->far);
}

static void test_a_stream_that_is_back(void **state)
{
    struct asker *self = *state;
    test_one_who_is_away(state);
    post_accept(&self->post, &self->far); /* by itself */
    RUN_UNTIL(self->loop, !is_open(self));
    assert_int_equal(ask_of(self, 0, 7), STATUS_OK);
    answer(self, handler_reads(&self->far, "7"));
}

/* ---- how it is ---- */

static void expect_state(struct asker *self, enum handler_state state, double *since_s)
{
    struct handler_condition condition = handler_condition(self->handler);
    assert_int_equal(condition.state, state);
    assert_true(condition.since_s >= *since_s);
    *since_s = condition.since_s;
}

static void test_the_state_and_its_beginning(void **state)
{
    struct asker *self = *state;
    double since_s = 1;
    expect_state(self, HANDLER_DOWN, &since_s);
    double down_s = since_s;
    connect_far(self);
    expect_state(self, HANDLER_UP, &since_s);
    assert_true(since_s > down_s);
    double up_s = since_s;
    assert_int_equal(handler_condition(self->handler).connections, 1);
    assert_null(handler_condition(self->handler).failed_why);
    run_turns(self->loop, 3);
    expect_state(self, HANDLER_UP, &since_s);
    assert_true(since_s == up_s); /* looking does not begin it anew */
    assert_int_equal(ask_of(self, 0, 1), STATUS_OK);
    refuse_sense(self);
    assert_true(handler_condition(self->handler).failed_s >= up_s);
    assert_int_equal(ask_of(self, 0, 2), STATUS_OK);
    answer(self, handler_reads(&self->far, "2"));
    assert_non_null(handler_condition(self->handler).failed_why); /* whatever came after it */
    assert_int_equal(handler_condition(self->handler).breaker->failures, 0);
    post_close(&self->post);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, handler_condition(self->handler).state == HANDLER_DOWN);
    expect_state(self, HANDLER_DOWN, &since_s);
    assert_true(since_s > up_s);
}

/* A path that is cut where a character is not: what is told is UTF-8 all the same. */
static void test_what_is_told_is_text(void **state)
{
    struct asker *self = *state;
    struct config_handler config = self->config->handlers[0];
    char path[96] = "/";
    for (size_t i = 1; i + 2 < sizeof path; i += 2)
        memcpy(path + i, "\xc3\xa9", 3);
    for (size_t shift = 0; shift < 2; shift++) {
        config.path = path + shift;
        path[shift] = '/';
        handler_free(self->handler);
        self->handler = handler_new(&config, &self->context);
        assert_int_equal(ask_of(self, 0, shift + 1), STATUS_OK);
        RUN_UNTIL(self->loop, self->failure_count == shift + 1);
        json_t *json = json_string(handler_condition(self->handler).failed_why);
        assert_non_null(json);
        json_decref(json);
    }
    handler_free(self->handler);
    self->handler = NULL;
}

/* ---- one-shot ---- */

static void take(struct asker *self, const char *reply)
{
    post_accept(&self->post, &self->far);
    json_decref(wire_read(&self->far));
    if (reply)
        wire_send(&self->far, "%s", reply);
    unsigned before = self->answer_count + self->failure_count;
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->answer_count + self->failure_count > before);
    wire_close(&self->far);
}

static void test_oneshot(void **state)
{
    static const char *const replies[] = {NULL, "garbage", NULL};
    struct asker *self = *state;
    post_unix(&self->post, self->loop, self->path, 64);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask_of(self, (int)i % 2, i + 1), STATUS_OK);
        take(self, replies[i]);
    }
    assert_true(is_open(self));
    assert_int_equal(ask_of(self, 0, 4), STATUS_HANDLER_DOWN);
    assert_non_null(strstr(self->refusal, "closed the connection without an answer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name, open) cmocka_unit_test_setup_teardown(name, open, tear_down)
        TEST(test_refused_at_once, set_up),
        TEST(test_an_answer_in_between, set_up),
        TEST(test_refusals_and_nonsense, set_up),
        TEST(test_one_user_alone, set_up),
        TEST(test_the_probe, set_up_quick),
        TEST(test_timeouts, set_up_hasty),
        TEST(test_those_that_wait, set_up_narrow),
        TEST(test_lost_connections, set_up),
        TEST(test_one_who_is_away, set_up_oneshot),
        TEST(test_a_stream_that_is_back, set_up),
        TEST(test_the_state_and_its_beginning, set_up),
        TEST(test_what_is_told_is_text, set_up),
        TEST(test_oneshot, set_up_oneshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
