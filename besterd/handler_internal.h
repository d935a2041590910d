/*
 * handler_internal: what the files of handler share. For nobody else.
 *
 * handler.c: questions and their deadlines. handler_lines.c: which of them is sent
 * next, and over what. handler_life.c: birth, reload and death. handler_presence.c:
 * whether somebody is there to be asked. handler_breaker.c: whether it is worth it.
 * handler_health.c: how it is. handler_words.c: what it says first. handler_stream.c,
 * handler_oneshot.c: the two protocols.
 */
#ifndef BESTERD_HANDLER_INTERNAL_H
#define BESTERD_HANDLER_INTERNAL_H

#include "besterd/breaker.h"
#include "besterd/handler.h"
#include "besterd/log.h"
#include "besterd/rates.h"
#include "besterd/slots.h"
#include "besterd/spawner.h"
#include "besterd/turns.h"

/* A question under way. Stands in the handler's list in the order asked, which
 * is the order of the deadlines too; and in a second list, of those that wait or of
 * those that were sent over one line. */
struct ask {
    struct ask *previous, *next;
    struct ask *before, *after; /* in the second list */
    struct handler *handler;
    struct turn turn; /* until it is sent */
    struct flow *flow;
    struct line *line; /* it was sent over; NULL: it waits */
    uint64_t number;   /* the exchange */
    uint64_t ticket;
    double asked_s; /* monotonic, as the next */
    double deadline_s;
    uint64_t who;          /* handler_who */
    bool probe;            /* asked to see whether the handler answers again */
    bool told;             /* its failure is known to the breaker */
    bool late;             /* its time was over before it could be asked */
    bool lost;             /* with it when its connection broke */
    bool suspect;          /* the handler sent garbage while this was with it */
    struct blob *frame;    /* until it is sent */
    struct stream *stream; /* one-shot: its own connection */
};

/* Why nothing is read from a connection. */
enum line_hold { HOLD_WORD_RATE = 1u << 0, HOLD_WORDS = 1u << 1 };

/* A way to the handler: a connection that stays, or (one-shot, which has one line) all
 * that come and go. Whoever has something under way on one line stays with it. */
struct line {
    struct handler *handler;
    struct turns turns; /* of what waits for this line */
    struct ask *sent;   /* over it, in that order, and not answered */
    size_t sent_count;
    struct stream *stream; /* the connection that stays */
    ev_timer retry;
    double retry_s; /* the next pause between attempts to connect */
    unsigned holds; /* of enum line_hold: why nothing is read */
    bool busy;      /* it is there, but took no more when last looked at */
};

/* How a protocol does it. */
struct handler_protocol {
    /* The frame that asks. NULL: out of memory. */
    struct blob *(*frame)(
        struct handler *self, const struct ask *ask, const struct handler_question *question);
    /* Sends one ask. STATUS_OK; STATUS_OVERLOADED: not now, something else will
     * wake us; STATUS_HANDLER_DOWN: nobody is there. */
    enum status (*send)(struct line *line, struct ask *ask);
    /* Connects ahead of the first message, if the protocol can. */
    enum status (*connect)(struct line *line);
    /* ask will never be answered: let go of what belongs to it. */
    void (*abandon)(struct ask *ask);
    void (*close)(struct line *line);
    /* How many may be sent over a line and not answered. */
    unsigned (*room)(const struct handler *self);
};

extern const struct handler_protocol handler_protocol_stream;
extern const struct handler_protocol handler_protocol_oneshot;

struct handler {
    const struct config_handler *config;
    const struct handler_context *context;
    const struct handler_protocol *protocol;
    struct spawned *program; /* NULL: none in the configuration */
    size_t refs;
    bool stopping;
    bool held;    /* not to be asked before handler_start */
    bool retired; /* nobody asks any more */
    bool gone;    /* handler_free was called, and somebody has a reference still */
    char subject[96];
    char *type_token;
    size_t label;    /* on AXIS_TYPE */
    unsigned starts; /* of our program */
    enum handler_contact { CONTACT_NONE, CONTACT_MADE, CONTACT_MISSED } contact; /* the last */
    enum handler_state state; /* when last looked at */
    double since_s;
    double failed_s; /* since 1970; 0: never */
    char failed_why[BREAKER_WHY_MAX];
    struct breaker breaker;
    struct log_valve changes; /* of the breaker */
    struct log_valve noise;   /* what else the handler can cause */
    bool distrusted;          /* somebody else listens, and the log says so */

