/*
 * bench: `harness bench`: how fast servers start and plays are played here, beside
 * what was asked for. It judges nothing: it is there to be followed.
 *
 * What is measured is `harness run` itself, from outside.
 */
#ifndef HARNESS_BENCH_H
#define HARNESS_BENCH_H

#include "libbester/options.h"

/* `harness bench`. Returns the exit status. */
extern const struct option_table bench_table;
int main_bench(int argc, char **argv);

#endif
