/* The sequence diagram. Each row is an SVG of its own, inside the summary of a
 * <details> that holds the frame: so it opens by click and by key, and the rows
 * below make room. The lifelines run behind all of it, as one SVG. */
#include <stdlib.h>
#include <string.h>

#include "harness/diagram_layout.h"
#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report_html.h"

struct drawing {
    FILE *out;
    const struct html_limits *limits;
    struct layout layout;
};

/* ---- the frame around the rows --------------------------------------------------------------- */

static void put_lifelines(const struct drawing *self)
{
    fprintf(
        self->out, "<svg class=\"life\" width=\"%d\" aria-hidden=\"true\">", self->layout.width);
    for (size_t i = 0; i < self->layout.diagram.column_count; i++)
        fprintf(self->out, "<line x1=\"%d\" x2=\"%d\" y2=\"100%%\"/>", self->layout.x[i],
            self->layout.x[i]);
    fputs("</svg>\n", self->out);
}

/* A process is drawn otherwise than what the harness plays. */
static bool is_played(const struct diagram *diagram, size_t column)
{
    return member_is_played(&diagram->scenario->members[diagram->columns[column]]);
}

static void put_head(const struct drawing *self, size_t column)
{
    const struct diagram *diagram = &self->layout.diagram;
    const char *name = diagram_name(diagram, column);
    size_t fits = markup_fit(name, (size_t)((self->layout.head_width[column] - 12) / NAME_WIDE));
    char *role = diagram_role(diagram, column);
    int width = self->layout.head_width[column];
    int x = self->layout.x[column];

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
    fprintf(self->out, "<svg class=\"heads\" width=\"%d\" height=\"%d\">", self->layout.width,
        HEAD_HEIGHT);
    fprintf(self->out, "<text class=\"t\" x=\"%d\" y=\"38\">ms</text>", GUTTER - 26);
    for (size_t i = 0; i < self->layout.diagram.column_count; i++)
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
    int right = 2 * (self->layout.width - middle - 6);
    int room = left < right ? left : right;

    if (room > LABEL_WIDTH_MAX)
        room = LABEL_WIDTH_MAX;
    return arrow > room ? arrow : room;
}

static void put_arrow(const struct drawing *self, const struct diagram_row *row, const char *label)
{
    int from = self->layout.x[row->from];
    int to = self->layout.x[row->to];
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
    int x = self->layout.x[row->from];
    int right = self->layout.width - x - 14;
    int left = x - GUTTER - 10;

    put_time(self, row, 17);
    fprintf(self->out, "<circle cx=\"%d\" cy=\"13\" r=\"4\"/>", x);
    if (right >= left || layout_text_width(label, LABEL_WIDE) <= right)
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
    markup_string(self->out, diagram_name(&self->layout.diagram, row->from));
    if (row->from != row->to) {
        fputs(" to ", self->out);
        markup_string(self->out, diagram_name(&self->layout.diagram, row->to));
    }
    fputs(row->kind == DIAGRAM_EXPECTED ? ", did not come: </span>" : ": </span>", self->out);
}

static void put_picture(const struct drawing *self, const struct diagram_row *row)
{
    bool arrow = diagram_is_arrow(row);
    char *label = layout_label(&self->layout, row);

    put_spoken(self, row);
    fprintf(self->out, "<svg width=\"%d\" height=\"%d\">", self->layout.width,
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
    markup_string(out, diagram_name(&self->layout.diagram, row->from));
    if (row->from != row->to) {
        fputs(" &gt; ", out);
        markup_string(out, diagram_name(&self->layout.diagram, row->to));
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

    fprintf(out, "<details class=\"r %s%s%s%s\"%s><summary>", diagram_is_arrow(row) ? "m " : "",
        kind_classes[row->kind], diagram_is_healing(row) ? " healed" : "", marks[row->mark].class,
        row->mark == MARK_GOT ? " open" : "");
    put_picture(self, row);
    fputs("</summary><div class=\"box\">", out);
    put_about(self, row);
    if (row->kind == DIAGRAM_EXPECTED)
        html_pre(out, "frame", self->layout.diagram.attempt->verdict.expected, self->limits);
    else if (row->kind == DIAGRAM_LOG)
        put_log(self, row);
    else
        put_event(self, row->first);
    fputs("</div></details>\n", out);
}

static void put_rows(const struct drawing *self)
{
    for (size_t i = 0; i < self->layout.diagram.row_count; i++) {
        if (self->layout.diagram.gap_rows && i == self->layout.diagram.gap_at)
            fprintf(self->out,
                "<p class=\"gap\">%zu more stood here and were left out to keep the page "
                "small.</p>\n",
                self->layout.diagram.gap_rows);
        put_row(self, &self->layout.diagram.rows[i]);
    }
}

void html_diagram(FILE *out, const struct attempt *attempt, const struct html_limits *limits)
{
    struct drawing self = {.out = out, .limits = limits};

    layout_init(&self.layout, attempt, limits->rows);
    if (self.layout.diagram.column_count > 0) {
        fprintf(out,
            "<div class=\"seq%s\" tabindex=\"0\" role=\"group\" "
            "aria-label=\"Sequence diagram\"><div class=\"in\">\n",
            self.layout.width > 1000 ? " wide" : "");
        put_lifelines(&self);
        put_heads(&self);
        put_rows(&self);
        if (self.layout.diagram.row_count > 12)
            put_heads(&self);
        fputs("</div></div>\n", out);
    }
    layout_release(&self.layout);
}
