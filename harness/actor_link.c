#include "harness/actor_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/wire.h"
#include "libbester/frame.h"

enum {
    READ_BYTES = 64 * 1024,
    HELD_BYTES_MAX = 1 << 20,    /* read on only when the other side takes it */
    PARSED_BYTES_MAX = 80 << 20, /* one frame, and what came with it */
    FRAME_BYTES_MAX = 64 << 20
};

/* Between bind and listen of a program there is no event to wait for. */
static const double RETRY_S = 0.001;

/* One direction of a connection. */
struct pump {
    struct relay *relay;
    ev_io readable; /* on the source */
    ev_io writable; /* on the target */
    struct bytes held;
    struct bytes parsed;
    bool ended;  /* the source will say no more */
    bool passed; /* and the target has been told */
    bool opaque; /* bytes that are no frames: passed on, not shown */
    bool forth;
};

struct relay {
    struct relay *prev, *next;
    struct actor_link *link;
    int caller;
    int callee; /* -1: not connected yet */
    unsigned order;
    struct pump forth;
    struct pump back;
};

struct actor_link {
    const struct setting *setting;
    int from;
    int to;
    const struct place *back;
    enum edge_kind forth_kind;
    enum edge_kind back_kind;
    ev_io acceptable;
    ev_timer retry;
    struct relay *relays;
    unsigned calls;
};

/* ---- the end of a relay ---------------------------------------------------------------------- */

static void pump_stop(struct pump *self)
{
    struct ev_loop *loop = self->relay->link->setting->loop;

    ev_io_stop(loop, &self->readable);
    ev_io_stop(loop, &self->writable);
    bytes_release(&self->held);
    bytes_release(&self->parsed);
}

static void relay_free(struct relay *self)
{
    if (self->callee >= 0) {
        pump_stop(&self->forth);
        pump_stop(&self->back);
        close(self->callee);
    }
    close(self->caller);
    DL_DELETE(self->link->relays, self);
    free(self);
}

static void relay_end(struct relay *self, const char *how)
{
    struct actor_link *link = self->link;

    timeline_end(link->setting->timeline, link->from, link->to, link->forth_kind, how, self->order)
        ->optional = true;
    relay_free(self);
}

/* ---- bytes through, frames seen -------------------------------------------------------------- */

/* A program logs in by itself; what comes of a good login is nobody's line. */
static bool is_login(const struct pump *self, struct span payload)
{
    enum edge_kind kind =
        self->forth ? self->relay->link->forth_kind : self->relay->link->back_kind;

    if (kind != EDGE_CLIENT_SERVER && kind != EDGE_SERVER_CLIENT)
        return false;
    json_t *json = json_loadb(payload.at, payload.len, 0, NULL);
    const json_t *header = json_object_get(json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));
    const char *id = json_string_value(json_object_get(json_object_get(json, "payload"), "id"));
    bool found = kind == EDGE_CLIENT_SERVER
                     ? json_object_get(header, "authentication") != NULL
                     : status && id && !strcmp(status, "good") && !strcmp(id, "auth_special");

    json_decref(json);
    return found;
}

static void show_frame(struct pump *self, struct span payload)
{
    struct relay *relay = self->relay;
    struct actor_link *link = relay->link;
    int from = self->forth ? link->from : link->to;
    int to = self->forth ? link->to : link->from;
    enum edge_kind kind = self->forth ? link->forth_kind : link->back_kind;

    if (is_login(self, payload))
        timeline_seen(link->setting->timeline, from, to, kind, payload);
    else
        timeline_frame(link->setting->timeline, from, to, kind, payload, relay->order);
}

static void show_frames(struct pump *self, const char *at, size_t len)
{
    enum pull pull;

    if (self->opaque || bytes_append(&self->parsed, at, len) != STATUS_OK) {
        self->opaque = true;
        return;
    }
    for (;;) {
        struct span all = bytes_span(&self->parsed);
        struct span payload;
        size_t consumed;
        size_t need;

        pull = frame_next(all.at, all.len, FRAME_BYTES_MAX, &payload, &consumed, &need);
        if (pull != PULL_READY)
            break;
        show_frame(self, payload);
        bytes_consume(&self->parsed, consumed);
    }
    self->opaque = pull == PULL_BAD;
}

