#include "libbester/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libbester/bytes.h"
#include "libbester/frame.h"
#include "libbester/frame_queue.h"

enum {
    READ_BYTES = 64 * 1024,  /* one read; also what a paused stream may hold */
    COPY_BYTES = 4096,       /* an unfinished frame up to this is copied before each read */
    IOV_COUNT = 64,          /* frames in one writev */
    LINGER_BYTES = 16 << 20, /* thrown away while finishing, at most */
    LINGER_MS = 2000         /* the same in time */
};

enum stream_state { STREAM_OPEN, STREAM_FINISHING, STREAM_LINGERING, STREAM_DEAD };

struct stream {
    struct streams *streams;
    const struct stream_callbacks *callbacks;
    void *user;
    void *sent_user;
    enum stream_state state;
    bool paused;
    bool input_ended; /* end of input seen, or the input can't be trusted any more */
    bool in_dirty;
    bool in_woken;
    int fd;
    size_t max_frame;

    ev_io readable;
    ev_io writable;
    ev_timer timer; /* stalled output, or lingering */
    double stall_s;

    struct bytes partial; /* read, but not handed out */
    size_t need;          /* bytes of the unfinished frame in partial; 0: not known */

    struct frame_queue output;
    size_t discarded;

    struct stream_counts counts;
    struct stream *next_dirty;
    struct stream *next_woken;
    struct stream *next_dead;
};

struct streams {
    struct ev_loop *loop;
    ev_prepare turn; /* never started: fed when there is something to do, it runs
                        behind all else that is pending */
    struct stream *dirty;
    struct stream *woken;
    struct stream *dead;
    char *scratch;
};

