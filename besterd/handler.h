/*
 * handler: the process behind one type, as the server sees it: questions go in,
 * each comes back exactly once as an answer or as a failure.
 *
 * Whoever listens on the socket of the configuration is the handler; if nobody
 * does, the configuration's program is started (child.h) and kept running.
 * Questions wait for it until their deadline. A question is only ever sent once:
 * when the connection breaks, those that were sent fail, because the handler may
 * have acted on them.
 *
 * Two protocols (Part I one-shot, Part II stream), one interface. Callbacks come
 * from the loop, never from within handler_ask.
 */
#ifndef BESTERD_HANDLER_H
#define BESTERD_HANDLER_H

#include <stdint.h>

#include "besterd/config.h"
#include "besterd/metrics.h"
#include "besterd/origin.h"
#include "libbester/message.h"
#include "libbester/stream.h"

struct handler;

struct handler_callbacks {
    /* answer is valid during the call; payload is the text it was parsed from. */
    void (*on_answer)(uint64_t ticket, struct handler *handler, const struct message *answer,
        struct span payload, void *server);
    /* STATUS_HANDLER_DOWN, STATUS_HANDLER_TIMEOUT or STATUS_BAD_REPLY. */
    void (*on_failure)(uint64_t ticket, enum status reason, const char *detail, void *server);
    /* A frame that answers nothing: the handler speaks first (stream only). */
    void (*on_word)(struct handler *handler, const struct message *word, void *server);
    /* A process that was asked to end (handler_stop) has ended. */
    void (*on_ended)(void *server);
};

struct handler_context {
    struct streams *streams;
    const struct config_limits *limits;
    const struct handler_callbacks *callbacks;
    void *server;
    struct metrics *metrics; /* or NULL */
};

struct handler_question {
    uint64_t ticket;
    const struct origin *origin;
    struct span id_token; /* or absent */
    const char *trace;
    struct span data;
};

/* NULL when out of memory. config and context must outlive it. */
struct handler *handler_new(
    const struct config_handler *config, const struct handler_context *context);
/* Nothing more is called back. NULL is legal. */
void handler_free(struct handler *self);

/* Connects, or starts the program, so that the first message need not wait. */
void handler_start(struct handler *self);
/* Ends the program (SIGTERM) and never starts it again. What was asked is still
 * answered or fails. */
void handler_stop(struct handler *self);
bool handler_is_running(const struct handler *self); /* a process of ours lives */

/* The answer comes later. STATUS_OVERLOADED: too many questions wait;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status handler_ask(struct handler *self, const struct handler_question *question);

/* How it is at the moment. */
struct handler_condition {
    enum handler_state state;
    size_t questions[QUESTION_COUNT];
    size_t unsent_bytes;
};
struct handler_condition handler_condition(const struct handler *self);

/* Its label on AXIS_TYPE. */
size_t handler_label(const struct handler *self);
const struct config_handler *handler_config(const struct handler *self);
/* The type as a JSON token, for messages that carry it. */
struct span handler_type_token(const struct handler *self);

#endif
