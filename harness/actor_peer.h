/*
 * actor_peer: a server that the harness plays: a legacy peer, both ways.
 *
 * To each server of the cast it has an address of its own. It answers what the
 * servers send it, and opens a connection for each message that it sends. Owns
 * its desks and connections.
 */
#ifndef HARNESS_ACTOR_PEER_H
#define HARNESS_ACTOR_PEER_H

#include "harness/desk.h"

struct actor_peer;

struct actor_peer *actor_peer_new(const struct setting *setting, int member);
void actor_peer_free(struct actor_peer *self);
/* Where that server's questions come; NULL: the peer refuses connections. */
struct desk *actor_peer_desk(const struct actor_peer *self, int server);
/* A report, and bytes while a question waits, answer; all else is a message on a
 * connection of its own. */
MUST_CHECK enum status actor_peer_say(
    struct actor_peer *self, int server, const struct utterance *utterance, struct fault *fault);

#endif
