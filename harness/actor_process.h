/*
 * actor_process: a server, or a handler or client that is a real program, as a
 * process.
 *
 * A server with accounts gets them first, through its own `user add`. What it
 * writes goes into the timeline: as log lines, or from a client as frames on the
 * edges to stdout and stderr. An end that nobody asked for is trouble; a client
 * may end when it likes, but well. Owns the process.
 */
#ifndef HARNESS_ACTOR_PROCESS_H
#define HARNESS_ACTOR_PROCESS_H

#include "harness/setting.h"

struct actor_process;

/* Trouble, and no process, if it can't be started. again: it ran before, and finds
 * what it kept. */
struct actor_process *actor_process_new(const struct setting *setting, int member, bool again);
void actor_process_free(struct actor_process *self);

/* A line of a client's stdin. */
MUST_CHECK enum status actor_process_say(
    struct actor_process *self, int from, const struct utterance *utterance, struct fault *fault);
/* As a step of the play: the end that may follow is asked for. */
void actor_process_signal(struct actor_process *self, int number);
/* Asks it to end, as the play is over; it must end with status 0. */
void actor_process_ask_to_end(struct actor_process *self);
/* It may end as it likes. */
void actor_process_expect_end(struct actor_process *self);

/* Its accounts, if any, are there, and it runs or has ended. */
bool actor_process_has_started(const struct actor_process *self);
/* Has not ended: on its way, or running. */
bool actor_process_runs(const struct actor_process *self);
/* 0: has not ended; else *wait_status. */
bool actor_process_has_ended(const struct actor_process *self, int *wait_status);

#endif
