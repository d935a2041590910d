/*
 * near: a stream under test that writes down all that its callbacks are told,
 * and the far end of its connection.
 */
#ifndef TESTS_LIBBESTER_NEAR_H
#define TESTS_LIBBESTER_NEAR_H

#include "tests/support/wire.h"

#include "libbester/bytes.h"
#include "libbester/frame.h"
#include "libbester/stream.h"

enum { NEAR_TAGS_MAX = 4096 };

/* What became of tags, shared by all streams of a test: it outlives them. */
struct tags {
    unsigned times[NEAR_TAGS_MAX];
    enum status status[NEAR_TAGS_MAX];
    uint64_t order[NEAR_TAGS_MAX];
    size_t count;
};

struct near {
    struct stream *stream; /* NULL once it is over */
    struct wire far;
    struct tags *tags;
    struct bytes got; /* payloads of frames, each with its length before it */
    size_t frames;
    unsigned ends;
    unsigned closings;
    enum status why;
    char detail[128];
    bool over; /* nothing but tags may come any more */
    /* What the test wants done in a callback; NULL: nothing. */
    void (*at_frame)(struct near *self, struct span payload);
    void (*at_end)(struct near *self);
    void (*at_closed)(struct near *self, enum status why);
    void *user;
};

static inline void near_on_frame(struct stream *stream, struct span payload, void *user)
{
    struct near *self = user;
    uint32_t len = (uint32_t)payload.len;
    assert_false(self->over);
    assert_ptr_equal(stream, self->stream);
    assert_int_equal(bytes_append(&self->got, &len, sizeof len), STATUS_OK);
    assert_int_equal(bytes_append_span(&self->got, payload), STATUS_OK);
    self->frames++;
    if (self->at_frame)
        self->at_frame(self, payload);
}

static inline void near_on_end(struct stream *stream, void *user)
{
    struct near *self = user;
    assert_false(self->over);
    assert_ptr_equal(stream, self->stream);
    self->ends++;
    if (self->at_end)
        self->at_end(self);
}

static inline void near_on_closed(
    struct stream *stream, enum status why, const char *detail, void *user)
{
    struct near *self = user;
    assert_false(self->over);
    assert_ptr_equal(stream, self->stream);
    self->closings++;
    self->why = why;
    snprintf(self->detail, sizeof self->detail, "%s", detail);
    if (why != STATUS_TOO_LARGE) {
        self->over = true;
        self->stream = NULL;
    }
    if (self->at_closed)
        self->at_closed(self, why);
}

static inline void near_on_sent(uint64_t tag, enum status status, void *user)
{
    struct tags *tags = user;
    assert_in_range(tag, 1, NEAR_TAGS_MAX - 1);
    assert_true(status == STATUS_OK || status == STATUS_OFFLINE);
    tags->times[tag]++;
    assert_int_equal(tags->times[tag], 1);
    tags->status[tag] = status;
    tags->order[tags->count++] = tag;
}

static const struct stream_callbacks near_callbacks = {
    .on_frame = near_on_frame,
    .on_end = near_on_end,
    .on_closed = near_on_closed,
    .on_sent = near_on_sent,
};

static inline void near_open(struct near *self, struct streams *streams, const int ends[2],
    const struct stream_options *options, const struct stream_callbacks *callbacks)
{
    struct stream_options own = *options;
    *self = (struct near){.tags = options->sent_user};
    bytes_init(&self->got, SIZE_MAX);
    own.sent_user = self->tags;
    wire_open(&self->far, streams_loop(streams), ends[1]);
    self->stream =
        stream_adopt(streams, ends[0], &own, callbacks ? callbacks : &near_callbacks, self);
    assert_non_null(self->stream);
}

static inline void near_close_stream(struct near *self)
{
    if (self->stream)
        stream_close(self->stream);
    self->stream = NULL;
    self->over = true;
}

static inline void near_close(struct near *self)
{
    near_close_stream(self);
    wire_close(&self->far);
    bytes_release(&self->got);
}

/* Sends a frame of len bytes, all of this letter. */
static inline enum status near_send(struct near *self, size_t len, char letter, uint64_t tag)
{
    char *payload = malloc(len + 1);
    assert_non_null(payload);
    memset(payload, letter, len);
    struct blob *frame = frame_of((struct span){payload, len});
    free(payload);
    return stream_send_adopt(self->stream, frame, tag);
}

#endif
