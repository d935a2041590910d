/*
 * input: bytes in, records out: lines, texts ended by a zero byte, or the whole.
 * A pull parser; the bytes are put in by whoever reads the descriptor.
 *
 * Invariant: never holds more than max_record bytes and one read. A record that
 * is longer is reported once with its number, and the rest of it thrown away.
 */
#ifndef BESTER_SEND_INPUT_H
#define BESTER_SEND_INPUT_H

#include <stdint.h>

#include "libbester/bytes.h"
#include "libbester/status.h"

enum input_form { INPUT_LINES, INPUT_NULL, INPUT_WHOLE };

enum { INPUT_READ_BYTES = 64 * 1024 };

struct input {
    enum input_form form;
    size_t max_record;
    struct bytes held;
    size_t looked_at; /* bytes of held known to hold no end of a record */
    size_t taken;     /* bytes of the record given last, dropped at the next call */
    uint64_t number;  /* of the record given last */
    bool skipping;    /* in the rest of a record that is too long */
    bool ended;
};

void input_init(struct input *self, enum input_form form, size_t max_record);
void input_release(struct input *self);

/* Room for INPUT_READ_BYTES; then input_put what was read. No record may be in
 * use. STATUS_NO_MEMORY. */
MUST_CHECK enum status input_room(struct input *self, char **room);
void input_put(struct input *self, size_t len);
/* No more bytes will come: the last record needs no end. */
void input_end(struct input *self);

/* PULL_READY: *record, valid until the next call of this header, and its number.
 * PULL_MORE: put more, or, after input_end, that was all. PULL_BAD: the record
 * of that number is over max_record; the next call goes on behind it. */
enum pull input_next(struct input *self, struct span *record, uint64_t *number);

#endif
