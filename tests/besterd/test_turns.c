/* turns: who has waited the longest comes next, whoever else has how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>

#include "besterd/turns.h"

enum { ITEMS = 4000, KEYS = 12 };

struct item {
    struct turn turn;
    uint64_t key;
    unsigned number; /* within its flow */
    bool waits;
};

static struct item items[ITEMS];
static struct flows flows;
static struct turns ring, other;

static int set_up(void **state)
{
    (void)state;
    flows = (struct flows){.table = NULL};
    ring = other = (struct turns){.ring = NULL};
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = (struct item){.waits = false};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(ring.count + other.count, 0);
    assert_int_equal(flows_count(&flows), 0); /* nothing is left behind */
    return 0;
}

static void add(struct item *item, uint64_t key, unsigned number, size_t cost)
{
    struct flow *flow = flows_enter(&flows, key);
    assert_non_null(flow);
    if (!flow_turns(flow))
        flow_join(flow, &ring);
    item->key = key;
    item->number = number;
    item->waits = true;
    turns_add(flow_turns(flow), flow, &item->turn, cost);
}

static struct item *take(struct turns *from)
{
    struct turn *turn = turns_next(from);
    if (!turn)
        return NULL;
    struct item *item = (struct item *)((char *)turn - offsetof(struct item, turn));
    assert_ptr_equal(turns_next(from), turn); /* looking changes nothing */
    turns_take(from, turn);
    flows_leave(&flows, turn->flow);
    item->waits = false;
    return item;
}

static void withdraw(struct item *item)
{
    turns_withdraw(flow_turns(item->turn.flow), &item->turn);
    flows_leave(&flows, item->turn.flow);
    item->waits = false;
}

static void test_one_alone(void **state)
{
    (void)state;
    assert_null(turns_next(&ring));
    for (unsigned i = 0; i < 100; i++)
        add(&items[i], 7, i, i % 3 ? 10 : 50 * TURN_COST);
    assert_int_equal(flows_under_way(&flows, 7), 100);
    assert_int_equal(flows_under_way(&flows, 8), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(take(&ring)->number, i);
    assert_null(take(&ring));
}

/* However much a flooder has queued, each other is one turn away. */
static void test_a_flooder(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        add(&items[i], 1, i, 100);
    assert_int_equal(take(&ring)->key, 1);
    assert_int_equal(take(&ring)->key, 1);
    for (unsigned i = 0; i < 3; i++) {
        add(&items[2000 + i], 2, i, 100);
        add(&items[2100 + i], 3, i, 100);
        unsigned flooders = 0, others = 0;
        while (others < 2)
            *(take(&ring)->key == 1 ? &flooders : &others) += 1;
        assert_in_range(flooders, 0, 1);
    }
    while (take(&ring))
        continue;
}

/* All that wait get one turn after the other, in the same order each time. */
static void test_a_round(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * KEYS; i++)
        add(&items[i], i % KEYS, i / KEYS, 1 + i * 60 % TURN_COST);
    for (unsigned i = 0; i < 5 * KEYS; i++) {
        const struct item *item = take(&ring);
        assert_int_equal(item->key, i % KEYS);
        assert_int_equal(item->number, i / KEYS);
    }
}

/* One item ten times as large is one tenth as often. */
static void test_large_items(void **state)
{
    unsigned counts[2] = {0};
    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        add(&items[i], i % 2, i / 2, i % 2 ? (size_t)10 * TURN_COST : 1);
    for (unsigned i = 0; i < 550; i++)
        counts[take(&ring)->key]++;
    assert_int_equal(counts[0], 500);
    assert_int_equal(counts[1], 50);
    while (take(&ring))
        continue;
}

/* Who leaves and comes back owes what he owed, less the turns that he stood in line
 * for; and gets no second turn in a round by doing so. */
static void test_leaving_pays_nothing(void **state)
{
    unsigned counts[2] = {0};
    (void)state;
    struct flow *stays = flows_enter(&flows, 1);
    for (unsigned i = 0; i < 1000; i++)
        add(&items[i], 0, i, 1);
    add(&items[2000], 1, 0, (size_t)100 * TURN_COST);
    for (unsigned i = 1; counts[0] + counts[1] < 300; i++) {
        const struct item *item = take(&ring);
        counts[item->key]++;
        if (item->key == 1)
            add(&items[2000 + i], 1, i, (size_t)100 * TURN_COST);
    }
    assert_in_range(counts[1], 2, 4);
    while (take(&ring))
        continue;
    flows_leave(&flows, stays);
}

static void test_withdrawn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 9; i++)
        add(&items[i], i % 3, i / 3, 1);
    withdraw(&items[1]); /* the first of flow 1 */
    withdraw(&items[5]); /* the second of flow 2 */
    withdraw(&items[0]); /* all of flow 0, whose turn it is */
    withdraw(&items[3]);
    withdraw(&items[6]);
    static const unsigned wanted[] = {4, 2, 7, 8};
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(take(&ring), &items[wanted[i]]);
    assert_null(take(&ring));
}

