/* handler: several connections to one handler, how many questions are with it on each,
 * and whose come first. */
#include "tests/besterd/asker.h"

enum { LINES = 3 };

/* The far ends of the connections, in the order in which they were made. */
static struct wire ends[LINES + 2];

static int open_pool(void **state, const char *more)
{
    return asker_open(state, "stream", 10000, more);
}

static int set_up(void **state)
{
    return open_pool(state, ",\"connections\":3");
}

static int set_up_one(void **state)
{
    return open_pool(state, ",\"pipelined\":2");
}

static int set_up_hasty(void **state)
{
    return asker_open(state, "stream", 500, ",\"pipelined\":2");
}

static void connect_ends(struct asker *self, unsigned count)
{
    post_unix(&self->post, self->loop, self->path, 64);
    handler_start(self->handler);
    for (unsigned i = 0; i < count; i++)
        post_accept(&self->post, &ends[i]);
}

static void close_ends(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        wire_close(&ends[i]);
}

static enum status ask_as(struct asker *self, uint64_t asker, uint64_t ticket)
{
    self->asker = asker;
    return ask(self, ticket, "%u", (unsigned)ticket);
}

/* Reads the question of a ticket from that connection, and answers it. */
static void serve(struct asker *self, struct wire *end, uint64_t ticket)
{
    char data[24];
    unsigned before = self->answer_count;
    snprintf(data, sizeof data, "%u", (unsigned)ticket);
    handler_answers(end, handler_reads(end, data), "\"status\":\"0\"", data);
    RUN_UNTIL(self->loop, self->answer_count == before + 1);
    assert_string_equal(self->outcomes[ticket].data, data);
}

/* ---- connections ---- */

static void test_each_asker_has_a_connection(void **state)
{
    struct asker *self = *state;
    connect_ends(self, LINES);
    /* 1, 2 and 3 are asked for on one each, all of one on the same. */
    for (uint64_t ticket = 1; ticket <= 12; ticket++)
        assert_int_equal(ask_as(self, (ticket - 1) % 3 + 1, ticket), STATUS_OK);
    for (uint64_t ticket = 12; ticket > 9; ticket--) /* the connections do not wait */
        for (uint64_t older = (ticket - 1) % 3 + 1; older <= ticket; older += 3)
            serve(self, &ends[(ticket - 1) % 3], older);
    expect_outcomes(self, 12, 0);
    close_ends(LINES);
}

static void test_it_stays_while_anything_is_under_way(void **state)
{
    struct asker *self = *state;
    connect_ends(self, LINES);
    assert_int_equal(ask_as(self, 1, 1), STATUS_OK);
    for (uint64_t ticket = 2; ticket < 50; ticket++) {
        assert_int_equal(ask_as(self, 1, ticket), STATUS_OK);
        serve(self, &ends[0], ticket - 1);
    }
    /* The others have nothing to do all the while, so they get who comes. */
    assert_int_equal(ask_as(self, 2, 100), STATUS_OK);
    assert_int_equal(ask_as(self, 3, 101), STATUS_OK);
    serve(self, &ends[2], 101);
    serve(self, &ends[1], 100);
    serve(self, &ends[0], 49);
    expect_outcomes(self, 51, 0);
    close_ends(LINES);
}

static void test_a_lost_connection_fails_its_own(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_ends(self, LINES);
    for (uint64_t ticket = 1; ticket <= 6; ticket++)
        assert_int_equal(ask_as(self, (ticket - 1) % 3 + 1, ticket), STATUS_OK);
    handler_reads(&ends[1], "2");
    wire_hang_up(&ends[1]);
    RUN_UNTIL(self->loop, self->failure_count == 2);
    assert_int_equal(self->outcomes[2].reason, STATUS_HANDLER_DOWN);
    assert_int_equal(self->outcomes[5].reason, STATUS_HANDLER_DOWN);
    for (uint64_t ticket = 1; ticket <= 6; ticket++)
        if (ticket % 3 != 2)
            serve(self, &ends[(ticket - 1) % 3], ticket);
    post_accept(&self->post, &again); /* and it comes back by itself */
    for (uint64_t ticket = 11; ticket <= 13; ticket++)
        assert_int_equal(ask_as(self, ticket, ticket), STATUS_OK);
    serve(self, &again, 12);
    serve(self, &ends[0], 11);
    serve(self, &ends[2], 13);
    expect_outcomes(self, 7, 2);
    wire_close(&again);
    close_ends(LINES);
}

static int set_up_two_bounded(void **state)
{
    return open_pool(state, ",\"connections\":2,\"pipelined\":1");
}

