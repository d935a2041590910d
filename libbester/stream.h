/*
 * stream: a connected socket, libev, frames in and frames out.
 *
 * struct streams is what all streams of one loop share: one large read buffer
 * (an idle stream owns no buffer at all), the list of streams with something to
 * write, and the list of closed ones to free. Frames that are sent in one turn
 * of the loop leave in one write, behind everything else that happened in it.
 *
 * A stream owns its descriptor. Invariants: queued bytes <= max_queued_bytes;
 * each tag given to stream_send comes back exactly once through on_sent; after
 * on_closed, or after stream_close, no callback but on_sent is made, and the
 * struct is freed at the end of the turn. Callbacks may call anything that begins
 * with stream_, on any stream.
 */
#ifndef BESTER_STREAM_H
#define BESTER_STREAM_H

#include <ev.h>
#include <stdint.h>

#include "libbester/blob.h"
#include "libbester/status.h"

struct streams;
struct stream;

struct filter;

/* What the unfinished input of some streams may come to together. Its owner sets max,
 * and looks at bytes when he is told that memory has run out. */
struct stream_pool {
    size_t bytes;
    size_t max;
    bool ran_out; /* the rest is for streams alone: in this turn */
    struct stream_pool *next;
};

struct stream_callbacks {
    /* With a filter only: its handshake is over, and nothing that was queued has
     * gone through it yet. The moment to see who the peer is, and to close. May be
     * NULL. */
    void (*on_secured)(struct stream *stream, void *user);
    /* One frame. payload is valid during the call only. */
    void (*on_frame)(struct stream *stream, struct span payload, void *user);
    /* The peer begins with TLS where frames are expected. As with a frame that is too
     * long, the stream is still open for writing, and nothing more is read: the owner
     * reports and calls stream_finish, or closes. NULL: such bytes are like others. */
    void (*on_tls)(struct stream *stream, void *user);
    /* The peer will send no more (end of input). NULL, or when nothing can be
     * written any more either: the stream closes itself with STATUS_CLOSED.
     * Otherwise the owner decides; writing still works. */
    void (*on_end)(struct stream *stream, void *user);
    /* The stream is over, for a reason that the owner did not give:
     * STATUS_CLOSED the peer closed; STATUS_IO with errno's text;
     * STATUS_TOO_LARGE a frame's length is over max_frame: here the stream is
     * still open for writing, so that the owner can report before it calls
     * stream_finish; every other reason: stream is dead, forget the pointer. */
    void (*on_closed)(struct stream *stream, enum status why, const char *detail, void *user);
    /* A frame that was sent with a tag has left (STATUS_OK: the kernel has all
     * of it), or never will (STATUS_OFFLINE). The owner of a closed stream may be
     * gone by then, so this gets sent_user. NULL if no tag is ever given. */
    void (*on_sent)(uint64_t tag, enum status status, void *sent_user);
};

struct stream_options {
    size_t max_frame;        /* bytes of payload accepted from the peer */
    size_t max_queued_bytes; /* bytes waiting to be written */
    size_t throttle_bytes;   /* nothing is read while more than this waits; 0: always read */
    double stall_s;          /* closed when the peer takes too little for so long; 0: never */
    size_t stall_bytes;      /* too little: less than this, while so much waits; 0: nothing */
    /* One of many that are to be treated alike: of what has come, at most so many frames
     * are handed out before it is the turn of the others, and about as much is written
     * as can be read in one go. It reads no more in a turn in which memory runs out.
     * 0: a stream of our own, that is served first. */
    unsigned turn_frames;
    struct stream_pool *pool; /* NULL: none */
    void *sent_user;          /* for on_sent; must outlive the stream */
    struct filter *filter;    /* NULL: none. Taken over, also when stream_adopt fails */
};

/* NULL when out of memory. */
struct streams *streams_new(struct ev_loop *loop);
/* All streams must have been closed before; frees those closed in this turn. */
void streams_free(struct streams *self);
/* Writes what is queued and frees what is closed, now instead of at the end of
 * the turn. For the way out of a program, not from within a callback. */
void streams_flush(struct streams *self);
struct ev_loop *streams_loop(const struct streams *self);

/* Bytes that all streams hold: frames that wait to be written, and what was read and
 * is no whole frame yet. Who keeps frames that may be in streams' queues, too, counts
 * them there (blob_wait). */
size_t *streams_held(struct streams *self);
/* When they come to more than max_bytes, or a pool to more than its max, on_full is
 * called at the end of the turn, again and again for as long as it closed a stream and
 * says so by returning true. */
void streams_limit(struct streams *self, size_t max_bytes, bool (*on_full)(void *user), void *user);
bool streams_are_full(const struct streams *self);

/* Takes fd over (sets it non-blocking, close-on-exec, TCP_NODELAY). callbacks
 * must outlive the stream. NULL when out of memory; fd is closed then too. */
struct stream *stream_adopt(struct streams *streams, int fd, const struct stream_options *options,
    const struct stream_callbacks *callbacks, void *user);

/* Queues a frame (header and payload) and takes a reference of its own; the
 * caller keeps his. tag 0: nobody asks what became of it.
 * STATUS_OVERLOADED: the queue is full; STATUS_CLOSED: the stream is finishing
 * or closed; STATUS_NO_MEMORY. On failure the tag is not used. */
MUST_CHECK enum status stream_send(struct stream *self, struct blob *frame, uint64_t tag);
/* The same, and gives the caller's reference back whatever happens; a NULL
 * frame (builders' out of memory) is STATUS_NO_MEMORY. */
MUST_CHECK enum status stream_send_adopt(struct stream *self, struct blob *frame, uint64_t tag);

/* Stops handing out frames, from the very next one; what the peer sends waits
 * in the kernel. Resuming hands out what was read already in a later turn. */
void stream_pause(struct stream *self);
void stream_resume(struct stream *self);
bool stream_is_paused(const struct stream *self);

/* Sends what is queued, says end of output, throws away what still comes (for at
 * most two seconds, so that the peer can read our last words), then closes. Ends with
 * on_closed(STATUS_OK). No more on_frame. */
void stream_finish(struct stream *self);
/* Closes now. No on_closed; the tags of what was not sent come back. */
void stream_close(struct stream *self);

size_t stream_queued_bytes(const struct stream *self);
/* Memory for what was read and not handed out. */
size_t stream_input_bytes(const struct stream *self);
/* NULL: in none any more. */
void stream_set_pool(struct stream *self, struct stream_pool *pool);
void stream_set_max_frame(struct stream *self, size_t max_frame);
/* What is queued already stays. */
void stream_set_max_queued_bytes(struct stream *self, size_t max_bytes);
int stream_fd(const struct stream *self);
/* Frames and bytes so far, for tests and metrics. */
struct stream_counts {
    uint64_t frames_in, frames_out, bytes_in, bytes_out, reads, writes;
};
struct stream_counts stream_counts(const struct stream *self);

#endif
