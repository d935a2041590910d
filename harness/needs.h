/*
 * needs: sets of features (libbester/feature.h): what a play needs, what a server
 * has, and why the one can't be played with the other.
 *
 * A set is a bit for each enum feature.
 */
#ifndef HARNESS_NEEDS_H
#define HARNESS_NEEDS_H

#include "libbester/feature.h"
#include "libbester/status.h"

static inline unsigned need_bit(enum feature feature)
{
    return 1U << feature;
}

/* "stream,reasons". STATUS_INVALID: *fault names the word, and those there are. */
MUST_CHECK enum status needs_read(const char *list, unsigned *out, struct fault *fault);
/* What the program prints when it is asked for its --features; words that we do not
 * know are passed over. STATUS_IO: it can't be asked. */
MUST_CHECK enum status needs_ask(const char *besterd, unsigned *out, struct fault *fault);
/* "needs stream, reasons": what is needed and not there. malloc'd, or NULL: nothing
 * is missing. */
char *needs_missing(unsigned needed, unsigned there);
/* All words, for messages. malloc'd. */
char *needs_words(void);

#endif
