/* Bytes -> frames, out of the buffer that all streams of a loop share. */
#include "libbester/stream_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libbester/frame.h"

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

/* Most of TLS's first flights claim to be a frame of 64 KiB, and would be waited for. */
static bool stream_refuse_tls(struct stream *self, const char *at, size_t len)
{
    if (!self->callbacks->on_tls || self->filter || self->counts.frames_in > 0 ||
        !frame_is_tls(at, len))
        return false;
    self->input_ended = true;
    ev_io_stop(self->streams->loop, &self->readable);
    self->callbacks->on_tls(self, self->user);
    return true;
}

/* Hands out the whole frames of at[0..len); returns how many bytes they were. */
static size_t stream_hand_out(struct stream *self, const char *at, size_t len)
{
    size_t used = 0;
    unsigned handed_out = 0;

    while (used < len && stream_is_receptive(self)) {
        struct span payload;
        size_t consumed;
        size_t need = 0;

        if (self->turn_frames && handed_out == self->turn_frames) {
            stream_await_turn(self);
            break;
        }
        switch (frame_next(at + used, len - used, self->max_frame, &payload, &consumed, &need)) {
        case PULL_READY:
            used += consumed;
            self->counts.frames_in++;
            handed_out++;
            self->callbacks->on_frame(self, payload, self->user);
            break;
        case PULL_MORE:
            if (stream_refuse_tls(self, at + used, len - used))
                return len;
            self->need = need;
            return used;
        case PULL_BAD:
            if (!stream_refuse_tls(self, at + used, len - used))
                stream_refuse_length(self, need);
            return len;
        }
    }
    self->need = 0;
    return self->state == STREAM_OPEN ? used : len;
}

/* Hands out what partial holds and what follows it at `at`, keeps the rest. */
void stream_take(struct stream *self, const char *at, size_t len)
{
    size_t used = stream_hand_out(self, at, len);

    if (used < len && bytes_append(&self->partial, at + used, len - used) != STATUS_OK)
        stream_die(self, STATUS_NO_MEMORY, "out of memory");
}

void stream_hand_out_partial(struct stream *self)
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

static ssize_t stream_read_filtered(struct stream *self)
{
    ssize_t n = read(self->fd, self->streams->scratch, READ_BYTES);

    if (n > 0)
        stream_filter_take(self, (size_t)n);
    return n;
}

void stream_end_of_input(struct stream *self)
{
    self->input_ended = true;
    ev_io_stop(self->streams->loop, &self->readable);
    if (self->callbacks->on_end && !self->output_lost)
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

static void stream_read(struct stream *self)
{
    ssize_t n = self->filter ? stream_read_filtered(self)
                : self->partial.len > COPY_BYTES && self->need > self->partial.len
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

void stream_on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct stream *self = watcher->data;

    (void)loop;
    if (events & EV_ERROR) {
        stream_not_watched(self);
        return;
    }
    if (self->state != STREAM_OPEN) {
        stream_discard(self);
        return;
    }
    if (self->turn_frames && (self->streams->ran_out || (self->pool && self->pool->ran_out)))
        return; /* at the end of the turn there will be room again */
    stream_read(self);
    stream_count_input(self);
}

bool stream_is_receptive(const struct stream *self)
{
    return self->state == STREAM_OPEN && !self->paused && !self->throttled &&
           !self->has_had_its_turn;
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
    stream_wake(self);
}

void stream_wake(struct stream *self)
{
    if (self->in_woken)
        return;
    self->in_woken = true;
    self->next_woken = self->streams->woken;
    self->streams->woken = self;
    streams_have_work(self->streams);
}
