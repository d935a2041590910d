/*
 * flights: the messages of a connection that have no report yet, by id, oldest
 * first.
 *
 * Owns the entries; one that was taken out is freed with flight_free. Pure.
 */
#ifndef BESTER_FLIGHTS_H
#define BESTER_FLIGHTS_H

#include <stdint.h>

#include "libbester/status.h"

struct flight {
    uint64_t ticket;
    uint64_t frame;                /* how many frames went before it on its connection */
    double sent_s;                 /* when it was sent */
    bool self_answered;            /* of a type that the server answers itself */
    struct flight *next_in_bucket; /* from here on the table's own */
    struct flight *older, *newer;
    uint32_t hash;
    char id[];
};

struct flights {
    struct flight **buckets; /* bucket_count of them, a power of two, or none yet */
    size_t bucket_count;
    size_t count;
    struct flight *oldest, *newest;
};

void flights_init(struct flights *self);
void flights_release(struct flights *self);

/* STATUS_INVALID: one of that id is there already; STATUS_NO_MEMORY. The entry
 * stays the table's; all but its id is the caller's to fill. */
MUST_CHECK enum status flights_add(struct flights *self, const char *id, struct flight **out);
/* NULL if there is none. */
struct flight *flights_find(const struct flights *self, const char *id);
struct flight *flights_oldest(const struct flights *self);
/* Takes an entry out of the table. */
struct flight *flights_take(struct flights *self, struct flight *flight);
void flight_free(struct flight *self);
size_t flights_count(const struct flights *self);

#endif