/* What waited for the lost one goes over another, in its order. */
static void test_what_waits_goes_another_way(void **state)
{
    struct asker *self = *state;
    struct wire again;
    connect_ends(self, 2);
    assert_int_equal(ask_as(self, 1, 1), STATUS_OK);
    assert_int_equal(ask_as(self, 2, 2), STATUS_OK);
    for (uint64_t ticket = 3; ticket <= 5; ticket++)
        assert_int_equal(ask_as(self, 1, ticket), STATUS_OK);
    handler_reads(&ends[0], "1");
    post_close(&self->post); /* nobody takes another connection */
    wire_hang_up(&ends[0]);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    for (uint64_t ticket = 2; ticket <= 5; ticket++)
        serve(self, &ends[1], ticket);
    /* New ones as well, while there is only one connection. */
    assert_int_equal(ask_as(self, 7, 7), STATUS_OK);
    assert_int_equal(ask_as(self, 8, 8), STATUS_OK);
    serve(self, &ends[1], 7);
    serve(self, &ends[1], 8);
    unlink(self->path);
    post_unix(&self->post, self->loop, self->path, 64);
    post_accept(&self->post, &again);
    wire_close(&again);
    expect_outcomes(self, 6, 1);
    close_ends(2);
}

/* At once, though there may be a new connection soon. */
static void test_what_waits_does_not_wait_for_a_connection(void **state)
{
    struct asker *self = *state;
    connect_ends(self, 2);
    assert_int_equal(ask_as(self, 1, 1), STATUS_OK);
    assert_int_equal(ask_as(self, 2, 2), STATUS_OK);
    assert_int_equal(ask_as(self, 1, 3), STATUS_OK);
    handler_reads(&ends[0], "1");
    wire_hang_up(&ends[0]);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    serve(self, &ends[1], 2);
    serve(self, &ends[1], 3);
    expect_outcomes(self, 2, 1);
    close_ends(2);
}

/* ---- how many are with it ---- */

static void expect_silence(const struct asker *self, struct wire *end)
{
    char byte;
    run_turns(self->loop, 3);
    assert_int_equal(recv(end->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
}

static void test_the_bound(void **state)
{
    struct asker *self = *state;
    char exchanges[2][64];
    connect_ends(self, 1);
    for (uint64_t ticket = 1; ticket <= 5; ticket++)
        assert_int_equal(ask_as(self, 1, ticket), STATUS_OK);
    for (unsigned i = 0; i < 2; i++)
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&ends[0], NULL));
    expect_silence(self, &ends[0]);
    struct handler_condition condition = handler_condition(self->handler);
    assert_int_equal(condition.questions[QUESTION_SENT], 2);
    assert_int_equal(condition.questions[QUESTION_UNSENT], 3);
    handler_answers(&ends[0], exchanges[1], "\"status\":\"0\"", "2");
    RUN_UNTIL(self->loop, self->answer_count == 1);
    serve(self, &ends[0], 3); /* one answer makes room for one */
    serve(self, &ends[0], 4);
    handler_answers(&ends[0], exchanges[0], "\"status\":\"0\"", "1");
    RUN_UNTIL(self->loop, self->answer_count == 4);
    serve(self, &ends[0], 5);
    expect_outcomes(self, 5, 0);
    close_ends(1);
}

/* One that takes questions and answers none: those that waited time out as well, and
 * those that come later get their turn. */
static void test_the_bound_and_a_hang(void **state)
{
    struct asker *self = *state;
    connect_ends(self, 1);
    for (uint64_t ticket = 1; ticket <= 4; ticket++)
        assert_int_equal(ask_as(self, 1, ticket), STATUS_OK);
    handler_reads(&ends[0], "1");
    handler_reads(&ends[0], "2");
    RUN_UNTIL(self->loop, self->failure_count == 4);
    for (uint64_t ticket = 1; ticket <= 4; ticket++)
        assert_int_equal(self->outcomes[ticket].reason, STATUS_HANDLER_TIMEOUT);
    assert_string_equal(self->outcomes[1].data, "chat: no reply in 500 ms");
    assert_string_equal(self->outcomes[3].data, "chat: too busy to be asked in 500 ms");
    assert_int_equal(ask_as(self, 1, 5), STATUS_OK);
    serve(self, &ends[0], 5);
    close_ends(1);
}

/* ---- whose come first ---- */

static void test_a_flooder_delays_by_one_turn(void **state)
{
    struct asker *self = *state;
    connect_ends(self, 1);
    for (uint64_t ticket = 1; ticket <= 400; ticket++)
        assert_int_equal(ask_as(self, 1, ticket), STATUS_OK);
    for (uint64_t ticket = 1001; ticket <= 1003; ticket++)
        assert_int_equal(ask_as(self, 2, ticket), STATUS_OK);
    assert_int_equal(ask_as(self, 3, 2001), STATUS_OK);
    static const unsigned order[] = {1, 2, 3, 1001, 2001, 4, 1002, 5, 1003, 6, 7};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        serve(self, &ends[0], order[i]);
    for (uint64_t ticket = 8; ticket <= 400; ticket++)
        serve(self, &ends[0], ticket);
    expect_outcomes(self, 404, 0);
    close_ends(1);
}

