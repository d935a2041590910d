/*
 * canonical: the one layout of a play, and of any other JSON text.
 *
 * What does not fit in 100 columns is broken, one member or element per line; the
 * outermost value and the steps of a play always are. The parts of a play have
 * their members in one order, but what a line says keeps the order in which it was
 * written, because the wire shows it. Names, texts and numbers stay byte for byte
 * as they were written. One empty line between two lines is kept.
 *
 * Idempotent. Pure: what is returned is malloc'd and the caller's.
 */
#ifndef HARNESS_CANONICAL_H
#define HARNESS_CANONICAL_H

#include "harness/source.h"

/* A whole file, which ends in a newline; *len (may be NULL) is its length. NULL:
 * text is no JSON (or names a member twice), and *mistake says what and where. */
char *canonical_text(struct span text, size_t *len, struct mistake *mistake);

/* The same of a value: a play, if it has a cast or steps. */
char *canonical_value(const json_t *value);

/* A step as it stands in the list of a play's steps: eight columns in, without
 * those blanks, with room for the comma behind it. No newline at the end. */
char *canonical_step(const json_t *step);

/* Whether two texts mean the same: the same tokens, but for white space and the
 * order of members. false too if one of them is no JSON. */
bool canonical_same(struct span a, struct span b);

#endif
