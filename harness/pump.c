#include "harness/pump.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/wire.h"
#include "libbester/frame.h"

enum {
    READ_BYTES = 64 * 1024,
    HELD_BYTES_MAX = 1 << 20,    /* read on only when the other side takes it */
    PARSED_BYTES_MAX = 80 << 20, /* one frame, and what came with it */
    FRAME_BYTES_MAX = 64 << 20,
    PARTS_PER_SECOND = 50, /* in which a limited rate is doled out */
    SMALL_BUFFER_BYTES = 4096
};

/* How often to look whether the target has read the part before, which is no
 * event; and when to stop looking: it does not read. */
static const double LOOK_S = 0.0005;
enum { LOOKS_AT_ONCE = 20 }; /* it usually has in a few microseconds: before any pause */
static const double LOOK_MAX_S = 0.05;

struct piece {
    struct piece *prev, *next;
    char *bytes;
    size_t len;
    size_t sent;
    double due;      /* of the loop's clock; 0: now */
    bool after_read; /* when the target has read all before it */
    double looking_since;
    unsigned looks;
    bool ends; /* then the connection is cut off */
};

struct pump {
    const struct setting *setting;
    const struct pump_callbacks *callbacks;
    void *user;
    int from;
    int to;
    ev_io readable; /* on the source */
    ev_io writable; /* on the target */
    ev_timer wait;  /* until a piece may go */
    ev_timer rest;  /* until the source may be read */
    struct piece *queue;
    size_t queued;
    struct bytes parsed;
    size_t begun;      /* of parsed: passed on already */
    double last_due;   /* nothing overtakes what is delayed */
    double next_send;  /* of the loop's clock, at a limited rate */
    bool ended;        /* the source will say no more */
    bool passed;       /* and the target has been told */
    bool opaque;       /* bytes that are no frames: passed on, not shown */
    bool sealed;       /* so it is from the start */
    bool small_buffer; /* the source's buffer is */
};

static struct disturbances *disturbances_of(const struct pump *self)
{
    return self->setting->disturbances;
}

static struct active *find(const struct pump *self, enum disturbance_kind kind)
{
    return disturbances_find(disturbances_of(self), kind, self->from, self->to);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void piece_free(struct pump *self, struct piece *piece)
{
    self->queued -= piece->len - piece->sent;
    DL_DELETE(self->queue, piece);
    free(piece->bytes);
    free(piece);
}

static struct piece *push(struct pump *self, const char *at, size_t len)
{
    struct piece *piece = must_alloc(sizeof(*piece));

