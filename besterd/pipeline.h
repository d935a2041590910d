/*
 * pipeline: the way of a message, from a session to its report.
 *
 *   route -> exchange with the handler -> command -> delivery -> report
 *
 * The one place that knows all stages. Owns the tickets.
 */
#ifndef BESTERD_PIPELINE_H
#define BESTERD_PIPELINE_H

#include "besterd/delivery.h"
#include "besterd/handler.h"
#include "besterd/log.h"
#include "besterd/route.h"
#include "besterd/session.h"

struct pipeline {
    const struct config *config;
    struct ev_loop *loop;
    struct roster *roster;
    struct route *route;
    struct metrics *metrics;
    struct administration *administration;
    struct limits *limits;   /* or NULL */
    struct streams *streams; /* NULL: memory is never short */
    struct deliveries deliveries;
    struct slots tickets;
    struct blob *types; /* data of the answer to the built-in `types` */
    struct trace_source traces;
    struct origin *handler_origin; /* of a handler that speaks first */
    struct log_valve said_first;   /* lines about what one said first, and failed */
    bool draining;
    void (*on_idle)(void *server); /* draining, and the last message has its report */
    void *server;
};

/* The caller has filled in config, loop, roster, route, metrics, on_idle, server, and of the
 * deliveries roster, peers, accounts, config, loop and metrics; administration before
 * the first message. STATUS_NO_MEMORY. */
MUST_CHECK enum status pipeline_init(struct pipeline *self);
/* No message is on its way any more, and nobody is told. While the streams live: what
 * they still say then finds nothing. */
void pipeline_forget(struct pipeline *self);
void pipeline_release(struct pipeline *self);

/* A message of a session that has logged in, or of another server. */
void pipeline_take(struct pipeline *self, struct session *session, const struct message *message);

/* What handlers say. Whether an answer makes sense. */
bool pipeline_answered(struct pipeline *self, uint64_t number, struct handler *handler,
    const struct message *answer, struct span payload);
void pipeline_not_answered(
    struct pipeline *self, uint64_t number, enum status reason, const char *detail);
void pipeline_handler_speaks(
    struct pipeline *self, struct handler *handler, const struct message *word);

/* What administration says. data: JSON, absent unless status is STATUS_OK. */
void pipeline_administered(struct pipeline *self, uint64_t number, enum status status,
    struct span data, const char *detail);

/* A handler that was full works on less: sessions that waited for it go on. */
void pipeline_has_room(struct pipeline *self);

/* Another configuration; types: of builtin_types_new, now the callee's. */
void pipeline_reconfigure(struct pipeline *self, const struct config *config, struct blob *types);

/* From now on every new message is reported bad: shuttingDown. */
void pipeline_drain(struct pipeline *self);
/* So is what is on its way now, though some of it may still take effect: nobody
 * waits for it any longer. */
void pipeline_give_up(struct pipeline *self);
/* Messages that are on their way. */
size_t pipeline_in_flight(const struct pipeline *self);

#endif
