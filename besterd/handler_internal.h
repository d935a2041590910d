/*
 * handler_internal: what handler.c shares with the two protocols. For nobody
 * else.
 */
#ifndef BESTERD_HANDLER_INTERNAL_H
#define BESTERD_HANDLER_INTERNAL_H

#include "besterd/child.h"
#include "besterd/handler.h"
#include "besterd/slots.h"

/* A question under way. Stands in the handler's list in the order asked, which
 * is the order of the deadlines too. */
struct ask {
    struct ask *previous, *next;
    struct handler *handler;
    uint64_t number; /* the exchange */
    uint64_t ticket;
    double deadline_s; /* monotonic */
    bool sent;
    bool suspect;          /* the handler sent garbage while this was with it */
    struct blob *frame;    /* until it is sent */
    struct stream *stream; /* one-shot: its own connection */
};

/* How a protocol does it. */
struct handler_protocol {
    /* The frame that asks. NULL: out of memory. */
    struct blob *(*frame)(
        struct handler *self, const struct ask *ask, const struct handler_question *question);
    /* Sends one ask. STATUS_OK; STATUS_OVERLOADED: not now, something else will
     * wake us; STATUS_HANDLER_DOWN: nobody is there. */
    enum status (*send)(struct handler *self, struct ask *ask);
    /* Connects ahead of the first message, if the protocol can. */
    enum status (*connect)(struct handler *self);
    /* ask will never be answered: let go of what belongs to it. */
    void (*abandon)(struct handler *self, struct ask *ask);
    void (*close)(struct handler *self);
};

extern const struct handler_protocol handler_protocol_stream;
extern const struct handler_protocol handler_protocol_oneshot;

struct handler {
    const struct config_handler *config;
    const struct handler_context *context;
    const struct handler_protocol *protocol;
    struct child *child; /* NULL: no program in the configuration */
    bool stopping;
    char subject[96];
    char *type_token;
    const char **argv;
    char *environment[4];

    struct slots numbers;
    struct ask *first, *last;
    struct ask *unsent; /* the first that waits to be sent */
    size_t ask_count;
    size_t unsent_bytes; /* of the frames that wait to be sent */
    ev_timer deadline;
    ev_timer retry;
    double retry_s; /* the next pause between attempts to connect */

    struct stream *stream;     /* stream protocol: the connection */
    unsigned connection_count; /* one-shot: connections open now */
};

enum {
    HANDLER_ENVELOPE_SLACK = 64 * 1024, /* what our header adds to a client's message */
    HANDLER_UNSENT_MAX = 64 << 20       /* bytes that wait for a slow or starting handler */
};

/* A connected socket, or -1 with errno. Never waits. */
int handler_connect(const struct handler *self);
struct stream_options handler_stream_options(const struct handler *self);
/* Sends what waits, if somebody is there; otherwise sees to it that somebody
 * will be. */
void handler_pump(struct handler *self);
/* Tries again soon. */
void handler_retry(struct handler *self, double after_s);
/* The frame of an ask is not needed any more. */
void handler_drop_frame(struct ask *ask);
/* Ends of a question. Both free ask. */
void handler_answered(
    struct handler *self, struct ask *ask, const struct message *answer, struct span payload);
void handler_failed(struct handler *self, struct ask *ask, enum status reason, const char *format,
    ...) PRINTF_LIKE(4, 5);

#endif
