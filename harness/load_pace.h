/*
 * load_pace: when each message of a load is due.
 *
 * With a rate, message k (from 0) is due at k/rate, whatever has become of those
 * before it: what is sent later than that, because the server or we were slow, still
 * counts from then (no coordinated omission). Without one, whenever there is room.
 * Times are nanoseconds since the load began. Pure.
 */
#ifndef HARNESS_LOAD_PACE_H
#define HARNESS_LOAD_PACE_H

#include <stdint.h>

struct load_pace {
    double rate;       /* messages per second; 0: none */
    uint64_t count;    /* of all messages; UINT64_MAX: no limit */
    uint64_t until_ns; /* nothing is due from then on */
    uint64_t taken;
};

/* How many are due by now and were not taken. Without a rate: all. */
uint64_t load_pace_due(const struct load_pace *self, uint64_t now_ns);
/* Takes the next: when it was due; without a rate, now. */
uint64_t load_pace_take(struct load_pace *self, uint64_t now_ns);
/* When the next becomes due; UINT64_MAX: none will. */
uint64_t load_pace_next_ns(const struct load_pace *self);

#endif
