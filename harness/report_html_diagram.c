/* The sequence diagram. Each row is an SVG of its own, inside the summary of a
 * <details> that holds the frame: so it opens by click and by key, and the rows
 * below make room. The lifelines run behind all of it, as one SVG. */
#include <stdlib.h>
#include <string.h>

#include "harness/diagram.h"
#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report_html.h"

/* In CSS pixels. The fonts' widths belong to sizes that report_html.css sets. */
enum {
    GUTTER = 92, /* for the times */
    GAP_MIN = 150,
    GAP_MAX = 380,
    WIDTH_WANTED = 1150,
    HEAD_HEIGHT = 50,
    MESSAGE_HEIGHT = 38,
    NOTE_HEIGHT = 26,
    LABEL_WIDTH_MAX = 360,
    NOTE_WIDTH_MAX = 980, /* to here a note may make the diagram wider */
    MARGIN = 16
};
static const double LABEL_WIDE = 7.3; /* a column of text on an arrow */
static const double NAME_WIDE = 8.6;
static const double ROLE_WIDE = 6.6;

struct drawing {
    FILE *out;
    struct diagram diagram;
    const struct html_limits *limits;
    int *x; /* of each lifeline */
    int *head_width;
    int width;
};

/* ---- texts ------------------------------------------------------------------------------------
 */

/* Logs begin with a time that a diagram has no room for. */
static const char *without_time(const char *text)
{
    size_t len = strspn(text, "0123456789-T:.Z");

    return len > 18 && text[len] == ' ' ? text + len + 1 : text;
}

static char *row_label(const struct drawing *self, const struct diagram_row *row)
{
    char *label = diagram_label(&self->diagram, row);
    char *shown = NULL;

    if (row->kind == DIAGRAM_LOG && row->events > 1)
        shown = must_print("(%zu lines) %s", row->events, without_time(label));
    else if (row->kind == DIAGRAM_LOG)
        shown = must_copy(without_time(label));
    else if (row->kind == DIAGRAM_FAULT)
        shown = must_print("⚡ %s", label);
    else if (row->kind == DIAGRAM_EXPECTED)
        shown = must_print("✗ %s", label);
    if (!shown)
        return label;
    free(label);
    return shown;
}

/* ---- geometry -------------------------------------------------------------------------------- */

static int text_width(const char *text, double wide)
{
    return (int)((double)markup_columns(text) * wide) + 1;
}

