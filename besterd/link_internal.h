/*
 * link_internal: what the files of link share. For nobody else.
 *
 * link.c: the set of links, reload, what is told about them.
 * link_call.c: connections: calling, being called, who it is, the end.
 * link_talk.c: what is said on one: hello, words, heartbeat; which one counts.
 * link_out.c: messages to the peer and their reports.
 * link_in.c: messages of the peer and their reports.
 */
#ifndef BESTERD_LINK_INTERNAL_H
#define BESTERD_LINK_INTERNAL_H

#include "besterd/link.h"
#include "besterd/log.h"
#include "libbester/dial.h"
#include "libbester/stream.h"
#include "libbester/tls.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

enum {
    INSTANCE_MAX = 33,        /* letters and digits, and a zero byte */
    TROUBLE_MAX = 300,        /* bytes of a sentence */
    WAITING_BYTES = 64 << 20, /* of messages to one peer */
    FLYING_BYTES = 8 << 20,   /* of those that are sent; one is, however long */
    SPAN_FACTOR = 64,         /* how far a message may be ahead of the oldest without report, in
                                 messages under way at once */
    REPORT_KEPT_MAX = 4096,   /* a longer report is kept in short */
    KEPT_BYTES = 8 << 20,     /* of reports of one peer's messages: over it each is kept in short */
    ENVELOPE_SLACK = 64 * 1024,
    REPORT_MAX = 3 << 20
};

static const double LINK_PAUSE_FIRST_S = 1;

/* ---- outward ---- */

struct parcel {
    UT_hash_handle hh; /* by exchange */
    struct parcel *prev, *next;
    uint64_t exchange;
    uint64_t tag; /* 0: its sender was told already */
    double deadline_s;
    struct blob *frame;
    size_t data_len;
    bool was_sent; /* on any connection */
};

struct outbox {
    struct parcel *first;  /* a list, in the order of exchange */
    struct parcel *table;  /* the same by exchange */
    struct parcel *unsent; /* the first that is not sent on this connection; or NULL */
    size_t count, bytes;
    size_t flying, flying_bytes; /* sent on this connection, and no report */
    uint64_t exchanges;          /* given so far */
    uint64_t told;               /* the peer knows that all below are reported */
    ev_timer deadline;           /* of the first */
};

/* ---- inward ---- */

/* A message of the peer that it may send again. */
struct entry {
    UT_hash_handle hh; /* by exchange */
    uint64_t exchange;
    struct blob *report; /* NULL: it is under way */
};

/* Messages of the same order: their lanes. */
struct strand {
    UT_hash_handle hh;          /* by order; of the link's inbox, while it is not stale */
    struct strand *prev, *next; /* of those that are */
    struct links *links;
    struct link *link; /* while it is not stale */
    uint64_t order;
    struct lane *lanes;
    size_t lodgers;
    bool stale; /* the peer that sent them is gone */
};

struct inbox {
    struct entry *entries;
    uint64_t reported; /* all entries below were forgotten */
    struct strand *strands;
    size_t lodgers;
    size_t kept_bytes; /* of reports */
};

/* ---- connections ---- */

struct call {
    struct call *prev, *next;
    struct links *links;
    struct link *link; /* NULL: it is not known yet who calls */
    struct stream *stream;
    struct tls *tls; /* the stream's */
    bool dialled;    /* by us */
    bool secured;    /* it is who its key says */
    bool leaves;     /* the peer takes no more messages */
    struct tls_pin pin;
    char address[ADDRESS_TEXT_MAX];
    double since_s;
    ev_timer timer;  /* until hello; then of the heartbeat */
    uint64_t heard;  /* bytes at the last beat */
    bool asked;      /* whether it is there */
    bool paused;     /* too much of it is under way here */
    uint64_t window; /* what the peer takes */
    uint64_t span;
    uint64_t max_frame;
};

