/*
 * bytes: a growing buffer with a cap, bytes in at the end and out at the front.
 *
 * Owns its storage. Invariant: len <= max at all times; a call that would break
 * it changes nothing. Storage is allocated on first use only, so that an idle
 * buffer costs nothing but its struct. Caller's memory: bytes_init, then
 * bytes_release.
 */
#ifndef BESTER_BYTES_H
#define BESTER_BYTES_H

#include "libbester/status.h"

struct bytes {
    char *store;      /* malloc'd, or NULL */
    size_t start;     /* first live byte in store */
    size_t len;       /* live bytes */
    size_t allocated; /* size of store */
    size_t max;       /* cap on len, given at birth */
};

void bytes_init(struct bytes *self, size_t max);
/* Frees the storage; self may be used again with the same cap. */
void bytes_release(struct bytes *self);
/* Empties, keeps the storage. */
void bytes_reset(struct bytes *self);

/* STATUS_TOO_LARGE (over the cap) or STATUS_NO_MEMORY; then nothing changed. */
MUST_CHECK enum status bytes_append(struct bytes *self, const void *data, size_t len);
MUST_CHECK enum status bytes_append_span(struct bytes *self, struct span span);
MUST_CHECK enum status bytes_append_text(struct bytes *self, const char *text);
MUST_CHECK enum status bytes_printf(struct bytes *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* Makes room for len more bytes behind the live ones and points *room at it;
 * fill it, then bytes_commit what was filled. */
MUST_CHECK enum status bytes_reserve(struct bytes *self, size_t len, char **room);
void bytes_commit(struct bytes *self, size_t len);
/* Drops len bytes (at most self->len) from the front. */
void bytes_consume(struct bytes *self, size_t len);
/* The live bytes; valid until the next call that changes self. */
struct span bytes_span(const struct bytes *self);
/* The live bytes with a zero byte behind them (not counted in len), or NULL
 * when out of memory. Valid until the next call that changes self. */
const char *bytes_text(struct bytes *self);

#endif
