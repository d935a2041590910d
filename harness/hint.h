/*
 * hint: a sentence that may spare a reader the search for why a line failed.
 * Says only what the timeline shows to be so. Pure; what is returned is malloc'd,
 * or NULL when there is nothing to say.
 */
#ifndef HARNESS_HINT_H
#define HARNESS_HINT_H

#include "harness/timeline.h"

/* got came where a line expected something else; later: a line to come that
 * would take it, or NULL. */
char *hint_other(
    const struct timeline *timeline, const struct event *got, const struct step *later);
/* A line waited in vain for one member to say something to another. */
char *hint_silence(const struct timeline *timeline, int from, int to);

#endif
