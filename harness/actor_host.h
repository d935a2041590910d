/*
 * actor_host: where a client of a peer comes: a server that the harness plays, in
 * Part I's way, to a client that is a real program.
 *
 * Answers a login with a bare good report, unless the play writes it out; all else
 * that the client says is for lines to ask for. What is said goes to the connection
 * that came last. Owns its socket and its connections.
 */
#ifndef HARNESS_ACTOR_HOST_H
#define HARNESS_ACTOR_HOST_H

#include "harness/setting.h"

struct actor_host;

/* Takes place->fd, which listens. */
struct actor_host *actor_host_new(
    const struct setting *setting, int peer, int client, struct place *place);
void actor_host_free(struct actor_host *self);
/* STATUS_NOT_FOUND: the client is not there now, or not logged in yet where that is
 * answered here: on_change follows when it may be. */
MUST_CHECK enum status actor_host_say(
    struct actor_host *self, const struct utterance *utterance, struct fault *fault);

#endif
