/*
 * chance: choices that a seed decides. The same seed gives the same choices, on
 * every machine. Pure.
 */
#ifndef HARNESS_CHANCE_H
#define HARNESS_CHANCE_H

#include <stdint.h>

struct chance {
    uint64_t state;
};

/* Any seed is as good as another. */
void chance_init(struct chance *self, uint64_t seed);
uint64_t chance_next(struct chance *self);
/* One of 0 … n-1; n is at least 1. */
unsigned chance_choose(struct chance *self, unsigned n);

#endif
