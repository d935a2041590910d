/*
 * peer: messages to other servers, in Part I's way: a connection for each, the
 * message, their status report, the end.
 *
 * Owns what is on its way. Per destination a bounded number of connections is
 * open at once; messages of the same order key go one after the other, the next
 * only when the report of the one before is in, so that they take effect in
 * order; different keys take turns. Each message that was taken ends in exactly
 * one on_done, never from within peers_send.
 */
#ifndef BESTERD_PEER_H
#define BESTERD_PEER_H

#include <stdint.h>

#include "besterd/config.h"
#include "besterd/metrics.h"
#include "libbester/blob.h"
#include "libbester/stream.h"
#include "libbester/worker.h"

struct peers;

struct peers_context {
    struct streams *streams;
    struct worker *resolver; /* looks names up */
    const struct config *config;
    /* STATUS_OK: the other server reported good. STATUS_SERVER_REFUSED: bad.
     * STATUS_SERVER_UNREACHABLE: no connection, or no report in time. */
    void (*on_done)(uint64_t tag, enum status status, const char *detail, void *server);
    void *server;
    struct metrics *metrics; /* or NULL */
};

/* NULL when out of memory. context must outlive it. */
struct peers *peers_new(const struct peers_context *context);
/* Nothing more is called back. NULL is legal. */
void peers_free(struct peers *self);

/* name: a legacy peer of the configuration, or its "host:port"; any "host:port" where
 * the configuration allows it. Never a pinned one. Takes a reference to frame.
 * STATUS_UNKNOWN_SERVER: neither; STATUS_OVERLOADED: too many bytes wait for it;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status peers_send(
    struct peers *self, const char *name, uint64_t order_key, uint64_t tag, struct blob *frame);

/* Calls each for every destination that something waits for, with how many messages
 * and bytes that is. */
void peers_each_waiting(const struct peers *self,
    void (*each)(const char *name, size_t messages, size_t bytes, void *user), void *user);
/* Sets the gauges about what is on its way. */
void peers_measure(const struct peers *self);

#endif
