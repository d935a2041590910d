/*
 * outbox: the lines that a person wrote, by their short numbers: what is in them,
 * how far they have come, and what became of them.
 *
 * A ring of the latest OUTBOX_MAX. One whose fate is open (queued or sent) is
 * never pushed out: then there is no room for another. An id holds the number, so
 * a report is understood however late it comes. Owns the lines. Pure.
 */
#ifndef BESTER_CLI_OUTBOX_H
#define BESTER_CLI_OUTBOX_H

#include <stdint.h>
#include <time.h>

#include "libbester/client.h"

enum { OUTBOX_MAX = 1024, OUTBOX_BYTES_MAX = 128 << 20, LINE_TEXT_MAX = 100, LINE_FATE_MAX = 300 };

enum line_state {
    LINE_NONE,
    LINE_QUEUED, /* nothing of it has left; it will be sent */
    LINE_SENT,   /* it has no report yet */
    LINE_GOOD,   /* delivered, stored, or whatever good the report said */
    LINE_FAILED,
    LINE_LATE,    /* no report in time; one may still come */
    LINE_UNKNOWN, /* sent, and the connection ended before the report */
    LINE_STATE_COUNT
};

struct line {
    unsigned long number; /* 0: none */
    enum line_state state;
    char *type;
    char *data; /* JSON; NULL: not kept any more */
    size_t data_len;
    char text[LINE_TEXT_MAX]; /* how a person recognises it, made visible */
    char fate[LINE_FATE_MAX]; /* "delivered", "failed: offline (G)" */
    time_t written;
    unsigned long script_line; /* that wrote it; 0: none */
};

struct outbox {
    char prefix[20];    /* of this run's ids */
    unsigned long next; /* the number that the next line will have */
    size_t bytes;       /* of all data that is kept */
    size_t counts[LINE_STATE_COUNT];
    struct line lines[OUTBOX_MAX];
};

/* random: bytes that make this run's ids unlike those of any other. */
void outbox_init(struct outbox *self, const unsigned char random[6]);
void outbox_release(struct outbox *self);

/* A new line, queued. text: what to recognise it by. NULL: no room, *fault says why. */
struct line *outbox_add(
    struct outbox *self, const char *type, struct span data, const char *text, struct fault *fault);
/* Forgets the line that was added last; its number is free again. */
void outbox_withdraw(struct outbox *self, struct line *line);
void outbox_set(struct outbox *self, struct line *line, enum line_state state, const char *fate);

/* NULL: there is none of that number, or it is long forgotten. */
struct line *outbox_find(struct outbox *self, unsigned long number);
/* The smallest number of those in this state; 0: there is none. */
unsigned long outbox_first(const struct outbox *self, enum line_state state);
/* Lines whose fate is open. */
size_t outbox_open(const struct outbox *self);

/* The id that the line of this number is sent with. Returns out. */
const char *outbox_id(const struct outbox *self, unsigned long number, char out[CLIENT_ID_MAX]);
/* The number of the line with this id; 0: it is none of ours. */
unsigned long outbox_number(const struct outbox *self, const char *id);

/* "queued", "sent", for the others their fate. */
const char *line_state_text(const struct line *line);

#endif
