#include "harness/histogram.h"

#include <math.h>
#include <string.h>

enum { PART_BITS = 7 };
_Static_assert(1 << PART_BITS == HISTOGRAM_PARTS, "the parts of an octave are a power of two");

/* Below 128 ns each value has a cell; octave n above begins at 128 << (n - 1) and
 * has cells of 1 << (n - 1). */
static size_t cell_of(uint64_t ns)
{
    unsigned bits = ns < HISTOGRAM_PARTS ? 0 : 63U - (unsigned)__builtin_clzll(ns);
    unsigned octave = bits < PART_BITS ? 0 : bits - PART_BITS + 1;

    if (octave >= HISTOGRAM_OCTAVES)
        return HISTOGRAM_CELLS - 1;
    if (octave == 0)
        return ns;
    return (size_t)octave * HISTOGRAM_PARTS + ((ns >> (octave - 1)) - HISTOGRAM_PARTS);
}

static uint64_t cell_end(size_t cell)
{
    size_t octave = cell / HISTOGRAM_PARTS;
    uint64_t part = cell % HISTOGRAM_PARTS;

    return octave == 0 ? part : ((HISTOGRAM_PARTS + part + 1) << (octave - 1)) - 1;
}

void histogram_add(struct histogram *self, uint64_t ns)
{
    self->cells[cell_of(ns)]++;
    if (self->count++ == 0 || ns < self->least)
        self->least = ns;
    if (ns > self->greatest)
        self->greatest = ns;
    self->sum_ns += (double)ns;
}

void histogram_add_all(struct histogram *self, const struct histogram *other)
{
    for (size_t i = 0; i < HISTOGRAM_CELLS; i++)
        self->cells[i] += other->cells[i];
    if (other->count && (self->count == 0 || other->least < self->least))
        self->least = other->least;
    if (other->greatest > self->greatest)
        self->greatest = other->greatest;
    self->count += other->count;
    self->sum_ns += other->sum_ns;
}

void histogram_clear(struct histogram *self)
{
    memset(self, 0, sizeof(*self));
}

uint64_t histogram_at(const struct histogram *self, double share)
{
    double wanted = ceil(share * (double)self->count);
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_CELLS && self->count; i++) {
        seen += self->cells[i];
        if (seen == 0 || (double)seen < wanted)
            continue;
        uint64_t end = cell_end(i);
        return end < self->greatest && i + 1 < HISTOGRAM_CELLS ? end : self->greatest;
    }
    return self->greatest;
}

double histogram_mean(const struct histogram *self)
{
    return self->count ? self->sum_ns / (double)self->count : 0;
}

bool histogram_next(const struct histogram *self, size_t *cell, uint64_t *up_to_ns, uint64_t *count)
{
    while (*cell < HISTOGRAM_CELLS) {
        size_t at = (*cell)++;

        if (self->cells[at] == 0)
            continue;
        *up_to_ns = at + 1 < HISTOGRAM_CELLS ? cell_end(at) : self->greatest;
        *count = self->cells[at];
        return true;
    }
    return false;
}
