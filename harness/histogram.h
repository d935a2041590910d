/*
 * histogram: how often each duration came, to within a hundredth, in memory of a
 * fixed size.
 *
 * Log-linear, as HdrHistogram has it: each power of two is cut into 128 parts of
 * equal width, so a value is known to 1/128 of itself, from a nanosecond to three
 * hours. What is longer counts as the longest; the greatest value itself is kept
 * exactly. Plain memory; copied by assignment, empty when zeroed. Pure.
 */
#ifndef HARNESS_HISTOGRAM_H
#define HARNESS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_PARTS = 128, HISTOGRAM_OCTAVES = 37 };
enum { HISTOGRAM_CELLS = HISTOGRAM_PARTS * HISTOGRAM_OCTAVES };

struct histogram {
    uint64_t cells[HISTOGRAM_CELLS];
    uint64_t count;
    uint64_t least, greatest; /* ns, exact; 0 while the count is */
    double sum_ns;
};

void histogram_add(struct histogram *self, uint64_t ns);
void histogram_add_all(struct histogram *self, const struct histogram *other);
void histogram_clear(struct histogram *self);

/* The value that the part `share` (0 to 1) of all values does not exceed; 0 of an
 * empty one. Never above the greatest, never below a value that it stands for. */
uint64_t histogram_at(const struct histogram *self, double share);
double histogram_mean(const struct histogram *self);

/* Goes through the cells that hold something, from *cell = 0 on: false when there
 * is none left. up_to_ns: the highest value that the cell stands for. */
bool histogram_next(
    const struct histogram *self, size_t *cell, uint64_t *up_to_ns, uint64_t *count);

#endif
