/*
 * verdict: how a play ended, with all that a person needs to see why.
 *
 * Owns its texts, and points at events of the timeline that it speaks of. Built
 * while the cast still stands, so that the near misses can be told. Independent
 * of any form of report.
 */
#ifndef HARNESS_VERDICT_H
#define HARNESS_VERDICT_H

#include "harness/compare.h"
#include "harness/setting.h"

struct verdict {
    enum cause cause; /* CAUSE_NONE: passed */
    char *how;        /* what follows the cause's word: " BY 37 ms"; or NULL */
    struct where at;
    double ms;
    char *step;    /* "J > G", or NULL */
    char *message; /* a sentence */
    char *hint;    /* another, that may help; or NULL */
    char *expected;
    char *got;
    struct differences differences;
    /* The message that came closest to what was expected, if nothing came where it
     * was: as a text (or NULL), how near it is, and where it differs. */
    char *nearest;
    const char *nearness;
    struct differences nearest_differences;
    /* In the timeline, or NULL. */
    const struct event *got_event;
    const struct event *nearest_event;
    /* Who was to say it to whom, if a line was; else the same member twice. */
    int from, to;
};

void verdict_release(struct verdict *self);

/* "LATE BY 37 ms": the cause for people. malloc'd. */
char *verdict_headline(const struct verdict *self);

/* Sets cause, place and sentence. */
void verdict_fail(struct verdict *self, enum cause cause, struct where at, const char *step,
    const char *format, ...) PRINTF_LIKE(5, 6);
/* Sets what follows the cause's word. */
void verdict_set_how(struct verdict *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* Adds what came that nobody had asked for. */
void verdict_add_unasked(
    struct verdict *self, const struct event *event, const struct timeline *timeline);

/* Adds what a line expected, and what came instead (NULL: nothing did). The cause
 * may become a closer one: the right message on a wrong edge. */
void verdict_add_line(struct verdict *self, const struct line *line, const struct event *got,
    const struct timeline *timeline, struct scope *scope);

#endif
