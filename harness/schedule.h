/*
 * schedule: which plays a run plays, in which order, how often, and with which seed.
 *
 * The plays of its shard, in the order in which they were named, round after round.
 * The first round has the seed that was asked for, each further round the next
 * number: what is repeated explores other choices, and each can be had again.
 *
 * Owns the scenarios, which players and performances borrow.
 */
#ifndef HARNESS_SCHEDULE_H
#define HARNESS_SCHEDULE_H

#include <stdint.h>

#include "harness/scenario.h"

struct schedule_options {
    unsigned seed;
    unsigned rounds; /* 0: without end */
    unsigned shard;  /* 1 … shards */
    unsigned shards; /* 0: no part, but all plays */
};

struct schedule {
    struct schedule_options options;
    struct scenario *plays;
    size_t count;
    size_t index; /* of the next play */
    unsigned round;
};

/* "2/5": the second of five parts. STATUS_INVALID: *fault says why. */
MUST_CHECK enum status schedule_read_shard(
    struct schedule_options *self, const char *text, struct fault *fault);

/* Loads every play of the shard; mistakes go to standard error. A file belongs to a
 * shard by its name alone: neither its folder nor its neighbours count. Returns 0, or
 * the exit status; schedule_close is due in either case. */
MUST_CHECK int schedule_open(struct schedule *self, char *const *arguments, size_t count,
    const struct schedule_options *options, const struct scenario_options *load);
void schedule_close(struct schedule *self);

/* How many performances there are to be; SIZE_MAX: without end. */
size_t schedule_size(const struct schedule *self);
/* The next play and its seed; NULL: all were given. */
const struct scenario *schedule_next(struct schedule *self, uint64_t *seed);

#endif
