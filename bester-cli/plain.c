#include "bester-cli/plain.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbester/bytes.h"

enum { READ_BYTES = 8192, LINE_BYTES_MAX = 16 << 20 };

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
    bool doomed; /* freed within one of its own callbacks */
    unsigned depth;
};

static void stop(struct plain *self)
{
    self->stopped = true;
    ev_io_stop(self->loop, &self->typed);
    ev_prepare_stop(self->loop, &self->prepare);
    ev_signal_stop(self->loop, &self->interrupt);
}

static void destroy(struct plain *self)
{
    bytes_release(&self->line);
    free(self->text);
    free(self);
}

static void leave(struct plain *self)
{
    if (--self->depth == 0 && self->doomed)
        destroy(self);
}

void plain_free(struct plain *self)
{
    if (self == NULL)
        return;
    if (self->shown && !self->stopped)
        fputc('\n', stdout);
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
    (void)loop, (void)events;
    ssize_t n = read(watcher->fd, typed, sizeof typed);
    self->depth++;
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        end_of_input(self);
    else if (n > 0 && bytes_append(&self->line, typed, (size_t)n) == STATUS_OK)
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
    ev_io_init(&self->typed, on_typed, STDIN_FILENO, EV_READ);
    ev_prepare_init(&self->prepare, on_prepare);
    ev_signal_init(&self->interrupt, on_interrupt, SIGINT);
    self->typed.data = self->prepare.data = self->interrupt.data = self;
    ev_io_start(loop, &self->typed);
    ev_prepare_start(loop, &self->prepare);
    ev_signal_start(loop, &self->interrupt);
    return self;
}