static int clamp(int value, int min, int max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

static void set_heads(struct drawing *self)
{
    const struct diagram *diagram = &self->diagram;

    self->head_width = must_alloc(diagram->column_count * sizeof(*self->head_width));
    for (size_t i = 0; i < diagram->column_count; i++) {
        char *role = diagram_role(diagram, i);
        int name_width = text_width(diagram_name(diagram, i), NAME_WIDE);
        int role_width = text_width(role, ROLE_WIDE);

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

        if (label && text_width(label, LABEL_WIDE) + 34 > gaps[left])
            gaps[left] = text_width(label, LABEL_WIDE) + 34;
        free(label);
    }
    return gaps;
}

static void place_columns(struct drawing *self, const int *gaps, int max)
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
static void set_columns(struct drawing *self)
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

static bool is_arrow(const struct diagram_row *row)
{
    return row->from != row->to;
}

/* What stands beside a lifeline gets the room that it wants, within reason. */
static void widen_for_notes(struct drawing *self)
{
    const struct diagram *diagram = &self->diagram;

    for (size_t i = 0; i < diagram->row_count && self->width < NOTE_WIDTH_MAX; i++) {
        const struct diagram_row *row = &diagram->rows[i];
        char *label = is_arrow(row) ? NULL : row_label(self, row);
        int wanted = label ? self->x[row->from] + text_width(label, LABEL_WIDE) + 24 : 0;

        if (wanted > self->width)
            self->width = wanted < NOTE_WIDTH_MAX ? wanted : NOTE_WIDTH_MAX;
        free(label);
    }
}

/* ---- the frame around the rows --------------------------------------------------------------- */

static void put_lifelines(const struct drawing *self)
{
    fprintf(self->out, "<svg class=\"life\" width=\"%d\" aria-hidden=\"true\">", self->width);
    for (size_t i = 0; i < self->diagram.column_count; i++)
        fprintf(self->out, "<line x1=\"%d\" x2=\"%d\" y2=\"100%%\"/>", self->x[i], self->x[i]);
    fputs("</svg>\n", self->out);
}

/* A process is drawn otherwise than what the harness plays. */
static bool is_played(const struct diagram *diagram, size_t column)
{
    return member_is_played(&diagram->scenario->members[diagram->columns[column]]);
}

static void put_head(const struct drawing *self, size_t column)
{
    const struct diagram *diagram = &self->diagram;
    const char *name = diagram_name(diagram, column);
    size_t fits = markup_fit(name, (size_t)((self->head_width[column] - 12) / NAME_WIDE));
    char *role = diagram_role(diagram, column);
    int width = self->head_width[column];
    int x = self->x[column];

    fprintf(self->out,
        "<rect class=\"%s\" x=\"%d\" y=\"4\" width=\"%d\" height=\"%d\" rx=\"7\"/>"
        "<text class=\"n\" x=\"%d\" y=\"22\">",
        is_played(diagram, column) ? "played" : "real", x - width / 2, width, HEAD_HEIGHT - 8, x);
    markup_text(self->out, (struct span){name, fits});
    fputs(name[fits] ? "…" : "", self->out);
    fprintf(self->out, "</text><text class=\"k\" x=\"%d\" y=\"38\">", x);
    markup_string(self->out, role);
    fputs("</text>", self->out);
    free(role);
}

static void put_heads(const struct drawing *self)
{
    fprintf(
        self->out, "<svg class=\"heads\" width=\"%d\" height=\"%d\">", self->width, HEAD_HEIGHT);
    fprintf(self->out, "<text class=\"t\" x=\"%d\" y=\"38\">ms</text>", GUTTER - 26);
    for (size_t i = 0; i < self->diagram.column_count; i++)
        put_head(self, i);
    fputs("</svg>\n", self->out);
}

/* ---- what stands in a row -------------------------------------------------------------------- */

static void put_label(const struct drawing *self, const char *class, const char *anchor, int x,
    const char *label, int room)
{
    size_t columns = room > 0 ? (size_t)(room / LABEL_WIDE) : 0;
    size_t fits = markup_fit(label, columns);

    if (label[fits])
        fits = markup_fit(label, columns > 1 ? columns - 1 : 0);
    fprintf(self->out, "<text class=\"%s%s\" x=\"%d\" y=\"17\">", class, anchor, x);
    markup_text(self->out, (struct span){label, fits});
    fputs(label[fits] ? "…</text>" : "</text>", self->out);
}

static void put_time(const struct drawing *self, const struct diagram_row *row, int y)
{
    fprintf(
        self->out, "<text class=\"t\" x=\"%d\" y=\"%d\">%.1f</text>", GUTTER - 26, y, row->at_ms);
}

/* A label may be longer than its arrow, as nothing else stands in the row. */
static int label_room(const struct drawing *self, int from, int to)
{
    int middle = (from + to) / 2;
    int arrow = (from < to ? to - from : from - to) - 16;
    int left = 2 * (middle - GUTTER);
    int right = 2 * (self->width - middle - 6);
    int room = clamp(left < right ? left : right, 0, LABEL_WIDTH_MAX);

    return arrow > room ? arrow : room;
}

static void put_arrow(const struct drawing *self, const struct diagram_row *row, const char *label)
{
    int from = self->x[row->from];
    int to = self->x[row->to];
    int room = label_room(self, from, to);

    /* The head stands at the end of the line: that ends a little before the lifeline. */
    to += from < to ? -2 : 2;
    put_time(self, row, 30);
    fprintf(self->out, "<path d=\"M%d 26H%d\"/>", from, to);
    put_label(self, "l", "", (from + to) / 2, label, room);
}

/* Right of its lifeline, or left where there is more room. */
static void put_note(const struct drawing *self, const struct diagram_row *row, const char *label)
{
    int x = self->x[row->from];
    int right = self->width - x - 14;
    int left = x - GUTTER - 10;

    put_time(self, row, 17);
    fprintf(self->out, "<circle cx=\"%d\" cy=\"13\" r=\"4\"/>", x);
    if (right >= left || text_width(label, LABEL_WIDE) <= right)
        put_label(self, "o", "", x + 10, label, right);
    else
        put_label(self, "o", " e", x - 10, label, left);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *const kind_classes[] = {
    [DIAGRAM_MESSAGE] = "msg",
    [DIAGRAM_END] = "end",
    [DIAGRAM_LOG] = "log",
    [DIAGRAM_NOTE] = "note",
    [DIAGRAM_FAULT] = "fault",
    [DIAGRAM_EXPECTED] = "expected",
};

static const struct {
    const char *class;
    const char *sentence;
} marks[] = {
    [MARK_NONE] = {"", ""},
    [MARK_GOT] = {" got", "This came where another was expected."},
    [MARK_NEAREST] = {" near", "This came nearest to what was expected."},
    [MARK_UNASKED] = {" unasked", "No line had asked for this when the play failed."},
};

/* Whom it is about, for those who hear the page instead of seeing it. */
static void put_spoken(const struct drawing *self, const struct diagram_row *row)
{
    fputs("<span class=\"v\">", self->out);
    markup_string(self->out, diagram_name(&self->diagram, row->from));
    if (row->from != row->to) {
        fputs(" to ", self->out);
        markup_string(self->out, diagram_name(&self->diagram, row->to));
    }
    fputs(row->kind == DIAGRAM_EXPECTED ? ", did not come: </span>" : ": </span>", self->out);
}

static void put_picture(const struct drawing *self, const struct diagram_row *row)
{
    bool arrow = is_arrow(row);
    char *label = row_label(self, row);

    put_spoken(self, row);
    fprintf(self->out, "<svg width=\"%d\" height=\"%d\">", self->width,
        arrow ? MESSAGE_HEIGHT : NOTE_HEIGHT);
    if (arrow)
        put_arrow(self, row, label);
    else
        put_note(self, row, label);
    fputs("</svg>", self->out);
    free(label);
}

static void put_event(const struct drawing *self, const struct event *event)
{
    char *wire = event_wire(event, JSON_INDENT(2));
    char *text = wire ? NULL : event_body_text(event, 0);

    html_pre(self->out, wire ? "frame" : "text", wire ? wire : text, self->limits);
    free(wire);
    free(text);
}

/* "T > J, 12.3 ms, line 7 of the play, 120 bytes" */
static void put_about(const struct drawing *self, const struct diagram_row *row)
{
    FILE *out = self->out;

    fputs("<p>", out);
    markup_string(out, diagram_name(&self->diagram, row->from));
    if (row->from != row->to) {
        fputs(" &gt; ", out);
        markup_string(out, diagram_name(&self->diagram, row->to));
    }
    fprintf(out, ", %.1f ms", row->at_ms);
    if (row->first && row->first->line > 0)
        fprintf(out, ", line %u of the play", row->first->line);
    if (row->first && row->first->json)
        fprintf(out, ", %zu byte%s", row->first->len, row->first->len == 1 ? "" : "s");
    if (row->kind != DIAGRAM_EXPECTED && row->mark != MARK_NONE)
        fprintf(out, ". <b>%s</b>", marks[row->mark].sentence);
    fputs("</p>", out);
}

/* All of a log in one block, however many events it is. */
static void put_log(const struct drawing *self, const struct diagram_row *row)
{
    const struct event *event = row->first;
    char *text = NULL;
    size_t len = 0;
    FILE *out = must_stream(&text, &len);

    for (size_t i = 0; i < row->events; i++, event = event->next)
        fprintf(out, "%.*s\n", (int)event->len, event->bytes);
    fclose(out);
    html_pre(self->out, "text", text, self->limits);
    free(text);
}

static void put_row(const struct drawing *self, const struct diagram_row *row)
{
    FILE *out = self->out;

    fprintf(out, "<details class=\"r %s%s%s\"%s><summary>", is_arrow(row) ? "m " : "",
        kind_classes[row->kind], marks[row->mark].class, row->mark == MARK_GOT ? " open" : "");
    put_picture(self, row);
    fputs("</summary><div class=\"box\">", out);
    put_about(self, row);
    if (row->kind == DIAGRAM_EXPECTED)
        html_pre(out, "frame", self->diagram.attempt->verdict.expected, self->limits);
    else if (row->kind == DIAGRAM_LOG)
        put_log(self, row);
    else
        put_event(self, row->first);
    fputs("</div></details>\n", out);
}

static void put_rows(const struct drawing *self)
{
    for (size_t i = 0; i < self->diagram.row_count; i++) {
        if (self->diagram.gap_rows && i == self->diagram.gap_at)
            fprintf(self->out,
                "<p class=\"gap\">%zu more stood here and were left out to keep the page "
                "small.</p>\n",
                self->diagram.gap_rows);
        put_row(self, &self->diagram.rows[i]);
    }
}

void html_diagram(FILE *out, const struct attempt *attempt, const struct html_limits *limits)
{
    struct drawing self = {.out = out, .limits = limits};

    diagram_init(&self.diagram, attempt, limits->rows);
    if (self.diagram.column_count > 0) {
        set_heads(&self);
        set_columns(&self);
        widen_for_notes(&self);
        fprintf(out,
            "<div class=\"seq%s\" tabindex=\"0\" role=\"group\" aria-label=\"Sequence diagram\">"
            "<div class=\"in\">\n",
            self.width > 1000 ? " wide" : "");
        put_lifelines(&self);
        put_heads(&self);
        put_rows(&self);
        if (self.diagram.row_count > 12)
            put_heads(&self);
        fputs("</div></div>\n", out);
    }
    free(self.x);
    free(self.head_width);
    diagram_release(&self.diagram);
}
