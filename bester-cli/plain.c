#include "bester-cli/plain.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bester-cli/terminal.h"
#include "libbester/bytes.h"

enum { READ_BYTES = 8192, LINE_BYTES_MAX = 16 << 20, HELD_BYTES_MAX = 64 << 20 };

struct plain {
    struct ev_loop *loop;
    const struct prompt_callbacks *callbacks;
    void *user;
    ev_io typed;
    ev_prepare prepare;
    ev_signal interrupt;
    char *text;
    struct bytes line; /* what has been read of it */
    bool shown;        /* the prompt is on the screen, the cursor behind it */
    bool stopped;
    bool suspended;    /* the terminal is lent */
    struct bytes held; /* what was to be shown meanwhile */
    bool doomed;       /* freed within one of its own callbacks */
    unsigned depth;
};

static void stop(struct plain *self)
{
    self->stopped = true;
    ev_io_stop(self->loop, &self->typed);
    ev_prepare_stop(self->loop, &self->prepare);
    ev_signal_stop(self->loop, &self->interrupt);
}

static void start(struct plain *self)
{
    self->stopped = false;
    ev_io_start(self->loop, &self->typed);
    ev_prepare_start(self->loop, &self->prepare);
    ev_signal_start(self->loop, &self->interrupt);
}

static void destroy(struct plain *self)
{
    bytes_release(&self->line);
    bytes_release(&self->held);
    free(self->text);
    free(self);
}

static void leave(struct plain *self)
{
    if (--self->depth == 0 && self->doomed)
        destroy(self);
}

static void write_held(struct plain *self)
{
    struct span text = bytes_span(&self->held);
    fwrite(text.at, 1, text.len, stdout);
    bytes_reset(&self->held);
}

void plain_suspend(struct plain *self)
{
    stop(self);
    self->suspended = true;
    self->shown = false;
    fflush(stdout);
}

void plain_resume(struct plain *self)
{
    self->suspended = false;
    write_held(self);
    start(self);
    ev_feed_event(self->loop, &self->typed, EV_CUSTOM);
}

void plain_free(struct plain *self)
{
    if (self == NULL)
        return;
    if (self->shown && !self->stopped)
        fputc('\n', stdout);
    write_held(self);
    fflush(stdout);
    stop(self);
    self->doomed = true;
    if (self->depth == 0)
        destroy(self);
}

void plain_set_text(struct plain *self, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return; /* an old prompt is better than none */
    free(self->text);
    self->text = copy;
}

void plain_print(struct plain *self, struct span text)
{
    if (self->suspended && bytes_append_span(&self->held, text) == STATUS_OK)
        return; /* else it is shown in the midst of what the other program shows */
    if (self->shown)
        fputc('\n', stdout);
    self->shown = false;
    fwrite(text.at, 1, text.len, stdout);
}

/* Once per turn of the loop, below all that it has brought. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct plain *self = watcher->data;
    (void)loop, (void)events;
    if (self->shown)
        return;
    self->shown = true;
    fputs(self->text, stdout);
    fflush(stdout);
}

static void end_of_input(struct plain *self)
{
    if (terminal_is_gone()) { /* its SIGHUP may be still to come */
        stop(self);
        raise(SIGHUP);
        return;
    }
    fputc('\n', stdout);
    self->shown = false;
    stop(self);
    self->callbacks->on_end(self->user);
}

/* The lines that are whole; what follows them stays. */
static void take_lines(struct plain *self)
{
    const char *end;
    while (
        !self->stopped && (end = memchr(bytes_text(&self->line), '\n', self->line.len)) != NULL) {
        size_t len = (size_t)(end - bytes_text(&self->line));
        char *line = strndup(bytes_text(&self->line), len);
        bytes_consume(&self->line, len + 1);
        self->shown = false; /* the end of the line has been echoed */
        if (line != NULL)
            self->callbacks->on_line(line, self->user);
        free(line);
    }
}

static void on_typed(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct plain *self = watcher->data;
    char typed[READ_BYTES];
    (void)loop;
    self->depth++;
    bool is_new = (events & EV_READ) != 0; /* else there are lines that were read before */
    ssize_t n = is_new ? read(watcher->fd, typed, sizeof typed) : 0;
    if (n > 0)
        (void)!bytes_append(&self->line, typed, (size_t)n); /* a line that long is cut */
    if (is_new && (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)))
        end_of_input(self);
    else
        take_lines(self);
    leave(self);
}

/* Ctrl-C: the terminal has thrown the line away. */
static void on_interrupt(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct plain *self = watcher->data;
    (void)loop, (void)events;
    self->depth++;
    bytes_reset(&self->line);
    fputc('\n', stdout);
    self->shown = false;
    self->callbacks->on_interrupt(self->user);
    leave(self);
}

struct plain *plain_new(
    struct ev_loop *loop, const char *text, const struct prompt_callbacks *callbacks, void *user)
{
    struct plain *self = calloc(1, sizeof *self);
    char *copy = strdup(text);
    if (self == NULL || copy == NULL) {
        free(self);
        free(copy);
        return NULL;
    }
    self->loop = loop;
    self->callbacks = callbacks;
    self->user = user;
    self->text = copy;
    bytes_init(&self->line, LINE_BYTES_MAX);
    bytes_init(&self->held, HELD_BYTES_MAX);
    ev_io_init(&self->typed, on_typed, STDIN_FILENO, EV_READ);
    ev_prepare_init(&self->prepare, on_prepare);
    ev_signal_init(&self->interrupt, on_interrupt, SIGINT);
    self->typed.data = self->prepare.data = self->interrupt.data = self;
    start(self);
    return self;
}
