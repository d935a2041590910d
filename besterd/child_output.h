/*
 * child_output: what a child writes on its standard output and error, as lines of
 * our log.
 *
 * Owns the reading end of a pipe. A line is at most CHILD_OUTPUT_LINE bytes, and
 * what is longer is cut; bytes that are no text are made visible; empty lines are
 * left out. So many lines go through at once and so many in a second, of those
 * beyond it only the number is told, and then the pipe is emptied slowly: a child
 * that writes without end waits for us, and nobody waits for it.
 */
#ifndef BESTERD_CHILD_OUTPUT_H
#define BESTERD_CHILD_OUTPUT_H

#include <ev.h>

enum {
    CHILD_OUTPUT_LINE = 1000, /* bytes */
    CHILD_OUTPUT_BURST = 200, /* lines at once */
    CHILD_OUTPUT_PER_S = 20   /* and then lines in a second */
};

struct child_output;

/* subject: for the log; it is copied, as far as a line can show it. *writer: the
 * end that the child gets, the caller's to close; it stays open over no exec.
 * NULL, with errno, when there is no pipe or no memory for it. */
struct child_output *child_output_new(struct ev_loop *loop, const char *subject, int *writer);
/* The child has ended: what it wrote until now is logged, the last line whether it
 * is whole or not. Those whom it started may go on to write. */
void child_output_drain(struct child_output *self);
/* What the pipe still holds is logged as by child_output_drain. NULL is legal. */
void child_output_free(struct child_output *self);

#endif
