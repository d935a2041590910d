/*
 * listener: the sockets of the configuration, opened, or handed over by whoever
 * started us.
 *
 * Owns its acceptors. A socket handed over (LISTEN_PID, LISTEN_FDS, descriptors
 * from 3 on) is used for the listener whose address it has; one that fits no
 * listener is closed, with a line in the log. It stays whoever's it was: the file of
 * a UNIX socket is not removed at the end, and who connects meanwhile waits for the
 * next server that gets it. Whether strangers can reach it is told by its own address,
 * which must be the configured one: a socket on 0.0.0.0 fits no listener on loopback.
 */
#ifndef BESTERD_LISTENER_H
#define BESTERD_LISTENER_H

#include "besterd/config.h"
#include "libbester/acceptor.h"

/* fd is the callee's, as acceptor_accepted has it; tls: what comes in on it is to
 * be taken as TLS; peer: of a pinned server. */
typedef void listeners_accepted(int fd, bool tls, bool peer, void *user);

struct listener;

struct listeners {
    struct listener *at;
    size_t count;
    listeners_accepted *accepted;
    void *user;
};

/* Nothing stays open on failure. self must stay where it is. */
MUST_CHECK enum status listeners_open(struct listeners *self, const struct config *config,
    struct ev_loop *loop, listeners_accepted *accepted, void *user, struct fault *fault);
/* The address that is really listened on; index < count. */
MUST_CHECK enum status listeners_address(
    const struct listeners *self, size_t index, struct address *out);
/* How often accepting had to pause because descriptors or memory ran out. */
unsigned long listeners_shortages(const struct listeners *self);
/* What connects meanwhile waits in the kernel. */
void listeners_pause(struct listeners *self, bool paused);
/* Stops listening and removes the socket files. May be called twice. */
void listeners_close(struct listeners *self);

#endif
