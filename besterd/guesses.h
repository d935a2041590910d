/*
 * guesses: how often passwords may be guessed: before a password is looked at, it is
 * asked whether one of this user may be tried from this address now.
 *
 * Three limits, each a bucket of tokens (rates.h), of which a login takes one and
 * gives it back when it was right:
 *  - the user at that address: the hardest;
 *  - the address, for all users together (somebody tries one password on many);
 *  - the user, from all addresses together (somebody has many).
 * Whoever guesses elsewhere must not lock the user out. So an address where this user
 * has logged in is known, and only the first limit holds for it. And when a user's own
 * bucket is empty, an address from which nothing has failed lately is still heard,
 * once: who is refused then are those who have guessed already.
 *
 * Owns four tables that never grow; rates.h says who gives way in them. Of the known,
 * those give way who logged in the longest ago; nobody gets in there without a
 * password. It is all forgotten at the end of the server. Pure: keys are hashes that
 * nobody outside can foresee, and the time an argument that never goes back.
 */
#ifndef BESTERD_GUESSES_H
#define BESTERD_GUESSES_H

#include <stdbool.h>

#include "besterd/rates.h"

enum guess_limit { GUESS_PAIR, GUESS_ADDRESS, GUESS_USER, GUESS_LIMITS };

struct guess {
    uint64_t keys[GUESS_LIMITS]; /* GUESS_PAIR: made of both others */
    unsigned taken;              /* guesses_begin's: where a token was taken, a bit for each */
};

struct guesses;

/* NULL when out of memory. */
struct guesses *guesses_new(void);
void guesses_free(struct guesses *self); /* NULL is legal */

/* 0: it may be tried; otherwise the seconds until then, and which limit says so.
 * Changes nothing. */
double guesses_wait(const struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s, enum guess_limit *which);
/* It is tried. An empty bucket does not keep out the known nor a first try; where it
 * was empty nothing is taken, and so nothing given back. */
void guesses_begin(
    struct guesses *self, struct guess *guess, const struct rate rates[GUESS_LIMITS], double now_s);
/* It was right: the address is known, and what failed there is forgotten. */
void guesses_right(struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s);
/* Nobody knows whether it was right: as if it had not been tried. */
void guesses_void(struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s);
/* How many have failed of this user at this address, as far as it still counts. */
unsigned guesses_failed(const struct guesses *self, const struct guess *guess,
    const struct rate rates[GUESS_LIMITS], double now_s);

#endif
