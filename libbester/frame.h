/*
 * frame: 4 bytes of length (unsigned, little-endian), then that many bytes of
 * one JSON text. Part I, "Frame". Pure: no I/O, nothing kept between calls.
 *
 * Outgoing frames are put together from spans (struct parts) and copied once,
 * into the blob that is queued.
 */
#ifndef BESTER_FRAME_H
#define BESTER_FRAME_H

#include <stdint.h>

#include "libbester/blob.h"
#include "libbester/status.h"

enum { FRAME_HEADER_BYTES = 4 };

/* Looks at the avail bytes at `at`, the start of a frame.
 * PULL_READY: *payload is set (may be empty) and *consumed says how many bytes
 *   the frame took in all.
 * PULL_MORE: *need says how many bytes the frame has in all (0: not known yet).
 * PULL_BAD: the length is over max_payload; *need says the length it claims. */
enum pull frame_next(const char *at, size_t avail, size_t max_payload, struct span *payload,
    size_t *consumed, size_t *need);

/* Whether these are the first bytes of TLS and of no frame: a record of a handshake
 * or an alert, where the second byte of a JSON text would be a control character. */
bool frame_is_tls(const char *at, size_t avail);

void frame_put_header(char out[FRAME_HEADER_BYTES], uint32_t payload_bytes);

/* A frame, or any text, under construction: a list of spans that the caller
 * keeps alive until parts_frame or parts_text_blob has copied them. */
enum { PARTS_MAX = 48 };
struct parts {
    struct span at[PARTS_MAX];
    size_t count;
    size_t bytes;
};

void parts_init(struct parts *self);
/* Asserts when there are more than PARTS_MAX: our own bug, never a peer's. */
void parts_add(struct parts *self, struct span span);
void parts_add_text(struct parts *self, const char *text);
/* One frame (header and payload) of all parts; NULL when out of memory or when
 * the payload does not fit in 32 bits. */
MUST_CHECK struct blob *parts_frame(const struct parts *self);
/* The parts alone, no header. */
MUST_CHECK struct blob *parts_blob(const struct parts *self);
/* A frame around one span. */
MUST_CHECK struct blob *frame_of(struct span payload);

#endif
