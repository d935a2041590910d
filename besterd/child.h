/*
 * child: one process that besterd starts and keeps running.
 *
 * Owns the process: its own process group, which ends with it, dead with the
 * server, reaped, started again after it ended, with pauses that double from
 * 100 ms to 30 s and begin anew after it has run for 10 s.
 *
 * What it writes on its standard output and error comes into our log, a line under
 * the subject and "says" for each line of it (child_output.h).
 *
 * What it gets is little: no descriptor but the first three, no variable of our
 * environment but those that programs commonly need, no way to more privileges
 * than ours (no_new_privs), and the limits that options name.
 *
 * Needs the default loop of libev (ev_child).
 */
#ifndef BESTERD_CHILD_H
#define BESTERD_CHILD_H

#include <ev.h>
#include <stdbool.h>

#include "libbester/status.h"

struct child;

struct child_callbacks {
    /* It was started (again). */
    void (*on_started)(struct child *child, void *user);
    /* It has ended, or could not be started; pause_s until the next start, or 0 if it was
     * told to stop. */
    void (*on_ended)(struct child *child, double pause_s, void *user);
};

/* 0: as it is for us. */
struct child_limits {
    size_t memory_bytes; /* of its address space */
    unsigned cpu_s;
    unsigned files;
    unsigned processes; /* of its user, whoever started them */
};

struct child_options {
    const char *subject;        /* for the log: "handler chat" */
    const char *const *argv;    /* argv[0] is looked up in PATH unless it has a slash */
    const char *const *environ; /* "NAME=value" besides what is passed on; ended by NULL */
    const char *const *pass;    /* names of further variables to pass on; ended by NULL, or NULL */
    struct child_limits limits;
};

/* Nothing is started yet. All that options point to must outlive the child.
 * NULL when out of memory. */
struct child *child_new(struct ev_loop *loop, const struct child_options *options,
    const struct child_callbacks *callbacks, void *user);

/* Starts it unless it runs or its pause is not over. */
void child_ensure(struct child *self);
bool child_is_running(const struct child *self);
/* Seconds until the next start; 0: running, or nothing in the way. */
double child_pause_left(const struct child *self);

/* Asks it to end (SIGTERM to the group) and never starts it again. One that has
 * not ended 2 s later is killed. */
void child_stop(struct child *self);
/* Kills what still runs, waits for it, frees. NULL is legal. */
void child_free(struct child *self);

#endif
