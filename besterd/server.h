/*
 * server: all of besterd put together, from its start to its end. Sets the
 * callbacks through which events travel upward.
 */
#ifndef BESTERD_SERVER_H
#define BESTERD_SERVER_H

#include <ev.h>

#include "besterd/config.h"

struct server;

/* Starts everything: when it returns, clients can connect. config and loop (the
 * default one) must outlive it. STATUS_IO, STATUS_INVALID, STATUS_NO_MEMORY:
 * *fault says why. */
MUST_CHECK enum status server_new(
    struct server **out, const struct config *config, struct ev_loop *loop, struct fault *fault);
/* The orderly end: stops accepting, finishes what is in flight (at most drainMs),
 * says goodbye, ends the handlers; then breaks the loop. Asked a second time it
 * does not wait any more. */
void server_stop(struct server *self);
void server_free(struct server *self);

#endif
