/* Frames -> bytes: one system call for what a turn of the loop has queued. */
#include "libbester/stream_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "libbester/filter.h"

void stream_mark_dirty(struct stream *self)
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
    if (self->state != STREAM_OPEN || self->output_lost)
        return STATUS_CLOSED;
    enum status status = frame_queue_push(&self->output, frame, tag);
    if (status != STATUS_OK)
        return status;
    streams_notice_growth(self->streams);
    /* While the kernel refuses bytes, the writable watcher goes on by itself. */
    if (!ev_is_active(&self->writable))
        stream_mark_dirty(self);
    if (self->throttle_bytes && self->output.bytes > self->throttle_bytes) {
        self->throttled = true;
        ev_io_stop(self->streams->loop, &self->readable);
    }
    return STATUS_OK;
}

enum status stream_send_adopt(struct stream *self, struct blob *frame, uint64_t tag)
{
    if (!frame)
        return STATUS_NO_MEMORY;
    enum status status = stream_send(self, frame, tag);
    blob_unref(frame);
    return status;
}

/* A peer that has caught up is read from again. */
static void stream_unthrottle(struct stream *self)
{
    if (!self->throttled || self->output.bytes > self->throttle_bytes / 2)
        return;
    self->throttled = false;
    if (self->state == STREAM_OPEN)
        stream_wake(self);
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
    stream_unthrottle(self);
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

/* While the handshake lasts there may be bytes to send without any frame. */
static bool stream_has_output(const struct stream *self)
{
    return self->output.count > 0 || self->filter;
}

static ssize_t stream_writev(struct stream *self)
{
    struct iovec iov[IOV_COUNT];
    struct msghdr gathered = {
        .msg_iov = iov, .msg_iovlen = (size_t)frame_queue_gather(&self->output, iov, IOV_COUNT)};

    /* As writev, but a peer that has gone must not end the program by SIGPIPE. */
    return sendmsg(self->fd, &gathered, MSG_NOSIGNAL);
}

/* The peer has gone and takes no more bytes, but what it said before that waits
 * in the kernel and is still read; its end comes after it. */
static void stream_lose_output(struct stream *self)
{
    uint64_t tag;

    self->output_lost = true;
    ev_io_stop(self->streams->loop, &self->writable);
    ev_timer_stop(self->streams->loop, &self->timer);
    while (self->state != STREAM_DEAD && frame_queue_pop(&self->output, &tag))
        if (tag)
            self->callbacks->on_sent(tag, STATUS_OFFLINE, self->sent_user);
    stream_unthrottle(self);
}

static void stream_write_failed(struct stream *self, int error)
{
    bool gone = error == EPIPE || error == ECONNRESET;

    if (gone && self->state == STREAM_OPEN && !self->input_ended)
        stream_lose_output(self);
    else
        stream_die(self, gone ? STATUS_CLOSED : STATUS_IO, strerror(error));
}

static void stream_watch_stall(struct stream *self)
{
    if (self->stall_s <= 0 || ev_is_active(&self->timer))
        return;
    self->stall_left = self->stall_bytes;
    self->timer.repeat = self->stall_s;
    ev_timer_again(self->streams->loop, &self->timer);
}

/* Enough progress: the peer has so long again. */
static void stream_noticed_progress(struct stream *self, size_t n)
{
    if (!ev_is_active(&self->timer) || self->state == STREAM_LINGERING)
        return;
    self->stall_left -= n < self->stall_left ? n : self->stall_left;
    if (self->stall_left > 0)
        return;
    self->stall_left = self->stall_bytes;
    ev_timer_again(self->streams->loop, &self->timer);
}

void stream_flush(struct stream *self)
{
    struct ev_loop *loop = self->streams->loop;
    size_t written = 0;

    if (self->state != STREAM_OPEN && self->partial.store) { /* nobody will ask for it */
        bytes_release(&self->partial);
        stream_count_input(self);
    }
    if (self->state == STREAM_LINGERING)
        return;
    if (self->output_lost) {
        if (self->state == STREAM_FINISHING)
            stream_die(self, STATUS_CLOSED, "the peer closed the connection");
        return;
    }
    while (stream_has_output(self)) {
        ssize_t n = self->filter ? stream_filter_write(self) : stream_writev(self);

        if (n == 0 && self->filter)
            break; /* the handshake needs the peer's answer first */
        if (n >= 0) {
            stream_noticed_progress(self, (size_t)n);
            stream_account(self, (size_t)n);
            if (self->state == STREAM_DEAD)
                return;
            written += (size_t)n;
            if (self->turn_frames && written >= TURN_BYTES && stream_has_output(self)) {
                ev_io_start(loop, &self->writable);
                return;
            }
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            ev_io_start(loop, &self->writable);
            stream_watch_stall(self);
            return;
        } else if (errno != EINTR) {
            stream_write_failed(self, errno);
            return;
        }
    }
    if (self->filter && self->state == STREAM_FINISHING && !self->said_closed) {
        self->said_closed = true;
        self->filter->ops->say_closed(self->filter);
        stream_flush(self);
        return;
    }
    stream_emptied(self);
}

void stream_on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    if (events & EV_ERROR)
        stream_not_watched(watcher->data);
    else
        stream_flush(watcher->data);
}