    piece->bytes = must_copy_bytes(at, len);
    piece->len = len;
    self->queued += len;
    DL_APPEND(self->queue, piece);
    return piece;
}

static void push_passage(struct pump *self, const struct passage *passage)
{
    double due = passage->delay_s > 0 ? ev_now(self->setting->loop) + passage->delay_s : 0;
    size_t part = passage->every_byte ? 1 : passage->split_at;
    struct piece *piece = NULL;

    if (due < self->last_due)
        due = self->last_due;
    self->last_due = due;
    for (size_t at = 0, n; at < passage->len; at += n) {
        n = part && part < passage->len - at ? part : passage->len - at;
        piece = push(self, passage->bytes + at, n);
        piece->due = due;
        piece->after_read = at > 0;
        if (!passage->every_byte)
            part = 0; /* the rest in one go */
    }
    if (piece)
        piece->ends = passage->ends;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void pass_frame(struct pump *self, struct span frame)
{
    struct passage passage;

    if (self->begun) {
        push(self, frame.at + self->begun, frame.len - self->begun);
        self->begun = 0;
        return;
    }
    disturbances_apply(disturbances_of(self), self->from, self->to, frame, &passage);
    push_passage(self, &passage);
    free(passage.bytes);
}

/* What is no whole frame yet goes on its way, unless somebody wants it whole. */
static void pass_rest(struct pump *self)
{
    struct span rest = bytes_span(&self->parsed);

    if (rest.len == self->begun)
        return;
    push(self, rest.at + self->begun, rest.len - self->begun);
    self->begun = rest.len;
}

static void feed(struct pump *self, const char *at, size_t len)
{
    enum pull pull = PULL_BAD;

    if (self->sealed && len > FRAME_HEADER_BYTES) {
        pass_frame(self, (struct span){at, len});
        return;
    }
    if (!self->opaque && bytes_append(&self->parsed, at, len) != STATUS_OK) {
        pass_rest(self);
        self->opaque = true;
    }
    if (self->opaque) {
        push(self, at, len);
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
        self->callbacks->on_frame(self, payload, self->user);
        pass_frame(self, (struct span){all.at, consumed});
        bytes_consume(&self->parsed, consumed);
    }
    self->opaque = pull == PULL_BAD;
    if (self->opaque || !disturbances_want_frames(disturbances_of(self), self->from, self->to))
        pass_rest(self);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void wait_until(struct pump *self, double when)
{
    double after = when - ev_now(self->setting->loop);

    ev_timer_stop(self->setting->loop, &self->wait);
    ev_timer_set(&self->wait, after > 0 ? after : 0, 0.);
    ev_timer_start(self->setting->loop, &self->wait);
}

/* Whether it may go now; else whoever makes it possible will call again. */
static bool may_go(struct pump *self, struct piece *piece)
{
    double now = ev_now(self->setting->loop);

    if (find(self, DISTURBANCE_CUT))
        return false;
    if (piece->due > now) {
        wait_until(self, piece->due);
        return false;
    }
    if (piece->sent == 0 && piece->after_read && !wire_is_read(self->writable.fd)) {
        if (piece->looking_since <= 0)
            piece->looking_since = now;
        if (now - piece->looking_since < LOOK_MAX_S) {
            /* Whoever is to read may need our processor. */
            bool at_once = piece->looks++ < LOOKS_AT_ONCE && sched_yield() == 0;
            wait_until(self, at_once ? now : now + LOOK_S);
            return false;
        }
    }
    if (find(self, DISTURBANCE_BANDWIDTH) && self->next_send > now) {
        wait_until(self, self->next_send);
        return false;
    }
    return true;
}

/* How many bytes may go at once; at a limited rate the next must wait. */
static size_t portion(struct pump *self, size_t len)
{
    const struct active *limit = find(self, DISTURBANCE_BANDWIDTH);
    size_t part = limit ? limit->what->bytes_per_s / PARTS_PER_SECOND : 0;

    if (!limit)
        return len;
    part = part ? part : 1;
    return part < len ? part : len;
}

static void count_rate(struct pump *self, size_t sent)
{
    const struct active *limit = find(self, DISTURBANCE_BANDWIDTH);

    if (limit && limit->what->bytes_per_s)
        self->next_send =
            ev_now(self->setting->loop) + (double)sent / (double)limit->what->bytes_per_s;
}

/* Sends of the first piece; false: not now, or the pump may be gone. */
static bool send_some(struct pump *self)
{
    struct piece *piece = self->queue;
    size_t left = portion(self, piece->len - piece->sent);
    ssize_t n = send(self->writable.fd, piece->bytes + piece->sent, left, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINPROGRESS)) {
        ev_io_start(self->setting->loop, &self->writable);
        return false;
    }
    if (n < 0) {
        if (errno == EINTR)
            return true;
        self->callbacks->on_broken(self, "(the other side is gone)", self->user);
        return false;
    }
    piece->sent += (size_t)n;
    self->queued -= (size_t)n;
    count_rate(self, (size_t)n);
    if (piece->sent < piece->len)
        return true;
    bool ends = piece->ends;
    piece_free(self, piece);
    if (ends)
        self->callbacks->on_broken(self, "(cut off by the play)", self->user);
    return !ends;
}

static void read_on(struct pump *self);

static void flush(struct pump *self)
{
    while (self->queue) {
        if (!may_go(self, self->queue)) {
            read_on(self);
            return;
        }
        if (!send_some(self))
            return;
    }
    ev_io_stop(self->setting->loop, &self->writable);
    if (!self->ended) {
        read_on(self);
        return;
    }
    if (self->passed || find(self, DISTURBANCE_CUT))
        return;
    shutdown(self->writable.fd, SHUT_WR);
    self->passed = true;
    self->callbacks->on_passed(self, self->user);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    flush(watcher->data);
}

static void on_time(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct pump *self = watcher->data;

    (void)loop, (void)events;
    if (watcher == &self->rest)
        read_on(self);
    else
        flush(self);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A buffer that takes much would hide that nobody reads. */
static void shrink_buffer(struct pump *self)
{
    if (!self->small_buffer)
        setsockopt(
            self->readable.fd, SOL_SOCKET, SO_RCVBUF, &(int){SMALL_BUFFER_BYTES}, sizeof(int));
    self->small_buffer = true;
}

static void read_on(struct pump *self)
{
    if (self->ended || ev_is_active(&self->rest))
        return;
    if (find(self, DISTURBANCE_SLOW_READER))
        shrink_buffer(self);
    if (self->queued < HELD_BYTES_MAX)
        ev_io_start(self->setting->loop, &self->readable);
    else
        ev_io_stop(self->setting->loop, &self->readable);
}

/* How many bytes may be read now; 0: none, until it is healed. */
static size_t appetite(struct pump *self)
{
    struct active *slow = find(self, DISTURBANCE_SLOW_READER);
    char how[80];

    if (!slow)
        return READ_BYTES;
    size_t part = slow->what->bytes_per_s / PARTS_PER_SECOND;
    part = part || !slow->what->bytes_per_s ? part : 1;
    if (slow->touched == 0) {
        snprintf(how, sizeof(how), "%u bytes per second", slow->what->bytes_per_s);
        disturbances_touch(disturbances_of(self), slow, how);
    }
    ev_io_stop(self->setting->loop, &self->readable);
    if (part) {
        ev_timer_set(&self->rest, 1.0 / PARTS_PER_SECOND, 0.);
        ev_timer_start(self->setting->loop, &self->rest);
    }
    return part < READ_BYTES ? part : READ_BYTES;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct pump *self = watcher->data;
    char buffer[READ_BYTES];
    size_t most = appetite(self);

    (void)events;
    if (most == 0)
        return;
    ssize_t n = recv(watcher->fd, buffer, most, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        self->callbacks->on_broken(self, "(the connection was reset)", self->user);
        return;
    }
    if (n == 0) {
        self->ended = true;
        ev_io_stop(loop, watcher);
        ev_timer_stop(loop, &self->rest);
        pass_rest(self);
    } else {
        feed(self, buffer, (size_t)n);
    }
    flush(self);
}

void pump_forget(struct pump *self)
{
    struct piece *piece;
    struct piece *after;

    if (!find(self, DISTURBANCE_CUT))
        return;
    DL_FOREACH_SAFE (self->queue, piece, after)
        if (piece->sent == 0)
            piece_free(self, piece);
}

void pump_look_again(struct pump *self)
{
    struct ev_loop *loop = self->setting->loop;

    ev_timer_stop(loop, &self->rest);
    if (!disturbances_want_frames(disturbances_of(self), self->from, self->to))
        pass_rest(self);
    read_on(self);
    flush(self);
}

/* ---- life ------------------------------------------------------------------------------------ */

bool pump_has_passed(const struct pump *self)
{
    return self->passed;
}

struct pump *pump_new(const struct setting *setting, int from, int to, int source, int target,
    bool sealed, const struct pump_callbacks *callbacks, void *user)
{
    struct pump *self = must_alloc(sizeof(*self));

    *self = (struct pump){.setting = setting,
        .callbacks = callbacks,
        .user = user,
        .from = from,
        .to = to,
        .opaque = sealed,
        .sealed = sealed};
    bytes_init(&self->parsed, PARSED_BYTES_MAX);
    ev_io_init(&self->readable, on_readable, source, EV_READ);
    ev_io_init(&self->writable, on_writable, target, EV_WRITE);
    ev_init(&self->wait, on_time);
    ev_init(&self->rest, on_time);
    self->readable.data = self->writable.data = self->wait.data = self->rest.data = self;
    read_on(self);
    return self;
}

void pump_free(struct pump *self)
{
    struct piece *piece;
    struct piece *after;

    if (!self)
        return;
    ev_io_stop(self->setting->loop, &self->readable);
    ev_io_stop(self->setting->loop, &self->writable);
    ev_timer_stop(self->setting->loop, &self->wait);
    ev_timer_stop(self->setting->loop, &self->rest);
    DL_FOREACH_SAFE (self->queue, piece, after)
        piece_free(self, piece);
    bytes_release(&self->parsed);
    free(self);
}
