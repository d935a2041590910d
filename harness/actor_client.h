/*
 * actor_client: a client that the harness plays.
 *
 * One connection at a time. A client that logs in by itself is told of through
 * on_change when the good report has come; any other answer is trouble. Owns its
 * connection.
 */
#ifndef HARNESS_ACTOR_CLIENT_H
#define HARNESS_ACTOR_CLIENT_H

#include "harness/setting.h"

struct actor_client;

struct actor_client *actor_client_new(const struct setting *setting, int member);
void actor_client_free(struct actor_client *self);

/* Connects and logs in. Trouble if the server says no. */
void actor_client_log_in(struct actor_client *self);
bool actor_client_is_in(const struct actor_client *self);

/* Says it, after connecting if need be. */
MUST_CHECK enum status actor_client_say(
    struct actor_client *self, const struct utterance *utterance, struct fault *fault);

/* Sends a dummy; when its answer has come, or the connection has ended, all that
 * the server had said before is here: on_change, and is_fenced. */
void actor_client_fence(struct actor_client *self);
bool actor_client_is_fenced(const struct actor_client *self);

#endif
