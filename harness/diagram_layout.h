/*
 * diagram_layout: where everything of a diagram stands, in CSS pixels.
 *
 * The widths of letters belong to the sizes that report_html.css sets. Owns the
 * diagram and the places of its lifelines.
 */
#ifndef HARNESS_DIAGRAM_LAYOUT_H
#define HARNESS_DIAGRAM_LAYOUT_H

#include "harness/diagram.h"

enum {
    GUTTER = 92, /* for the times */
    GAP_MIN = 150,
    GAP_MAX = 380,
    WIDTH_WANTED = 1150,
    HEAD_HEIGHT = 50,
    MESSAGE_HEIGHT = 38,
    NOTE_HEIGHT = 26,
    LABEL_WIDTH_MAX = 360, /* to here a label may be longer than its arrow */
    NOTE_WIDTH_MAX = 980,  /* to here a note may make the diagram wider */
    MARGIN = 16
};
#define LABEL_WIDE 7.3 /* a letter on an arrow */
#define NAME_WIDE 8.6  /* of a member's name */
#define ROLE_WIDE 6.6  /* of what stands below that */

struct layout {
    struct diagram diagram;
    int *x; /* of each lifeline */
    int *head_width;
    int width;
};

/* Without columns there is nothing to draw, and only layout_release is allowed. */
void layout_init(struct layout *self, const struct attempt *attempt, size_t max_rows);
void layout_release(struct layout *self);

/* What is drawn: the label with signs, how many lines, without times. malloc'd. */
char *layout_label(const struct layout *self, const struct diagram_row *row);
int layout_text_width(const char *text, double letter);

#endif
