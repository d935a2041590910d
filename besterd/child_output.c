#include "besterd/child_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"
#include "libbester/visible.h"

/* A pipe holds 64 KiB: one read may take all of it. */
enum { READ_BYTES = 64 * 1024, SUBJECT_BYTES = 128, SHOWN_BYTES = 4 * CHILD_OUTPUT_LINE + 16 };

static const double PAUSE_S = 0.01; /* between reads of what is not told */

struct child_output {
    struct ev_loop *loop;
    int fd;
    ev_io readable;
    ev_timer pause;
    char subject[SUBJECT_BYTES];
    double tokens; /* lines that may be told */
    double since_s;
    bool quiet;           /* there were too many, until tokens are enough for a second */
    unsigned long unsaid; /* lines since then */
    size_t len;
    size_t cut; /* bytes of the line that do not fit */
    char line[CHILD_OUTPUT_LINE];
};

/* ---- how many lines ---- */

static void refill(struct child_output *self)
{
    double now_s = ev_now(self->loop);

    self->tokens += (now_s - self->since_s) * CHILD_OUTPUT_PER_S;
    if (self->tokens > CHILD_OUTPUT_BURST)
        self->tokens = CHILD_OUTPUT_BURST;
    self->since_s = now_s;
}

static void tell_unsaid(struct child_output *self)
{
    if (self->unsaid > 0)
        log_line(LOG_LEVEL_WARNING, self->subject, "%lu lines left out", self->unsaid);
    self->unsaid = 0;
    self->quiet = false;
}

static bool may_tell(struct child_output *self)
{
    if (self->quiet && self->tokens >= CHILD_OUTPUT_PER_S)
        tell_unsaid(self);
    if (!self->quiet && self->tokens >= 1) {
        self->tokens--;
        return true;
    }
    self->quiet = true;
    self->unsaid++;
    return false;
}

/* ---- lines ---- */

static void end_line(struct child_output *self)
{
    char shown[SHOWN_BYTES];
    size_t len = self->len;

    if (len > 0 && self->cut == 0 && self->line[len - 1] == '\r')
        len--;
    if (len > 0 && may_tell(self)) {
        visible_into(shown, sizeof(shown), (struct span){.at = self->line, .len = len});
        if (self->cut > 0)
            log_line(LOG_LEVEL_INFO, self->subject, "%s... (%zu bytes more)", shown, self->cut);
        else
            log_line(LOG_LEVEL_INFO, self->subject, "%s", shown);
    }
    self->len = self->cut = 0;
}

static void take(struct child_output *self, const char *bytes, size_t count)
{
    while (count > 0) {
        const char *newline = memchr(bytes, '\n', count);
        size_t part = newline ? (size_t)(newline - bytes) : count;
        size_t room = sizeof(self->line) - self->len;
        size_t kept = part < room ? part : room;

        memcpy(self->line + self->len, bytes, kept);
        self->len += kept;
        self->cut += part - kept;
        if (newline)
            end_line(self);
        part += newline ? 1 : 0;
        bytes += part;
        count -= part;
    }
}

/* ---- reading ---- */

/* Whether there was something. */
static bool read_some(struct child_output *self)
{
    static char bytes[READ_BYTES]; /* of one thread, and nothing stays in it */
    ssize_t count;

    do {
        count = read(self->fd, bytes, sizeof(bytes));
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        refill(self);
        take(self, bytes, (size_t)count);
        return true;
    }
    if (count == 0 || errno != EAGAIN) { /* nobody writes any more */
        ev_io_stop(self->loop, &self->readable);
        end_line(self);
    }
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct child_output *self = watcher->data;

    (void)events;
    (void)read_some(self);
    if (!self->quiet || !ev_is_active(watcher))
        return;
    ev_io_stop(loop, watcher);
    ev_timer_set(&self->pause, PAUSE_S, 0.);
    ev_timer_start(loop, &self->pause);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct child_output *self = watcher->data;

    (void)events;
    ev_io_start(loop, &self->readable);
    bool more = read_some(self);
    if (!more)
        tell_unsaid(self);
    if (!more || !self->quiet)
        return;
    ev_io_stop(loop, &self->readable);
    ev_timer_set(watcher, PAUSE_S, 0.);
    ev_timer_start(loop, watcher);
}

void child_output_drain(struct child_output *self)
{
    /* What the pipe can hold, and not what comes meanwhile. */
    for (size_t i = 0; i < 2; i++)
        if (!read_some(self))
            break;
    end_line(self);
    tell_unsaid(self);
}

/* ---- birth and end ---- */

struct child_output *child_output_new(struct ev_loop *loop, const char *subject, int *writer)
{
    struct child_output *self = calloc(1, sizeof(*self));
    int ends[2];

    if (!self || pipe2(ends, O_CLOEXEC) != 0) {
        free(self);
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* the other end is the child's, and as it expects it */
    self->loop = loop;
    self->fd = ends[0];
    self->tokens = CHILD_OUTPUT_BURST;
    self->since_s = ev_now(loop);
    snprintf(self->subject, sizeof(self->subject), "%s", subject);
    ev_io_init(&self->readable, on_readable, self->fd, EV_READ);
    ev_init(&self->pause, on_pause_over);
    self->readable.data = self->pause.data = self;
    ev_io_start(loop, &self->readable);
    *writer = ends[1];
    return self;
}

void child_output_free(struct child_output *self)
{
    if (!self)
        return;
    child_output_drain(self);
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->pause);
    close(self->fd);
    free(self);
}
