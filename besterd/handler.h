/*
 * handler: the process behind one type, as the server sees it: questions go in,
 * each comes back exactly once as an answer or as a failure.
 *
 * Whoever listens on the socket of the configuration is the handler; if nobody
 * does, the configuration's program is started (spawner.h) and kept running.
 * Questions wait for it until their deadline. A question is only ever sent once:
 * when the connection breaks, those that were sent fail, because the handler may
 * have acted on them.
 *
 * Sessions take turns (turns.h): one that asks much delays the others by one question,
 * however many of its own wait. With a handler that stays connected there may be several
 * connections; what one session asks goes over one of them for as long as anything of
 * that is under way, so that the handler sees it in the order sent. A session is not tied
 * to a connection for good: where it has nothing under way no order can be told, and so
 * it goes where there is the least to do, or where there is a connection at all. A
 * connection that breaks fails what was sent over it and nothing else.
 *
 * A handler that fails again and again is asked no more for a while (breaker.h): who
 * wants to ask is told at once. What counts as failure: no answer in time, bytes that
 * are none or make no sense, a connection that is lost with questions on it (once,
 * however many), one that cannot be made, a program that ends before it listens. A
 * refusal (a status that is not "0") is an answer. Where nobody listens and the program
 * is not ours, each question still calls, because that costs nothing; a program of ours
 * is known to be there when it is.
 *
 * What a handler says first is limited, in a second and under way at once. Over it
 * nothing is read from the connection that said it, its answers neither, until there
 * is room: the handler has to wait, and nothing is lost.
 *
 * Two protocols (Part I one-shot, Part II stream), one interface. Callbacks come
 * from the loop, never from within handler_ask.
 */
#ifndef BESTERD_HANDLER_H
#define BESTERD_HANDLER_H

#include <stdint.h>

#include "besterd/breaker.h"
#include "besterd/config.h"
#include "besterd/metrics.h"
#include "besterd/origin.h"
#include "besterd/spawner.h"
#include "libbester/message.h"
#include "libbester/stream.h"

struct handler;

struct handler_callbacks {
    /* answer is valid during the call; payload is the text it was parsed from. Whether
     * it makes sense: a refusal does. */
    bool (*on_answer)(uint64_t ticket, struct handler *handler, const struct message *answer,
        struct span payload, void *server);
    /* STATUS_HANDLER_DOWN, STATUS_HANDLER_TIMEOUT or STATUS_BAD_REPLY. */
    void (*on_failure)(uint64_t ticket, enum status reason, const char *detail, void *server);
    /* A frame that answers nothing: the handler speaks first (stream only). What is not
     * over when this returns is counted by handler_word_begins. */
    void (*on_word)(struct handler *handler, const struct message *word, void *server);
    /* It was full (handler_is_full), and works on a quarter less now. May be NULL. */
    void (*on_room)(void *server);
    /* A process that was asked to end (handler_stop) has ended; or a handler that
     * was retired has come to its next step. */
    void (*on_ended)(void *server);
};

struct handler_context {
    struct streams *streams;
    const struct config_limits *limits;
    const struct handler_callbacks *callbacks;
    void *server;
    struct metrics *metrics; /* or NULL */
    struct spawner *spawner; /* NULL: no programs are started */
    /* Frames at least so large pass, whatever the limits say now: some session was
     * told at its login that it may send them. */
    size_t told_frame_bytes;
};

struct handler_question {
    uint64_t ticket;
    uint64_t asker; /* they take turns, and each is asked about in the order asked */
    const struct origin *origin;
    struct span id_token; /* or absent */
    const char *trace;
    struct span data;
};

/* NULL when out of memory. config and context must outlive it, but what they point
 * to may be replaced: see handler_reconfigure. */
struct handler *handler_new(
    const struct config_handler *config, const struct handler_context *context);
/* Nothing more is called back. NULL is legal. */
void handler_free(struct handler *self);

/* Connects, or starts the program, so that the first message need not wait; ends
 * handler_hold. */
void handler_start(struct handler *self);
/* Ends the program (SIGTERM) and never starts it again. What was asked is still
 * answered or fails. */
void handler_stop(struct handler *self);
bool handler_is_running(const struct handler *self); /* a process of ours lives */

/* ---- a reload of the configuration ---- */

/* Whether the two mean the same process at the same place, asked the same way:
 * then a handler can go from one to the other. */
bool handler_is_same(const struct config_handler *a, const struct config_handler *b);
/* config, as handler_is_same, takes the place of the one so far; the context's
 * limits may have changed too. Questions that were asked keep their deadline. */
void handler_reconfigure(struct handler *self, const struct config_handler *config);
/* It is asked and started by nobody until handler_start: questions wait. */
void handler_hold(struct handler *self);
/* No new question comes. Once the last is answered its owner is told on_ended and
 * calls handler_stop; and on_ended again once it may be freed. */
void handler_retire(struct handler *self);
/* Nothing is asked, nobody holds a reference, no process lives. */
bool handler_is_idle(const struct handler *self);
size_t handler_questions(const struct handler *self);

/* For who keeps one beyond a turn of the loop. What is gone (handler_free) answers
 * nothing any more, but its memory stays. */
struct handler *handler_ref(struct handler *self);
void handler_unref(struct handler *self);

/* It has as much to work on as it may, and no less of this asker than of others. Who can
 * wait asks no more until on_room; those who had not heard of it, or have less under way,
 * are taken all the same, up to as many again. */
bool handler_is_full(struct handler *self, uint64_t asker);
/* The answer comes later. STATUS_OVERLOADED: too many questions wait;
 * STATUS_HANDLER_DOWN: it has failed so often that it is not asked at present;
 * STATUS_NO_MEMORY. *fault says so. */
MUST_CHECK enum status handler_ask(
    struct handler *self, const struct handler_question *question, struct fault *fault);

/* What it said first is under way, until that is over: only so much may be at once, and
 * then nothing more is read from whoever says more. The handler stays for as long. */
void handler_word_begins(struct handler *self);
void handler_word_ends(struct handler *self);

/* How it is at the moment; its texts are the handler's, until it changes. */
struct handler_condition {
    enum handler_state state;
    double since_s; /* it is in this state, since 1970, as far as anybody has noticed */
    unsigned restarts;
    unsigned connections; /* that stay */
    size_t questions[QUESTION_COUNT];
    size_t unsent_bytes;
    const struct breaker *breaker;
    double failed_s; /* the last failure, whatever came after it; 0: none */
    const char *failed_why;
};
struct handler_condition handler_condition(struct handler *self);

/* Its label on AXIS_TYPE. */
size_t handler_label(const struct handler *self);
const struct config_handler *handler_config(const struct handler *self);
/* The type as a JSON token, for messages that carry it. */
struct span handler_type_token(const struct handler *self);

#endif
