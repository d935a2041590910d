/*
 * peer: a server that a test plays line by line, for tests of clients.
 *
 * Everything waits for its event, at most PEER_PATIENCE_S, then the test fails.
 * With a loop, that loop runs meanwhile (the client lives in this process);
 * without one the client is another process and plain blocking calls do.
 */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <ev.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_PATIENCE_S = 20 };

struct peer {
    struct ev_loop *loop; /* or NULL */
    int listener;
    int fd;
    char address[32]; /* "127.0.0.1:PORT" */
};

static inline void peer_on_event(struct ev_loop *loop, void *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ONE);
}

static inline void peer_on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    peer_on_event(loop, watcher, events);
}

static inline void peer_on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    *(bool *)watcher->data = true;
    peer_on_event(loop, watcher, events);
}

/* Runs the loop until fd is readable. */
static inline void peer_await(struct peer *self, int fd)
{
    bool late = false;
    if (self->loop == NULL) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, PEER_PATIENCE_S * 1000) != 1)
            fail_msg("the client stays silent");
        return;
    }
    ev_io readable;
    ev_timer patience;
    ev_io_init(&readable, peer_on_io, fd, EV_READ);
    ev_timer_init(&patience, peer_on_timer, PEER_PATIENCE_S, 0.);
    patience.data = &late;
    ev_io_start(self->loop, &readable);
    ev_timer_start(self->loop, &patience);
    ev_run(self->loop, 0);
    ev_io_stop(self->loop, &readable);
    ev_timer_stop(self->loop, &patience);
    if (late)
        fail_msg("the client stays silent");
}

/* Runs the loop turn by turn until *done. */
static inline void peer_run_until(struct peer *self, const bool *done)
{
    bool late = false;
    ev_timer patience;
    ev_timer_init(&patience, peer_on_timer, PEER_PATIENCE_S, 0.);
    patience.data = &late;
    ev_timer_start(self->loop, &patience);
    while (!*done && !late)
        ev_run(self->loop, EVRUN_ONCE);
    ev_timer_stop(self->loop, &patience);
    if (late)
        fail_msg("what should happen does not");
}

static inline void peer_listen(struct peer *self, struct ev_loop *loop)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *self = (struct peer){.loop = loop, .fd = -1};
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(self->listener >= 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(self->listener, 8), 0);
    assert_int_equal(getsockname(self->listener, (struct sockaddr *)&at, &len), 0);
    snprintf(self->address, sizeof self->address, "127.0.0.1:%u", ntohs(at.sin_port));
}

static inline void peer_hang_up(struct peer *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static inline void peer_close(struct peer *self)
{
    peer_hang_up(self);
    if (self->listener >= 0)
        close(self->listener);
    self->listener = -1;
}

/* Keeps the port, so that nobody else gets it, and takes no connection there. */
static inline void peer_refuse(struct peer *self)
{
    assert_int_equal(shutdown(self->listener, SHUT_RDWR), 0);
}

static inline void peer_accept(struct peer *self)
{
    peer_await(self, self->listener);
    self->fd = accept(self->listener, NULL, NULL);
    assert_true(self->fd >= 0);
}

/* Bytes as they are; false at the end of input. */
static inline bool peer_read_bytes(struct peer *self, void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        peer_await(self, self->fd);
        ssize_t n = recv(self->fd, at, len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return false;
        if (n < 0 && errno != EAGAIN)
            fail_msg("recv: %s", strerror(errno));
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* The next frame's JSON, the caller's to decref; NULL at the end of input. */
static inline json_t *peer_read(struct peer *self)
{
    unsigned char head[4];
    if (!peer_read_bytes(self, head, sizeof head))
        return NULL;
    size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    char *text = malloc(len + 1);
    assert_non_null(text);
    assert_true(peer_read_bytes(self, text, len));
    json_error_t error;
    json_t *frame = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (frame == NULL)
        fail_msg("the client sent no JSON: %.*s", (int)len, text);
    free(text);
    return frame;
}

static inline void peer_send_bytes(struct peer *self, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(self->fd, at, len, MSG_NOSIGNAL);
        if (n < 0)
            fail_msg("send: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
}

static inline void peer_send(struct peer *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A frame of this JSON text. */
static inline void peer_send(struct peer *self, const char *format, ...)
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
    unsigned char head[4] = {(unsigned char)len, (unsigned char)(len >> 8),
        (unsigned char)(len >> 16), (unsigned char)(len >> 24)};
    peer_send_bytes(self, head, sizeof head);
    peer_send_bytes(self, text, (size_t)len);
    free(text);
}

static inline const char *peer_member(const json_t *object, const char *level, const char *name)
{
    return json_string_value(json_object_get(json_object_get(object, level), name));
}

/* The next frame is a message of this type with this data (JSON; NULL: any); its
 * id goes to id, of 128 bytes. */
static inline void peer_expect(struct peer *self, const char *type, const char *data, char *id)
{
    json_t *frame = peer_read(self);
    if (frame == NULL)
        fail_msg("the client hung up, a message of type %s was expected", type);
    assert_string_equal(peer_member(frame, "payload", "type"), type);
    json_t *sent = json_object_get(json_object_get(frame, "payload"), "data");
    json_t *wanted = data == NULL ? json_incref(sent) : json_loads(data, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    if (!json_equal(sent, wanted)) {
        char *text = json_dumps(sent, JSON_ENCODE_ANY);
        fail_msg("expected %s, the client sent %s", data, text);
    }
    if (id != NULL)
        snprintf(id, 128, "%s", peer_member(frame, "payload", "id"));
    json_decref(wanted);
    json_decref(frame);
}

static inline void peer_report(
    struct peer *self, const char *id, const char *status, const char *more)
{
    peer_send(self,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"%s\"},"
        "\"payload\":{\"id\":\"%s\"%s}}",
        status, id, more);
}

/* Takes a client in: its login is read, checked for user and password, granted. */
static inline void peer_log_in(
    struct peer *self, const char *user, const char *password, const char *server)
{
    peer_accept(self);
    json_t *frame = peer_read(self);
    assert_non_null(frame);
    const json_t *header = json_object_get(frame, "header");
    assert_string_equal(json_string_value(json_object_get(header, "scope")), "client");
    assert_string_equal(peer_member(header, "authentication", "username"), user);
    assert_string_equal(peer_member(header, "authentication", "password"), password);
    json_decref(frame);
    peer_report(self, "auth_special", "good", server);
}

#endif
