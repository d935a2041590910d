/*
 * clock: a moment as text, RFC 3339 in UTC with milliseconds. Pure.
 */
#ifndef BESTER_CLOCK_H
#define BESTER_CLOCK_H

#include "libbester/status.h"

enum { CLOCK_TEXT_MAX = 32 };

/* "2026-11-22T17:00:00.123Z" of seconds since 1970 (what ev_now gives), with a
 * zero byte behind it. A moment outside the years 0 to 9999 becomes the nearest
 * one inside. Returns out. */
const char *clock_format(double unix_s, char out[CLOCK_TEXT_MAX]);

#endif
