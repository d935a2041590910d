#include "besterd/guesses.h"

#include <stddef.h>
#include <stdlib.h>

enum { KNOWN_WAYS = 8, KNOWN_SETS = 1024 };

struct known {
    uint64_t pair;
    double since_s; /* the last login; 0: nobody's */
};

struct guesses {
    struct rates *rates[GUESS_LIMITS];
    struct known known[KNOWN_SETS * KNOWN_WAYS];
};

struct guesses *guesses_new(void)
{
    struct guesses *self = calloc(1, sizeof(*self));

    for (size_t i = 0; self && i < GUESS_LIMITS; i++) {
        self->rates[i] = rates_new();
        if (!self->rates[i]) {
            guesses_free(self);
            self = NULL;
        }
    }
    return self;
}

void guesses_free(struct guesses *self)
{
    for (size_t i = 0; self && i < GUESS_LIMITS; i++)
        rates_free(self->rates[i]);
    free(self);
}

/* ---- the known ---- */

static const struct known *set_of(const struct guesses *self, uint64_t pair)
{
    return &self->known[pair % KNOWN_SETS * KNOWN_WAYS];
}

static bool is_known(const struct guesses *self, uint64_t pair)
{
    const struct known *set = set_of(self, pair);
    bool found = false;

    for (size_t i = 0; i < KNOWN_WAYS; i++)
        found = found || (set[i].pair == pair && set[i].since_s > 0);
    return found;
}

static void know(struct guesses *self, uint64_t pair, double now_s)
{
    struct known *set = (struct known *)set_of(self, pair);
    struct known *place = set;

    for (struct known *at = set; at < set + KNOWN_WAYS; at++) {
        if (at->pair == pair) {
            place = at;
            break;
        }
        if (at->since_s < place->since_s)
            place = at;
    }
    *place = (struct known){.pair = pair, .since_s = now_s};
}

/* ---- asking ---- */

double guesses_wait(const struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s, enum guess_limit *which)
{
    double longest_s = 0;
    bool known = is_known(self, guess->keys[GUESS_PAIR]);
    bool is_first = rates_is_full(self->rates[GUESS_PAIR], guess->keys[GUESS_PAIR], now_s) &&
                    rates_is_full(self->rates[GUESS_ADDRESS], guess->keys[GUESS_ADDRESS], now_s);
    const bool holds[GUESS_LIMITS] = {
        [GUESS_PAIR] = true, [GUESS_ADDRESS] = !known, [GUESS_USER] = !known && !is_first};

    for (size_t i = 0; i < GUESS_LIMITS; i++) {
        double wait_s = holds[i] ? rates_wait(self->rates[i], guess->keys[i], &rates[i], now_s) : 0;

        if (wait_s > longest_s) {
            longest_s = wait_s;
            *which = (enum guess_limit)i;
        }
    }
    return longest_s;
}

void guesses_begin(
    struct guesses *self, struct guess *guess, const struct rate rates[GUESS_LIMITS], double now_s)
{
    guess->taken = 0;
    for (size_t i = 0; i < GUESS_LIMITS; i++)
        if (rates_try(self->rates[i], guess->keys[i], &rates[i], now_s))
            guess->taken |= 1u << i;
}

void guesses_void(struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s)
{
    for (size_t i = 0; i < GUESS_LIMITS; i++)
        if (guess->taken & 1u << i)
            rates_give(self->rates[i], guess->keys[i], &rates[i], now_s);
}

void guesses_right(struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s)
{
    guesses_void(self, guess, rates, now_s);
    rates_clear(self->rates[GUESS_PAIR], guess->keys[GUESS_PAIR]);
    know(self, guess->keys[GUESS_PAIR], now_s);
}

unsigned guesses_failed(const struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s)
{
    return rates_taken(self->rates[GUESS_PAIR], guess->keys[GUESS_PAIR], &rates[GUESS_PAIR], now_s);
}
