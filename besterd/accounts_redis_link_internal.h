/*
 * accounts_redis_link_internal: what the two files of the link share: questions
 * and answers in accounts_redis_link.c, the making of a connection in
 * accounts_redis_connect.c.
 */
#ifndef BESTERD_ACCOUNTS_REDIS_LINK_INTERNAL_H
#define BESTERD_ACCOUNTS_REDIS_LINK_INTERNAL_H

#include <hiredis/async.h>

#include "besterd/accounts_redis_link.h"
#include "libbester/dial.h"
#include "libbester/worker.h"

enum link_state {
    LINK_AWAY,
    LINK_FINDING,  /* where the name leads to: hiredis would stop the loop for that */
    LINK_GREETING, /* connecting, and not let in yet */
    LINK_UP
};

/* A command that waits for a connection, then for its answer. */
struct asked {
    struct asked *next;
    struct redis_link *link;
    redis_answered *answered;
    void *user;
    ev_tstamp deadline;
    char *bytes; /* NULL: they are sent */
    size_t len;
};

struct asked_list {
    struct asked *first;
    struct asked **last;
};

struct redis_link {
    struct ev_loop *loop;
    struct config_redis settings;
    char name[ADDRESS_TEXT_MAX];
    enum link_state state;
    struct worker *resolver; /* NULL: the address is no name */
    struct dial *dial;
    redisAsyncContext *context; /* hiredis frees it, or we by drop */
    struct redis_guard guard;
    void (*add_read)(void *adapter); /* of the adapter */
    struct asked_list waiting;       /* for the connection */
    struct asked_list sent;          /* hiredis calls on_reply for each, whatever happens */
    unsigned greetings;              /* that were not answered yet */
    ev_tstamp attempt_deadline;
    ev_timer deadline; /* of the attempt, or of the first one sent */
    ev_timer pause;    /* until the next attempt; fed by a question */
    double pause_s;
    ev_tstamp ended_at;
    struct fault end; /* why it ended last */
    char logged[240]; /* the end that was logged, "" when it is up */
    bool is_freed;
};

/* Starts to connect. Only from the loop, not from a callback of hiredis. */
void redis_link_attempt(struct redis_link *self);

/* Redis has let us in: what waits is sent. */
void redis_link_up(struct redis_link *self);
/* The connection, or the attempt at one, is over: what was asked gets its
 * answer, and the pause before the next attempt begins. */
void redis_link_end(struct redis_link *self, const struct fault *why);
void redis_link_end_with(struct redis_link *self, enum status status, const char *text);
/* The same where hiredis has given the connection up, and frees it itself. */
void redis_link_lost(struct redis_link *self, const redisAsyncContext *context);

#endif
