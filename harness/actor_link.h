/*
 * actor_link: a relay on an edge that the harness watches but does not play
 * (between two servers, a server and a handler or client that is a real program),
 * or that the play disturbs.
 *
 * Bytes pass unchanged and as they come; beside that they are read as frames for
 * the timeline, in both directions. An end of input is passed on as one. A
 * program that does not listen yet is waited for (actor_link_retry); whoever
 * called waits with it. Owns its connections.
 */
#ifndef HARNESS_ACTOR_LINK_H
#define HARNESS_ACTOR_LINK_H

#include "harness/setting.h"

struct actor_link;

/* Takes front->fd, which listens, and relays to back. */
struct actor_link *actor_link_new(const struct setting *setting, int from, int to,
    struct place *front, const struct place *back, enum edge_kind forth, enum edge_kind reply);
void actor_link_free(struct actor_link *self);

/* Something was created in the directory, or the program has ended: connections
 * that wait try again; waits: whether they may go on waiting if that fails. */
void actor_link_retry(struct actor_link *self, bool waits);
/* The disturbances in force have changed. */
void actor_link_disturb(struct actor_link *self);
/* What is cut off now never comes. */
void actor_link_forget(struct actor_link *self);
int actor_link_to(const struct actor_link *self);
/* Whether who is called makes his socket himself: a program of the cast, an informer. */
bool actor_link_waits(const struct actor_link *self);

#endif
