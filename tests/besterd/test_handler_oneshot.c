/* handler: one-shot, the reference's way: a connection for each question. */
#include "tests/besterd/asker.h"

enum { CONNECTIONS = 4 }; /* as asker_open configures */

static int set_up(void **state)
{
    int status = asker_set_up(state, "oneshot", 10000);
    struct asker *self = *state;
    post_unix(&self->post, self->loop, self->path, 64);
    return status;
}

static int set_up_hasty(void **state)
{
    int status = asker_set_up(state, "oneshot", 1000);
    struct asker *self = *state;
    post_unix(&self->post, self->loop, self->path, 64);
    return status;
}

static int set_up_unattended(void **state)
{
    return asker_set_up(state, "oneshot", 10000);
}

/* Takes the next connection and reads its question. */
static void take(struct asker *self, struct wire *wire, const char *data)
{
    post_accept(&self->post, wire);
    char *text = wire_read_payload(wire, NULL);
    assert_non_null(text);
    if (data)
        assert_string_equal(text, data);
    free(text);
}

#define ANSWER "{\"header\":{" SEND_CLIENTS("[\"G\"]") "},\"data\":%s}"

static void test_a_question_is_its_data_alone(void **state)
{
    struct asker *self = *state;
    assert_int_equal(ask(self, 1, "{ \"as\" : [\"it\", 1.0] }"), STATUS_OK);
    take(self, &self->far, "{ \"as\" : [\"it\", 1.0] }"); /* byte for byte */
    wire_send(&self->far, ANSWER, "7");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_string_equal(self->outcomes[1].data, "7");
    wire_expect_end(&self->far);
    expect_outcomes(self, 1, 0);
}

static void test_no_probe(void **state)
{
    struct asker *self = *state;
    struct wire caller;
    handler_start(self->handler);
    run_turns(self->loop, 5);
    assert_false(post_accept_now(&self->post, &caller));
}

/* Never more connections at once than allowed, and all get their turn. */
static void test_a_bounded_number_at_once(void **state)
{
    struct asker *self = *state;
    enum { COUNT = 100 };
    struct wire open[CONNECTIONS + 1];
    unsigned open_count = 0, answered = 0;
    for (unsigned i = 1; i <= COUNT; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    while (answered < COUNT) {
        while (post_accept_now(&self->post, &open[open_count])) {
            open_count++;
            assert_in_range(open_count, 1, CONNECTIONS);
        }
        if (open_count == 0) {
            run_turns(self->loop, 1);
            continue;
        }
        struct wire *wire = &open[answered * 7 % open_count]; /* not in order */
        char *data = wire_read_payload(wire, NULL);
        wire_send(wire, ANSWER, data);
        free(data);
        answered++;
        RUN_UNTIL(self->loop, self->answer_count == answered);
        wire_expect_end(wire);
        wire_close(wire);
        *wire = open[--open_count];
    }
    for (unsigned i = 1; i <= COUNT; i++)
        assert_int_equal(strtoul(self->outcomes[i].data, NULL, 10), i);
    expect_outcomes(self, COUNT, 0);
}

/* The reference's handlers take one connection after the other and listen for
 * few: those who find the queue full wait, they do not fail. */
static void test_a_handler_that_listens_for_one(void **state)
{
    struct asker *self = *state;
    post_close(&self->post);
    unlink(self->path);
    post_unix(&self->post, self->loop, self->path, 0);
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(ask(self, i, "%u", i), STATUS_OK);
    run_turns(self->loop, 10);
    for (unsigned i = 1; i <= 20; i++) {
        take(self, &self->far, NULL);
        wire_send(&self->far, ANSWER, "1");
        wire_expect_end(&self->far);
        wire_close(&self->far);
    }
    RUN_UNTIL(self->loop, self->answer_count == 20);
    expect_outcomes(self, 20, 0);
}

static void test_wrong_answers(void **state)
{
    struct asker *self = *state;
    static const struct {
        const char *bytes;
        size_t len;
        enum status reason;
    } rows[] = {
#define BYTES(text) text, sizeof(text) - 1
        {BYTES("\x03\0\0\0{,}"), STATUS_BAD_REPLY},
        {BYTES("\x00\0\0\0"), STATUS_BAD_REPLY},
        {BYTES("\x02\0\0\0[]"), STATUS_BAD_REPLY},
        {BYTES("\xff\xff\xff\xff"), STATUS_BAD_REPLY},
        {BYTES("HTTP/1.0 400 Bad Request\r\n"), STATUS_BAD_REPLY},
        {BYTES(""), STATUS_HANDLER_DOWN},
        {BYTES("\x02\0"), STATUS_HANDLER_DOWN},
        {BYTES("\x20\0\0\0{\"header\":"), STATUS_HANDLER_DOWN},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ask(self, i + 1, "1"), STATUS_OK);
        take(self, &self->far, NULL);
        wire_send_bytes(&self->far, rows[i].bytes, rows[i].len);
        wire_close(&self->far);
        RUN_UNTIL(self->loop, self->failure_count == i + 1);
        assert_int_equal(self->outcomes[i + 1].reason, rows[i].reason);
    }
    expect_outcomes(self, 0, sizeof rows / sizeof rows[0]);
}

