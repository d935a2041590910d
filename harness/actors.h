/*
 * actors: all members of a cast, each as what plays it: a process, a client, a
 * peer, a desk; and the links between those that play themselves.
 *
 * Owns them. Nothing here decides when anything happens; the stage does.
 */
#ifndef HARNESS_ACTORS_H
#define HARNESS_ACTORS_H

#include "harness/setting.h"

struct actors;

struct actors *actors_new(const struct setting *setting);
void actors_free(struct actors *self);
/* Starts all of them but clients; who is talked to first. */
void actors_start(struct actors *self);
/* Whether everybody who was started serves, or has ended. */
bool actors_serve(const struct actors *self);
/* Clients, but for those that are programs: when all others serve. */
void actors_start_clients(struct actors *self);
/* Those too: when all others are there. */
void actors_start_programs(struct actors *self);
/* A process that was not started with the others, or has ended. */
void actors_start_one(struct actors *self, int member);

/* Whether every client that logs in by itself is in. */
bool actors_are_in(const struct actors *self);
/* Whether a process of that kind has not ended. */
bool actors_run(const struct actors *self, enum member_kind kind);
/* A member whose process has not ended, or -1. */
int actors_any_running(const struct actors *self);
void actors_ask_to_end(struct actors *self, enum member_kind kind);
/* A program has started listening, or has ended: whoever waits for it tries
 * again. */
void actors_retry_links(struct actors *self);

/* The disturbances in force have changed. */
void actors_disturb(struct actors *self);
/* What is cut off now never comes. */
void actors_forget(struct actors *self);

/* As in stage.h. */
MUST_CHECK enum status actors_say(
    struct actors *self, int from, int to, const struct utterance *utterance, struct fault *fault);
void actors_take(struct actors *self, struct event *event, const char *label);
MUST_CHECK enum status actors_signal(
    struct actors *self, int member, int number, struct fault *fault);
struct actor_client *actors_client(const struct actors *self, int member);
struct actor_process *actors_process(const struct actors *self, int member);

#endif
