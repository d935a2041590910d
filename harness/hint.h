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

/* Why a connection is gone, or a message is not what it was, where the play itself did
 * something to the edge; or NULL. */
char *hint_disturbed(const struct timeline *timeline, int from, int to, bool ended);
/* The last line that a process wrote; or NULL. */
char *hint_last_words(const struct timeline *timeline, int member);
/* After which line had been said came what nobody asked for (what was heard in between
 * may have come in another order); or NULL. */
char *hint_unasked(const struct event *event);
/* Why a process does not end; or NULL. */
char *hint_not_ended(const struct timeline *timeline, int member);

#endif
