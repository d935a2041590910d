#include "harness/chance.h"

#include <assert.h>

void chance_init(struct chance *self, uint64_t seed)
{
    self->state = seed;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
uint64_t chance_next(struct chance *self)
{
    uint64_t z = self->state += 0x9E3779B97F4A7C15U;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

unsigned chance_choose(struct chance *self, unsigned n)
{
    assert(n > 0);
    /* The bias of the remainder is below 2^-32: nobody will see it. */
    return (unsigned)(chance_next(self) % n);
}
