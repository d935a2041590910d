/*
 * turns: whose turn it is, among many who want the same.
 *
 * Each of them is a flow, known by its key, with a queue of its own. The flows that
 * have something in their queue stand in a ring (struct turns) and come one after the
 * other: one item each time. An item that cost more than TURN_COST is paid for by
 * turns that are missed later. So whoever queues a thousand items delays each other
 * flow by one turn; within a flow the order is that of arrival.
 *
 * A flow stands in one ring at most, and lives for as long as anything of it is under
 * way: from its first flows_enter to the flows_leave of its last.
 *
 * Owns the flows; the items are their owners'. Pure. To add, take and withdraw cost the
 * same however many there are; a missed turn was paid for by what was taken before.
 */
#ifndef BESTERD_TURNS_H
#define BESTERD_TURNS_H

#include <stddef.h>
#include <stdint.h>

enum { TURN_COST = 4096 };

struct flow;

struct turns {
    struct flow *ring; /* whose turn it is; NULL: nothing waits */
    size_t count;      /* items that wait */
};

/* One item: a member of what waits. */
struct turn {
    struct turn *previous, *next;
    struct flow *flow;
    size_t cost;
};

struct flows {
    struct flow *table;
};

/* One more of this key is under way. NULL: out of memory. */
struct flow *flows_enter(struct flows *self, uint64_t key);
/* One less; with the last the flow is gone. It must not wait any more. */
void flows_leave(struct flows *self, struct flow *flow);
size_t flows_count(const struct flows *self);
/* How many of this key are under way. */
size_t flows_under_way(const struct flows *self, uint64_t key);

/* The ring that the flow belongs to; NULL: to none yet. */
struct turns *flow_turns(const struct flow *flow);
/* Its items will wait in this one. None waits now. */
void flow_join(struct flow *flow, struct turns *turns);

/* Queues an item of a flow that has joined. */
void turns_add(struct turns *self, struct flow *flow, struct turn *turn, size_t cost);
/* The item whose turn it is; NULL: none waits. */
struct turn *turns_next(struct turns *self);
/* The same among the flows of which fewer than most are under way and do not wait; the
 * flow of key 0 is nobody in particular, and may have any number. It costs a look at
 * each flow. NULL: none waits. */
struct turn *turns_next_within(struct turns *self, size_t most);
/* The last item of the flow in which the most wait, if they are more than `than`. */
struct turn *turns_last_of_many(const struct turns *self, size_t than);
/* It had its turn, and is paid for. */
void turns_take(struct turns *self, struct turn *turn);
/* It does not wait any more, and had no turn. */
void turns_withdraw(struct turns *self, struct turn *turn);
/* All flows that wait go over to another ring. */
void turns_move(struct turns *self, struct turns *to);

#endif
