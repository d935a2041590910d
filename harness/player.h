/*
 * player: plays one scenario on one stage and gives a verdict.
 *
 * Driven by events alone: a step is done when what it waits for has come; the
 * deadline of a step only makes it fail. on_done follows exactly once after
 * player_start, from the loop, and there player_free is allowed.
 */
#ifndef HARNESS_PLAYER_H
#define HARNESS_PLAYER_H

#include <ev.h>

#include "harness/verdict.h"
#include "libbester/stream.h"

struct player;

struct player_callbacks {
    void (*on_done)(void *user);
    /* A line of the conversation has happened. NULL: nobody wants to know. */
    void (*on_line)(const struct timeline *timeline, const struct event *event, void *user);
    /* A frame came that is not what its line says; the play fails. The scope is what is
     * bound at that moment. NULL: nobody wants to know. */
    void (*on_other)(const struct step *step, const struct event *event, struct scope *scope,
        const struct topology *topology, void *user);
};

struct player *player_new(struct ev_loop *loop, struct streams *streams,
    const struct scenario *scenario, const struct programs *programs,
    const struct player_callbacks *callbacks, void *user);
/* Before player_start: what makes the choices that the play leaves open. */
void player_seed(struct player *self, uint64_t seed);
/* Ends at once whatever runs. */
void player_free(struct player *self);
void player_start(struct player *self);
/* When it is done: how it ended, and the timeline of which that speaks, both the
 * caller's from here on. player_free must follow at once. */
struct timeline *player_take(struct player *self, struct verdict *verdict);

#endif
