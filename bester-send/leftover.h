/*
 * leftover: the file of --failed: the inputs that were not delivered, verbatim,
 * and beside it FILE.ids, which remembers the ids they had, so that a run with
 * FILE as its input finishes the job and no server takes a message twice.
 *
 * Both are written beside their places and put there by leftover_commit: FILE may
 * be the input of the same run. Order: the inputs that failed, those that were too
 * long, then what was never looked at.
 */
#ifndef BESTER_SEND_LEFTOVER_H
#define BESTER_SEND_LEFTOVER_H

#include <stdint.h>
#include <stdio.h>

#include "libbester/client.h"
#include "libbester/status.h"

enum { LEFTOVER_PATH_MAX = 4096 };

struct leftover_entry {
    uint64_t number; /* of the record in FILE; 0: none */
    uint64_t hash;   /* of the record */
    char id[CLIENT_ID_MAX];
};

struct leftover {
    const char *path; /* NULL: nothing is asked for, every call does nothing */
    char temp[LEFTOVER_PATH_MAX];
    char temp_ids[LEFTOVER_PATH_MAX];
    FILE *file;
    FILE *ids;
    FILE *too_long;             /* made with the first of them */
    FILE *known;                /* FILE.ids of the run before; NULL: there was none */
    struct leftover_entry next; /* of known */
    uint64_t written;
    uint64_t written_too_long;
    bool failed;
};

/* STATUS_IO: *fault says why. path must outlive self. */
MUST_CHECK enum status leftover_init(struct leftover *self, const char *path, struct fault *fault);
/* What was not committed is taken away. */
void leftover_release(struct leftover *self);

/* The id that this record had in the run before; records are asked for in order.
 * false: it had none. */
bool leftover_known_id(
    struct leftover *self, uint64_t number, struct span record, char out[CLIENT_ID_MAX]);
/* An input that was not delivered, with what ends it; id "" if it never had one. */
void leftover_put(struct leftover *self, struct span raw, const char *id);
/* A piece of an input that was too long; begins: its first. */
void leftover_put_too_long(struct leftover *self, struct span piece, bool begins);
/* The rest begins behind the record of that number; pieces follow. */
void leftover_begin_rest(struct leftover *self, uint64_t number);
void leftover_put_rest(struct leftover *self, struct span piece);
MUST_CHECK enum status leftover_commit(struct leftover *self, struct fault *fault);

#endif
