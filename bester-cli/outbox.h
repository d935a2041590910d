/*
 * outbox: the lines that were sent, by their short numbers, and their fates.
 *
 * A ring of the latest OUTBOX_MAX; an older one that has no report yet is still
 * told when it comes, by its id, which holds the number. Pure.
 */
#ifndef BESTER_CLI_OUTBOX_H
#define BESTER_CLI_OUTBOX_H

#include <stdint.h>

#include "libbester/client.h"

enum { OUTBOX_MAX = 1024 };

struct outbox {
    char prefix[20];                       /* of this run's ids */
    unsigned long next;                    /* the number that the next line will have */
    unsigned long waiting;                 /* lines without a result */
    unsigned long script_line[OUTBOX_MAX]; /* by number: the script's line that sent it */
};

/* random: bytes that make this run's ids unlike those of any other. */
void outbox_init(struct outbox *self, const unsigned char random[6]);
/* The id that the next line is to be sent with. Returns out. */
const char *outbox_id(const struct outbox *self, char out[CLIENT_ID_MAX]);
/* It was sent; returns its number. */
unsigned long outbox_sent(struct outbox *self, unsigned long script_line);
/* The number of the line with this id; 0: it is none of ours. */
unsigned long outbox_number(const struct outbox *self, const char *id);
unsigned long outbox_script_line(const struct outbox *self, unsigned long number);

#endif
