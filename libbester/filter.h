/*
 * filter: what may stand between a descriptor and the frames of a stream. Bytes
 * as they travel go in and come out on one side, plain bytes on the other; no
 * sockets. TLS is one (tls.h); a program that uses none links none.
 *
 * An implementation's struct has a struct filter as its first member.
 */
#ifndef BESTER_FILTER_H
#define BESTER_FILTER_H

#include "libbester/status.h"

enum filter_state {
    FILTER_BYTES,  /* *got plain bytes were written to out */
    FILTER_HUNGRY, /* nothing more before more has come from the peer */
    FILTER_CLOSED, /* the peer has said that he is done */
    FILTER_FAILED  /* *fault says why; what output holds are last words */
};

struct filter;

struct filter_ops {
    /* Bytes that have come from the peer. STATUS_NO_MEMORY. */
    enum status (*take)(struct filter *self, struct span travelling);
    enum filter_state (*read)(
        struct filter *self, char *out, size_t cap, size_t *got, struct fault *fault);
    /* Takes plain bytes, *taken of them: 0 before it is ready. STATUS_IO: broken. */
    enum status (*write)(struct filter *self, struct span plain, size_t *taken);
    /* Bytes for the peer: up to cap into out; how many. */
    size_t (*output)(struct filter *self, char *out, size_t cap);
    /* Nothing more will be written. */
    void (*say_closed)(struct filter *self);
    /* The handshake is over, both sides are who they had to be. */
    bool (*is_ready)(const struct filter *self);
    void (*free)(struct filter *self);
};

struct filter {
    const struct filter_ops *ops;
};

/* NULL is legal. */
static inline void filter_free(struct filter *self)
{
    if (self)
        self->ops->free(self);
}

#endif
