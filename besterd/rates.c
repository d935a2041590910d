#include "besterd/rates.h"

#include <math.h>
#include <stdlib.h>

struct place {
    uint64_t key;
    double full_at_s; /* not later than now: nobody's */
};

struct rates {
    struct place places[RATES_PLACES];
};

/* Sums of many small times are not exact; a thousandth of a token is nobody's loss. */
static const double SLACK_TOKENS = 1e-3;

struct rates *rates_new(void)
{
    return calloc(1, sizeof(struct rates));
}

void rates_free(struct rates *self)
{
    free(self);
}

/* The place of key; if it has none, that of the fullest bucket where it may stand,
 * now full and its own. */
static struct place *place_of(struct rates *self, uint64_t key, double now_s)
{
    struct place *set = &self->places[key % RATES_SETS * RATES_WAYS];
    struct place *fullest = set;

    for (struct place *place = set; place < set + RATES_WAYS; place++) {
        if (place->key == key)
            return place;
        if (place->full_at_s < fullest->full_at_s)
            fullest = place;
    }
    *fullest = (struct place){.key = key, .full_at_s = now_s};
    return fullest;
}

/* When the bucket is full again if one more is taken now. */
static double after_one_more(double full_at_s, const struct rate *rate, double now_s)
{
    return (full_at_s > now_s ? full_at_s : now_s) + 1 / rate->per_s;
}

bool rates_try(struct rates *self, uint64_t key, const struct rate *rate, double now_s)
{
    struct place *place = place_of(self, key, now_s);
    double full_at_s = after_one_more(place->full_at_s, rate, now_s);

    if ((full_at_s - now_s) * rate->per_s > rate->burst + SLACK_TOKENS)
        return false;
    place->full_at_s = full_at_s;
    return true;
}

double bucket_take(struct bucket *self, const struct rate *rate, double now_s)
{
    self->full_at_s = after_one_more(self->full_at_s, rate, now_s);
    double missing = (self->full_at_s - now_s) * rate->per_s + 1 - rate->burst;
    return missing > SLACK_TOKENS ? missing / rate->per_s : 0;
}

double rates_take(struct rates *self, uint64_t key, const struct rate *rate, double now_s)
{
    struct place *place = place_of(self, key, now_s);
    struct bucket bucket = {place->full_at_s};
    double wait_s = bucket_take(&bucket, rate, now_s);

    place->full_at_s = bucket.full_at_s;
    return wait_s;
}

/* When the bucket is full; now_s if it is. */
static double full_at_s(const struct rates *self, uint64_t key, double now_s)
{
    const struct place *set = &self->places[key % RATES_SETS * RATES_WAYS];

    for (const struct place *place = set; place < set + RATES_WAYS; place++)
        if (place->key == key && place->full_at_s > now_s)
            return place->full_at_s;
    return now_s;
}

double rates_wait(const struct rates *self, uint64_t key, const struct rate *rate, double now_s)
{
    double missing = (full_at_s(self, key, now_s) - now_s) * rate->per_s + 1 - rate->burst;

    return missing > SLACK_TOKENS ? missing / rate->per_s : 0;
}

void rates_give(struct rates *self, uint64_t key, const struct rate *rate, double now_s)
{
    double full = full_at_s(self, key, now_s);

    if (full > now_s)
        place_of(self, key, now_s)->full_at_s = full - 1 / rate->per_s;
}

void rates_clear(struct rates *self, uint64_t key)
{
    struct place *set = &self->places[key % RATES_SETS * RATES_WAYS];

    for (struct place *place = set; place < set + RATES_WAYS; place++)
        if (place->key == key)
            *place = (struct place){.key = 0};
}

bool rates_is_full(const struct rates *self, uint64_t key, double now_s)
{
    return full_at_s(self, key, now_s) <= now_s;
}

unsigned rates_taken(const struct rates *self, uint64_t key, const struct rate *rate, double now_s)
{
    double taken = (full_at_s(self, key, now_s) - now_s) * rate->per_s;

    return taken > SLACK_TOKENS ? (unsigned)ceil(taken - SLACK_TOKENS) : 0;
}
