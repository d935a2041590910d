/*
 * link: lasting connections to pinned servers (Part II, "Server to server (pinned)").
 *
 * One link for each pinned peer of the configuration. Whoever of the two has the
 * other's address dials; of two connections at once both sides keep the one that was
 * dialled by the server whose name sorts first. A lost one is made again after a pause
 * that grows.
 *
 * Outward, each message that was taken ends in exactly one on_done, never from within
 * links_send, at the latest at its deadline: what was sent and has no report when a
 * connection is lost is sent again on the next. Inward, a message that comes again is
 * not carried out again, but answered again. Only a server that has ended meanwhile
 * (hello says so) has forgotten: what it was sent is reported as unreachable and not
 * sent again. Thus: carried out once, or reported bad.
 *
 * Owns links, connections, and what is on its way in both directions; sessions of
 * messages that came in (lodgers) belong to the roster.
 */
#ifndef BESTERD_LINK_H
#define BESTERD_LINK_H

#include "besterd/config.h"
#include "besterd/metrics.h"
#include "besterd/session.h"
#include "besterd/strangers.h"
#include "libbester/message.h"
#include "libbester/worker.h"

struct links;
struct links_plan;

struct links_context {
    struct streams *streams;
    struct worker *resolver;
    const struct config *config;
    const struct session_context *sessions; /* for lodgers */
    struct metrics *metrics;                /* or NULL */
    /* Gives a lodger its number: STATUS_NO_MEMORY, and it is still the caller's. */
    enum status (*enter)(struct session *lodger, void *server);
    /* STATUS_OK: the other server reported good. STATUS_SERVER_REFUSED: bad.
     * STATUS_TOO_LARGE: it said that it does not take so much.
     * STATUS_SERVER_UNREACHABLE: no report in time, or none that can come.
     * STATUS_UNKNOWN_SERVER: it is no peer any more. */
    void (*on_done)(uint64_t tag, enum status status, const char *detail, void *server);
    /* After links_leave: the last connection has ended. */
    void (*on_quiet)(void *server);
    void *server;
};

/* context must outlive it. STATUS_IO, STATUS_INVALID: *fault says what is wrong with the
 * identity; STATUS_NO_MEMORY. */
MUST_CHECK enum status links_new(
    struct links **out, const struct links_context *context, struct fault *fault);
/* Begins to call. To be called when the listeners are open. */
void links_start(struct links *self);
/* Nothing more is called back. NULL is legal. */
void links_free(struct links *self);

/* A connection to the listener for pinned servers; takes fd over. */
void links_accept(struct links *self, int fd);

/* name: a pinned peer of the configuration, or its "host:port". order: messages of
 * equal ones take effect in the order sent. self NULL: there is none. forward: without exchange and
 * order. STATUS_NOT_FOUND: it is no pinned peer; STATUS_TOO_LARGE: for the other server, which is
 * known while it is connected; STATUS_OVERLOADED: too many bytes wait for it; STATUS_NO_MEMORY. */
MUST_CHECK enum status links_send(struct links *self, const char *name, uint64_t order,
    uint64_t tag, const struct forward *forward);

/* From now on messages that come in are not taken: who sent them is told so, and sends
 * them to whoever comes after us. Reports still come and go. */
void links_drain(struct links *self);
/* What is queued is said, then connections end; on_quiet when the last has. */
void links_leave(struct links *self);
bool links_are_gone(const struct links *self);

/* Another configuration: all that can fail is made first. */
MUST_CHECK enum status links_plan(
    struct links *self, const struct config *config, struct links_plan **plan, struct fault *fault);
/* Puts a plan in force; the context's configuration is the new one. Connections that it
 * means stay. */
void links_commit(struct links *self, struct links_plan *plan);
/* Throws one away. NULL is legal. */
void links_cancel(struct links_plan *plan);

/* ---- what is told about it ---- */

/* Lodgers that are in the roster. */
size_t links_lodgers(const struct links *self);
/* Sets the gauges; to be called after peers_measure. */
void links_measure(const struct links *self);
const struct strangers *links_strangers(const struct links *self);
/* The pin that this server shows; NULL: it has none. */
const struct tls_pin *links_pin(const struct links *self);

/* enumerator, text */
#define LINK_STATE_TABLE(X)    \
    X(LINK_UP, "up")           \
    X(LINK_CALLING, "calling") \
    X(LINK_WAITING, "waiting") \
    X(LINK_LISTENING, "listening")

enum link_state {
#define X(name, text) name,
    LINK_STATE_TABLE(X)
#undef X
        LINK_STATE_COUNT
};
const char *link_state_text(enum link_state state);

struct link_condition {
    const char *name;
    size_t label; /* on AXIS_PEER */
    enum link_state state;
    double since_s;       /* of a connection that is up, since 1970 */
    const char *address;  /* of the other end of it; "": not up */
    const char *trouble;  /* what happened last; "": nothing */
    size_t waiting;       /* messages to it without a report, */
    size_t waiting_bytes; /* and their bytes */
    size_t working;       /* messages of it without a report */
};
/* index < count of links_count. */
size_t links_count(const struct links *self);
struct link_condition links_condition(const struct links *self, size_t index);

#endif
