/*
 * ladder: the conversation of a running cast, a line for each thing that passes by,
 * while it passes.
 *
 * At a terminal the lines are aligned, coloured (unless NO_COLOR is set) and cut to
 * the width that the window has at that moment; elsewhere they are the plain lines
 * of a timeline. Each is written out at once. Nothing in a frame acts on the
 * terminal, no password shows. Clients that come from outside have the names with
 * which they log in. Owns those names; borrows the stream.
 */
#ifndef HARNESS_LADDER_H
#define HARNESS_LADDER_H

#include <stdio.h>

#include "harness/timeline.h"

struct ladder;

/* whole: no frame is cut, and what processes write and what happens to them shows,
 * too. */
struct ladder *ladder_new(FILE *out, bool whole);
void ladder_free(struct ladder *self);

/* One thing that happened. */
void ladder_show(struct ladder *self, const struct timeline *timeline, const struct event *event);
/* All that has happened since the last call. */
void ladder_follow(struct ladder *self, const struct timeline *timeline);

#endif