struct link {
    struct links *links;
    struct link *next;
    const struct config_peer *peer; /* of the configuration in force */
    size_t label;                   /* on AXIS_PEER */
    struct call *call;              /* up; or NULL */
    struct dial *dial;
    ev_timer retry;
    double pause_s;
    uint64_t connects;
    char instance[INSTANCE_MAX]; /* of the peer, when it was last here; "": never */
    char trouble[TROUBLE_MAX];
    struct outbox out;
    struct inbox in;
    struct log_valve failing; /* lines about messages, of it and to it, that were reported bad */
    bool kept;                /* during a reload */
};

struct links {
    const struct links_context *context;
    struct link *first; /* a list, in the order of the configuration */
    size_t count;
    struct call *calls; /* all that there are, those who have not said who they are too */
    size_t unknown_calls;
    struct tls_context *server; /* NULL: there is no identity */
    struct tls_context *client;
    struct tls_pin pin;
    char instance[INSTANCE_MAX];
    uint64_t secret; /* what order is mixed with */
    struct strangers strangers;
    struct log_valve nobodies; /* lines about: connections of who has not said who it is */
    struct strand *stale;      /* a list */
    uint64_t dice;
    size_t lodgers;
    bool draining;
    bool leaving;
};

static inline struct ev_loop *links_loop(const struct links *self)
{
    return streams_loop(self->context->streams);
}

static inline const struct config_limits *links_limits(const struct links *self)
{
    return &self->context->config->limits;
}

/* link.c */
struct link *links_find(const struct links *self, const char *name);
struct link *links_find_pin(const struct links *self, const struct tls_pin *pin);
bool link_has_pin(const struct link *self, const struct tls_pin *pin);

/* link_call.c */
void link_call_init(struct link *self);
void link_call_release(struct link *self);
/* Calls the peer now, or after its pause, if there is anything to call and nothing under
 * way. */
void link_dial(struct link *self);
void link_dial_later(struct link *self);
/* Gives up calling. */
void link_stop_dialling(struct link *self);
/* The connection is over, or will be another. trouble: why. */
void link_hang_up(struct link *self, const char *trouble);
void link_set_trouble(struct link *self, const char *trouble);
/* A connection that came in; takes fd over. */
void call_accept(struct links *self, int fd);
void call_free(struct call *self);
/* A frame for the peer, which is given back; one that cannot be queued ends the
 * connection. Whether it was queued. */
bool call_say(struct call *self, struct blob *frame);
/* link_talk.c */
/* A frame that is nothing but its messageType. */
bool call_say_word(struct call *self, const char *word);
bool call_say_hello(struct call *self);
void call_hear(struct call *self, struct span payload);

/* What it says is not to be understood: ends the connection. */
void call_fail(struct call *self, const char *why);

/* link_out.c */
void outbox_init(struct link *self);
void outbox_release(struct link *self);
/* The connection is new. same: the peer is who it was, and remembers what it was sent. */
void outbox_up(struct link *self, bool same);
void outbox_down(struct link *self);
void outbox_pump(struct link *self);
void outbox_report(struct link *self, const struct message *message);
/* The peer did not take a message. */
void outbox_returned(struct link *self, const struct message *message);
/* What has no report was not taken. */
void outbox_untaken(struct link *self);
/* Everything that waits ends so. */
void outbox_fail(struct link *self, enum status status, const char *detail);
/* Tells the peer which reports are in, if that is news. */
void outbox_tell(struct link *self);

/* link_in.c */
/* Frees a strand whose lodgers are gone, or will not be heard of any more. */
void strand_free(struct strand *self);
void inbox_take(struct link *self, const struct message *message);
/* A message that could not be read to its end. */
void inbox_refuse(struct link *self, const struct message *message, const struct fault *fault);
/* All below are reported there. */
void inbox_forget(struct link *self, uint64_t reported);
/* The peer is another now. */
void inbox_reset(struct link *self);

#endif
