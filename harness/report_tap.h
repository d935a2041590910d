/*
 * report_tap: verdicts as TAP 14 on a stream. Owns nothing.
 */
#ifndef HARNESS_REPORT_TAP_H
#define HARNESS_REPORT_TAP_H

#include <stdio.h>

#include "harness/verdict.h"

void report_tap_begin(FILE *out, size_t plays);
/* number counts from 1. */
void report_tap_play(
    FILE *out, size_t number, const struct scenario *scenario, const struct verdict *verdict);
void report_tap_bail_out(FILE *out, const char *why);

#endif
