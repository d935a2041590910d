/*
 * accept_merge: what a line would have to say so that a frame matches it, with as
 * much of the line as still holds. For accept.c alone.
 */
#ifndef HARNESS_ACCEPT_MERGE_H
#define HARNESS_ACCEPT_MERGE_H

#include "harness/pattern.h"
#include "harness/quote.h"
#include "harness/timeline.h"

struct merge {
    struct scope *scope;
    const struct topology *topology;
    int seen_from;
    bool gives_up; /* what differs becomes <any> */
};

/* words is what the play has on the line now. A new value; NULL: such a line is not
 * rewritten. */
json_t *merge_line(const struct merge *self, const struct line *line, const json_t *words,
    const struct event *event);

#endif
