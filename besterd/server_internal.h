/*
 * server_internal: what the files of server share. For nobody else.
 */
#ifndef BESTERD_SERVER_INTERNAL_H
#define BESTERD_SERVER_INTERNAL_H

#include "besterd/accounts.h"
#include "besterd/administration.h"
#include "besterd/informer.h"
#include "besterd/listener.h"
#include "besterd/metrics_http.h"
#include "besterd/notify.h"
#include "besterd/pipeline.h"
#include "besterd/server.h"
#include "besterd/server_facts.h"
#include "libbester/tls.h"

enum server_phase {
    SERVER_STARTING, /* until the loop can turn */
    SERVER_RUNNING,
    SERVER_DRAINING, /* what is in flight gets its reports */
    SERVER_LEAVING,  /* connections and handlers end */
    SERVER_OVER
};

struct server {
    const struct config *config;
    struct ev_loop *loop;
    struct spawner *spawner; /* or NULL */
    struct streams *streams;
    struct worker *resolver;
    struct accounts *accounts;
    struct informer *informer;
    struct administration *administration;
    struct listeners listeners;
    struct tls_context *tls; /* NULL: no listener needs it */
    struct roster roster;
    size_t max_sessions; /* more must wait: descriptors are needed for others, too */
    bool full;           /* so many are here, and the listeners pause */
    struct log_valve full_lines;
    struct route route;
    struct peers *peers;
    struct links *links;
    struct pipeline pipeline;
    struct session_context session_context;
    struct handler_context handler_context;
    struct peers_context peers_context;
    struct links_context links_context;
    struct server_facts facts;

    struct limits *limits;
    struct stream_pool strangers;
    struct metrics *metrics;
    struct metrics_http *metrics_http; /* NULL: not in the configuration */
    double turn_began_s;               /* monotonic; 0: before the first */

    struct notify notify;
    ev_timer alive; /* signs of life for the service manager */

    enum server_phase phase;
    ev_timer patience;   /* of the phase */
    ev_timer afterwards; /* never started: fed when there is something to sweep */
};

/* server_tls.c: the certificate of config; *out stays NULL where no listener needs one. */
MUST_CHECK enum status server_open_tls(
    struct tls_context **out, const struct config *config, struct fault *fault);

/* server_door.c: who comes in. Opens the listeners. */
MUST_CHECK enum status server_door_open(struct server *self, struct fault *fault);
/* After somebody has gone: whether others may come in again. */
void server_door_look(struct server *self);
/* A session_callbacks.on_login. */
MUST_CHECK enum status server_door_log_in(
    struct session *session, struct fault *fault, void *server);
/* server_peers.c: makes what talks to other servers. */
MUST_CHECK enum status server_open_peers(struct server *self, struct fault *fault);

/* server_memory.c: what happens when memory runs out. Also after a reload. */
void server_memory_limit(struct server *self);

/* server_notify.c: what the service manager is told. */
void server_notify_open(struct server *self);
void server_notify_close(struct server *self);
/* After the start, and after a reload. */
void server_notify_ready(struct server *self);

/* server_administration.c: what administrators can have done to it. */
extern const struct administration_deeds server_deeds;

/* server_measure.c: the metrics that nobody counts on the way, and the listener
 * that tells them. */
MUST_CHECK enum status server_measure_open(struct server *self, struct fault *fault);
void server_measure_close(struct server *self);

#endif