    struct slots numbers;
    struct ask *first;   /* of all */
    struct ask *waiting; /* the first that was not sent */
    struct flows flows;  /* whose they are */
    size_t ask_count;
    size_t unsent_count;
    size_t unsent_bytes; /* of the frames that wait to be sent */
    ev_timer deadline;
    struct bucket words; /* that it may say first */
    ev_timer quiet;      /* until lines held for their rate are read again */
    size_t words_under_way;
    bool full; /* somebody was told so, and waits for on_room */

    /* Those from line_count on are not used, or not any more: what was sent over them
     * is still answered. */
    struct line lines[CONFIG_CONNECTIONS_MAX];
    unsigned line_count;
};

enum {
    HANDLER_ENVELOPE_SLACK = 64 * 1024, /* what our header adds to a client's message */
    HANDLER_UNSENT_MAX = 64 << 20       /* bytes that wait for a slow or starting handler */
};

extern const double HANDLER_RETRY_FIRST_S;

double handler_now_s(void); /* monotonic */
struct ev_loop *handler_loop(const struct handler *self);
/* The end of one that never comes back to its asker; frees ask. */
void handler_forget(struct ask *ask);
void handler_on_deadline(struct ev_loop *loop, ev_timer *watcher, int events);
/* Where the configuration has a program and there is somebody to start it. False: out of
 * memory. */
bool handler_prepare_program(struct handler *self);

/* *fd: a connected socket. Never waits. STATUS_OVERLOADED: not now, and it will
 * be tried again soon; STATUS_HANDLER_DOWN with errno. */
MUST_CHECK enum status handler_connect(struct line *line, int *fd);
struct stream_options handler_stream_options(const struct handler *self);
/* Nobody could be called: sees to it that somebody will be there. error: of errno. */
void handler_nobody_is_there(struct line *line, int error);
/* Tries again then, unless it is to be tried sooner. */
void handler_retry(struct line *line, double after_s);
/* Tries again after a pause that grows each time, until an answer comes. */
void handler_reconnect(struct line *line);

double handler_unix_s(void); /* since 1970 */
/* Something has happened that may have changed its state. */
void handler_look(struct handler *self);
void handler_remember_failure(struct handler *self, const char *why);

/* ---- words said first ---- */

void handler_words_init(struct handler *self);
void handler_words_close(struct handler *self);
/* One has come over this line: what the limits say to that. */
void handler_take_word(struct line *line, const struct message *word);

/* ---- the breaker ---- */

/* Whom a question that fails may be laid to. Not 0. */
uint64_t handler_who(const struct handler_question *question);
/* Whether he may ask; *fault says why not. *probe: to see what comes of it. */
bool handler_lets(struct handler *self, uint64_t who, bool *probe, struct fault *fault);
/* What has gone wrong, and right. */
void handler_note_failure(struct handler *self, const struct breaker_failure *failure);
void handler_note_answer(struct handler *self);
void handler_note_connection(struct handler *self);
/* The question is about to fail for this, which counts. */
void handler_blame(struct ask *ask, const char *why);
/* All that were sent over this line are: that counts once. */
void handler_blame_sent(struct line *line, const char *why);

/* A line of the log of which the handler can cause as many as it likes: a few in a
 * second are written. */
void handler_log(struct handler *self, struct log_valve *valve, enum log_level level,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* ---- lines ---- */

/* Whether there is any connection that stays. */
bool handler_is_connected(const struct handler *self);

void handler_lines_init(struct handler *self);
/* As many as the configuration says. What waits for those that are too many goes to
 * others. */
void handler_lines_count(struct handler *self);
void handler_lines_close(struct handler *self);
/* The one that a new flow is the least behind others on. */
struct line *handler_choose_line(struct handler *self);
/* Another one that is connected; NULL: there is none. */
struct line *handler_other_line(const struct line *line);
/* Of an ask that waits. */
struct line *handler_line_of(const struct ask *ask);
bool handler_line_has_room(const struct line *line);
/* All that waits for a line waits for another from now on. */
void handler_line_hand_over(struct line *line, struct line *to);
/* Sends this one. As the protocol's send. */
MUST_CHECK enum status handler_send(struct line *line, struct ask *ask);
/* Sends what waits for the line, if somebody is there; otherwise sees to it that
 * somebody will be. */
void handler_pump(struct line *line);
void handler_pump_all(struct handler *self);

/* The frame of an ask is not needed any more. */
void handler_drop_frame(struct ask *ask);
/* Ends of a question. Both free ask. */
void handler_answered(struct ask *ask, const struct message *answer, struct span payload);
void handler_failed(struct ask *ask, enum status reason, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
