#include "libbester/frame_queue.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SIZE_FIRST = 8, /* a power of two */
    SIZE_KEPT = 64  /* a larger empty ring is given back */
};

struct queued_frame {
    struct blob *frame;
    uint64_t tag;
};

void frame_queue_init(struct frame_queue *self, size_t max_bytes)
{
    *self = (struct frame_queue){.max_bytes = max_bytes};
}

void frame_queue_release(struct frame_queue *self)
{
    assert(self->count == 0);
    free(self->ring);
    self->ring = NULL;
    self->size = self->head = self->written = self->bytes = 0;
}

static size_t slot(const struct frame_queue *self, size_t i)
{
    return (self->head + i) & (self->size - 1);
}

static enum status grow(struct frame_queue *self)
{
    size_t size = self->size ? self->size * 2 : SIZE_FIRST;
    struct queued_frame *ring = malloc(size * sizeof(*ring));

    if (!ring)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = self->ring[slot(self, i)];
    free(self->ring);
    self->ring = ring;
    self->size = size;
    self->head = 0;
    return STATUS_OK;
}

enum status frame_queue_push(struct frame_queue *self, struct blob *frame, uint64_t tag)
{
    if (self->bytes > self->max_bytes || frame->len > self->max_bytes - self->bytes)
        return STATUS_OVERLOADED;
    if (self->count == self->size && grow(self) != STATUS_OK)
        return STATUS_NO_MEMORY;
    self->ring[slot(self, self->count)] =
        (struct queued_frame){.frame = blob_ref(frame), .tag = tag};
    if (self->tally)
        blob_wait(frame, self->tally);
    self->count++;
    self->bytes += frame->len;
    return STATUS_OK;
}

int frame_queue_gather(const struct frame_queue *self, struct iovec *iov, int max)
{
    size_t skip = self->written;
    int n = 0;

    for (size_t i = 0; i < self->count && n < max; i++) {
        struct blob *frame = self->ring[slot(self, i)].frame;

        if (skip >= frame->len) { /* written, but not popped yet */
            skip -= frame->len;
            continue;
        }
        iov[n].iov_base = frame->data + skip;
        iov[n++].iov_len = frame->len - skip;
        skip = 0;
    }
    return n;
}

void frame_queue_advance(struct frame_queue *self, size_t n)
{
    assert(n <= self->bytes);
    self->written += n;
    self->bytes -= n;
}

static uint64_t take_oldest(struct frame_queue *self)
{
    struct queued_frame oldest = self->ring[self->head];

    self->head = slot(self, 1);
    self->count--;
    if (self->tally)
        blob_wait_over(oldest.frame, self->tally);
    blob_unref(oldest.frame);
    if (self->count == 0 && self->size > SIZE_KEPT) {
        free(self->ring);
        self->ring = NULL;
        self->size = self->head = 0;
    }
    return oldest.tag;
}

bool frame_queue_pop_written(struct frame_queue *self, uint64_t *tag)
{
    if (self->count == 0)
        return false;
    size_t len = self->ring[self->head].frame->len;
    if (self->written < len)
        return false;
    self->written -= len;
    *tag = take_oldest(self);
    return true;
}

bool frame_queue_pop(struct frame_queue *self, uint64_t *tag)
{
    if (self->count == 0)
        return false;
    size_t len = self->ring[self->head].frame->len;
    size_t gone = self->written < len ? self->written : len;
    self->written -= gone;
    self->bytes -= len - gone;
    *tag = take_oldest(self);
    return true;
}