/* Who has more than his share waits at the limit; others go on. */
static void test_full_for_some(void **state)
{
    struct asker *self = *state;
    unsigned limit = self->config->limits.in_flight_per_handler;
    connect_ends(self, 1);
    assert_int_equal(ask_as(self, 2, 1), STATUS_OK);
    for (unsigned i = 2; i < limit; i++)
        assert_int_equal(ask_as(self, 1, i), STATUS_OK);
    assert_false(handler_is_full(self->handler, 1));
    assert_int_equal(ask_as(self, 1, limit), STATUS_OK);
    assert_true(handler_is_full(self->handler, 1));
    assert_false(handler_is_full(self->handler, 2));
    assert_false(handler_is_full(self->handler, 3));
    for (unsigned i = limit + 1; i <= limit + limit / 2; i++)
        assert_int_equal(ask_as(self, 3, i), STATUS_OK);
    assert_true(handler_is_full(self->handler, 3)); /* a third each is what there is */
    assert_false(handler_is_full(self->handler, 2));
    close_ends(1);
}

/* ---- a reload ---- */

static void reload(struct asker *self, struct config_handler *config, unsigned connections)
{
    *config = self->config->handlers[0];
    config->connections = connections;
    assert_true(handler_is_same(&self->config->handlers[0], config));
    handler_reconfigure(self->handler, config);
}

static void test_more_connections(void **state)
{
    struct asker *self = *state;
    struct config_handler config;
    connect_ends(self, LINES);
    for (uint64_t ticket = 1; ticket <= 3; ticket++)
        assert_int_equal(ask_as(self, ticket, ticket), STATUS_OK);
    reload(self, &config, LINES + 1);
    post_accept(&self->post, &ends[LINES]);
    assert_int_equal(ask_as(self, 4, 4), STATUS_OK);
    for (uint64_t ticket = 4; ticket > 0; ticket--)
        serve(self, &ends[ticket - 1], ticket);
    close_ends(LINES + 1);
}

/* What was sent over one that is too many is answered over it; what waited goes over
 * another after that, so that its order holds. */
static void test_fewer_connections(void **state)
{
    struct asker *self = *state;
    struct config_handler config;
    char byte;
    connect_ends(self, LINES);
    for (uint64_t ticket = 1; ticket <= 3; ticket++)
        assert_int_equal(ask_as(self, ticket, ticket), STATUS_OK);
    reload(self, &config, 1);
    assert_int_equal(ask_as(self, 2, 12), STATUS_OK);
    serve(self, &ends[0], 1);
    expect_silence(self, &ends[0]);
    serve(self, &ends[1], 2);
    serve(self, &ends[0], 12);
    serve(self, &ends[2], 3);
    for (unsigned i = 1; i < LINES; i++) { /* they are closed */
        RUN_UNTIL(self->loop, recv(ends[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
    }
    expect_outcomes(self, 4, 0);
    close_ends(LINES);
}

static void test_one_too_many_that_is_lost(void **state)
{
    struct asker *self = *state;
    struct config_handler config;
    connect_ends(self, LINES);
    for (uint64_t ticket = 1; ticket <= 3; ticket++)
        assert_int_equal(ask_as(self, ticket, ticket), STATUS_OK);
    reload(self, &config, 2);
    assert_int_equal(ask_as(self, 3, 13), STATUS_OK);
    wire_hang_up(&ends[2]);
    RUN_UNTIL(self->loop, self->failure_count == 1);
    assert_int_equal(self->outcomes[3].reason, STATUS_HANDLER_DOWN);
    serve(self, &ends[0], 1);
    serve(self, &ends[0], 13);
    serve(self, &ends[1], 2);
    run_for(self->loop, 0.02);
    assert_false(post_accept_now(&self->post, &ends[LINES])); /* it does not come back */
    expect_outcomes(self, 3, 1);
    close_ends(LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name, open) cmocka_unit_test_setup_teardown(name, open, asker_tear_down)
        TEST(test_each_asker_has_a_connection, set_up),
        TEST(test_it_stays_while_anything_is_under_way, set_up),
        TEST(test_a_lost_connection_fails_its_own, set_up),
        TEST(test_what_waits_goes_another_way, set_up_two_bounded),
        TEST(test_what_waits_does_not_wait_for_a_connection, set_up_two_bounded),
        TEST(test_the_bound, set_up_one),
        TEST(test_the_bound_and_a_hang, set_up_hasty),
        TEST(test_a_flooder_delays_by_one_turn, set_up_one),
        TEST(test_full_for_some, set_up_one),
        TEST(test_more_connections, set_up),
        TEST(test_fewer_connections, set_up),
        TEST(test_one_too_many_that_is_lost, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
