/*
 * lint_find: what the rules share. For lint*.c alone.
 *
 * A note that holds "lint-ok RULE: a reason" (or several names, with commas) excuses
 * the object in which it stands, with all that is in it, from that rule; at the top
 * of a play, all of it. An excuse without a reason, of a rule that there is not, or
 * of nothing that was found, is itself a finding.
 */
#ifndef HARNESS_LINT_FIND_H
#define HARNESS_LINT_FIND_H

#include "harness/scenario.h"

struct lint;

struct lint_rule {
    const char *name;
    const char *severity; /* "error": a part of the play means nothing; "warning" */
    const char *help;
    void (*look)(struct lint *self);
};

/* The table; NULL ends an iteration from 0 on. */
const struct lint_rule *lint_rule_at(size_t index);

struct finding {
    const struct lint_rule *rule;
    struct where at;
    char *text;
};

/* A note, and the object in which it stands. Borrows its text from the source. */
struct lint_note {
    struct where begin;
    struct where end;
    struct where at; /* the note itself */
    bool is_step;    /* a step that is nothing but a note */
    bool is_play;    /* at the top */
    char *text;
    bool used; /* it has excused something */
};

struct lint {
    const struct scenario *scenario;
    const char *path;
    json_t *names;                /* of the plays so far: where each was first */
    const struct lint_rule *rule; /* that looks now */
    struct finding *findings;
    size_t finding_count;
    struct lint_note *notes;
    size_t note_count;
};

/* Twice the same at one place is one finding. */
void lint_find(struct lint *self, struct where at, const char *format, ...) PRINTF_LIKE(3, 4);

/* All notes of the play's text. */
void lint_notes_read(struct lint *self);
void lint_notes_release(struct lint *self);
/* Takes away the findings that a note excuses, and adds what is wrong with excuses;
 * wanted[i]: rule i has looked. */
void lint_excuse(struct lint *self, const bool *wanted);
/* Whether a note says why: in an object around that place that is not the play, or as
 * the step before it. */
bool lint_has_reason(const struct lint *self, struct where at);

/* Calls look for each step, in the order of the play, those within others too. */
void lint_each_step(const struct steps *steps,
    void (*look)(struct lint *self, const struct step *step), struct lint *self);
const struct member *lint_member(const struct lint *self, int index);
/* Whether a word stands in a text, not as a part of a longer one. */
bool lint_has_word(struct span text, const char *word);

typedef void lint_look(struct lint *self);
lint_look lint_unused_capture, lint_unused_label;
lint_look lint_never_reached;
lint_look lint_proves_nothing, lint_wait_without_reason, lint_fault_without_traffic;
lint_look lint_same_name, lint_unused_member;
lint_look lint_rule_never_matches;

#endif
