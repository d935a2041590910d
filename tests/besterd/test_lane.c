/* lane: tickets one by one. The order that they make together, in every order of
 * answers, is in test_pipeline_order.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/lane.h"
#include "libbester/blob.h"

enum { TICKETS = 6 };

struct world {
    struct origin *origin;
    struct lane *lanes;
    struct lane *lane;
    struct ticket *tickets[TICKETS];
};

static struct handler *handler_number(uintptr_t number)
{
    return (struct handler *)(number * 64); /* NOLINT: compared only, never looked into */
}

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->origin = origin_new_client("T", "S1");
    self->lane = lane_get(&self->lanes, handler_number(1));
    for (int i = 0; i < TICKETS; i++) {
        self->tickets[i] = ticket_new(1, self->origin, (struct span){0});
        self->tickets[i]->asking = 1;
        lane_append(self->lane, self->tickets[i]);
    }
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    bool there = true;
    for (int i = 0; i < TICKETS; i++)
        if (self->tickets[i]) {
            if (self->tickets[i]->lane)
                there = lane_pop(self->tickets[i]->lane, self->tickets[i]);
            ticket_free(self->tickets[i]);
        }
    assert_true(there || !self->lanes);
    lanes_orphan(&self->lanes);
    origin_unref(self->origin);
    free(self);
    return 0;
}

/* ---- a ticket ---- */

static void test_a_ticket_keeps_its_id(void **state)
{
    struct world *self = *state;
    char id[] = "\"42\"";
    struct ticket *ticket = ticket_new(9, self->origin, span_of(id));
    assert_int_equal(self->origin->refs, TICKETS + 2);
    memset(id, 'x', 4); /* the message it came in is gone */
    assert_true(span_is(ticket->id_token, "\"42\""));
    assert_int_equal(ticket->session, 9);
    ticket_free(ticket);
    assert_int_equal(self->origin->refs, TICKETS + 1);
    ticket = ticket_new(9, self->origin, (struct span){0});
    assert_null(ticket->id_token.at);
    ticket_free(ticket);
    ticket_free(NULL);
}

static void test_settled_and_done(void **state)
{
    struct world *self = *state;
    struct ticket *ticket = self->tickets[0];
    assert_false(ticket_is_settled(ticket)); /* a question is under way */
    ticket->asking = 0;
    assert_true(ticket_is_settled(ticket));
    assert_true(ticket_is_done(ticket));
    ticket->open = 2; /* deliveries do not hold up those behind it */
    assert_true(ticket_is_settled(ticket));
    assert_false(ticket_is_done(ticket));
    ticket->open = 0;
    ticket->running = true;
    assert_false(ticket_is_settled(ticket));
    ticket->running = false;
    assert_int_equal(
        ticket_keep_answer(ticket, handler_number(1), SPAN_LITERAL("{}"), NULL), STATUS_OK);
    assert_false(ticket_is_settled(ticket));
    answer_free(ticket_take_answer(ticket));
    assert_true(ticket_is_done(ticket));
}

static void test_the_first_failure_stands(void **state)
{
    struct world *self = *state;
    struct ticket *ticket = self->tickets[0];
    char detail[] = "first";
    ticket_fail(ticket, STATUS_LOOP, detail);
    detail[0] = 'w';
    ticket_fail(ticket, STATUS_OFFLINE, "second");
    assert_int_equal(ticket->failure, STATUS_LOOP);
    assert_string_equal(ticket->detail, "first");
    ticket_fail(self->tickets[1], STATUS_OFFLINE, NULL);
    ticket_fail(self->tickets[1], STATUS_LOOP, "second");
    assert_int_equal(self->tickets[1]->failure, STATUS_OFFLINE);
    assert_null(self->tickets[1]->detail);
}

