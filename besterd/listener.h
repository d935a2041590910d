/*
 * listener: the sockets of the configuration, opened, or handed over by whoever
 * started us.
 *
 * Owns its acceptors. A socket handed over (LISTEN_PID, LISTEN_FDS, descriptors
 * from 3 on) is used for the listener whose address it has; one that fits no
 * listener is closed, with a line in the log.
 */
#ifndef BESTERD_LISTENER_H
#define BESTERD_LISTENER_H

#include "besterd/config.h"
#include "libbester/acceptor.h"

struct listeners {
    struct acceptor **at;
    size_t count;
};

/* accepted: as acceptor_adopt has it. Nothing stays open on failure. */
MUST_CHECK enum status listeners_open(struct listeners *self, const struct config *config,
    struct ev_loop *loop, acceptor_accepted *accepted, void *user, struct fault *fault);
/* Stops listening and removes the socket files. May be called twice. */
void listeners_close(struct listeners *self);

#endif
