/*
 * records: bytes in, records out: lines, texts ended by a zero byte, or the whole.
 * A pull parser; the bytes are put in by whoever reads the descriptor.
 *
 * Invariant: never holds more than max_record bytes and one read. A record that
 * is longer is reported once with its number, and the rest of it thrown away.
 */
#ifndef BESTER_RECORDS_H
#define BESTER_RECORDS_H

#include <stdint.h>

#include "libbester/bytes.h"
#include "libbester/status.h"

enum records_form { RECORDS_LINES, RECORDS_NULL, RECORDS_WHOLE };

enum { RECORDS_READ_BYTES = 64 * 1024 };

struct records {
    enum records_form form;
    size_t max_record;
    struct bytes held;
    size_t looked_at; /* bytes of held known to hold no end of a record */
    size_t taken;     /* bytes of the record given last, dropped at the next call */
    uint64_t number;  /* of the record given last */
    bool skipping;    /* in the rest of a record that is too long */
    bool ended;
    /* Gets what is thrown away of records that are too long, piece by piece; begins:
     * the first of one. NULL: nobody wants it. */
    void (*on_skipped)(struct span piece, bool begins, void *user);
    void *user;
};

void records_init(struct records *self, enum records_form form, size_t max_record);
void records_release(struct records *self);

/* Room for RECORDS_READ_BYTES; then records_put what was read. No record may be in
 * use. STATUS_NO_MEMORY. */
MUST_CHECK enum status records_room(struct records *self, char **room);
void records_put(struct records *self, size_t len);
/* No more bytes will come: the last record needs no end. */
void records_end(struct records *self);

/* PULL_READY: *record, valid until the next call of this header, and its number.
 * PULL_MORE: put more, or, after records_end, that was all. PULL_BAD: the record
 * of that number is over max_record; the next call goes on behind it. */
enum pull records_next(struct records *self, struct span *record, uint64_t *number);

/* The record given last as it came, with its end; valid as long as it is. */
struct span records_raw(const struct records *self);
/* All that is held behind the record given last. */
struct span records_rest(const struct records *self);

#endif
