#include "harness/diagram_layout.h"

#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"

/* ---- texts ----------------------------------------------------------------------------------- */

/* Logs begin with a time that a diagram has no room for. */
static const char *without_time(const char *text)
{
    size_t len = strspn(text, "0123456789-T:.Z");

    return len > 18 && text[len] == ' ' ? text + len + 1 : text;
}

char *layout_label(const struct layout *self, const struct diagram_row *row)
{
    char *label = diagram_label(&self->diagram, row);
    char *shown = NULL;

    if (row->kind == DIAGRAM_LOG && row->events > 1)
        shown = must_print("(%zu lines) %s", row->events, without_time(label));
    else if (row->kind == DIAGRAM_LOG)
        shown = must_copy(without_time(label));
    else if (row->kind == DIAGRAM_FAULT && !diagram_is_healing(row))
        shown = must_print("⚡ %s", label);
    else if (row->kind == DIAGRAM_EXPECTED)
        shown = must_print("✗ %s", label);
    if (!shown)
        return label;
    free(label);
    return shown;
}

/* ---- geometry -------------------------------------------------------------------------------- */

int layout_text_width(const char *text, double letter)
{
    return (int)((double)markup_columns(text) * letter) + 1;
}

static int clamp(int value, int min, int max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

static void set_heads(struct layout *self)
{
    const struct diagram *diagram = &self->diagram;

    self->head_width = must_alloc(diagram->column_count * sizeof(*self->head_width));
    for (size_t i = 0; i < diagram->column_count; i++) {
        char *role = diagram_role(diagram, i);
        int name_width = layout_text_width(diagram_name(diagram, i), NAME_WIDE);
        int role_width = layout_text_width(role, ROLE_WIDE);

        self->head_width[i] =
            clamp((name_width > role_width ? name_width : role_width) + 24, 84, GAP_MAX);
        free(role);
    }
}

/* How much room the longest text between each two neighbours wants. */
static int *wanted_gaps(const struct diagram *diagram)
{
    int *gaps = must_alloc((diagram->column_count + 1) * sizeof(*gaps));

    for (size_t i = 0; i < diagram->row_count; i++) {
        const struct diagram_row *row = &diagram->rows[i];
        size_t left = row->from < row->to ? row->from : row->to;
        size_t right = row->from < row->to ? row->to : row->from;
        char *label = right == left + 1 ? diagram_label(diagram, row) : NULL;

        if (label && layout_text_width(label, LABEL_WIDE) + 34 > gaps[left])
            gaps[left] = layout_text_width(label, LABEL_WIDE) + 34;
        free(label);
    }
    return gaps;
}

static void place_columns(struct layout *self, const int *gaps, int max)
{
    size_t last = self->diagram.column_count - 1;

    self->x[0] = GUTTER + self->head_width[0] / 2;
    for (size_t i = 1; i <= last; i++) {
        int heads = (self->head_width[i - 1] + self->head_width[i]) / 2 + 14;
        int gap = clamp(gaps[i - 1], GAP_MIN, max);

        self->x[i] = self->x[i - 1] + (gap > heads ? gap : heads);
    }
    self->width = self->x[last] + self->head_width[last] / 2 + MARGIN;
}

/* As wide as the texts want; narrower if it would not fit on a screen. */
static void set_columns(struct layout *self)
{
    int *gaps = wanted_gaps(&self->diagram);
    int max = GAP_MAX;

    self->x = must_alloc(self->diagram.column_count * sizeof(*self->x));
    place_columns(self, gaps, max);
    while (self->width > WIDTH_WANTED && max > GAP_MIN) {
        max -= 10;
        place_columns(self, gaps, max);
    }
    free(gaps);
}

/* What stands beside a lifeline gets the room that it wants, within reason. */
static void widen_for_notes(struct layout *self)
{
    const struct diagram *diagram = &self->diagram;

    for (size_t i = 0; i < diagram->row_count && self->width < NOTE_WIDTH_MAX; i++) {
        const struct diagram_row *row = &diagram->rows[i];
        char *label = diagram_is_arrow(row) ? NULL : layout_label(self, row);
        int wanted = label ? self->x[row->from] + layout_text_width(label, LABEL_WIDE) + 24 : 0;

        if (wanted > self->width)
            self->width = wanted < NOTE_WIDTH_MAX ? wanted : NOTE_WIDTH_MAX;
        free(label);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

void layout_init(struct layout *self, const struct attempt *attempt, size_t max_rows)
{
    *self = (struct layout){0};
    diagram_init(&self->diagram, attempt, max_rows);
    if (self->diagram.column_count == 0)
        return;
    set_heads(self);
    set_columns(self);
    widen_for_notes(self);
}

void layout_release(struct layout *self)
{
    free(self->x);
    free(self->head_width);
    diagram_release(&self->diagram);
    *self = (struct layout){0};
}
