/*
 * stage: one running cast: its places, processes, actors and timeline, from the
 * directory's making to its removal.
 *
 * Events travel upward through stage_callbacks, never from within a call of this
 * header unless it says so. Owns everything of the cast. stage_end asks all to
 * end; stage_free ends at once whatever still runs and leaves nothing behind. It
 * must not be called from within a callback.
 */
#ifndef HARNESS_STAGE_H
#define HARNESS_STAGE_H

#include <ev.h>

#include "harness/setting.h"

struct stage;

struct stage_callbacks {
    /* All are started, and who logs in by itself is in. */
    void (*on_ready)(void *user);
    /* A frame, or the end of a connection, is pending on its edge. */
    void (*on_event)(struct event *event, void *user);
    /* A line of the conversation: stage_say has said it, or stage_take has taken
     * it; from within that call. */
    void (*on_line)(const struct event *event, void *user);
    /* The end of a turn in which something happened. */
    void (*on_turn)(void *user);
    /* Something went wrong with a member (-1: with the stage). Once; and again for
     * a death (CAUSE_PEER_DIED), which explains what came before. */
    void (*on_trouble)(int member, enum cause cause, const char *text, void *user);
    /* After stage_end: every process has ended. */
    void (*on_ended)(void *user);
};

struct stage *stage_new(struct ev_loop *loop, struct streams *streams,
    const struct scenario *scenario, const struct programs *programs,
    const struct stage_callbacks *callbacks, void *user);
void stage_free(struct stage *self);
/* The timeline is the caller's from here on; stage_free must follow at once. */
struct timeline *stage_take_timeline(struct stage *self);

/* Makes the places and starts everything. On failure on_trouble follows. */
void stage_start(struct stage *self);
/* Clients first, then servers, then the programs that they talked to; on_ended follows, or
 * on_trouble (CAUSE_NOT_ENDED) when the deadline passes, which is 10 s at least. */
void stage_end(struct stage *self, double deadline_s);

struct timeline *stage_timeline(const struct stage *self);
const struct topology *stage_topology(const struct stage *self);

/* STATUS_NOT_FOUND: nobody has asked for it, or nothing there to close;
 * STATUS_CLOSED: whoever asked is gone; else the connection failed. */
MUST_CHECK enum status stage_say(
    struct stage *self, int from, int to, const struct utterance *utterance, struct fault *fault);
/* A line or rule takes the event: it is no longer pending, and what it asks may
 * be answered. label may be NULL. */
void stage_take(struct stage *self, struct event *event, const char *label);

/* Everything that was on its way to this client has come: on_turn follows when
 * stage_is_fenced. */
void stage_fence(struct stage *self, int client);
bool stage_is_fenced(const struct stage *self, int client);

/* STATUS_NOT_FOUND: it has no process now. */
MUST_CHECK enum status stage_signal(
    struct stage *self, int member, int number, struct fault *fault);
/* Every choice that a play leaves open is made here, by the seed (1, unless said
 * otherwise before stage_start): one of 0 … n-1. */
void stage_seed(struct stage *self, uint64_t seed);
unsigned stage_choose(struct stage *self, unsigned n);

/* From now on, until it is healed. what must outlive the stage. */
void stage_disturb(struct stage *self, const struct disturbance *what);
/* Ends those on the edge (with both: either way); from -1: all, as the play is over,
 * and what is cut off then never comes. */
void stage_heal(struct stage *self, int from, int to, bool both);
/* One of them that has not touched anything so far, or NULL. */
const struct disturbance *stage_useless(const struct stage *self, int from, int to, bool both);

/* Starts a process that was not started with the others, or has ended. */
void stage_start_one(struct stage *self, int member);
/* The process may end as it likes from here on. */
void stage_expect_end(struct stage *self, int member);
/* Whether what was started of it serves by now, or has ended. */
bool stage_serves(const struct stage *self, int member);
/* Whether the harness itself has started it. */
bool stage_has_process(const struct stage *self, int member);
bool stage_has_ended(const struct stage *self, int member, int *wait_status);

#endif
