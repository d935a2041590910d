/*
 * desk: where an actor that is asked sits: a listening socket, the connections
 * that came, and the questions on them that want answers.
 *
 * A handler has one for its server, a peer one for each server. An exchange is
 * one question: one-shot handlers and peers have one on each connection, stream
 * handlers many. Each has a number; a frame's event carries it. It goes from new
 * to asked when a line (or rule) takes its event, and to answered when something
 * was said to it. Owns all of it.
 */
#ifndef HARNESS_DESK_H
#define HARNESS_DESK_H

#include "harness/setting.h"

struct desk;

/* Takes place->fd, which listens. */
struct desk *desk_new(const struct setting *setting, int owner, int server, struct place *place,
    enum edge_kind incoming, enum edge_kind outgoing);
void desk_free(struct desk *self);

/* The question of that number is taken by a line; label may be NULL. */
void desk_take(struct desk *self, unsigned number, const char *label);
/* Whether a question is taken and not answered. */
bool desk_is_asked(const struct desk *self);
/* Says it to the question that the utterance means. STATUS_NOT_FOUND: there is
 * no such; STATUS_CLOSED: whoever asked is gone. */
MUST_CHECK enum status desk_say(
    struct desk *self, const struct utterance *utterance, struct fault *fault);

#endif
