/*
 * worker: threads for what would block the loop (hashing, names, disks).
 *
 * run() is called on a thread and must touch nothing but its job; done() is
 * called on the loop afterwards, in the order in which jobs finish. Jobs are the
 * caller's: done() is the place to free them. Bounded: a full queue refuses.
 */
#ifndef BESTER_WORKER_H
#define BESTER_WORKER_H

#include <ev.h>

#include "libbester/status.h"

struct worker;

struct worker_job {
    void (*run)(struct worker_job *job);
    /* cancelled: the pool is going away and run() was never called. */
    void (*done)(struct worker_job *job, bool cancelled);
    struct worker_job *next; /* the pool's own */
};

/* Threads start with the first job. NULL when out of memory. */
struct worker *worker_new(struct ev_loop *loop, unsigned threads, size_t max_queued);
/* Cancels what waits, lets what runs finish (for at most two seconds, then
 * leaves it behind: a name server can hang for longer than anybody waits). */
void worker_free(struct worker *self);
/* STATUS_OVERLOADED: the queue is full; STATUS_NO_MEMORY: no thread could be
 * started; STATUS_SHUTTING_DOWN: called from a done() within worker_free. */
MUST_CHECK enum status worker_submit(struct worker *self, struct worker_job *job);

#endif
