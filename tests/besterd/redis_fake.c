#include "tests/besterd/redis_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What Redis answers when all is well. */
static const struct fake_row well[] = {{"PING", "+PONG\r\n"}, {"AUTH", "+OK\r\n"},
    {"SELECT", "+OK\r\n"}, {"HMGET", "*2\r\n$-1\r\n$-1\r\n"}, {"WATCH", "+OK\r\n"},
    {"UNWATCH", "+OK\r\n"}, {"MULTI", "+OK\r\n"}, {"HSET", "+QUEUED\r\n"}, {"HDEL", "+QUEUED\r\n"},
    {"EXEC", "*2\r\n:1\r\n:1\r\n"}};

static void drop_peer(struct fake_peer *self)
{
    if (self->fd < 0)
        return;
    ev_io_stop(self->fake->loop, &self->readable);
    ev_io_stop(self->fake->loop, &self->writable);
    close(self->fd);
    self->fd = -1;
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    static const char zeros[16 * 1024];
    struct fake_peer *self = watcher->data;
    (void)loop, (void)events;
    ssize_t sent = send(self->fd, zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        self->fake->flooded += (size_t)sent;
    else
        drop_peer(self);
}

static void answer(struct fake_peer *self, const char *text)
{
    if (text == FAKE_HANGS_UP) {
        drop_peer(self);
        return;
    }
    self->mute = self->mute || text[0] == '\0';
    size_t len = self->mute ? strlen(text) : strcspn(text, (const char[]){FAKE_FLOOD, '\0'});
    if (len > 0 && !self->mute)
        (void)!send(self->fd, text, len, MSG_NOSIGNAL);
    if (text[len] == FAKE_FLOOD)
        ev_io_start(self->fake->loop, &self->writable);
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcasecmp(a, b) == 0;
}

/* command NULL: somebody has connected. */
static void act(struct fake_peer *self, const char *command)
{
    struct redis_fake *fake = self->fake;
    for (size_t i = 0; i < fake->row_count; i++) {
        if (!fake->used[i] && is_same(fake->rows[i].command, command)) {
            fake->used[i] = true;
            answer(self, fake->rows[i].answer);
            return;
        }
    }
    for (size_t i = 0; command != NULL && i < sizeof well / sizeof well[0]; i++) {
        if (is_same(well[i].command, command))
            answer(self, well[i].answer);
    }
}

/* Reads "$5\r\n" or "*2\r\n" at *at; false: not all of it is there. */
static bool take_number(const char **at, const char *end, char kind, size_t *number)
{
    const char *line = memmem(*at, (size_t)(end - *at), "\r\n", 2);
    if (line == NULL)
        return false;
    assert_int_equal(**at, kind);
    *number = strtoul(*at + 1, NULL, 10);
    *at = line + 2;
    return true;
}

/* Takes one command off the front and answers it; false: it is not all there. */
static bool take_command(struct fake_peer *self)
{
    const char *at = self->bytes;
    const char *end = self->bytes + self->len;
    char name[32] = "";
    char all[512] = "";
    size_t words = 0;
    size_t len = 0;
    if (!take_number(&at, end, '*', &words))
        return false;
    for (size_t i = 0; i < words; i++) {
        if (!take_number(&at, end, '$', &len) || (size_t)(end - at) < len + 2)
            return false;
        size_t said = strlen(all);
        snprintf(all + said, sizeof all - said, "%s%.*s", i > 0 ? " " : "", (int)len, at);
        if (i == 0)
            snprintf(name, sizeof name, "%s", all);
        at += len + 2;
    }
    size_t seen = strlen(self->fake->seen);
    snprintf(self->fake->seen + seen, sizeof self->fake->seen - seen, "%s;", all);
    self->len = (size_t)(end - at);
    memmove(self->bytes, at, self->len);
    act(self, name);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct fake_peer *self = watcher->data;
    (void)loop, (void)events;
    ssize_t got = recv(self->fd, self->bytes + self->len, FAKE_BYTES_MAX - self->len, 0);
    if (got <= 0) {
        drop_peer(self);
        return;
    }
    self->len += (size_t)got;
    while (self->fd >= 0 && self->len > 0 && take_command(self))
        ;
}

static void on_accept(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct redis_fake *self = watcher->data;
    (void)events;
    assert_true(self->accepted < FAKE_PEERS_MAX);
    struct fake_peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->fake = self;
    peer->fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer->fd >= 0);
    self->accepted_at[self->accepted] = ev_now(loop);
    self->peers[self->accepted++] = peer;
    ev_io_init(&peer->readable, on_readable, peer->fd, EV_READ);
    ev_io_init(&peer->writable, on_writable, peer->fd, EV_WRITE);
    peer->readable.data = peer->writable.data = peer;
    ev_io_start(loop, &peer->readable);
    act(peer, NULL);
}

void redis_fake_begin(struct redis_fake *self, struct ev_loop *loop, const char *path)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof here;
    memset(self, 0, sizeof *self);
    self->loop = loop;
    self->listener = socket(path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(self->listener >= 0);
    if (path != NULL) {
        snprintf(there.sun_path, sizeof there.sun_path, "%s", path);
        assert_int_equal(bind(self->listener, (struct sockaddr *)&there, sizeof there), 0);
    } else {
        assert_int_equal(bind(self->listener, (struct sockaddr *)&here, sizeof here), 0);
        assert_int_equal(getsockname(self->listener, (struct sockaddr *)&here, &len), 0);
        self->port = ntohs(here.sin_port);
    }
    assert_int_equal(listen(self->listener, FAKE_PEERS_MAX), 0);
    ev_io_init(&self->accept, on_accept, self->listener, EV_READ);
    self->accept.data = self;
    ev_io_start(loop, &self->accept);
}

void redis_fake_set(struct redis_fake *self, const struct fake_row *rows, size_t count)
{
    assert_true(count <= sizeof self->used / sizeof self->used[0]);
    self->rows = rows;
    self->row_count = count;
    memset(self->used, 0, sizeof self->used);
    self->seen[0] = '\0';
}

void redis_fake_end(struct redis_fake *self)
{
    for (size_t i = 0; i < self->accepted; i++) {
        drop_peer(self->peers[i]);
        free(self->peers[i]);
    }
    ev_io_stop(self->loop, &self->accept);
    close(self->listener);
}