static void test_two_answers(void **state)
{
    struct asker *self = *state;
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    take(self, &self->far, NULL);
    wire_send(&self->far, ANSWER, "1");
    wire_send(&self->far, ANSWER, "2");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    assert_string_equal(self->outcomes[1].data, "1");
    expect_outcomes(self, 1, 0);
}

/* A handler that answers and leaves before it has read all: it has answered. */
static void test_an_answer_before_the_question_is_read(void **state)
{
    static char much[800001];
    struct asker *self = *state;
    memset(much, '8', sizeof much - 1);
    assert_int_equal(ask(self, 1, "%s", much), STATUS_OK);
    post_accept(&self->post, &self->far);
    wire_await(&self->far, EV_READ);
    assert_true(wire_take(&self->far, 10));
    wire_send(&self->far, ANSWER, "\"enough\"");
    wire_close(&self->far);
    RUN_UNTIL(self->loop, self->answer_count + self->failure_count == 1);
    assert_string_equal(self->outcomes[1].data, "\"enough\"");
    expect_outcomes(self, 1, 0);
}

static void test_a_hang_costs_its_own(void **state)
{
    struct asker *self = *state;
    struct wire hung;
    assert_int_equal(ask(self, 1, "1"), STATUS_OK);
    take(self, &hung, "1");
    assert_int_equal(ask(self, 2, "2"), STATUS_OK);
    take(self, &self->far, "2");
    wire_send(&self->far, ANSWER, "2");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_TIMEOUT);
    wire_expect_end(&hung); /* and the connection is closed */
    wire_close(&hung);
    expect_outcomes(self, 1, 1);
}

/* All connections hang: those that wait for one are told the same. */
static void test_all_hang(void **state)
{
    struct asker *self = *state;
    for (unsigned i = 1; i <= CONNECTIONS + 3; i++)
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == CONNECTIONS + 3);
    for (unsigned i = 1; i <= CONNECTIONS + 3; i++)
        assert_int_equal(self->outcomes[i].reason, STATUS_HANDLER_TIMEOUT);
    expect_outcomes(self, 0, CONNECTIONS + 3);
}

static void test_nobody_listens(void **state)
{
    struct asker *self = *state;
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
    RUN_UNTIL(self->loop, self->failure_count == 10);
    assert_int_equal(self->outcomes[1].reason, STATUS_HANDLER_DOWN);
    post_unix(&self->post, self->loop, self->path, 64);
    assert_int_equal(ask(self, 11, "11"), STATUS_OK);
    take(self, &self->far, "11");
    wire_send(&self->far, ANSWER, "1");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    expect_outcomes(self, 1, 10);
}

static void test_freed_with_questions(void **state)
{
    struct asker *self = *state;
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(ask(self, i, "1"), STATUS_OK);
    take(self, &self->far, NULL);
    expect_outcomes(self, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asker_tear_down)
#define HASTY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hasty, asker_tear_down)
        TEST(test_a_question_is_its_data_alone),
        TEST(test_no_probe),
        TEST(test_a_bounded_number_at_once),
        TEST(test_a_handler_that_listens_for_one),
        TEST(test_wrong_answers),
        TEST(test_two_answers),
        TEST(test_an_answer_before_the_question_is_read),
        HASTY_TEST(test_a_hang_costs_its_own),
        HASTY_TEST(test_all_hang),
        cmocka_unit_test_setup_teardown(test_nobody_listens, set_up_unattended, asker_tear_down),
        TEST(test_freed_with_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
