/* handler: a handler that stays connected. Each question comes back exactly
 * once, whatever the handler does; one-shot is in test_handler_oneshot.c,
 * programs that we start in test_handler_program.c. */
#include "tests/besterd/asker.h"

static int set_up(void **state)
{
    return asker_open(state, "stream", 5000, ",\"breakerFailures\":0");
}

static int set_up_hasty(void **state)
{
    return asker_set_up(state, "stream", 1000);
}

/* The other end of the connection that the handler under test makes. */
static void connect_far(struct asker *self)
{
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    post_accept(&self->post, &self->far);
}

/* ---- questions and answers ---- */

static void test_a_question_and_its_answer(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    assert_int_equal(ask(self, 7, "{ \"to\": [1, 2.50] }"), STATUS_OK);
    json_t *question = wire_read(&self->far);
    json_must_cover(question,
        "{\"header\":{\"origin\":{\"user\":\"T\",\"server\":\"S1\",\"scope\":\"client\","
        "\"authenticated\":true},\"id\":\"m7\",\"deadlineMs\":5000},"
        "\"payload\":{\"type\":\"chat\",\"data\":{\"to\":[1,2.50]}}}");
    const char *exchange =
        json_string_value(json_object_get(json_object_get(question, "header"), "exchange"));
    handler_answers(&self->far, exchange, SEND_CLIENTS("[\"G\"]"), "[7]");
    json_decref(question);
    RUN_UNTIL(self->loop, self->outcomes[7].answers == 1);
    assert_string_equal(self->outcomes[7].data, "[7]");
    expect_outcomes(self, 1, 0);
}

static void test_answers_in_any_order(void **state)
{
    struct asker *self = *state;
    enum { COUNT = 5000 };
    static char exchanges[COUNT][24];
    connect_far(self);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ask(self, i + 1, "%u", i), STATUS_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        char data[16];
        snprintf(data, sizeof data, "%u", i);
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->far, data));
    }
    for (unsigned k = 0; k < COUNT; k++) { /* 1789 and COUNT share no factor */
        unsigned i = k * 1789 % COUNT;
        char data[16];
        snprintf(data, sizeof data, "%u", i);
        handler_answers(&self->far, exchanges[i], "\"status\":\"0\"", data);
    }
    RUN_UNTIL(self->loop, self->answer_count == COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(self->outcomes[i + 1].answers, 1);
        assert_int_equal(strtoul(self->outcomes[i + 1].data, NULL, 10), i);
    }
    expect_outcomes(self, COUNT, 0);
}

static void test_an_answer_given_twice(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    char exchange[64];
    snprintf(exchange, sizeof exchange, "%s", handler_reads(&self->far, "1"));
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "\"first\"");
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "\"second\"");
    assert_int_equal(ask(self, 2, "2"), STATUS_OK);
    const char *other = handler_reads(&self->far, "2");
    assert_string_not_equal(other, exchange);
    handler_answers(&self->far, other, "\"status\":\"0\"", "\"third\"");
    RUN_UNTIL(self->loop, self->answer_count == 2);
    assert_string_equal(self->outcomes[1].data, "\"first\"");
    assert_string_equal(self->outcomes[2].data, "\"third\"");
    expect_outcomes(self, 2, 0);
}

static void test_answers_to_nothing(void **state)
{
    static const char *const exchanges[] = {
        "\"0\"", "\"2\"", "\"99999\"", "\"18446744073709551615\"", "4294967297", "\"4294967297\""};
    struct asker *self = *state;
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    const char *exchange = handler_reads(&self->far, "1");
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++)
        wire_send(&self->far, "{\"header\":{\"exchange\":%s,\"status\":\"0\"},\"data\":\"no\"}",
            exchanges[i]);
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "\"yes\"");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_string_equal(self->outcomes[1].data, "\"yes\"");
    expect_outcomes(self, 1, 0);
}

/* An exchange may come back as a number, too. */
static void test_an_exchange_as_a_number(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    wire_send(&self->far, "{\"header\":{\"exchange\":%s,\"status\":\"0\"},\"data\":5}",
        handler_reads(&self->far, "1"));
    RUN_UNTIL(self->loop, self->answer_count == 1);
}

static void test_the_handler_speaks_first(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    wire_send(&self->far, "{\"header\":{" SEND_CLIENTS("[\"G\"]") "},\"data\":1}");
    RUN_UNTIL(self->loop, self->word_count == 1);
    wire_send(&self->far, "{\"header\":{\"status\":\"0\",\"commands\":[]},\"data\":1}");
    RUN_UNTIL(self->loop, self->word_count == 2);
    expect_outcomes(self, 0, 0);
}

