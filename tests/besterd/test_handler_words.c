/* handler: what it says without being asked is limited; it has to wait, and nothing is
 * lost. */
#include "tests/besterd/asker.h"

static int set_up_slow(void **state)
{
    return asker_open(state, "stream", 10000, ",\"wordsPerSecond\":20,\"wordBurst\":3");
}

static int set_up_few(void **state)
{
    return asker_open(state, "stream", 10000, ",\"wordsInFlight\":2,\"connections\":2");
}

static void connect_far(struct asker *self)
{
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    post_accept(&self->post, &self->far);
}

static void speak(struct wire *wire, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        wire_send(wire, "{\"header\":{" SEND_CLIENTS("[\"G\"]") "},\"data\":%u}", i);
}

static double pauses(const struct asker *self)
{
    return metrics_value(self->metrics, METRIC_WORD_PAUSES, handler_label(self->handler), 0);
}

static double words(const struct asker *self)
{
    return metrics_value(self->metrics, METRIC_WORDS, handler_label(self->handler), 0);
}

/* A burst at once, then one each 50 ms; timers are never early. The answer behind them
 * waits as well. */
static void test_the_rate(void **state)
{
    struct asker *self = *state;
    char exchange[64];
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    snprintf(exchange, sizeof exchange, "%s", handler_reads(&self->far, "1"));
    ev_now_update(self->loop);
    double began = ev_time();
    speak(&self->far, 9);
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->word_count >= 3);
    assert_int_equal(self->word_count, 3);
    assert_int_equal(self->answer_count, 0);
    assert_int_equal((int)pauses(self), 1);
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_true(ev_time() - began >= 0.05 * (9 - 3) - 0.005);
    assert_int_equal(self->word_count, 9);
    assert_int_equal((int)words(self), 9);
    assert_true(pauses(self) > 2);
}

/* What it says slowly is never held up. */
static void test_under_the_rate(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 6; i++) {
        speak(&self->far, 1);
        RUN_UNTIL(self->loop, self->word_count == i);
        run_for(self->loop, 0.06);
    }
    assert_int_equal((int)pauses(self), 0);
}

static void test_how_many_are_under_way(void **state)
{
    struct asker *self = *state;
    struct wire other;
    connect_far(self);
    post_accept(&self->post, &other);
    self->keeps_words = true;
    speak(&self->far, 5);
    RUN_UNTIL(self->loop, self->word_count >= 2);
    run_turns(self->loop, 5);
    assert_int_equal(self->word_count, 2);
    speak(&other, 2); /* its first is one too many, too */
    RUN_UNTIL(self->loop, self->word_count >= 3);
    run_turns(self->loop, 5);
    assert_int_equal(self->word_count, 3);
    handler_word_ends(self->handler); /* two still are */
    run_turns(self->loop, 5);
    assert_int_equal(self->word_count, 3);
    for (unsigned ended = 2; ended <= 7; ended++) {
        handler_word_ends(self->handler);
        RUN_UNTIL(self->loop, self->word_count >= (ended + 2 < 7 ? ended + 1 : 7));
    }
    run_turns(self->loop, 5);
    assert_int_equal(self->word_count, 7);
    wire_close(&other);
}

/* A connection that is new is read from, whatever held the one before it. */
static void test_a_new_connection(void **state)
{
    struct asker *self = *state;
    struct wire other;
    connect_far(self);
    post_accept(&self->post, &other);
    self->keeps_words = true;
    speak(&self->far, 2);
    RUN_UNTIL(self->loop, self->word_count == 2);
    assert_int_equal((int)pauses(self), 1);
    handler_word_ends(self->handler);
    handler_word_ends(self->handler);
    wire_hang_up(&self->far);
    wire_close(&self->far);
    post_accept(&self->post, &self->far);
    speak(&self->far, 1);
    RUN_UNTIL(self->loop, self->word_count == 3);
    handler_word_ends(self->handler);
    wire_close(&other);
}

/* Who is freed with words under way is there until they are over. */
static void test_freed_with_words(void **state)
{
    struct asker *self = *state;
    struct wire other;
    connect_far(self);
    post_accept(&self->post, &other);
    self->keeps_words = true;
    speak(&self->far, 3);
    RUN_UNTIL(self->loop, self->word_count == 2);
    struct handler *handler = self->handler;
    handler_free(handler);
    handler_word_ends(handler);
    handler_word_ends(handler);
    self->handler = NULL;
    wire_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name, open) cmocka_unit_test_setup_teardown(name, open, asker_tear_down)
        TEST(test_the_rate, set_up_slow),
        TEST(test_under_the_rate, set_up_slow),
        TEST(test_how_many_are_under_way, set_up_few),
        TEST(test_a_new_connection, set_up_few),
        TEST(test_freed_with_words, set_up_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
