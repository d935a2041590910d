/* Frames <-> bytes through a filter (TLS). */
#include "libbester/stream_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "libbester/filter.h"

enum {
    PLAIN_BYTES = 16 * 1024,     /* one record */
    ENCRYPTED_BYTES = 96 * 1024, /* cap of what is encrypted ahead, with the filter's own bytes */
    ENCRYPT_BYTES = 64 * 1024    /* plain bytes encrypted at once */
};

enum status stream_filter_init(struct stream *self, struct filter *filter)
{
    self->filter = filter;
    bytes_init(&self->encrypted, ENCRYPTED_BYTES);
    if (!filter)
        return STATUS_OK;
    if (!self->streams->plain)
        self->streams->plain = malloc(PLAIN_BYTES);
    if (!self->streams->plain)
        return STATUS_NO_MEMORY;
    stream_mark_dirty(self); /* a client's side begins the handshake */
    return STATUS_OK;
}

void stream_filter_release(struct stream *self)
{
    filter_free(self->filter);
    bytes_release(&self->encrypted);
}

/* Moves what the filter wants to send to where it is written from. */
static bool pull(struct stream *self)
{
    char *room;
    size_t n;

    do {
        if (bytes_reserve(&self->encrypted, PLAIN_BYTES, &room) != STATUS_OK)
            return self->encrypted.len > 0; /* full: the rest after the next write */
        n = self->filter->ops->output(self->filter, room, PLAIN_BYTES);
        bytes_commit(&self->encrypted, n);
    } while (n > 0);
    return self->encrypted.len > 0;
}

static void give(struct stream *self, const char *at, size_t len)
{
    if (self->partial.len == 0)
        stream_take(self, at, len);
    else if (bytes_append(&self->partial, at, len) != STATUS_OK)
        stream_die(self, STATUS_NO_MEMORY, "out of memory");
    else if (self->partial.len >= self->need)
        stream_hand_out_partial(self);
}

static void fail(struct stream *self, const struct fault *fault)
{
    if (pull(self)) { /* the alert tells the peer why; nobody waits for it */
        struct span alert = bytes_span(&self->encrypted);

        (void)send(self->fd, alert.at, alert.len, MSG_NOSIGNAL);
    }
    stream_die(self, STATUS_IO, fault->text);
}

void stream_filter_drain(struct stream *self)
{
    char *plain = self->streams->plain;
    struct fault fault;
    size_t got = 0;

    while (stream_is_receptive(self)) {
        enum filter_state state =
            self->filter->ops->read(self->filter, plain, PLAIN_BYTES, &got, &fault);

        if (state != FILTER_FAILED && !self->secured && self->filter->ops->is_ready(self->filter)) {
            self->secured = true;
            stream_mark_dirty(self);
            if (self->callbacks->on_secured)
                self->callbacks->on_secured(self, self->user);
            if (self->state != STREAM_OPEN)
                return;
        }
        if (state == FILTER_FAILED) {
            fail(self, &fault);
            return;
        }
        if (state == FILTER_CLOSED)
            stream_end_of_input(self);
        if (state != FILTER_BYTES)
            break;
        give(self, plain, got);
    }
    if (self->state != STREAM_DEAD && pull(self) && !ev_is_active(&self->writable))
        stream_mark_dirty(self);
}

void stream_filter_take(struct stream *self, size_t n)
{
    if (self->filter->ops->take(self->filter, (struct span){self->streams->scratch, n}) !=
        STATUS_OK)
        stream_die(self, STATUS_NO_MEMORY, "out of memory");
    else
        stream_filter_drain(self);
}

/* Encrypts what comes next; 0: nothing to encrypt, or not yet. */
static ssize_t encrypt(struct stream *self)
{
    struct iovec iov[IOV_COUNT];
    int count = frame_queue_gather(&self->output, iov, IOV_COUNT);
    size_t total = 0;

    for (int i = 0; i < count && total < ENCRYPT_BYTES; i++) {
        size_t room = ENCRYPT_BYTES - total;
        size_t len = iov[i].iov_len < room ? iov[i].iov_len : room;
        size_t taken = 0;

        /* One record is taken at a time. */
        for (size_t done = 0; done < len; done += taken) {
            if (self->filter->ops->write(self->filter,
                    (struct span){(char *)iov[i].iov_base + done, len - done},
                    &taken) != STATUS_OK) {
                errno = EIO;
                return -1;
            }
            if (taken == 0)
                return (ssize_t)total;
            total += taken;
        }
    }
    return (ssize_t)total;
}

ssize_t stream_filter_write(struct stream *self)
{
    for (;;) {
        while (self->encrypted.len > 0) {
            struct span bytes = bytes_span(&self->encrypted);
            ssize_t n = send(self->fd, bytes.at, bytes.len, MSG_NOSIGNAL);

            if (n < 0)
                return -1;
            bytes_consume(&self->encrypted, (size_t)n);
        }
        if (self->encrypted_plain > 0) {
            size_t left = self->encrypted_plain;

            self->encrypted_plain = 0;
            return (ssize_t)left;
        }
        if (pull(self))
            continue;
        ssize_t n = self->secured ? encrypt(self) : 0;
        if (n <= 0)
            return n;
        self->encrypted_plain = (size_t)n;
        (void)pull(self);
    }
}
