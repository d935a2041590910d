#include "besterd/turns.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct flow {
    UT_hash_handle hh;
    uint64_t key;
    struct flow *previous, *next; /* in the ring, while something waits */
    struct turns *turns;
    struct turn *first; /* that wait */
    size_t under_way;
    size_t waiting;
    int64_t credit; /* while it is above 0 the flow has its turn */
};

/* ---- flows ---- */

static struct flow *find(const struct flows *self, uint64_t key)
{
    struct flow *flow;

    HASH_FIND(hh, self->table, &key, sizeof(key), flow);
    return flow;
}

struct flow *flows_enter(struct flows *self, uint64_t key)
{
    struct flow *flow = find(self, key);

    if (!flow) {
        flow = calloc(1, sizeof(*flow));
        if (!flow)
            return NULL;
        flow->key = key;
        HASH_ADD(hh, self->table, key, sizeof(flow->key), flow);
        if (!flow->hh.tbl) {
            free(flow);
            return NULL;
        }
    }
    flow->under_way++;
    return flow;
}

void flows_leave(struct flows *self, struct flow *flow)
{
    assert(flow->under_way > 0);
    if (--flow->under_way > 0)
        return;
    assert(!flow->first);
    HASH_DEL(self->table, flow);
    free(flow);
}

size_t flows_count(const struct flows *self)
{
    return HASH_COUNT(self->table);
}

size_t flows_under_way(const struct flows *self, uint64_t key)
{
    const struct flow *flow = find(self, key);

    return flow ? flow->under_way : 0;
}

struct turns *flow_turns(const struct flow *flow)
{
    return flow->turns;
}

void flow_join(struct flow *flow, struct turns *turns)
{
    assert(!flow->first);
    flow->turns = turns;
}

/* ---- the ring ---- */

/* At its end, where a turn away waits for it: what it owed is less by that one. */
static void stand_in_line(struct turns *self, struct flow *flow)
{
    flow->credit += TURN_COST;
    if (flow->credit > TURN_COST)
        flow->credit = TURN_COST;
    CDL_APPEND2(self->ring, flow, previous, next);
}

void turns_add(struct turns *self, struct flow *flow, struct turn *turn, size_t cost)
{
    assert(flow->turns == self);
    turn->flow = flow;
    turn->cost = cost;
    if (!flow->first)
        stand_in_line(self, flow);
    DL_APPEND2(flow->first, turn, previous, next);
    flow->waiting++;
    self->count++;
}

struct turn *turns_next(struct turns *self)
{
    if (!self->ring)
        return NULL;
    while (self->ring->credit <= 0) {
        self->ring->credit += TURN_COST;
        self->ring = self->ring->next;
    }
    return self->ring->first;
}

static bool is_within(const struct flow *flow, size_t most)
{
    return flow->key == 0 || flow->under_way - flow->waiting < most;
}

struct turn *turns_next_within(struct turns *self, size_t most)
{
    const struct flow *flow;
    bool any = false;

    CDL_FOREACH2(self->ring, flow, next)
    any = any || is_within(flow, most);
    while (any && !(is_within(self->ring, most) && self->ring->credit > 0)) {
        if (is_within(self->ring, most))
            self->ring->credit += TURN_COST;
        self->ring = self->ring->next;
    }
    return any ? self->ring->first : NULL;
}

struct turn *turns_last_of_many(const struct turns *self, size_t than)
{
    const struct flow *flow;
    struct turn *last = NULL;

    CDL_FOREACH2(self->ring, flow, next)
    if (flow->waiting > than) {
        than = flow->waiting;
        last = flow->first->previous;
    }
    return last;
}

void turns_withdraw(struct turns *self, struct turn *turn)
{
    struct flow *flow = turn->flow;

    assert(flow->turns == self && self->count > 0);
    DL_DELETE2(flow->first, turn, previous, next);
    flow->waiting--;
    self->count--;
    if (!flow->first)
        CDL_DELETE2(self->ring, flow, previous, next);
}

void turns_take(struct turns *self, struct turn *turn)
{
    /* A small one costs a whole turn, too: to answer it is work as well. */
    turn->flow->credit -= turn->cost > TURN_COST ? (int64_t)turn->cost : TURN_COST;
    turns_withdraw(self, turn);
}

void turns_move(struct turns *self, struct turns *to)
{
    while (self->ring) {
        struct flow *flow = self->ring;

        CDL_DELETE2(self->ring, flow, previous, next);
        flow->turns = to;
        CDL_APPEND2(to->ring, flow, previous, next);
    }
    to->count += self->count;
    self->count = 0;
}
