/*
 * wire: the far end of a connection whose near end lives in the same loop, for
 * tests of what the servers are made of.
 *
 * Everything waits for its event: the loop runs until the condition holds, or
 * WIRE_PATIENCE_S have passed and the test fails. Nothing sleeps.
 */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WIRE_PATIENCE_S = 40 };

/* ---- running the loop ---- */

struct patience {
    struct ev_loop *loop;
    ev_timer timer;
    bool over;
};

static inline void patience_on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)events;
    ((struct patience *)watcher->data)->over = true;
    ev_break(loop, EVBREAK_ONE);
}

static inline void patience_begin(struct patience *self, struct ev_loop *loop)
{
    self->loop = loop;
    self->over = false;
    ev_now_update(loop);
    ev_timer_init(&self->timer, patience_on_timer, WIRE_PATIENCE_S, 0.);
    self->timer.data = self;
    ev_timer_start(loop, &self->timer);
}

static inline void patience_end(struct patience *self)
{
    ev_timer_stop(self->loop, &self->timer);
}

static inline void patience_turn(
    struct patience *self, const char *file, int line, const char *what)
{
    ev_run(self->loop, EVRUN_ONCE);
    if (self->over) {
        patience_end(self);
        fail_msg("%s:%d: it never came to: %s", file, line, what);
    }
}

/* Runs the loop until the condition holds. What was fed from outside the loop
 * comes first: ev_run would see to it, and then wait for something else. */
