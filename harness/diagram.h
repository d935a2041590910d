/*
 * diagram: a timeline as a sequence diagram, before it is drawn: which lifelines,
 * in which order, and a row for each thing that happened.
 *
 * Lifelines stand in the order in which the play first names them, moved where
 * that makes arrows shorter; who takes no part has none. What one process logs
 * without anything between is one row. Of a very long play the middle is left
 * out.
 *
 * Borrows the attempt that it shows. Owns rows and columns.
 */
#ifndef HARNESS_DIAGRAM_H
#define HARNESS_DIAGRAM_H

#include "harness/performance.h"

enum diagram_kind {
    DIAGRAM_MESSAGE, /* an arrow */
    DIAGRAM_END,     /* an arrow: the end of a connection */
    DIAGRAM_LOG,
    DIAGRAM_NOTE,
    DIAGRAM_FAULT,   /* on a lifeline, or between two */
    DIAGRAM_EXPECTED /* what did not come */
};

enum diagram_mark { MARK_NONE, MARK_GOT, MARK_NEAREST, MARK_UNASKED };

struct diagram_row {
    enum diagram_kind kind;
    enum diagram_mark mark;
    size_t from, to; /* columns; the same: on one lifeline */
    double at_ms;
    const struct event *first; /* NULL: DIAGRAM_EXPECTED */
    size_t events;             /* with first; more than one only of DIAGRAM_LOG */
};

struct diagram {
    const struct attempt *attempt;
    const struct scenario *scenario;
    int *columns; /* members, from left to right */
    size_t column_count;
    struct diagram_row *rows;
    size_t row_count;
    size_t gap_at;   /* before this row… */
    size_t gap_rows; /* …so many are left out; 0: none */
};

/* max_rows: at least 2. */
void diagram_init(struct diagram *self, const struct attempt *attempt, size_t max_rows);
void diagram_release(struct diagram *self);

/* Whether it goes from one lifeline to another. */
bool diagram_is_arrow(const struct diagram_row *row);
/* Whether it takes back a fault. */
bool diagram_is_healing(const struct diagram_row *row);
/* What stands on the arrow or beside the lifeline: a short text on one line, of
 * what a person wants to know first. malloc'd. */
char *diagram_label(const struct diagram *self, const struct diagram_row *row);
/* "handler on S1". malloc'd. */
char *diagram_role(const struct diagram *self, size_t column);
const char *diagram_name(const struct diagram *self, size_t column);

#endif
