/*
 * load_text: what the messages of a load say: a text of JSON with places in it.
 *
 *   ${user}  who sends it    ${to}  to whom    ${n}  its number, from 1
 *   ${fill}  so many letters x that the whole has the size that was asked for
 *
 * Names stand inside of JSON texts, so they are written with JSON's escapes. Owns
 * its buffers.
 */
#ifndef HARNESS_LOAD_TEXT_H
#define HARNESS_LOAD_TEXT_H

#include "harness/chance.h"
#include "libbester/status.h"

enum { LOAD_SIZE_MAX = 16 << 20 };

/* Bytes that grow. */
struct load_piece {
    char *at;
    size_t len, room;
};

struct load_text {
    const char *form; /* the caller's */
    size_t least, most;
    struct chance chance; /* chooses sizes between the two */
    struct load_piece out;
    struct load_piece tail; /* what stands behind ${fill} */
};

/* most 0: no size is asked for. STATUS_INVALID: *fault says what is wrong with the
 * form, which is tried with names of its own. */
MUST_CHECK enum status load_text_init(struct load_text *self, const char *form, size_t least,
    size_t most, uint64_t seed, struct fault *fault);
void load_text_release(struct load_text *self);
/* Valid until the next call. */
struct span load_text_make(
    struct load_text *self, const char *user, const char *to, uint64_t number);

#endif
