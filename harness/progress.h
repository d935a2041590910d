/*
 * progress: one line at a terminal that says how far a run is, drawn again as
 * plays end and as time passes, and gone before anything else is printed.
 *
 * Only for a terminal that can erase a line; progress_new gives NULL for anything
 * else, and all functions take NULL and do nothing. Colours unless NO_COLOR is
 * set. Owns a timer of the loop.
 */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include <ev.h>

#include "harness/performance.h"

/* What the line tells; asked for whenever it is drawn. */
struct progress_state {
    const struct summary *summary;
    size_t playing;
    const char *longest; /* the path of the play that has played longest, or NULL */
};
typedef struct progress_state progress_ask(void *user);

struct progress;

/* out is a terminal, or nothing comes of it. */
struct progress *progress_new(struct ev_loop *loop, FILE *out, progress_ask *ask, void *user);
/* Erases the line. */
void progress_free(struct progress *self);

/* Something has changed: the line is drawn, soon if not now. */
void progress_update(struct progress *self);
/* Makes room for other output until the next update. */
void progress_hide(struct progress *self);
/* The last line, which stays. */
void progress_end(struct progress *self);

/* ---- the line alone, for who has no plays ---- */

struct progress_line;

/* NULL, which all functions take: out is no terminal that can erase a line. */
struct progress_line *progress_line_new(FILE *out);
void progress_line_show(struct progress_line *self, const char *format, ...) PRINTF_LIKE(2, 3);
void progress_line_hide(struct progress_line *self);
/* Erases it. */
void progress_line_free(struct progress_line *self);

#endif