#define RUN_UNTIL(loop, condition)                                     \
    do {                                                               \
        struct patience patience_;                                     \
        patience_begin(&patience_, (loop));                            \
        ev_invoke_pending(loop);                                       \
        while (!(condition))                                           \
            patience_turn(&patience_, __FILE__, __LINE__, #condition); \
        patience_end(&patience_);                                      \
    } while (0)

static inline void wire_on_wake(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    *(bool *)watcher->data = true;
}

/* Runs the loop until all that is ready now has been seen to: a timer of no time
 * is due only after what was ready before. For "nothing happens", together with
 * a condition that would show it. */
static inline void run_turns(struct ev_loop *loop, int turns)
{
    for (int i = 0; i < turns; i++) {
        bool due = false;
        ev_timer timer;
        ev_timer_init(&timer, wire_on_wake, 0., 0.);
        timer.data = &due;
        ev_timer_start(loop, &timer);
        RUN_UNTIL(loop, due);
    }
}

/* Runs the loop for so long: for "nothing happens in this time", never for
 * "by then it will have happened". */
static inline void run_for(struct ev_loop *loop, double seconds)
{
    bool due = false;
    ev_timer timer;
    ev_now_update(loop);
    ev_timer_init(&timer, wire_on_wake, seconds, 0.);
    timer.data = &due;
    ev_timer_start(loop, &timer);
    RUN_UNTIL(loop, due);
}

/* ---- connections ---- */

/* Two ends of a connection over TCP on the loopback. */
static inline void tcp_pair(int ends[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(ends[0] >= 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&at, sizeof at), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    close(listener);
}

static inline void unix_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

struct wire {
    struct ev_loop *loop;
    int fd;
    char *in; /* read, and not handed out yet */
    size_t in_len;
    size_t in_room;
    bool ended; /* the near end has said end of output */
    bool reset; /* not in order, but with a reset */
};

static inline void wire_open(struct wire *self, struct ev_loop *loop, int fd)
{
    *self = (struct wire){.loop = loop, .fd = fd};
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static inline void wire_hang_up(struct wire *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static inline void wire_close(struct wire *self)
{
    wire_hang_up(self);
    free(self->in);
    self->in = NULL;
    self->in_len = self->in_room = 0;
}

/* Closes so that the near end meets a reset (TCP). */
static inline void wire_reset(struct wire *self)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    wire_hang_up(self);
}

static inline void wire_on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    *(bool *)watcher->data = true;
}

/* Runs the loop until the far end can be read (EV_READ) or written (EV_WRITE). */
static inline void wire_await(struct wire *self, int events)
{
    bool ready = false;
    ev_io watcher;
    ev_io_init(&watcher, wire_on_ready, self->fd, events);
    watcher.data = &ready;
    ev_io_start(self->loop, &watcher);
    RUN_UNTIL(self->loop, ready);
    ev_io_stop(self->loop, &watcher);
}

/* Takes at most max bytes of what is there; whether there was anything new. */
static inline bool wire_take(struct wire *self, size_t max)
{
    if (self->in_room < self->in_len + max) {
        self->in_room = 2 * (self->in_len + max);
        self->in = realloc(self->in, self->in_room);
        assert_non_null(self->in);
    }
    ssize_t n = recv(self->fd, self->in + self->in_len, max, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        self->ended = true;
        self->reset = n < 0;
        return true;
    }
    self->in_len += (size_t)n;
    return true;
}

static inline void wire_send_bytes(struct wire *self, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(self->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            wire_await(self, EV_WRITE);
            continue;
        }
        if (n < 0)
            fail_msg("the near end takes nothing: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
}

static inline void wire_put_header(unsigned char head[4], size_t len)
{
    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(len >> 8 * i);
}

/* One frame around these bytes. */
static inline void wire_send_payload(struct wire *self, const void *payload, size_t len)
{
    unsigned char head[4];
    wire_put_header(head, len);
    wire_send_bytes(self, head, sizeof head);
    wire_send_bytes(self, payload, len);
}

static inline void wire_send(struct wire *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void wire_send(struct wire *self, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int len = vsnprintf(NULL, 0, format, list);
    va_end(list);
    assert_true(len >= 0);
    char *text = malloc((size_t)len + 1);
    assert_non_null(text);
    va_start(list, format);
    vsnprintf(text, (size_t)len + 1, format, list);
    va_end(list);
    wire_send_payload(self, text, (size_t)len);
    free(text);
}

/* Bytes of the next frame in all; 0: not here yet. */
static inline size_t wire_frame_size(const struct wire *self)
{
    const unsigned char *head = (const unsigned char *)self->in;
    if (self->in_len < 4)
        return 0;
    size_t size =
        4 + (head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24);
    return self->in_len >= size ? size : 0;
}

/* The payload of the next frame with a zero byte behind it, the caller's to
 * free; NULL at the end of output. *len may be NULL. */
static inline char *wire_read_payload(struct wire *self, size_t *len)
{
    size_t size;
    while ((size = wire_frame_size(self)) == 0) {
        if (self->ended) {
            assert_int_equal(self->in_len, 0); /* no part of a frame before the end */
            return NULL;
        }
        if (!wire_take(self, 65536))
            wire_await(self, EV_READ);
    }
    char *payload = malloc(size - 4 + 1);
    assert_non_null(payload);
    memcpy(payload, self->in + 4, size - 4);
    payload[size - 4] = '\0';
    if (len)
        *len = size - 4;
    memmove(self->in, self->in + size, self->in_len - size);
    self->in_len -= size;
    return payload;
}

/* The next frame's JSON, the caller's to decref; NULL at the end of output. */
static inline json_t *wire_read(struct wire *self)
{
    size_t len;
    char *text = wire_read_payload(self, &len);
    json_error_t error;
    if (text == NULL)
        return NULL;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        fail_msg("no JSON (%s): %.200s", error.text, text);
    free(text);
    return json;
}

/* The near end says end of output, in order, and nothing before it. */
static inline void wire_expect_end(struct wire *self)
{
    char *text = wire_read_payload(self, NULL);
    if (text)
        fail_msg("the end was expected, this came: %.400s", text);
    assert_false(self->reset);
}

/* Whether all that pattern (JSON) has stands in value: members of objects that
 * the pattern does not name are not looked at. */
static inline bool json_covers(const json_t *value, const json_t *pattern)
{
    const char *name;
    json_t *wanted;
    if (!json_is_object(pattern))
        return json_equal(value, pattern);
    json_object_foreach ((json_t *)pattern, name, wanted) {
        /* A name that begins with '!' must not be there. */
        if (name[0] == '!' ? json_object_get(value, name + 1) != NULL
                           : !json_covers(json_object_get(value, name), wanted))
            return false;
    }
    return json_is_object(value);
}

static inline void json_must_cover(json_t *value, const char *pattern)
{
    json_error_t error;
    json_t *wanted = json_loads(pattern, JSON_DECODE_ANY, &error);
    if (!wanted)
        fail_msg("the pattern %s: %s", pattern, error.text);
    if (!value)
        fail_msg("expected %s, came to the end of output", pattern);
    if (!json_covers(value, wanted)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("expected %s\n  came %s", pattern, text);
    }
    json_decref(wanted);
}

/* The next frame is JSON that the pattern covers. */
static inline void wire_expect(struct wire *self, const char *pattern)
{
    json_t *json = wire_read(self);
    json_must_cover(json, pattern);
    json_decref(json);
}

#endif
