/*
 * record_once: captures that occur only once in a recording say nothing: what comes
 * is anything, what is said has a fixed text. For record_play.c alone.
 */
#ifndef HARNESS_RECORD_ONCE_H
#define HARNESS_RECORD_ONCE_H

#include <jansson.h>

/* Changes texts in the steps. */
void record_once(json_t *steps);

#endif
