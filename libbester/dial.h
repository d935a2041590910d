/*
 * dial: connects to an address without blocking. Names are resolved on a worker;
 * the addresses of a name are tried one after the other, a new one 250 ms after
 * the last even if that one has not failed yet (RFC 8305), first one up wins.
 *
 * One struct dial is one attempt. It ends with exactly one call of done, never
 * from within dial_new, unless dial_free came first.
 */
#ifndef BESTER_DIAL_H
#define BESTER_DIAL_H

#include <ev.h>

#include "libbester/address.h"
#include "libbester/status.h"
#include "libbester/worker.h"

struct dial;

/* fd: connected, non-blocking, now the callee's; or -1 and *fault says why:
 * STATUS_NOT_FOUND (no such name), STATUS_TIMEOUT, STATUS_IO. The dial is freed
 * when done returns. */
typedef void dial_done(int fd, const struct fault *fault, void *user);

/* resolver may be NULL if the address holds no name. NULL: out of memory. */
struct dial *dial_new(struct ev_loop *loop, struct worker *resolver, const struct address *address,
    double timeout_s, dial_done *done, void *user);
/* Gives up; done is not called. NULL is legal. */
void dial_free(struct dial *self);

#endif
