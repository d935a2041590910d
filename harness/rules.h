/*
 * rules: answers what no line of a play names.
 *
 * Counts how often each rule was used, sends replies (some later), and takes
 * the good reports for messages that rules of clients have sent, for which
 * nobody asks. Owns the timers.
 */
#ifndef HARNESS_RULES_H
#define HARNESS_RULES_H

#include "harness/bindings.h"
#include "harness/stage.h"

struct rules;

struct rules *rules_new(struct ev_loop *loop, const struct scenario *scenario, struct stage *stage);
void rules_free(struct rules *self);

/* Whether a rule takes the event: then it is taken and the reply is on its way.
 * fresh counts the ids given in the play. */
bool rules_take(struct rules *self, struct event *event, unsigned *fresh);

#endif
