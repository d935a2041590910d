/*
 * linediff: what differs between two texts, line by line, as `diff -u` shows it.
 * Pure.
 */
#ifndef HARNESS_LINEDIFF_H
#define HARNESS_LINEDIFF_H

#include <stdio.h>

#include "libbester/status.h"

/* Nothing is written if they are equal. The names stand behind --- and +++. */
void linediff_write(FILE *out, const char *before_name, struct span before, const char *after_name,
    struct span after);

#endif
