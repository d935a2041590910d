/*
 * record_line: one line of a recording, in the words of plays.
 *
 * For record*.c alone. Borrows everything.
 */
#ifndef HARNESS_RECORD_LINE_H
#define HARNESS_RECORD_LINE_H

#include "harness/record_talk.h"
#include "harness/record_values.h"

struct scribe {
    struct talk *talk;
    struct values values;
    unsigned messages; /* captures given so far: m1, … */
    unsigned forwards; /* f1, … */
    unsigned labels;   /* q1, … */
    unsigned acks;     /* s1, … */
};

/* The step; a new value. NULL: a play has no words for it. */
json_t *scribe_step(struct scribe *self, const struct telling *telling);
/* Whether a login is no more than what a play does by itself. */
bool scribe_is_usual_login(const struct scribe *self, const struct node *login);

/* ---- what record_line.c and record_handler.c share ---- */

/* Whether the harness says it in the play; else it expects it. */
bool scribe_says(const struct scribe *self, const struct node *node);
struct value_place scribe_place(const struct scribe *self, const struct node *node);
/* A copy of the frame, without these members of its header. */
json_t *scribe_without_header(const struct node *node, const char *const *names);
/* Bytes that are no JSON. */
json_t *scribe_raw(struct scribe *self, const struct node *node);
json_t *scribe_question(struct scribe *self, struct node *node);
/* NULL: a play has no words for it. */
json_t *scribe_answer(struct scribe *self, struct node *node);
json_t *scribe_silence(const struct node *question);

#endif