/* Writes what is held; false: the relay is gone. */
static bool pump_flush(struct pump *self)
{
    struct ev_loop *loop = self->relay->link->setting->loop;

    while (self->held.len) {
        struct span held = bytes_span(&self->held);
        ssize_t n = send(self->writable.fd, held.at, held.len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINPROGRESS)) {
            ev_io_start(loop, &self->writable);
            return true;
        }
        if (n < 0 && errno != EINTR) {
            relay_end(self->relay, "(the other side is gone)");
            return false;
        }
        if (n > 0)
            bytes_consume(&self->held, (size_t)n);
    }
    ev_io_stop(loop, &self->writable);
    if (!self->ended) {
        ev_io_start(loop, &self->readable);
        return true;
    }
    if (!self->passed)
        shutdown(self->writable.fd, SHUT_WR);
    self->passed = true;
    if (!self->relay->forth.passed || !self->relay->back.passed)
        return true;
    relay_end(self->relay, "(closed the connection)");
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct pump *self = watcher->data;
    char buffer[READ_BYTES];
    ssize_t n = recv(watcher->fd, buffer, sizeof(buffer), 0);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        relay_end(self->relay, "(the connection was reset)");
        return;
    }
    if (n == 0) {
        self->ended = true;
        ev_io_stop(loop, watcher);
    } else {
        show_frames(self, buffer, (size_t)n);
        if (bytes_append(&self->held, buffer, (size_t)n) != STATUS_OK) {
            relay_end(self->relay, "(out of memory)");
            return;
        }
    }
    if (self->held.len >= HELD_BYTES_MAX)
        ev_io_stop(loop, watcher);
    pump_flush(self);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    pump_flush(watcher->data);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void pump_start(struct pump *self, struct relay *relay, int source, int target, bool forth)
{
    *self = (struct pump){.relay = relay, .forth = forth};
    bytes_init(&self->held, HELD_BYTES_MAX + READ_BYTES);
    bytes_init(&self->parsed, PARSED_BYTES_MAX);
    ev_io_init(&self->readable, on_readable, source, EV_READ);
    ev_io_init(&self->writable, on_writable, target, EV_WRITE);
    self->readable.data = self->writable.data = self;
    ev_io_start(relay->link->setting->loop, &self->readable);
}

/* false: nobody listens there. */
static bool relay_connect(struct relay *self, struct fault *fault)
{
    self->callee = wire_connect(self->link->back, fault);
    if (self->callee < 0)
        return false;
    setsockopt(self->caller, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(self->callee, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pump_start(&self->forth, self, self->caller, self->callee, true);
    pump_start(&self->back, self, self->callee, self->caller, false);
    return true;
}

void actor_link_retry(struct actor_link *self, bool waits)
{
    struct relay *relay;
    struct relay *after;
    bool soon = false;

    DL_FOREACH_SAFE (self->relays, relay, after) {
        struct fault fault = {.text = ""};

        if (relay->callee >= 0 || relay_connect(relay, &fault))
            continue;
        /* The file is there, but nobody listens: it is about to, or has ended. */
        soon = soon || fault.offset == ECONNREFUSED;
        if (!waits)
            relay_end(relay, "(nobody listens there)");
    }
    if (waits && soon)
        ev_timer_start(self->setting->loop, &self->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    ev_timer_set(watcher, RETRY_S, 0.);
    actor_link_retry(watcher->data, true);
}

static bool program_may_come(const struct actor_link *self)
{
    return self->setting->scenario->members[self->to].kind == MEMBER_HANDLER;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct actor_link *self = watcher->data;
    int fd;

    (void)loop, (void)events;
    while ((fd = accept(watcher->fd, NULL, NULL)) >= 0) {
        struct relay *relay = must_alloc(sizeof(*relay));
        struct fault fault = {.text = ""};

        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        *relay = (struct relay){.link = self, .caller = fd, .callee = -1, .order = ++self->calls};
        DL_APPEND(self->relays, relay);
        if (!relay_connect(relay, &fault) && !program_may_come(self))
            relay_end(relay, "(nobody listens there)");
    }
    if (program_may_come(self))
        self->setting->on_change(self->to, self->setting->user);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_link *actor_link_new(const struct setting *setting, int from, int to,
    struct place *front, const struct place *back, enum edge_kind forth, enum edge_kind reply)
{
    struct actor_link *self = must_alloc(sizeof(*self));

    *self = (struct actor_link){.setting = setting,
        .from = from,
        .to = to,
        .back = back,
        .forth_kind = forth,
        .back_kind = reply};
    ev_io_init(&self->acceptable, on_acceptable, front->fd, EV_READ);
    ev_timer_init(&self->retry, on_retry, RETRY_S, 0.);
    self->acceptable.data = self->retry.data = self;
    front->fd = -1;
    ev_io_start(setting->loop, &self->acceptable);
    return self;
}

void actor_link_free(struct actor_link *self)
{
    struct relay *relay;
    struct relay *after;

    if (!self)
        return;
    ev_io_stop(self->setting->loop, &self->acceptable);
    ev_timer_stop(self->setting->loop, &self->retry);
    close(self->acceptable.fd);
    DL_FOREACH_SAFE (self->relays, relay, after)
        relay_free(relay);
    free(self);
}

int actor_link_to(const struct actor_link *self)
{
    return self->to;
}
