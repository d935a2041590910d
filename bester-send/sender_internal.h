/*
 * sender_internal: what the files of the module sender share. sender.c is the run
 * as a whole; sender_feed.c takes records from the input and sends them.
 */
#ifndef BESTER_SEND_SENDER_INTERNAL_H
#define BESTER_SEND_SENDER_INTERNAL_H

#include <ev.h>

#include "bester-send/compose.h"
#include "bester-send/ledger.h"
#include "bester-send/outlet.h"
#include "bester-send/sender.h"
#include "libbester/client.h"
#include "libbester/records.h"
#include "libbester/worker.h"

struct sender {
    struct ev_loop *loop;
    const struct settings *settings;
    FILE *err;
    struct streams *streams;
    struct worker *resolver;
    struct client *client;
    ev_timer deadline;
    ev_io readable; /* standard input */

    struct compose compose;
    struct records input;
    struct ledger ledger;
    struct outlet outlet;
    uint64_t types_ticket; /* of the question for the template; 0: not asked */

    bool sending;     /* logged in, and the template is here */
    bool input_over;  /* nothing more will be taken from the input */
    bool has_record;  /* taken, but not yet sent */
    uint64_t number;  /* of that record */
    struct span data; /* its data */
    bool ended;
    enum client_exit exit_status; /* what ended it, if not the messages */
};

/* A line for the person or the log, made visible. */
void sender_complain(struct sender *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* What went wrong beside the messages' own fates; the first one stays. */
void sender_note(struct sender *self, enum client_exit exit_status);
/* Ends the run, once what is to be written has been. */
void sender_end(struct sender *self);
/* Sends while there is something and room for it; ends when all is done. */
void sender_pump(struct sender *self);
/* The callback of standard input's watcher. */
void sender_on_input(struct ev_loop *loop, ev_io *watcher, int events);

#endif
