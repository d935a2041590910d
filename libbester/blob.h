/*
 * blob: immutable bytes with a count of their users, so that one frame can wait
 * in the queues of a thousand sessions and be stored once.
 *
 * Not for use from several threads at once. blob_new gives one reference;
 * blob_ref adds one; blob_unref gives one back and frees with the last.
 * The maker may write data[] until the first blob_ref.
 */
#ifndef BESTER_BLOB_H
#define BESTER_BLOB_H

#include "libbester/status.h"

struct blob {
    size_t refs;
    size_t len;
    size_t queues; /* it waits in */
    char data[];
};

/* NULL when out of memory. data is not initialised. */
struct blob *blob_new(size_t len);
struct blob *blob_ref(struct blob *self);
void blob_unref(struct blob *self); /* NULL is legal */
struct span blob_span(const struct blob *self);

/* Counting the bytes that wait in queues: a blob counts once, in however many it is.
 * All queues that one blob may be in share a tally. */
void blob_wait(struct blob *self, size_t *tally);
void blob_wait_over(struct blob *self, size_t *tally);

#endif
