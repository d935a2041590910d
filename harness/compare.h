/*
 * compare: whether what came on an edge is what a line says. Pure.
 */
#ifndef HARNESS_COMPARE_H
#define HARNESS_COMPARE_H

#include "harness/pattern.h"
#include "harness/timeline.h"

/* Binds what matches; out (may be NULL) gets what differs. */
bool compare_event(const struct saying *saying, const struct event *event, struct scope *scope,
    struct differences *out);
/* What a line says, as a text for people: the bindings filled in that there are.
 * malloc'd. */
char *compare_show(const struct saying *saying, enum edge_kind edge, const struct scope *scope);

#endif