static void streams_have_work(struct streams *self)
{
    if (!ev_is_pending(&self->turn))
        ev_feed_event(self->loop, &self->turn, EV_CUSTOM);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Only marks: the caller of whoever called us may still hold the pointer. */
static void stream_kill(struct stream *self)
{
    assert(self->state != STREAM_DEAD);
    struct ev_loop *loop = self->streams->loop;

    self->state = STREAM_DEAD;
    ev_io_stop(loop, &self->readable);
    ev_io_stop(loop, &self->writable);
    ev_timer_stop(loop, &self->timer);
    close(self->fd);
    self->fd = -1;
    self->next_dead = self->streams->dead;
    self->streams->dead = self;
    streams_have_work(self->streams);
}

static void stream_die(struct stream *self, enum status why, const char *detail)
{
    stream_kill(self);
    if (self->callbacks->on_closed)
        self->callbacks->on_closed(self, why, detail, self->user);
}

void stream_close(struct stream *self)
{
    if (self->state != STREAM_DEAD)
        stream_kill(self);
}

static void stream_free(struct stream *self)
{
    uint64_t tag;

    while (frame_queue_pop(&self->output, &tag))
        if (tag)
            self->callbacks->on_sent(tag, STATUS_OFFLINE, self->sent_user);
    frame_queue_release(&self->output);
    bytes_release(&self->partial);
    free(self);
}

/* A dead stream may still stand in the other two lists; it leaves them first. */
static void streams_sweep(struct streams *self)
{
    while (self->dead) {
        struct stream *stream = self->dead;

        self->dead = stream->next_dead;
        for (struct stream **at = &self->dirty; stream->in_dirty; at = &(*at)->next_dirty)
            if (*at == stream) {
                *at = stream->next_dirty;
                stream->in_dirty = false;
                break;
            }
        for (struct stream **at = &self->woken; stream->in_woken; at = &(*at)->next_woken)
            if (*at == stream) {
                *at = stream->next_woken;
                stream->in_woken = false;
                break;
            }
        stream_free(stream);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void stream_mark_dirty(struct stream *self)
{
    if (self->in_dirty)
        return;
    self->in_dirty = true;
    self->next_dirty = self->streams->dirty;
    self->streams->dirty = self;
    streams_have_work(self->streams);
}

enum status stream_send(struct stream *self, struct blob *frame, uint64_t tag)
{
    if (self->state != STREAM_OPEN)
        return STATUS_CLOSED;
    enum status status = frame_queue_push(&self->output, frame, tag);
    /* While the kernel refuses bytes, the writable watcher goes on by itself. */
    if (status == STATUS_OK && !ev_is_active(&self->writable))
        stream_mark_dirty(self);
    return status;
}

enum status stream_send_adopt(struct stream *self, struct blob *frame, uint64_t tag)
{
    if (!frame)
        return STATUS_NO_MEMORY;
    enum status status = stream_send(self, frame, tag);
    blob_unref(frame);
    return status;
}

/* Tells the owners of frames that have left, who may close or use the stream
 * while we are at it. */
static void stream_account(struct stream *self, size_t n)
{
    uint64_t tag;

    self->counts.bytes_out += n;
    self->counts.writes++;
    frame_queue_advance(&self->output, n);
    while (self->state != STREAM_DEAD && frame_queue_pop_written(&self->output, &tag)) {
        self->counts.frames_out++;
        if (tag)
            self->callbacks->on_sent(tag, STATUS_OK, self->sent_user);
    }
}

static void stream_emptied(struct stream *self)
{
    struct ev_loop *loop = self->streams->loop;

    ev_io_stop(loop, &self->writable);
    ev_timer_stop(loop, &self->timer);
    if (self->state != STREAM_FINISHING)
        return;
    if (self->input_ended && !ev_is_active(&self->readable)) {
        stream_die(self, STATUS_OK, "finished");
        return;
    }
    shutdown(self->fd, SHUT_WR);
    self->state = STREAM_LINGERING;
    ev_timer_set(&self->timer, LINGER_MS / 1000.0, 0.);
    ev_timer_start(loop, &self->timer);
}

static void stream_flush(struct stream *self)
{
    struct ev_loop *loop = self->streams->loop;

    if (self->state == STREAM_LINGERING)
        return;
    while (self->output.count > 0) {
        struct iovec iov[IOV_COUNT];
        ssize_t n = writev(self->fd, iov, frame_queue_gather(&self->output, iov, IOV_COUNT));

        if (n >= 0) {
            if (ev_is_active(&self->timer)) /* progress: the peer has so long again */
                ev_timer_again(loop, &self->timer);
            stream_account(self, (size_t)n);
            if (self->state == STREAM_DEAD)
                return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            ev_io_start(loop, &self->writable);
            if (self->stall_s > 0 && !ev_is_active(&self->timer)) {
                self->timer.repeat = self->stall_s;
                ev_timer_again(loop, &self->timer);
            }
            return;
        } else if (errno != EINTR) {
            stream_die(self, STATUS_IO, strerror(errno));
            return;
        }
    }
    stream_emptied(self);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    stream_flush(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct stream *self = watcher->data;

    (void)loop, (void)events;
    if (self->state == STREAM_LINGERING)
        stream_die(self, STATUS_OK, "finished");
    else
        stream_die(self, STATUS_TIMEOUT, "the peer takes no bytes");
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What follows can't be told from garbage, so reading ends here. */
static void stream_refuse_length(struct stream *self, size_t claimed)
{
    char detail[96];

    self->input_ended = true;
    ev_io_stop(self->streams->loop, &self->readable);
    snprintf(
        detail, sizeof(detail), "a frame of %zu bytes, the limit is %zu", claimed, self->max_frame);
    if (self->callbacks->on_closed)
        self->callbacks->on_closed(self, STATUS_TOO_LARGE, detail, self->user);
    else
        stream_kill(self);
}

/* Hands out the whole frames of at[0..len); returns how many bytes they were. */
static size_t stream_hand_out(struct stream *self, const char *at, size_t len)
{
    size_t used = 0;

    while (used < len && self->state == STREAM_OPEN && !self->paused) {
        struct span payload;
        size_t consumed;
        size_t need = 0;

        switch (frame_next(at + used, len - used, self->max_frame, &payload, &consumed, &need)) {
        case PULL_READY:
            used += consumed;
            self->counts.frames_in++;
            self->callbacks->on_frame(self, payload, self->user);
            break;
        case PULL_MORE:
            self->need = need;
            return used;
        case PULL_BAD:
            stream_refuse_length(self, need);
            return len;
        }
    }
    self->need = 0;
    return self->state == STREAM_OPEN ? used : len;
}

/* Hands out what partial holds and what follows it at `at`, keeps the rest. */
static void stream_take(struct stream *self, const char *at, size_t len)
{
    size_t used = stream_hand_out(self, at, len);

    if (used < len && bytes_append(&self->partial, at + used, len - used) != STATUS_OK)
        stream_die(self, STATUS_NO_MEMORY, "out of memory");
}

static void stream_hand_out_partial(struct stream *self)
{
    struct span held = bytes_span(&self->partial);

    if (held.len == 0)
        return;
    bytes_consume(&self->partial, stream_hand_out(self, held.at, held.len));
    /* A callback further up may still look at the payload of a closed stream. */
    if (self->partial.len == 0 && self->state == STREAM_OPEN)
        bytes_release(&self->partial);
}

/* A frame that is already large is read straight into its place, so that a peer
 * who sends it byte by byte does not make us copy it each time. */
static ssize_t stream_read_large(struct stream *self)
{
    size_t missing = self->need - self->partial.len;
    size_t want = missing < READ_BYTES ? missing : READ_BYTES;
    char *room;

    if (bytes_reserve(&self->partial, want, &room) != STATUS_OK) {
        stream_die(self, STATUS_NO_MEMORY, "out of memory");
        return -2;
    }
    ssize_t n = read(self->fd, room, want);
    if (n > 0) {
        bytes_commit(&self->partial, (size_t)n);
        if (self->partial.len == self->need)
            stream_hand_out_partial(self);
    }
    return n;
}

static ssize_t stream_read_small(struct stream *self)
{
    char *scratch = self->streams->scratch;
    size_t held = self->partial.len;

    if (held)
        memcpy(scratch, bytes_span(&self->partial).at, held);
    ssize_t n = read(self->fd, scratch + held, READ_BYTES);
    if (n > 0) {
        bytes_release(&self->partial);
        stream_take(self, scratch, held + (size_t)n);
    }
    return n;
}

static void stream_end_of_input(struct stream *self)
{
    self->input_ended = true;
    ev_io_stop(self->streams->loop, &self->readable);
    if (self->callbacks->on_end)
        self->callbacks->on_end(self, self->user);
    else
        stream_die(self, STATUS_CLOSED, "the peer closed the connection");
}

/* While finishing, what still comes is thrown away: closing with bytes unread
 * would make the kernel reset the connection and take our last words with it. */
static void stream_discard(struct stream *self)
{
    ssize_t n = read(self->fd, self->streams->scratch, READ_BYTES);

    if (n > 0)
        self->discarded += (size_t)n;
    if (n > 0 && self->discarded < LINGER_BYTES)
        return;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    self->input_ended = true;
    ev_io_stop(self->streams->loop, &self->readable);
    if (self->state == STREAM_LINGERING || n < 0)
        stream_die(self, STATUS_OK, "finished");
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct stream *self = watcher->data;

    (void)loop, (void)events;
    if (self->state != STREAM_OPEN) {
        stream_discard(self);
        return;
    }
    ssize_t n = self->partial.len > COPY_BYTES && self->need > self->partial.len
                    ? stream_read_large(self)
                    : stream_read_small(self);
    if (n == -2 || self->state == STREAM_DEAD)
        return;
    self->counts.reads++;
    if (n > 0)
        self->counts.bytes_in += (size_t)n;
    else if (n == 0)
        stream_end_of_input(self);
    else if (errno == ECONNRESET)
        stream_die(self, STATUS_CLOSED, "the peer reset the connection");
    else if (errno != EAGAIN && errno != EINTR)
        stream_die(self, STATUS_IO, strerror(errno));
}

void stream_pause(struct stream *self)
{
    self->paused = true;
    if (self->state == STREAM_OPEN)
        ev_io_stop(self->streams->loop, &self->readable);
}

void stream_resume(struct stream *self)
{
    if (!self->paused || self->state != STREAM_OPEN)
        return;
    self->paused = false;
    if (self->in_woken)
        return;
    self->in_woken = true;
    self->next_woken = self->streams->woken;
    self->streams->woken = self;
    streams_have_work(self->streams);
}

/* ---- once per turn of the loop ----------------------------------------------------------------
 */

static void streams_wake(struct streams *self)
{
    struct stream *list = self->woken;

    self->woken = NULL;
    while (list) {
        struct stream *stream = list;

        list = stream->next_woken;
        stream->in_woken = false;
        if (stream->state != STREAM_OPEN || stream->paused)
            continue;
        stream_hand_out_partial(stream);
        if (stream->state == STREAM_OPEN && !stream->paused && !stream->input_ended)
            ev_io_start(self->loop, &stream->readable);
    }
}

void streams_flush(struct streams *self)
{
    while (self->dirty || self->dead) {
        struct stream *list = self->dirty;

        self->dirty = NULL;
        while (list) {
            struct stream *stream = list;

            list = stream->next_dirty;
            stream->in_dirty = false;
            if (stream->state != STREAM_DEAD)
                stream_flush(stream);
        }
        streams_sweep(self);
    }
}

static void on_turn(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct streams *self = watcher->data;

    (void)loop, (void)events;
    streams_wake(self);
    streams_flush(self);
}

struct streams *streams_new(struct ev_loop *loop)
{
    struct streams *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->scratch = malloc(COPY_BYTES + READ_BYTES);
    if (!self->scratch) {
        free(self);
        return NULL;
    }
    self->loop = loop;
    ev_prepare_init(&self->turn, on_turn);
    ev_set_priority(&self->turn, EV_MINPRI);
    self->turn.data = self;
    return self;
}

void streams_free(struct streams *self)
{
    if (!self)
        return;
    streams_sweep(self);
    assert(!self->dirty && !self->woken);
    ev_clear_pending(self->loop, &self->turn);
    free(self->scratch);
    free(self);
}

struct ev_loop *streams_loop(const struct streams *self)
{
    return self->loop;
}

/* ---- birth, and the rest -----------------------------------------------------------------------
 */

static void prepare_descriptor(int fd)
{
    int one = 1;
    int flags = fcntl(fd, F_GETFL);

    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* Fails on UNIX sockets, which never wait anyway. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

struct stream *stream_adopt(struct streams *streams, int fd, const struct stream_options *options,
    const struct stream_callbacks *callbacks, void *user)
{
    struct stream *self = calloc(1, sizeof(*self));

    if (!self) {
        close(fd);
        return NULL;
    }
    prepare_descriptor(fd);
    self->streams = streams;
    self->callbacks = callbacks;
    self->user = user;
    self->sent_user = options->sent_user;
    self->fd = fd;
    frame_queue_init(&self->output, options->max_queued_bytes);
    self->stall_s = options->stall_s;
    bytes_init(&self->partial, 0);
    stream_set_max_frame(self, options->max_frame);
    ev_io_init(&self->readable, on_readable, fd, EV_READ);
    ev_io_init(&self->writable, on_writable, fd, EV_WRITE);
    ev_init(&self->timer, on_timer);
    self->readable.data = self->writable.data = self->timer.data = self;
    ev_io_start(streams->loop, &self->readable);
    return self;
}

void stream_finish(struct stream *self)
{
    if (self->state != STREAM_OPEN)
        return;
    self->state = STREAM_FINISHING;
    ev_io_start(self->streams->loop, &self->readable);
    stream_mark_dirty(self); /* an empty queue is noticed there too */
}

void stream_set_max_frame(struct stream *self, size_t max_frame)
{
    self->max_frame = max_frame;
    self->partial.max = FRAME_HEADER_BYTES + max_frame + COPY_BYTES + READ_BYTES;
}

bool stream_is_paused(const struct stream *self)
{
    return self->paused;
}

size_t stream_queued_bytes(const struct stream *self)
{
    return self->output.bytes;
}

int stream_fd(const struct stream *self)
{
    return self->fd;
}

struct stream_counts stream_counts(const struct stream *self)
{
    return self->counts;
}
