/*
 * log_watch: besterd's log lines, read from the loop that writes them.
 */
#ifndef TESTS_BESTERD_LOG_WATCH_H
#define TESTS_BESTERD_LOG_WATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <ev.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"

struct log_watch {
    struct ev_loop *loop;
    int ends[2];
    ev_io readable;
    const char *wanted; /* NULL: nobody waits */
    size_t len;
    char text[64 * 1024];
};

static inline void log_watch_read(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct log_watch *self = watcher->data;
    (void)events;
    assert_true(self->len < sizeof self->text - 1);
    ssize_t got = read(self->ends[0], self->text + self->len, sizeof self->text - 1 - self->len);
    self->len += got > 0 ? (size_t)got : 0;
    self->text[self->len] = '\0';
    if (self->wanted != NULL && strstr(self->text, self->wanted) != NULL)
        ev_break(loop, EVBREAK_ALL);
}

/* Call log_watch_end before the loop goes away. */
static inline void log_watch_begin(struct log_watch *self, struct ev_loop *loop)
{
    self->loop = loop;
    self->wanted = NULL;
    self->len = 0;
    self->text[0] = '\0';
    assert_int_equal(pipe2(self->ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_open(self->ends[1], LOG_LEVEL_INFO);
    ev_io_init(&self->readable, log_watch_read, self->ends[0], EV_READ);
    self->readable.data = self;
    ev_io_start(loop, &self->readable);
}

static inline void log_watch_end(struct log_watch *self)
{
    ev_io_stop(self->loop, &self->readable);
    log_close();
    close(self->ends[0]);
    close(self->ends[1]);
}

/* Runs the loop until text was logged since the last wait that ended, and
 * forgets what was logged so far. */
static inline void log_await(struct log_watch *self, const char *text)
{
    self->wanted = text;
    while (strstr(self->text, text) == NULL)
        ev_run(self->loop, EVRUN_ONCE);
    self->wanted = NULL;
    self->len = 0;
    self->text[0] = '\0';
}

/* Whether it was logged, so far. */
static inline bool log_has(struct log_watch *self, const char *text)
{
    ev_run(self->loop, EVRUN_NOWAIT);
    log_watch_read(self->loop, &self->readable, EV_READ);
    return strstr(self->text, text) != NULL;
}

#endif
