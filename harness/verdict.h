/*
 * verdict: how a play ended, with all that a person needs to see why.
 *
 * Owns its texts. Built while the cast still stands, so that the timeline and
 * the near misses can be told. Independent of any form of report.
 */
#ifndef HARNESS_VERDICT_H
#define HARNESS_VERDICT_H

#include "harness/compare.h"
#include "harness/setting.h"

struct verdict {
    enum cause cause; /* CAUSE_NONE: passed */
    struct where at;
    double ms;
    char *step;    /* "J > G", or NULL */
    char *message; /* a sentence */
    char *expected;
    char *got;
    struct differences differences;
    char *nearest; /* the message that came closest to what was expected, or NULL */
    char *timeline;
};

void verdict_release(struct verdict *self);

/* Sets cause, place and sentence, and tells the timeline. */
void verdict_fail(struct verdict *self, enum cause cause, struct where at, const char *step,
    const struct timeline *timeline, const char *format, ...) PRINTF_LIKE(6, 7);

/* Adds what a line expected, and what came instead (NULL: nothing did). The cause
 * may become a closer one: the right message on a wrong edge. */
void verdict_add_line(struct verdict *self, const struct line *line, const struct event *got,
    const struct timeline *timeline, struct scope *scope);

#endif
