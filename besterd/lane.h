/*
 * lane: what one session sends with one type, in the order sent.
 *
 * A ticket is one message on its way through the server, from the moment it is
 * accepted to its report. Two things happen in the order of the lane, however
 * the handlers' answers come in:
 *
 *   - answers take effect: one is carried out only when every message before it
 *     has nothing left to be carried out (is settled);
 *   - reports go out: a ticket leaves the lane only as its first.
 *
 * Different lanes never wait for each other.
 *
 * A lane belongs to its session's list; when the session goes it stays until its
 * last ticket has left, since what was accepted is carried out all the same.
 * Owns nothing but itself; tickets are owned by the pipeline's table.
 */
#ifndef BESTERD_LANE_H
#define BESTERD_LANE_H

#include <stdint.h>

#include "besterd/log.h"
#include "besterd/origin.h"
#include "besterd/trace.h"
#include "libbester/bytes.h"

struct handler;
struct ticket;

struct lane {
    struct lane *next; /* of the session */
    const void *key;   /* whose answers it orders: a handler, or what answers built-ins */
    struct ticket *first;
    struct ticket *last;
    struct ticket *front; /* the first that may be unsettled; NULL: none is */
    size_t kept_bytes;    /* of the tickets' answers that wait for their turn */
    bool orphan;          /* the session has gone */
};

/* An answer that came before its turn. */
struct answer {
    struct answer *next;
    struct handler *handler; /* who gave it; NULL: a built-in, payload is its data */
    struct blob *payload;
    size_t *tally; /* where payload is counted, or NULL */
};

/* One recipient or server of a ticket, and what became of it. */
struct target {
    enum target_kind { TARGET_USER, TARGET_SERVER } kind;
    unsigned open;      /* deliveries not yet resolved */
    enum status status; /* STATUS_OK, or why the first one failed */
    struct span token;  /* its name, a JSON string; storage is the target's own */
    uint32_t hash;      /* of the name, decoded */
    unsigned told_by;   /* which of the ticket's commands named it last */
};

struct ticket {
    uint64_t number;
    size_t type;             /* its label on AXIS_TYPE */
    uint64_t session;        /* 0: a handler spoke first, nobody waits for a report */
    struct handler *speaker; /* who spoke first; NULL: nobody did */
    struct lane *lane;
    struct ticket *previous, *next;
    struct origin *origin;
    struct trace trace;
    uint64_t exchange;     /* with a pinned server, which it came from; 0: not so */
    unsigned server_hops;  /* servers it came through */
    unsigned handler_hops; /* sendHandler commands carried out */

    unsigned asking;        /* questions a handler has not answered yet */
    struct answer *waiting; /* answers before their turn, oldest first */
    unsigned open;          /* deliveries not yet resolved */
    bool running;           /* it is being asked about, or carried out, right now */

    struct target *targets;
    size_t target_count;
    uint32_t *places; /* a hash table: indices of targets, plus 1; NULL: they are few */
    size_t place_count;
    unsigned told;       /* commands that named targets */
    enum status failure; /* the first; STATUS_OK: none */
    char *detail;        /* of failure, or NULL */
    struct blob *own;    /* a built-in's answer, in the place of a good report; or NULL */

    struct span id_token; /* absent: the message had no id */
    char id_storage[];
};

/* A line of the log about a ticket's message, at level debug. */
#define ticket_log(ticket, ...) \
    log_traced(LOG_LEVEL_DEBUG, "pipeline", (ticket)->trace.text, __VA_ARGS__)

/* NULL when out of memory. Takes references of its own. */
struct ticket *ticket_new(uint64_t session, struct origin *origin, struct span id_token);
/* Must have left its lane. NULL is legal. */
void ticket_free(struct ticket *self);

/* Nothing of it is left to be carried out (what was, may still be under way). */
bool ticket_is_settled(const struct ticket *self);
/* Settled, and all outcomes are known. */
bool ticket_is_done(const struct ticket *self);
/* Remembers why it failed; the first reason stands. detail may be NULL. */
void ticket_fail(struct ticket *self, enum status reason, const char *detail);

/* Keeps an answer until its turn, counted by tally (of blob_wait; or NULL).
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status ticket_keep_answer(
    struct ticket *self, struct handler *handler, struct span payload, size_t *tally);
/* The oldest kept answer, now the caller's (answer_free); NULL: none. */
struct answer *ticket_take_answer(struct ticket *self);
void answer_free(struct answer *self);

/* The target of that name, made if there is none yet; names are compared after
 * decoding. *index stays valid, pointers do not. STATUS_NO_MEMORY. */
MUST_CHECK enum status ticket_target(
    struct ticket *self, enum target_kind kind, struct span token, size_t *index);

/* The lane of that key in a session's list; NULL: there is none. */
struct lane *lane_find(struct lane *list, const void *key);
/* The same, made if there is none yet. NULL when out of memory. */
struct lane *lane_get(struct lane **list, const void *key);
void lane_append(struct lane *self, struct ticket *ticket);
/* ticket must be the first. Whether the lane is still there: an orphan goes with
 * its last ticket. */
bool lane_pop(struct lane *self, struct ticket *ticket);
/* Whether an answer to ticket may be carried out now: all before it are settled,
 * or, if the answer does nothing but ask further handlers (hops_only), those not
 * settled are further along their chains. */
bool lane_may_run(struct lane *self, const struct ticket *ticket, bool hops_only);
/* A reload put handler `now` (NULL: none) in the place of `old`: what comes next
 * waits for what was sent before. */
void lanes_replace(struct lane *list, const struct handler *old, const struct handler *now);
/* The session goes: lanes without tickets are freed, the others when empty. */
void lanes_orphan(struct lane **list);

#endif