static void test_too_many_questions(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    unsigned limit = self->config->limits.in_flight_per_handler;
    for (unsigned i = 1; i <= 2 * limit; i++) {
        assert_int_equal(handler_is_full(self->handler, self->asker), i > limit);
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
    }
    assert_int_equal(ask(self, 2 * limit + 1, "1"), STATUS_OVERLOADED);
    handler_answers(&self->far, handler_reads(&self->far, NULL), "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_int_equal(ask(self, 2 * limit + 1, "1"), STATUS_OK);
}

/* ---- garbage ---- */

static void test_garbage_that_can_be_for_one_only(void **state)
{
    static const char *const garbage[] = {"", "x", "[]", "{\"header\":", "{}", "\xff\xfe",
        "{\"header\":{}}", "{\"header\":{},\"header\":{}}", "{\"header\":{\"exchange\":\"x\"}}",
        "{\"header\":{\"exchange\":-1}}", "{\"header\":{\"exchange\":null}}"};
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        assert_int_equal(ask(self, i + 1, "1"), STATUS_OK);
        handler_reads(&self->far, NULL);
        wire_send(&self->far, "%s", garbage[i]);
        RUN_UNTIL(self->loop, self->failure_count == i + 1);
        assert_int_equal(self->outcomes[i + 1].reason, STATUS_BAD_REPLY);
    }
    /* The connection is as good as before. */
    assert_int_equal(ask(self, 100, "1"), STATUS_OK);
    handler_answers(&self->far, handler_reads(&self->far, NULL), "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
}

static void test_garbage_that_says_whose_it_is(void **state)
{
    struct asker *self = *state;
    char first[64];
    connect_far(self);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    snprintf(first, sizeof first, "%s", handler_reads(&self->far, "1"));
    const char *second = handler_reads(&self->far, "2");
    wire_send(
        &self->far, "{\"header\":{\"exchange\":\"%s\",\"status\":\"0\"},\"data\":[1,}", second);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[2].reason, STATUS_BAD_REPLY);
    handler_answers(&self->far, first, "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    expect_outcomes(self, 1, 1);
}

/* Of several that it may be for, those that get no answer will say badReply. */
static void test_garbage_for_one_of_several(void **state)
{
    struct asker *self = *state;
    char exchanges[3][64];
    connect_far(self);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask(self, i + 1, "%u", i), STATUS_OK);
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->far, NULL));
    }
    wire_send(&self->far, "garbage");
    handler_answers(&self->far, exchanges[2], "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_int_equal(ask(self, 4, "4"), STATUS_OK); /* asked later: it cannot be for this */
    RUN_UNTIL(self->loop, self->failure_count == 3);
    assert_int_equal(self->outcomes[1].reason, STATUS_BAD_REPLY);
    assert_int_equal(self->outcomes[2].reason, STATUS_BAD_REPLY);
    assert_int_equal(self->outcomes[4].reason, STATUS_HANDLER_TIMEOUT);
    expect_outcomes(self, 1, 3);
}

static void test_a_frame_that_is_too_large(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    assert_int_equal(ask(self, 2, "2"), STATUS_OK);
    handler_reads(&self->far, "1");
    wire_send_bytes(&self->far, "\xff\xff\xff\x7f", 4);
    RUN_UNTIL(self->loop, self->failure_count == 2);
    assert_int_equal(self->outcomes[1].reason, STATUS_BAD_REPLY);
    assert_int_equal(self->outcomes[2].reason, STATUS_BAD_REPLY);
    post_accept(&self->post, &again); /* a new connection for what comes next */
    assert_int_equal(ask(self, 3, "3"), STATUS_OK);
    handler_answers(&again, handler_reads(&again, "3"), "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    wire_close(&again);
}

/* ---- deadlines ---- */

static void test_a_late_answer(void **state)
{
    struct asker *self = *state;
    char exchange[64];
    connect_far(self);
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    snprintf(exchange, sizeof exchange, "%s", handler_reads(&self->far, "1"));
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_TIMEOUT);
    assert_string_equal(self->outcomes[1].data, "chat: no reply in 1000 ms");
    handler_answers(&self->far, exchange, "\"status\":\"0\"", "1");
    assert_int_equal(ask(self, 2, "2"), STATUS_OK);
    handler_answers(&self->far, handler_reads(&self->far, "2"), "\"status\":\"0\"", "2");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_string_equal(self->outcomes[2].data, "2");
    expect_outcomes(self, 1, 1);
}

static void test_deadlines_in_the_order_asked(void **state)
{
    struct asker *self = *state;
    connect_far(self);
    for (unsigned i = 1; i <= 40; i++) {
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
        run_for(self->loop, 0.0005);
    }
    RUN_UNTIL(self->loop, self->failure_count == 40);
    for (unsigned i = 1; i <= 40; i++) {
        assert_int_equal(self->outcomes[i].place, i);
        assert_true(self->outcomes[i].at - self->outcomes[i].asked_at >= 0.999);
    }
    expect_outcomes(self, 0, 40);
}

/* A handler that reads nothing: what cannot even be written to it times out like
 * the rest. It is there, and silent. */
static void test_a_handler_that_reads_nothing(void **state)
{
    struct asker *self = *state;
    static char text[200001];
    connect_far(self);
    memset(text, '7', sizeof text - 1);
    for (unsigned i = 1; i <= 300; i++)
        assert_int_equal(ask(self, i, "%s", text), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 300);
    for (unsigned i = 1; i <= 300; i++)
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_TIMEOUT);
    expect_outcomes(self, 0, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asker_tear_down)
#define HASTY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hasty, asker_tear_down)
        TEST(test_a_question_and_its_answer),
        TEST(test_answers_in_any_order),
        TEST(test_an_answer_given_twice),
        TEST(test_answers_to_nothing),
        TEST(test_an_exchange_as_a_number),
        TEST(test_the_handler_speaks_first),
        TEST(test_too_many_questions),
        TEST(test_garbage_that_can_be_for_one_only),
        TEST(test_garbage_that_says_whose_it_is),
        HASTY_TEST(test_garbage_for_one_of_several),
        TEST(test_a_frame_that_is_too_large),
        HASTY_TEST(test_a_late_answer),
        HASTY_TEST(test_deadlines_in_the_order_asked),
        HASTY_TEST(test_a_handler_that_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
