/* One play on the page: why it failed, side by side where that helps, the lines of
 * the play around, and its diagram. */
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report_html.h"

enum { LINES_BEFORE = 5, LINES_AFTER = 2, SOURCE_LINE_MAX = 300 };

void html_pre(FILE *out, const char *kind, const char *text, const struct html_limits *limits)
{
    struct span whole = span_of(text);
    struct span shown = markup_cut(whole, limits->text_bytes);

    fprintf(out, "<pre class=\"%s\">", kind);
    markup_text(out, shown);
    fputs("</pre>", out);
    if (shown.len < whole.len)
        fprintf(out, "<p class=\"cut\">The first %zu of %zu bytes.</p>", shown.len, whole.len);
}

/* ---- differences ----------------------------------------------------------------------------- */

static size_t same_at_start(const char *a, const char *b)
{
    size_t len = 0;

    while (a[len] && a[len] == b[len])
        len++;
    while (len > 0 && ((unsigned char)a[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static size_t same_at_end(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t len = 0;

    while (len < a_len && len < b_len && a[a_len - 1 - len] == b[b_len - 1 - len])
        len++;
    while (len > 0 && ((unsigned char)a[a_len - len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* The text, with that part marked in which it is not the other. Two that have
 * hardly anything in common are not picked apart. */
static void put_marked(FILE *out, const char *text, const char *other, size_t max_bytes)
{
    size_t len = strlen(text);
    size_t start = same_at_start(text, other);
    size_t end = same_at_end(text + start, len - start, other + start, strlen(other) - start);

    if (len > max_bytes || start + end < 3 || start + end == len) {
        struct span shown = markup_cut(span_of(text), max_bytes);
        markup_text(out, shown);
        fputs(shown.len < len ? "…" : "", out);
        return;
    }
    markup_text(out, (struct span){text, start});
    fputs("<mark>", out);
    markup_text(out, (struct span){text + start, len - start - end});
    fputs("</mark>", out);
    markup_text(out, (struct span){text + len - end, end});
}

static void put_difference(
    FILE *out, const struct difference *difference, const struct html_limits *limits)
{
    fputs("<tr><th scope=\"row\"><code>", out);
    markup_string(out, difference->path[0] ? difference->path : "all of it");
    fputs("</code></th><td class=\"want\"><code>", out);
    put_marked(out, difference->expected, difference->got, limits->text_bytes);
    fputs("</code></td><td class=\"have\"><code>", out);
    put_marked(out, difference->got, difference->expected, limits->text_bytes);
    fputs("</code></td></tr>\n", out);
}

static void put_differences(FILE *out, const char *got, const struct differences *differences,
    const struct html_limits *limits)
{
    if (differences->count == 0)
        return;
    fprintf(out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Differences\">"
        "<table class=\"diff\"><thead><tr><th scope=\"col\">Where</th>"
        "<th scope=\"col\">Expected</th><th scope=\"col\">%s</th></tr></thead><tbody>\n",
        got);
    for (size_t i = 0; i < differences->count && i < limits->differences; i++)
        put_difference(out, &differences->items[i], limits);
    fputs("</tbody></table></div>\n", out);
    if (differences->count > limits->differences)
        fprintf(out, "<p class=\"cut\">The first %zu of %zu differences.</p>\n",
            limits->differences, differences->count);
}

/* ---- expected, got, nearest ------------------------------------------------------------------ */

/* What is JSON is set out; all else stays as it is. malloc'd. */
static char *set_out(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    char *pretty = value ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;

    json_decref(value);
    return pretty ? pretty : must_copy(text);
}

static void put_figure(
    FILE *out, const char *caption, const char *text, const struct html_limits *limits)
{
    char *pretty;

    if (!text)
        return;
    pretty = set_out(text);
    fputs("<figure><figcaption>", out);
    markup_string(out, caption);
    fputs("</figcaption>", out);
    html_pre(out, "frame", pretty, limits);
    fputs("</figure>\n", out);
    free(pretty);
}

static void put_nearest(FILE *out, const struct attempt *attempt, const struct html_limits *limits)
{
    const struct member *members = timeline_scenario(attempt->timeline)->members;
    const struct event *event = attempt->verdict.nearest_event;
    char *caption;
    char *text;

    if (!event)
        return;
    caption = must_print("The nearest that came: %s > %s, %s", members[event->from].name,
        members[event->to].name, attempt->verdict.nearness);
    text = event_body_text(event, 0);
    put_figure(out, caption, text, limits);
    free(text);
    free(caption);
}

static void put_figures(FILE *out, const struct attempt *attempt, const struct html_limits *limits)
{
    const struct verdict *verdict = &attempt->verdict;

    put_differences(out, "Got", &verdict->differences, limits);
    if (verdict->expected || verdict->got || verdict->nearest_event) {
        fputs("<div class=\"cols\">\n", out);
        put_figure(out, "Expected", verdict->expected, limits);
        put_figure(out, "Got", verdict->got, limits);
        put_nearest(out, attempt, limits);
        fputs("</div>\n", out);
    }
    put_differences(out, "In the nearest", &verdict->nearest_differences, limits);
}

/* ---- the lines of the play ------------------------------------------------------------------- */

static void put_source_line(FILE *out, unsigned number, struct span line, bool here)
{
    struct span shown = markup_cut(line, SOURCE_LINE_MAX);

    fprintf(out, here ? "<b>%4u  " : "%4u  ", number);
    markup_text(out, shown);
    fputs(shown.len < line.len ? "…" : "", out);
    fputs(here ? "</b>\n" : "\n", out);
}

static void put_source(FILE *out, const struct source *source, unsigned at)
{
    struct span rest = {source->text, source->len};

    if (at == 0)
        return;
    fputs("<figure><figcaption>The play</figcaption><pre class=\"source\">", out);
    for (unsigned number = 1; rest.len > 0 && number <= at + LINES_AFTER; number++) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.at) : rest.len;

        if (number + LINES_BEFORE >= at)
            put_source_line(out, number, (struct span){rest.at, len}, number == at);
        len += end != NULL;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    fputs("</pre></figure>\n", out);
}

/* ---- why ------------------------------------------------------------------------------------- */

static void put_why(FILE *out, const struct performance *performance, const struct attempt *attempt,
    const struct html_limits *limits)
{
    const struct verdict *verdict = &attempt->verdict;
    char *headline = verdict_headline(verdict);

    fputs("<p class=\"cause\"><strong>", out);
    markup_string(out, headline);
    fputs("</strong> at <code>", out);
    markup_string(out, performance->scenario->source.path);
    fprintf(out, ":%u</code>", verdict->at.line);
    if (verdict->step) {
        fputs(", <code>", out);
        markup_string(out, verdict->step);
        fputs("</code>", out);
    }
    fputs("</p>\n<p>", out);
    markup_string(out, verdict->message);
    fputs("</p>\n", out);
    if (verdict->hint) {
        fputs("<p class=\"hint\">", out);
        markup_string(out, verdict->hint);
        fputs("</p>\n", out);
    }
    put_figures(out, attempt, limits);
    put_source(out, &performance->scenario->source, verdict->at.line);
    free(headline);
}

static void put_attempts(FILE *out, const struct performance *performance)
{
    if (performance->attempt_count < 2)
        return;
    fputs("<h3>Attempts</h3>\n<ol class=\"attempts\">\n", out);
    for (size_t i = 0; i < performance->attempt_count; i++) {
        const struct verdict *verdict = &performance->attempts[i].verdict;
        char *headline = verdict_headline(verdict);

        fputs("<li>", out);
        if (verdict->cause == CAUSE_NONE) {
            fputs("passed", out);
        } else {
            markup_string(out, headline);
            fprintf(out, " at line %u", verdict->at.line);
        }
        fprintf(out, ", %.0f ms%s</li>\n", verdict->ms, i == 0 ? ": shown here" : "");
        free(headline);
    }
    fputs("</ol>\n", out);
}

void html_play_body(
    FILE *out, const struct performance *performance, const struct html_limits *limits)
{
    const struct attempt *told = performance_told(performance);

    if (performance->reason) {
        fputs("<p>", out);
        markup_string(out, performance->reason);
        fputs("</p>\n", out);
    }
    if (!told)
        return;
    put_attempts(out, performance);
    if (told->verdict.cause != CAUSE_NONE)
        put_why(out, performance, told, limits);
    if (limits->rows > 0)
        html_diagram(out, told, limits);
}
