/*
 * metrics_http: the listener that tells operators how the server is.
 *
 *   GET /metrics   the metrics, in Prometheus' text format or as OpenMetrics
 *   GET /healthz   200 for as long as the event loop turns
 *   GET /readyz    200 when clients are served, 503 with the reason when not
 *
 * One request for each connection. Owns its listening socket and its connections;
 * their number, the size of a request and its time are bounded, so that whoever
 * reaches it can hold up nothing but it.
 */
#ifndef BESTERD_METRICS_HTTP_H
#define BESTERD_METRICS_HTTP_H

#include <ev.h>

#include "besterd/metrics.h"
#include "libbester/address.h"

struct metrics_http;

struct metrics_http_facts {
    /* Sets the gauges anew. */
    void (*measure)(void *server);
    /* NULL: ready. Otherwise a word that says why not: "draining". */
    const char *(*not_ready)(void *server);
};

/* Listens. metrics and facts must outlive it. STATUS_IO or STATUS_INVALID: *fault
 * says why; STATUS_NO_MEMORY. */
MUST_CHECK enum status metrics_http_new(struct metrics_http **out, struct ev_loop *loop,
    const struct address *address, struct metrics *metrics, const struct metrics_http_facts *facts,
    void *server, struct fault *fault);
/* Closes every connection. NULL is legal. */
void metrics_http_free(struct metrics_http *self);

/* How long a request may take, an answer may take, and how long what still comes
 * after it is read: 10 s, 10 s, 2 s. For tests. */
void metrics_http_set_patience(struct metrics_http *self, double request_s, double linger_s);
/* Where it really listens. */
MUST_CHECK enum status metrics_http_address(const struct metrics_http *self, struct address *out);

#endif
