/*
 * sender_internal: what the files of the module sender share. sender.c is the run
 * from birth to end; sender_client.c is what the connection says; sender_feed.c
 * takes records from the input and sends them; sender_end.c is the way out.
 */
#ifndef BESTER_SEND_SENDER_INTERNAL_H
#define BESTER_SEND_SENDER_INTERNAL_H

#include <ev.h>

#include "bester-send/compose.h"
#include "bester-send/ledger.h"
#include "bester-send/leftover.h"
#include "bester-send/progress.h"
#include "bester-send/sender.h"
#include "libbester/client.h"
#include "libbester/outlet.h"
#include "libbester/records.h"
#include "libbester/worker.h"

enum {
    SENDER_RECEIVE_BYTES = 64 << 20,
    SENDER_RECORD_BYTES = 64 << 20, /* when the server tells no limit */
    SENDER_CARGO_BYTES = 4 << 20    /* kept of messages without a report, about */
};

struct sender {
    struct ev_loop *loop;
    const struct settings *settings;
    FILE *err;
    struct streams *streams;
    struct worker *resolver;
    struct login login;
    struct client *client; /* NULL: between two connections, or over */
    ev_timer deadline;
    ev_timer pause;   /* before trying again */
    ev_timer replies; /* the wait for the next one */
    ev_signal signals[2];
    int signal;        /* that ended us; 0: none */
    ev_io readable;    /* standard input */
    unsigned attempts; /* to connect again, since something went well */

    struct compose compose;
    struct records input;
    struct ledger ledger;
    struct outlet outlet;
    struct leftover leftover;
    struct progress progress;
    uint64_t types_ticket; /* of the question for the template; 0: not asked */
    uint64_t sent;
    uint64_t received; /* printed */
    bool visible;      /* standard output is a terminal */

    bool sending;     /* logged in, and the template is here */
    bool input_over;  /* nothing more will be taken from the input */
    bool has_record;  /* taken, but not yet sent */
    uint64_t number;  /* of that record */
    struct span data; /* its data */
    bool finishing;   /* --ack none: all is handed over, what is queued leaves */
    bool ended;
    bool unknown;                 /* a message's fate will never be known */
    bool salvaging;               /* the rest of the input goes to the file of --failed */
    bool hurry;                   /* no time for an input that may never end */
    enum client_exit exit_status; /* what ended it, if not the messages */
};

/* A line for the person or the log, made visible. */
void sender_complain(struct sender *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* What went wrong beside the messages' own fates; the first one stays. */
void sender_note(struct sender *self, enum client_exit exit_status);
void sender_fail(struct sender *self, enum client_exit exit_status, const char *text);

/* sender_client.c */
MUST_CHECK enum status sender_connect(struct sender *self);
/* The pause is over. */
void sender_go_on(struct sender *self);
void sender_on_reply_timer(struct ev_loop *loop, ev_timer *timer, int events);

/* sender_feed.c */
/* Sends while there is something and room for it; ends when all is done. */
void sender_pump(struct sender *self);
/* The callback of standard input's watcher. */
void sender_on_input(struct ev_loop *loop, ev_io *watcher, int events);

/* sender_end.c */
/* Ends the run, once what is to be written has been. */
void sender_end(struct sender *self);
/* Waits no longer for the rest of the input, and leaves. */
void sender_end_salvage(struct sender *self);
/* Ends if there is nothing left to be done. */
void sender_end_if_done(struct sender *self);
/* Room in the outlet: more may be made, or, at the end, all has been written. */
void sender_on_outlet_room(void *user);

#endif
