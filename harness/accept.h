/*
 * accept: `harness run --accept`: a play that fails because a frame is not what a
 * line says gets the line rewritten, is played again, and so on until it passes;
 * then, and only then, its file is replaced.
 *
 * Captures and wildcards that still match stay; what comes out different a second
 * time becomes <any>. Lines that are included, and those that want bytes or the end
 * of a connection, are left alone, and so is then the play. Owns the text.
 */
#ifndef HARNESS_ACCEPT_H
#define HARNESS_ACCEPT_H

#include "harness/pattern.h"
#include "harness/timeline.h"
#include "harness/topology.h"

struct accept;

/* The scenario is that of the file. */
struct accept *accept_new(const struct scenario *scenario);
void accept_free(struct accept *self);

/* A frame came that is not what the line says: remembers what the line would have to
 * be. */
void accept_note(struct accept *self, const struct scenario *scenario, const struct step *step,
    const struct event *event, struct scope *scope, const struct topology *topology);
/* Rewrites what was noted: the play that is to be tried now, valid until the call
 * after the next, or accept_free. NULL: nothing was noted, or it can't be rewritten. */
const struct scenario *accept_rewrite(struct accept *self);

/* At the end. If the play passes now: puts the file in place, and shows on out what has
 * changed as diff -u does, in colours at a terminal unless NO_COLOR is set; else says
 * on stderr that it is left alone. false: it could not be written, which was said. */
MUST_CHECK bool accept_finish(const struct accept *self, bool passed, FILE *out);

#endif
