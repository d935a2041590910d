/*
 * session: one connection that came in, of a client or, for one message, of
 * another server. Knows how one logs in, and nothing of what messages mean.
 *
 * Owns its stream, its origin and its lanes' list (lane.h). The roster owns the
 * session and gives it its number. Invariant: between session_end and the moment
 * its stream is gone a session hands out no message; it is freed by whoever is
 * told on_gone.
 *
 *   NEW -> VERIFYING -> CLIENT -> ENDING
 *   NEW -> PEER -> ENDING                   (Part I, "Server to server")
 *   PEER -> ENDING                          (a lodger: one message of a pinned server)
 *
 * A lodger has no stream; it is gone when nothing of it is in flight any more.
 */
#ifndef BESTERD_SESSION_H
#define BESTERD_SESSION_H

#include <stdint.h>

#include "besterd/accounts.h"
#include "besterd/config.h"
#include "besterd/limits.h"
#include "besterd/metrics.h"
#include "besterd/origin.h"
#include "libbester/message.h"
#include "libbester/stream.h"

struct lane;
struct session;

/* Where the report of a message goes that came over a link to a pinned server, which
 * many share (link.h). */
struct session_host {
    /* Takes the frame over; NULL: there was no memory for it. */
    void (*report)(struct session *lodger, struct blob *frame);
    /* The lodger is gone when this returns. */
    void (*leave)(struct session *lodger);
};

struct session_callbacks {
    /* Logged in: session->user and ->origin are set. The login's good report
     * follows when this returns STATUS_OK; otherwise it is refused for that reason
     * and *fault says why. */
    enum status (*on_login)(struct session *session, struct fault *fault, void *server);
    /* A login with that name and password that may ask for a new account. STATUS_OK:
     * it does, and session_registered follows, not from within the call;
     * STATUS_NOT_FOUND: it does not; otherwise *fault says why it gets none.
     * May be NULL. */
    enum status (*on_register)(struct session *session, const struct message *message,
        const char *username, struct span password, struct fault *fault, void *server);
    /* A message of a client or a server; valid during the call only. */
    void (*on_message)(struct session *session, const struct message *message, void *server);
    /* Nothing more comes from it, and nothing may be sent to its user through it
     * any more. Reports still can. May be called once. */
    void (*on_leave)(struct session *session, void *server);
    /* The connection is gone. The session is the callee's to free. */
    void (*on_gone)(struct session *session, void *server);
    /* A frame sent with a tag has left, or never will. */
    void (*on_sent)(uint64_t tag, enum status status, void *server);
};

/* What all sessions of a server share. */
struct session_context {
    const struct config *config;
    struct streams *streams;
    struct accounts *accounts;
    const struct session_callbacks *callbacks;
    void *server;
    struct metrics *metrics;       /* or NULL */
    struct limits *limits;         /* or NULL */
    struct stream_pool *strangers; /* the unfinished input of all who are not logged in; or NULL */
};

/* Why a session is not read from at the moment. */
enum session_hold {
    HOLD_LOGIN = 1u << 0,  /* its password is being looked at */
    HOLD_FLIGHT = 1u << 1, /* too many messages are in flight */
    HOLD_RATE = 1u << 2,   /* it sends faster than it may */
    HOLD_HANDLER = 1u << 3 /* the handler that it asks has too much to do */
};

enum session_state { SESSION_NEW, SESSION_VERIFYING, SESSION_CLIENT, SESSION_PEER, SESSION_ENDING };

struct session {
    uint64_t number;
    const struct session_context *context;
    struct stream *stream; /* NULL once gone */
    enum session_state state;
    unsigned holds;        /* of enum session_hold */
    bool left;             /* on_leave was called */
    bool gone;             /* on_gone was called */
    bool closing;          /* ends as soon as nothing is in flight */
    unsigned in_flight;    /* messages accepted whose report is not sent yet */
    char *user;            /* SESSION_CLIENT */
    double since_s;        /* SESSION_CLIENT: when it logged in, since 1970 */
    struct origin *origin; /* SESSION_CLIENT, SESSION_PEER */
    unsigned hops;         /* SESSION_PEER: servers the message came through */
    size_t max_frame;      /* SESSION_CLIENT: what it was told */
    struct lane *own_lanes;
    struct lane **lanes;             /* its own, or those it shares with other lodgers */
    const struct session_host *host; /* of a lodger; NULL: it is none */
    void *place;                     /* the host's */
    uint64_t exchange;               /* of a lodger */
    struct session *next_of_user;    /* the roster's */
    struct session *previous_of_user;
    struct guest *guest; /* where it comes from, or NULL */
    uint64_t limits_user;
    bool guessing;        /* its password is being hashed (limits_guess) */
    unsigned guess_taken; /* of limits_guess */
    ev_timer timer;       /* until it has logged in: its deadline; then: the end of HOLD_RATE */
};

/* Takes fd, filter (NULL: none) and guest (of limits_admit) over. The caller enters
 * it in the roster, which sets number, before the loop turns. NULL when out of
 * memory; fd is closed then. */
struct session *session_new(
    int fd, struct filter *filter, struct guest *guest, const struct session_context *context);
/* A lodger, for its one message, which on_message is told by the caller; then
 * session_end. Takes origin over. lanes must outlive it. NULL when out of memory. */
struct session *session_new_lodger(const struct session_context *context,
    const struct session_host *host, void *place, struct origin *origin, struct lane **lanes);
/* Only after on_gone, or to throw away one that was never entered. */
void session_free(struct session *self);

/* Its password is about to be hashed. STATUS_OK: it may be; otherwise the session has
 * ended, or does now, and was told why. */
MUST_CHECK enum status session_guess(struct session *self);
/* The accounts' answer about this session's password. */
void session_verified(struct session *self, enum status status);
/* The account that it asked for has been made, or why not. */
void session_registered(struct session *self, enum status status, const char *detail);

/* Queues a frame and gives the caller's reference back. Failures are for the
 * caller to tell: STATUS_OVERLOADED, STATUS_CLOSED, STATUS_NO_MEMORY. */
MUST_CHECK enum status session_send(struct session *self, struct blob *frame, uint64_t tag);
/* A status report. One that cannot even be queued ends the session: a client
 * that misses a report would wait for ever. */
void session_report(struct session *self, const struct report *report);
void session_report_frame(struct session *self, struct blob *frame);

/* The context's configuration is another. What the client was told at its login
 * holds: its messages may still be as long. */
void session_reconfigure(struct session *self);

/* Reading pauses for this reason, and goes on when there is none left. */
void session_hold(struct session *self, enum session_hold why);
void session_let_go(struct session *self, enum session_hold why);

/* Counts messages in flight; reading pauses while there are too many. */
void session_enter_flight(struct session *self);
void session_leave_flight(struct session *self);

/* Bytes that it holds: what waits for it and what came from it unfinished. */
size_t session_held_bytes(const struct session *self);
/* There is no memory left, and this session is to blame: tells it (one that has not
 * logged in; the other's queue is what is in the way) and ends it. */
void session_turn_out(struct session *self, enum limit limit);

/* No more messages are taken; once nothing is in flight any more, says end of
 * output and closes. */
void session_end(struct session *self);
/* The same, after a report of its own that says why. */
void session_dismiss(struct session *self, enum status reason, const char *detail);
/* Closes now. on_gone follows. */
void session_drop(struct session *self);

#endif
