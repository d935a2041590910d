#include "libbester/stream_internal.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "libbester/filter.h"
#include "libbester/frame.h"

void streams_have_work(struct streams *self)
{
    if (!ev_is_pending(&self->turn))
        ev_feed_event(self->loop, &self->turn, EV_CUSTOM);
}

/* ---- ending ---- */

void stream_kill(struct stream *self)
{
    assert(self->state != STREAM_DEAD);
    struct ev_loop *loop = self->streams->loop;

    self->state = STREAM_DEAD;
    ev_io_stop(loop, &self->readable);
    ev_io_stop(loop, &self->writable);
    ev_timer_stop(loop, &self->timer);
    stream_leave_waiting(self);
    close(self->fd);
    self->fd = -1;
    self->next_dead = self->streams->dead;
    self->streams->dead = self;
    streams_have_work(self->streams);
}

void stream_not_watched(struct stream *self)
{
    stream_die(self, STATUS_IO, "the kernel has no memory to watch the connection");
}

void stream_die(struct stream *self, enum status why, const char *detail)
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

    while (frame_queue_pop_written(&self->output, &tag))
        if (tag)
            self->callbacks->on_sent(tag, STATUS_OK, self->sent_user);
    while (frame_queue_pop(&self->output, &tag))
        if (tag)
            self->callbacks->on_sent(tag, STATUS_OFFLINE, self->sent_user);
    frame_queue_release(&self->output);
    stream_filter_release(self);
    bytes_release(&self->partial);
    stream_count_input(self);
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

/* ---- once per turn of the loop ----------------------------------------------------------------
 */

/* Hands out what was read before, and reads on. */
void stream_go_on(struct stream *self)
{
    stream_hand_out_partial(self);
    if (self->filter)
        stream_filter_drain(self);
    if (stream_is_receptive(self) && !self->input_ended)
        ev_io_start(self->streams->loop, &self->readable);
    stream_count_input(self);
}

static void streams_wake(struct streams *self)
{
    struct stream *list = self->woken;

    self->woken = NULL;
    while (list) {
        struct stream *stream = list;

        list = stream->next_woken;
        stream->in_woken = false;
        if (!stream_is_receptive(stream))
            continue;
        stream_go_on(stream);
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
    streams_make_room(self);
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
    streams_init_turns(self);
    return self;
}

void streams_free(struct streams *self)
{
    if (!self)
        return;
    streams_sweep(self);
    assert(!self->dirty && !self->woken);
    ev_clear_pending(self->loop, &self->turn);
    ev_idle_stop(self->loop, &self->next_turn);
    free(self->scratch);
    free(self->plain);
    free(self);
}

struct ev_loop *streams_loop(const struct streams *self)
{
    return self->loop;
}

/* ---- birth, and the rest -----------------------------------------------------------------------
 */

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct stream *self = watcher->data;

    (void)loop, (void)events;
    if (self->state == STREAM_LINGERING)
        stream_die(self, STATUS_OK, "finished");
    else
        stream_die(self, STATUS_TIMEOUT, "the peer takes too little of what waits for it");
}

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
        filter_free(options->filter);
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
    self->output.tally = &streams->held;
    self->turn_frames = options->turn_frames;
    self->pool = options->pool;
    self->throttle_bytes = options->throttle_bytes;
    self->stall_s = options->stall_s;
    self->stall_bytes = options->stall_bytes ? options->stall_bytes : 1;
    bytes_init(&self->partial, 0);
    stream_set_max_frame(self, options->max_frame);
    ev_io_init(&self->readable, stream_on_readable, fd, EV_READ);
    ev_io_init(&self->writable, stream_on_writable, fd, EV_WRITE);
    ev_init(&self->timer, on_timer);
    self->readable.data = self->writable.data = self->timer.data = self;
    if (stream_filter_init(self, options->filter) != STATUS_OK) {
        stream_filter_release(self);
        close(fd);
        free(self);
        return NULL;
    }
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

void stream_set_max_queued_bytes(struct stream *self, size_t max_bytes)
{
    self->output.max_bytes = max_bytes;
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
