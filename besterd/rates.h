/*
 * rates: how often each of very many may do something: token buckets, found by a
 * key, in a table that never grows.
 *
 * A bucket holds `burst` tokens and gets `per_s` each second; what is done takes
 * one. Kept as the moment at which it will be full again, so that one that has
 * not been used for a while is nothing at all, and its place is free. Keys must be
 * hashes that nobody outside can foresee.
 *
 * When many keys come at once (somebody has many addresses) places run out. Then
 * the bucket gives way that is the nearest to being full: what is forgotten is the
 * least that there is to forget. So a newcomer always starts with a full bucket of
 * his own, whoever else is here, and those who did the most are remembered the
 * longest.
 *
 * Pure: the time is an argument, in seconds, and never goes back.
 */
#ifndef BESTERD_RATES_H
#define BESTERD_RATES_H

#include <stdbool.h>
#include <stdint.h>

enum { RATES_WAYS = 8, RATES_SETS = 1024, RATES_PLACES = RATES_WAYS * RATES_SETS };

struct rate {
    double per_s;
    double burst;
};

/* One bucket that its owner keeps: the moment at which it is full. 0: it is. */
struct bucket {
    double full_at_s;
};
/* As rates_take. */
double bucket_take(struct bucket *self, const struct rate *rate, double now_s);

struct rates;

/* NULL when out of memory. */
struct rates *rates_new(void);
void rates_free(struct rates *self); /* NULL is legal */

/* Takes a token if there is one. */
bool rates_try(struct rates *self, uint64_t key, const struct rate *rate, double now_s);
/* Takes a token in any case. 0: there is one left for the next; otherwise the
 * seconds until there is. */
double rates_take(struct rates *self, uint64_t key, const struct rate *rate, double now_s);
/* The seconds until there is a token; 0: there is one. Takes nothing. */
double rates_wait(const struct rates *self, uint64_t key, const struct rate *rate, double now_s);
/* Gives one back that was taken; a bucket never holds more than its burst. */
void rates_give(struct rates *self, uint64_t key, const struct rate *rate, double now_s);
/* The bucket is full. */
void rates_clear(struct rates *self, uint64_t key);
bool rates_is_full(const struct rates *self, uint64_t key, double now_s);
/* How many tokens are missing, as a whole number: one that is coming counts. */
unsigned rates_taken(const struct rates *self, uint64_t key, const struct rate *rate, double now_s);

#endif
