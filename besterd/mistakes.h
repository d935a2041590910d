/*
 * mistakes: what is wrong with a configuration, all of it.
 *
 * A list of {where, sentence}; owns its texts. Caller's memory: mistakes_init,
 * then mistakes_release. Bounded: beyond MISTAKES_MAX only the count grows.
 * A mistake that finds no memory is still counted, so that count == 0 means
 * "none" whatever happens; with none kept, that there is no memory is all that is told.
 */
#ifndef BESTERD_MISTAKES_H
#define BESTERD_MISTAKES_H

#include <stdio.h>

#include "libbester/status.h"

enum { MISTAKES_MAX = 200 };

struct mistake {
    char *where; /* "network.tcp4.port"; "line 3, column 7"; "": the file itself */
    char *sentence;
};

struct mistakes {
    struct mistake *at;
    size_t kept;
    size_t count; /* kept and not kept */
};

void mistakes_init(struct mistakes *self);
void mistakes_release(struct mistakes *self);
void mistakes_add(struct mistakes *self, const char *where, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Each on a line: "FILE: where: sentence". */
void mistakes_print(const struct mistakes *self, const char *file, FILE *out);

/* The candidate nearest to text (least edits, at most a third of its length), or
 * NULL. candidates end with NULL. */
const char *mistakes_nearest(const char *text, const char *const *candidates);

#endif
