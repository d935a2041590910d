/* Sequence diagrams in the language of Mermaid, for pasting into documents: what
 * was said, and what was done to whom; logs, and that processes began and ended
 * well, are left to the other reports.
 *
 * One play is a diagram as it is; several are Markdown, a heading and a fenced
 * diagram each. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/diagram.h"
#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report.h"
#include "libbester/character.h"

enum { ROWS_MAX = 500, LABEL_COLUMNS_MAX = 80 };

/* What means something to Mermaid, to Markdown's fences or to HTML goes by number. */
static void put_text(FILE *out, const char *text)
{
    size_t len = markup_fit(text, LABEL_COLUMNS_MAX);
    struct span rest = {text, len};

    while (rest.len > 0) {
        uint32_t code = 0;
        size_t taken = character_next(rest, &code);

        if (taken == 0)
            fprintf(out, "\\x%02x", (unsigned char)rest.at[0]);
        else if (code < 0x80 && strchr("#;%<>&`$", (int)code) && code)
            fprintf(out, "#%u;", (unsigned)code);
        else if (character_is_treacherous(code))
            fputc(' ', out);
        else
            fwrite(rest.at, 1, taken, out);
        taken += taken == 0;
        rest = (struct span){rest.at + taken, rest.len - taken};
    }
    if (text[len])
        fputs("…", out);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *arrow_of(const struct diagram_row *row)
{
    if (row->kind == DIAGRAM_END || row->kind == DIAGRAM_FAULT)
        return "-x";
    return row->kind == DIAGRAM_EXPECTED ? "--x" : "->>";
}

static const char *remark_of(const struct diagram_row *row)
{
    static const char *const remarks[] = {
        [MARK_NONE] = "",
        [MARK_GOT] = "✗ ",
        [MARK_NEAREST] = "≈ ",
        [MARK_UNASKED] = "(not asked for) ",
    };

    if (row->kind == DIAGRAM_EXPECTED)
        return "did not come: ";
    return row->kind == DIAGRAM_FAULT ? "⚡ " : remarks[row->mark];
}

/* That all began and ended as it should says nothing in a document, and the numbers
 * of processes would differ each time. */
static bool is_usual(const struct diagram_row *row, const char *label)
{
    return row->kind == DIAGRAM_LOG ||
           (row->kind == DIAGRAM_NOTE &&
               (strncmp(label, "started", 7) == 0 || strcmp(label, "exited with 0") == 0));
}

static void put_row(FILE *out, const struct diagram *diagram, const struct diagram_row *row)
{
    char *label = diagram_label(diagram, row);

    if (is_usual(row, label)) {
        free(label);
        return;
    }
    if (row->from == row->to)
        fprintf(out, "    Note over p%zu: ", row->from + 1);
    else
        fprintf(out, "    p%zu%sp%zu: ", row->from + 1, arrow_of(row), row->to + 1);
    fputs(remark_of(row), out);
    put_text(out, label);
    if (!*label)
        fputs("#160;", out); /* without a text it would be no arrow */
    fputc('\n', out);
    free(label);
}

/* A handler may be on several servers under one name. */
static bool is_ambiguous(const struct diagram *diagram, size_t column)
{
    for (size_t i = 0; i < diagram->column_count; i++)
        if (i != column && strcmp(diagram_name(diagram, i), diagram_name(diagram, column)) == 0)
            return true;
    return false;
}

static void put_participants(FILE *out, const struct diagram *diagram)
{
    for (size_t i = 0; i < diagram->column_count; i++) {
        fprintf(out, "    participant p%zu as ", i + 1);
        put_text(out, diagram_name(diagram, i));
        if (is_ambiguous(diagram, i)) {
            char *role = diagram_role(diagram, i);
            fputs(", ", out);
            put_text(out, role);
            free(role);
        }
        fputc('\n', out);
    }
}

static void put_failure(FILE *out, const struct diagram *diagram)
{
    const struct verdict *verdict = &diagram->attempt->verdict;
    char *headline;

    if (verdict->cause == CAUSE_NONE || diagram->column_count == 0)
        return;
    headline = verdict_headline(verdict);
    fprintf(out, "    Note over p1,p%zu: ✗ line %u, ", diagram->column_count, verdict->at.line);
    put_text(out, headline);
    fputc('\n', out);
    free(headline);
}

static void put_diagram(FILE *out, const struct attempt *attempt)
{
    struct diagram diagram;

    diagram_init(&diagram, attempt, ROWS_MAX);
    fputs("sequenceDiagram\n", out);
    put_participants(out, &diagram);
    for (size_t i = 0; i < diagram.row_count; i++) {
        if (diagram.gap_rows && i == diagram.gap_at)
            fprintf(out, "    Note over p1,p%zu: … %zu left out …\n", diagram.column_count,
                diagram.gap_rows);
        put_row(out, &diagram, &diagram.rows[i]);
    }
    put_failure(out, &diagram);
    diagram_release(&diagram);
}

/* ---- plays ----------------------------------------------------------------------------------- */

static void play_done(FILE *out, const struct summary *summary,
    const struct performance *performance, struct report_room *room)
{
    const struct attempt *told = performance_told(performance);
    bool one = summary->planned == 1;

    (void)room;
    if (!one) {
        fprintf(out, "%s## %s ", room->plays++ ? "\n" : "", result_sign(performance->result));
        put_text(out, performance->scenario->name);
        if (summary_tells_seed(summary))
            fprintf(out, " (seed %" PRIu64 ")", performance->seed);
        fputs("\n\n", out);
        put_text(out, performance->scenario->source.path);
        if (performance->reason) {
            fputs("\n\n", out);
            put_text(out, performance->reason);
        }
        fputs("\n", out);
    }
    if (!told)
        return;
    fputs(one ? "" : "\n```mermaid\n", out);
    put_diagram(out, told);
    fputs(one ? "" : "```\n", out);
}

static void nothing(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)out, (void)summary, (void)room;
}

const struct report_form report_mermaid = {
    .begin = nothing, .play_done = play_done, .end = nothing};
