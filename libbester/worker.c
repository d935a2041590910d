#include "libbester/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE_S = 2 };

struct queue {
    struct worker_job *first;
    struct worker_job **last;
    size_t count;
};

/* Shared between the loop and the threads; the lock guards everything below it.
 * Freed by whoever leaves last, so that a thread that hangs in a name server's
 * answer can be left behind. */
struct worker {
    struct ev_loop *loop;
    ev_async finished_event;
    unsigned max_threads;
    size_t max_queued;
    unsigned pending; /* submitted and not yet done(); the loop's own */

    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t left;
    struct queue waiting;
    struct queue finished;
    unsigned threads;
    unsigned idle;
    bool closing;
    bool abandoned;
};

static void queue_init(struct queue *self)
{
    self->first = NULL;
    self->last = &self->first;
    self->count = 0;
}

static void queue_push(struct queue *self, struct worker_job *job)
{
    job->next = NULL;
    *self->last = job;
    self->last = &job->next;
    self->count++;
}

static struct worker_job *queue_pop(struct queue *self)
{
    struct worker_job *job = self->first;

    if (!job)
        return NULL;
    self->first = job->next;
    if (!self->first)
        self->last = &self->first;
    self->count--;
    return job;
}

static void worker_destroy(struct worker *self)
{
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->work);
    pthread_cond_destroy(&self->left);
    free(self);
}

static void *thread_main(void *argument)
{
    struct worker *self = argument;
    bool last_one_out;

    pthread_mutex_lock(&self->lock);
    for (;;) {
        struct worker_job *job;

        while (!(job = queue_pop(&self->waiting)) && !self->closing) {
            self->idle++;
            pthread_cond_wait(&self->work, &self->lock);
            self->idle--;
        }
        if (!job)
            break;
        pthread_mutex_unlock(&self->lock);
        job->run(job);
        pthread_mutex_lock(&self->lock);
        if (self->abandoned)
            break; /* nobody is there to take it */
        queue_push(&self->finished, job);
        ev_async_send(self->loop, &self->finished_event);
    }
    self->threads--;
    last_one_out = self->abandoned && self->threads == 0;
    pthread_cond_signal(&self->left);
    pthread_mutex_unlock(&self->lock);
    if (last_one_out)
        worker_destroy(self);
    return NULL;
}

static void worker_collect(struct worker *self)
{
    for (;;) {
        pthread_mutex_lock(&self->lock);
        struct worker_job *job = queue_pop(&self->finished);
        pthread_mutex_unlock(&self->lock);
        if (!job)
            return;
        /* Work under way keeps the loop alive, an idle pool does not. */
        if (--self->pending == 0)
            ev_unref(self->loop);
        job->done(job, false);
    }
}

static void on_finished(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)loop, (void)events;
    worker_collect(watcher->data);
}

struct worker *worker_new(struct ev_loop *loop, unsigned threads, size_t max_queued)
{
    struct worker *self = calloc(1, sizeof(*self));
    pthread_condattr_t monotonic;

    if (!self)
        return NULL;
    self->loop = loop;
    self->max_threads = threads;
    self->max_queued = max_queued;
    queue_init(&self->waiting);
    queue_init(&self->finished);
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->work, NULL);
    pthread_cond_init(&self->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ev_async_init(&self->finished_event, on_finished);
    self->finished_event.data = self;
    ev_async_start(loop, &self->finished_event);
    ev_unref(loop);
    return self;
}

/* Signals are the loop's business; a thread must not be the one to catch them. But a system
 * call that a filter refuses (besterd's sandbox) is told to the thread that makes it, and
 * would end the program if it were not heard. */
static bool start_thread(struct worker *self)
{
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;

    sigfillset(&all);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &detached, thread_main, self) == 0;
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum status worker_submit(struct worker *self, struct worker_job *job)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&self->lock);
    if (self->closing) {
        status = STATUS_SHUTTING_DOWN;
    } else if (self->waiting.count >= self->max_queued) {
        status = STATUS_OVERLOADED;
    } else if (self->idle <= self->waiting.count && self->threads < self->max_threads) {
        if (start_thread(self))
            self->threads++;
        else if (self->threads == 0)
            status = STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK) {
        queue_push(&self->waiting, job);
        pthread_cond_signal(&self->work);
        if (self->pending++ == 0)
            ev_ref(self->loop);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

void worker_free(struct worker *self)
{
    struct worker_job *job;
    struct timespec until;
    struct queue cancelled;
    bool alone;

    if (!self)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    cancelled = self->waiting;
    if (!cancelled.first)
        cancelled.last = &cancelled.first;
    queue_init(&self->waiting);
    pthread_cond_broadcast(&self->work);
    while (self->threads > 0)
        if (pthread_cond_timedwait(&self->left, &self->lock, &until) != 0)
            break;
    self->abandoned = true;
    alone = self->threads == 0;
    pthread_mutex_unlock(&self->lock);

    worker_collect(self);
    while ((job = queue_pop(&cancelled)) != NULL) {
        if (--self->pending == 0)
            ev_unref(self->loop);
        job->done(job, true);
    }
    if (self->pending > 0)
        ev_unref(self->loop);
    ev_ref(self->loop);
    ev_async_stop(self->loop, &self->finished_event);
    if (alone)
        worker_destroy(self);
}
