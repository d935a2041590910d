#include "libbester/frame.h"

#include <string.h>

#include "libbester/bytes.h"
#include "tests/fuzz/targets.h"

enum { MAX_PAYLOAD = 4096 };

/* What a reader of a stream has seen: a sum over all payloads, and how it stands. */
struct reading {
    uint64_t sum;
    size_t frames;
    size_t consumed;
    enum pull last;
};

static void note(struct reading *self, struct span payload)
{
    self->sum = (self->sum ^ payload.len) * UINT64_C(0x100000001B3);
    for (size_t i = 0; i < payload.len; i++)
        self->sum = (self->sum ^ (unsigned char)payload.at[i]) * UINT64_C(0x100000001B3);
    self->frames++;
}

static void drain(struct reading *self, struct bytes *buffer)
{
    while (self->last == PULL_MORE) {
        struct span payload = {0};
        size_t consumed = 0;
        size_t need = 1;
        struct span live = bytes_span(buffer);
        enum pull pull = frame_next(live.at, live.len, MAX_PAYLOAD, &payload, &consumed, &need);
        if (pull == PULL_READY) {
            MUST(consumed == payload.len + FRAME_HEADER_BYTES && consumed <= live.len);
            MUST(payload.len <= MAX_PAYLOAD && payload.at == live.at + FRAME_HEADER_BYTES);
            note(self, payload);
            bytes_consume(buffer, consumed);
            self->consumed += consumed;
            continue;
        }
        MUST(pull == PULL_BAD ? need > MAX_PAYLOAD : need == 0 || need > live.len);
        self->last = pull;
        return;
    }
}

/* The stream in pieces of 1 + seed % 64 bytes, the seed changing; 0: in one. */
static struct reading read_stream(struct span stream, unsigned seed)
{
    struct reading reading = {.last = PULL_MORE};
    struct bytes buffer;
    bytes_init(&buffer, SIZE_MAX);
    for (size_t at = 0; at < stream.len && reading.last != PULL_BAD;) {
        size_t size = seed == 0 ? stream.len : 1 + seed % 64;
        seed = seed * 1103515245u + (seed != 0);
        if (size > stream.len - at)
            size = stream.len - at;
        MUST(bytes_append(&buffer, stream.at + at, size) == STATUS_OK);
        reading.last = PULL_MORE;
        drain(&reading, &buffer);
        at += size;
    }
    bytes_release(&buffer);
    return reading;
}

int fuzz_frame(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct span stream = {.at = (const char *)data + 2, .len = size - 2};
    struct reading whole = read_stream(stream, 0);
    struct reading pieces = read_stream(stream, 1u + data[0] + 256u * data[1]);
    MUST(whole.frames == pieces.frames && whole.sum == pieces.sum);
    MUST(whole.last == pieces.last && whole.consumed == pieces.consumed);
    /* What went in comes out of a frame around it. */
    struct blob *frame = frame_of(stream);
    struct span payload = {0};
    size_t consumed = 0;
    size_t need;
    MUST(frame != NULL);
    MUST(frame_next(frame->data, frame->len, UINT32_MAX, &payload, &consumed, &need) == PULL_READY);
    MUST(consumed == frame->len && span_equal(payload, stream));
    blob_unref(frame);
    return 0;
}
