/*
 * acceptor: a listening socket and the connections that come in on it.
 *
 * Owns its descriptor, and the file of a UNIX socket: acceptor_free removes the
 * file if it is still the one that was bound, unless acceptor_leave_file was called. Invariant: the
 * loop never spins when descriptors run out; accepting pauses for a moment instead and what
 * connects waits in the kernel.
 */
#ifndef BESTER_ACCEPTOR_H
#define BESTER_ACCEPTOR_H

#include <ev.h>

#include "libbester/address.h"
#include "libbester/status.h"

struct acceptor;

/* fd: connected, non-blocking, close-on-exec, now the callee's. May free the
 * acceptor. */
typedef void acceptor_accepted(int fd, void *user);

/* Binds and listens: *fd is a listening socket, non-blocking, close-on-exec. The
 * host must be a literal (nothing is looked up). UNIX: the file gets mode 0600;
 * a socket file on which nobody listens is removed first, anything else in the
 * way is left alone. tcp6 takes IPv6 only. STATUS_INVALID: not an address to
 * listen on; STATUS_IO: *fault says why ("address already in use"). */
MUST_CHECK enum status acceptor_open(const struct address *address, int *fd, struct fault *fault);

/* Takes over a listening socket, opened above or handed over by whoever started
 * us. NULL when out of memory; fd is closed then too. */
struct acceptor *acceptor_adopt(
    struct ev_loop *loop, int fd, acceptor_accepted *accepted, void *user);
/* The socket is somebody else's too, who listens on it when we have gone: its file
 * stays. */
void acceptor_leave_file(struct acceptor *self);
/* Stops listening. NULL is legal. */
void acceptor_free(struct acceptor *self);

/* The address that is really listened on (the port when 0 was asked for). */
MUST_CHECK enum status acceptor_address(const struct acceptor *self, struct address *out);

/* What connects meanwhile waits in the kernel. */
void acceptor_pause(struct acceptor *self);
void acceptor_resume(struct acceptor *self);

/* How often accepting had to pause because descriptors or memory ran out. */
unsigned long acceptor_shortages(const struct acceptor *self);

#endif
