/*
 * dialogue: a client of a UNIX socket that the program under test serves in this
 * process. Frames out, frames in, the loop runs meanwhile. Nothing waits for
 * time: an answer that never comes is ended by whoever runs the tests.
 */
#ifndef TESTS_SUPPORT_DIALOGUE_H
#define TESTS_SUPPORT_DIALOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libbester/blob.h"
#include "libbester/frame.h"

enum { DIALOGUE_BYTES = 1 << 20 };

struct dialogue {
    struct ev_loop *loop;
    int fd;
    char bytes[DIALOGUE_BYTES]; /* read and not looked at yet */
    size_t len;
    char text[DIALOGUE_BYTES]; /* the last payload */
};

static inline void dialogue_open(struct dialogue *self, struct ev_loop *loop, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    self->loop = loop;
    self->len = 0;
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(self->fd >= 0);
    assert_int_equal(connect(self->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static inline void dialogue_close(struct dialogue *self)
{
    close(self->fd);
}

static inline void dialogue_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)io;
    (void)events;
    ev_break(loop, EVBREAK_ONE);
}

/* Runs the loop until there is something to read. */
static inline void dialogue_await(struct dialogue *self)
{
    ev_io readable;
    ev_io_init(&readable, dialogue_readable, self->fd, EV_READ);
    ev_io_start(self->loop, &readable);
    ev_run(self->loop, 0);
    ev_io_stop(self->loop, &readable);
}

static inline void dialogue_write(struct dialogue *self, const void *bytes, size_t len)
{
    assert_int_equal(send(self->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void dialogue_say(struct dialogue *self, const char *payload)
{
    struct blob *frame = frame_of(span_of(payload));
    assert_non_null(frame);
    dialogue_write(self, frame->data, frame->len);
    blob_unref(frame);
}

/* The payload of the next frame, until the next call; NULL at the end of input. */
static inline const char *dialogue_hear(struct dialogue *self)
{
    struct span payload;
    size_t consumed;
    size_t need;
    while (frame_next(self->bytes, self->len, DIALOGUE_BYTES - 8, &payload, &consumed, &need) !=
           PULL_READY) {
        dialogue_await(self);
        ssize_t got = recv(self->fd, self->bytes + self->len, sizeof self->bytes - self->len, 0);
        if (got <= 0) {
            assert_int_equal(self->len, 0); /* not in the middle of a frame */
            return NULL;
        }
        self->len += (size_t)got;
    }
    memcpy(self->text, payload.at, payload.len);
    self->text[payload.len] = '\0';
    self->len -= consumed;
    memmove(self->bytes, self->bytes + consumed, self->len);
    return self->text;
}

static inline void dialogue_expect(struct dialogue *self, const char *payload)
{
    const char *heard = dialogue_hear(self);
    assert_non_null(heard);
    assert_string_equal(heard, payload);
}

static inline void dialogue_expect_end(struct dialogue *self)
{
    assert_null(dialogue_hear(self));
}

#endif