/* No turns are saved up by standing in line and leaving. */
static void test_turns_are_not_saved(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        add(&items[i], 1, i, 1);
    struct flow *stays = flows_enter(&flows, 2);
    for (unsigned i = 100; i < 110; i++) {
        add(&items[i], 2, 0, 1);
        withdraw(&items[i]);
    }
    for (unsigned i = 0; i < 10; i++)
        add(&items[200 + i], 2, i, 1);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(take(&ring)->key, i % 2 + 1);
    flows_leave(&flows, stays);
}

static void test_moved(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        add(&items[i], i % 3, i / 3, 1);
    assert_ptr_equal(take(&ring), &items[0]);
    turns_move(&ring, &other);
    assert_null(turns_next(&ring));
    assert_int_equal(other.count, 5);
    add(&items[6], 1, 2, 1); /* goes where its flow is */
    assert_int_equal(ring.count, 0);
    unsigned numbers[3] = {1, 0, 0};
    for (unsigned i = 0; i < 6; i++) {
        const struct item *item = take(&other);
        assert_int_equal(item->number, numbers[item->key]++);
    }
    turns_move(&ring, &other); /* nothing to move */
    assert_null(turns_next(&other));
}

/* At random, against the promise itself: in the order of the flow, and between two turns
 * of one flow no other has more than one. */
static void test_at_random(void **state)
{
    unsigned next_in[KEYS] = {0}, next_out[KEYS] = {0};
    unsigned since[KEYS][KEYS] = {{0}}; /* turns of b since a's last, while a waits */
    unsigned waiting[KEYS] = {0};
    unsigned used = 0;
    (void)state;
    srandom(17);
    for (unsigned step = 0; step < 3 * ITEMS; step++) {
        unsigned key = (unsigned)random() % KEYS;
        if (used < ITEMS && random() % 5 < 3) {
            if (waiting[key]++ == 0)
                for (unsigned b = 0; b < KEYS; b++)
                    since[key][b] = 0;
            add(&items[used++], key, next_in[key]++, (size_t)random() % TURN_COST);
            continue;
        }
        const struct item *item = take(&ring);
        if (!item)
            continue;
        assert_int_equal(item->number, next_out[item->key]++);
        waiting[item->key]--;
        for (unsigned a = 0; a < KEYS; a++) {
            since[item->key][a] = 0;
            if (waiting[a] > 0 && a != item->key)
                assert_int_equal(++since[a][item->key], 1);
        }
    }
    while (take(&ring))
        continue;
}

static struct item *take_within(size_t most)
{
    struct turn *turn = turns_next_within(&ring, most);
    if (!turn)
        return NULL;
    turns_take(&ring, turn);
    return (struct item *)turn;
}

static void expect_within(size_t most, int expected)
{
    struct item *item = take_within(most);
    assert_int_equal(item ? (int)(item - items) : -1, expected);
}

static void over(unsigned number)
{
    flows_leave(&flows, items[number].turn.flow);
}

/* Who has as many under way as one may have is passed over, and nobody else waits. */
static void test_as_many_as_one_may_have(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        add(&items[i], 7, i, 1);
    expect_within(2, 0);
    expect_within(2, 1);
    expect_within(2, -1);
    add(&items[4], 8, 0, 1);
    expect_within(2, 4);
    expect_within(2, -1);
    add(&items[5], 8, 1, 1);
    expect_within(2, 5);
    expect_within(2, -1);
    over(1);
    expect_within(2, 2);
    expect_within(2, -1);
    over(0);
    over(2);
    expect_within(2, 3);
    expect_within(2, -1);
    over(3);
    over(4);
    over(5);
}

static void test_nobody_in_particular(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(&items[i], 0, i, 1);
    for (unsigned i = 0; i < 3; i++)
        expect_within(1, (int)i);
    for (unsigned i = 0; i < 3; i++)
        over(i);
}

static void expect_last(size_t than, int expected)
{
    struct turn *turn = turns_last_of_many(&ring, than);
    assert_int_equal(turn ? (int)((struct item *)turn - items) : -1, expected);
}

static void test_the_last_of_many(void **state)
{
    (void)state;
    expect_last(0, -1); /* nobody waits */
    for (unsigned i = 0; i < 3; i++)
        add(&items[i], 7, i, 1);
    add(&items[3], 8, 0, 1);
    expect_last(3, -1);
    expect_last(2, 2);
    expect_last(0, 2); /* whichever flow comes first */
    turns_withdraw(&ring, &items[2].turn);
    over(2);
    expect_last(2, -1);
    expect_last(1, 1);
    expect_within(9, 0); /* does not wait any more */
    expect_last(1, -1);
    while (take_within(9))
        continue;
    over(0);
    over(1);
    over(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_one_alone),
        TEST(test_a_flooder),
        TEST(test_a_round),
        TEST(test_large_items),
        TEST(test_leaving_pays_nothing),
        TEST(test_withdrawn),
        TEST(test_turns_are_not_saved),
        TEST(test_moved),
        TEST(test_at_random),
        TEST(test_as_many_as_one_may_have),
        TEST(test_nobody_in_particular),
        TEST(test_the_last_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