static void test_kept_answers_come_oldest_first(void **state)
{
    struct world *self = *state;
    struct ticket *ticket = self->tickets[0];
    char text[8];
    assert_null(ticket_take_answer(ticket));
    for (unsigned i = 0; i < 5; i++) {
        int len = snprintf(text, sizeof text, "%u", i);
        assert_int_equal(
            ticket_keep_answer(ticket, handler_number(i), (struct span){text, (size_t)len}, NULL),
            STATUS_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct answer *answer = ticket_take_answer(ticket);
        snprintf(text, sizeof text, "%u", i);
        assert_true(span_is(blob_span(answer->payload), text));
        assert_ptr_equal(answer->handler, handler_number(i));
        answer_free(answer);
    }
    /* The rest goes with the ticket. */
}

static void test_targets_have_one_name_each(void **state)
{
    struct world *self = *state;
    struct ticket *ticket = self->tickets[0];
    size_t g = 99, again = 99, server = 99;
    char token[16] = "\"G\"";
    assert_int_equal(ticket_target(ticket, TARGET_USER, span_of(token), &g), STATUS_OK);
    memset(token, 'x', 3);
    assert_int_equal(
        ticket_target(ticket, TARGET_USER, SPAN_LITERAL("\"\\u0047\""), &again), STATUS_OK);
    assert_int_equal(again, g);
    assert_int_equal(
        ticket_target(ticket, TARGET_SERVER, SPAN_LITERAL("\"G\""), &server), STATUS_OK);
    assert_int_not_equal(server, g);
    for (size_t i = 0; i < 1000; i++) {
        size_t index;
        snprintf(token, sizeof token, "\"u%zu\"", i);
        assert_int_equal(ticket_target(ticket, TARGET_USER, span_of(token), &index), STATUS_OK);
        assert_int_equal(index, 2 + i);
    }
    for (size_t i = 0; i < 1000; i++) { /* each is found again, however it is written */
        size_t index;
        snprintf(token, sizeof token, i % 2 ? "\"u%zu\"" : "\"\\u0075%zu\"", i);
        assert_int_equal(ticket_target(ticket, TARGET_USER, span_of(token), &index), STATUS_OK);
        assert_int_equal(index, 2 + i);
    }
    assert_int_equal(ticket->target_count, 1002);
    assert_true(span_is(ticket->targets[g].token, "\"G\"")); /* indices stay */
    assert_true(span_is(ticket->targets[901].token, "\"u899\""));
    assert_int_equal(ticket->targets[901].status, STATUS_OK);
}

/* ---- a lane ---- */

static void test_a_lane_for_each_handler(void **state)
{
    struct world *self = *state;
    struct lane *other = lane_get(&self->lanes, handler_number(2));
    assert_ptr_not_equal(other, self->lane);
    assert_ptr_equal(lane_get(&self->lanes, handler_number(1)), self->lane);
    assert_ptr_equal(lane_get(&self->lanes, handler_number(2)), other);
}

/* By the rule as it is told: an answer is carried out when all before it are
 * settled; or if it only asks further and those not settled are further along. */
static bool rule(const struct world *self, int which, bool hops_only)
{
    for (int i = 0; i < which; i++) {
        const struct ticket *before = self->tickets[i];
        if (!ticket_is_settled(before) &&
            !(hops_only && before->handler_hops > self->tickets[which]->handler_hops))
            return false;
    }
    return true;
}

static void test_who_may_run(void **state)
{
    struct world *self = *state;
    /* Every set of settled ones. Hops fall along a lane: none overtakes. */
    for (unsigned settled = 0; settled < 1u << TICKETS; settled++)
        for (unsigned hops = 0; hops < 1u << TICKETS; hops++) {
            unsigned at = 3;
            self->lane->front = self->lane->first;
            for (int i = 0; i < TICKETS; i++) {
                self->tickets[i]->asking = settled >> i & 1 ? 0 : 1;
                at -= at > 0 && hops >> i & 1;
                self->tickets[i]->handler_hops = at;
            }
            for (int i = 0; i < TICKETS; i++) {
                self->tickets[i]->asking = 0;
                self->tickets[i]->running = true; /* as while an answer of it is looked at */
                assert_int_equal(
                    lane_may_run(self->lane, self->tickets[i], false), rule(self, i, false));
                assert_int_equal(
                    lane_may_run(self->lane, self->tickets[i], true), rule(self, i, true));
                self->tickets[i]->running = false;
                self->tickets[i]->asking = settled >> i & 1 ? 0 : 1;
            }
        }
}

static void test_an_orphan_goes_with_its_last(void **state)
{
    struct world *self = *state;
    struct lane *empty = lane_get(&self->lanes, handler_number(2));
    assert_non_null(empty);
    lanes_orphan(&self->lanes); /* the empty one is freed here */
    assert_null(self->lanes);
    for (int i = 0; i < TICKETS; i++) {
        assert_int_equal(lane_pop(self->lane, self->tickets[i]), i + 1 < TICKETS);
        assert_null(self->tickets[i]->lane);
    }
}

static void test_a_lane_that_has_run_empty_goes_on(void **state)
{
    struct world *self = *state;
    for (int i = 0; i < TICKETS; i++) {
        self->tickets[i]->asking = 0;
        self->tickets[i]->running = true;
        assert_true(lane_may_run(self->lane, self->tickets[i], false));
        self->tickets[i]->running = false;
        assert_true(lane_pop(self->lane, self->tickets[i]));
    }
    assert_null(self->lane->first);
    for (int i = 0; i < 2; i++) {
        self->tickets[i]->asking = 1;
        lane_append(self->lane, self->tickets[i]);
    }
    assert_false(lane_may_run(self->lane, self->tickets[1], false));
    assert_true(lane_may_run(self->lane, self->tickets[0], false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_ticket_keeps_its_id),
        TEST(test_settled_and_done),
        TEST(test_the_first_failure_stands),
        TEST(test_kept_answers_come_oldest_first),
        TEST(test_targets_have_one_name_each),
        TEST(test_a_lane_for_each_handler),
        TEST(test_who_may_run),
        TEST(test_an_orphan_goes_with_its_last),
        TEST(test_a_lane_that_has_run_empty_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
