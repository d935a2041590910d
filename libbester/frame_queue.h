/*
 * frame_queue: frames that wait to be written, oldest first. No I/O.
 *
 * Owns a reference to each. Invariant: bytes is what gather would hand out in
 * all, and never more than max_bytes. An empty queue that was long gives its
 * memory back.
 */
#ifndef BESTER_FRAME_QUEUE_H
#define BESTER_FRAME_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

#include "libbester/blob.h"
#include "libbester/status.h"

struct queued_frame;

struct frame_queue {
    struct queued_frame *ring; /* oldest at ring[head] */
    size_t size;               /* slots of ring: a power of two, or 0 */
    size_t head;
    size_t count;
    size_t written;   /* bytes of the oldest that have left already */
    size_t bytes;     /* still to be written */
    size_t max_bytes; /* may be lowered: what is queued then stays */
    size_t *tally;    /* of blob_wait; NULL: nobody counts */
};

void frame_queue_init(struct frame_queue *self, size_t max_bytes);
/* The queue must be empty: pop what is left, the tags are somebody's. */
void frame_queue_release(struct frame_queue *self);

/* STATUS_OVERLOADED: over max_bytes; STATUS_NO_MEMORY. Takes its own reference. */
MUST_CHECK enum status frame_queue_push(struct frame_queue *self, struct blob *frame, uint64_t tag);
/* Up to max pieces of what is to be written next; how many they are. */
int frame_queue_gather(const struct frame_queue *self, struct iovec *iov, int max);
/* n bytes have been written. */
void frame_queue_advance(struct frame_queue *self, size_t n);
/* Takes the oldest frame off if all of it was written. */
bool frame_queue_pop_written(struct frame_queue *self, uint64_t *tag);
/* Takes the oldest off, written or not; false: the queue is empty. */
bool frame_queue_pop(struct frame_queue *self, uint64_t *tag);

#endif
