/*
 * server: all of besterd put together, from its start to its end. Sets the
 * callbacks through which events travel upward.
 */
#ifndef BESTERD_SERVER_H
#define BESTERD_SERVER_H

#include <ev.h>

#include "besterd/config.h"
#include "besterd/spawner.h"

struct server;

/* Makes what config wants made and is missing: directories, identity, certificate. They
 * belong to the user that the server is going to be (privileges.h). STATUS_IO,
 * STATUS_INTERNAL, STATUS_NO_MEMORY: *fault says why. */
MUST_CHECK enum status server_prepare(const struct config *config, struct fault *fault);
/* Starts everything: when it returns, clients can connect. Takes a reference of its
 * own to config; loop (the default one) and spawner, which was made with config, must
 * outlive it. spawner NULL: the handlers' programs are not started. STATUS_IO,
 * STATUS_INVALID, STATUS_NO_MEMORY: *fault says why. */
MUST_CHECK enum status server_new(struct server **out, const struct config *config,
    struct spawner *spawner, struct ev_loop *loop, struct fault *fault);
/* The orderly end: stops accepting, finishes what is in flight (at most drainMs),
 * says goodbye, ends the handlers; then breaks the loop. Asked a second time it
 * does not wait any more. */
void server_stop(struct server *self);
void server_free(struct server *self);

/* Reads the file of the configuration again. One with mistakes changes nothing, and
 * each is told to mistakes. Otherwise handlers, peers, limits, templates,
 * certificates, administrators and the log are those of the new one, with no
 * session and no message lost; what only the next start can change stays as it is
 * and is told to ignored. Both are initialised by the caller; all is logged too.
 * STATUS_OK; STATUS_INVALID or STATUS_IO: mistakes tell; STATUS_SHUTTING_DOWN;
 * STATUS_NO_MEMORY: nothing has changed. */
enum status server_reload(struct server *self, struct mistakes *mistakes, struct mistakes *ignored);

#endif
