#include "harness/report_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"

/* What they hold is hashed into the policy below; tests/harness/test_report.py says the new
 * hash when one has changed. */
#define STYLE_HASH "sha256-BR7ngfRm3nPp9Gz5sbO7FpVLe/XPUS6+nHlVTRZLRh8="
#define SCRIPT_HASH "sha256-ZyiCWRtG7Ic8fXYzuFDMngY7dj09qA9AOc1Jp4oJE0s="

/* Linked in from the files of these names, see Makefile. */
extern const char style_start[] __asm__("_binary_harness_report_html_css_start");
extern const char style_end[] __asm__("_binary_harness_report_html_css_end");
extern const char script_start[] __asm__("_binary_harness_report_html_js_start");
extern const char script_end[] __asm__("_binary_harness_report_html_js_end");

/* What all conversations may take together. The rest is told in fewer words, then
 * not at all, and the page says so. */
enum { PASSED_BYTES_MAX = 2 << 20, FAILED_BYTES_MAX = 2 << 20, ROWS_MAX = 5000 };
/* One play may take so much before its frames are cut shorter. */
enum { PLAY_BYTES_MAX = 200 << 10 };
/* More open at once would be a wall. */
enum { OPEN_MAX = 20 };

static const struct html_limits usual = {.rows = 200, .text_bytes = 4000, .differences = 200};
static const struct html_limits tight = {.rows = 80, .text_bytes = 400, .differences = 40};
static const struct html_limits bare = {.rows = 0, .text_bytes = 300, .differences = 6};

/* ---- a play ---------------------------------------------------------------------------------- */

static const char *const classes[] = {
    [RESULT_PASSED] = "passed",
    [RESULT_FLAKY] = "flaky",
    [RESULT_FAILED] = "failed",
    [RESULT_SKIPPED] = "skipped",
    [RESULT_NOT_RUN] = "notrun",
};

static char *body_text(
    const struct performance *performance, const struct html_limits *limits, size_t *len)
{
    char *text = NULL;
    FILE *out = must_stream(&text, len);

    html_play_body(out, performance, limits);
    fclose(out);
    return text;
}

/* As much as there is room for, which this takes. NULL: nothing. */
static char *fitting_body(const struct performance *performance, struct report_room *room)
{
    bool passed = performance->result == RESULT_PASSED;
    size_t *used = passed ? &room->passed_bytes : &room->failed_bytes;
    size_t max = passed ? PASSED_BYTES_MAX : FAILED_BYTES_MAX;
    char *text = NULL;
    size_t len = 0;

    if (*used < max)
        text = body_text(performance, &usual, &len);
    if (text && len > PLAY_BYTES_MAX) {
        free(text);
        text = body_text(performance, &tight, &len);
    }
    if (text && *used + len > max) {
        free(text);
        text = NULL;
        *used = max; /* no later one is shown instead: a reader may rely on the order */
    }
    if (text) {
        *used += len;
        return text;
    }
    room->left_out++;
    return passed ? NULL : body_text(performance, &bare, &len);
}

static void put_heading(
    FILE *out, const struct summary *summary, const struct performance *performance)
{
    const struct attempt *told = performance_told(performance);

    fprintf(out,
        "<summary><span class=\"sign\">%s<span class=\"v\"> %s</span></span> "
        "<span class=\"name\">",
        result_sign(performance->result), result_text(performance->result));
    markup_string(out, performance->scenario->name);
    if (summary_tells_seed(summary))
        fprintf(out, " (seed %" PRIu64 ")", performance->seed);
    fputs("</span>", out);
    if (told && told->verdict.cause != CAUSE_NONE) {
        char *headline = verdict_headline(&told->verdict);
        fputs(" <span class=\"tag\">", out);
        markup_string(out, headline);
        fputs("</span>", out);
        free(headline);
    }
    fputs(" <span class=\"path\">", out);
    markup_string(out, performance->scenario->source.path);
    fputs("</span>", out);
    if (told)
        fprintf(out, " <span class=\"ms\">%.0f&#160;ms</span>", performance_ms(performance));
    fputs("</summary>", out);
}

static void put_replay(
    FILE *out, const struct summary *summary, const struct performance *performance)
{
    char *replay = performance_replay(performance, summary);

    if (!replay)
        return;
    fputs("<p class=\"hint\">Again: <code>", out);
    markup_string(out, replay);
    fputs("</code></p>\n", out);
    free(replay);
}

static void play_done(FILE *out, const struct summary *summary,
    const struct performance *performance, struct report_room *room)
{
    bool passed = performance->result == RESULT_PASSED;
    char *body;

    if (passed && room->plays >= ROWS_MAX) {
        room->unlisted++;
        return;
    }
    room->plays++;
    body = fitting_body(performance, room);
    fprintf(out, "<details class=\"play %s\" id=\"p%zu\"%s>", classes[performance->result],
        performance->number,
        performance->result == RESULT_FAILED && room->opened < OPEN_MAX ? " open" : "");
    room->opened += performance->result == RESULT_FAILED;
    put_heading(out, summary, performance);
    fputs("<div class=\"body\">\n", out);
    if (performance->result == RESULT_FAILED || performance->result == RESULT_FLAKY)
        put_replay(out, summary, performance);
    if (body)
        fputs(body, out);
    else
        fputs("<p class=\"cut\">Not on this page, to keep it small.</p>", out);
    fputs("</div></details>\n", out);
    free(body);
}

/* ---- the head of the page -------------------------------------------------------------------- */

static const struct {
    enum result result;
    const char *label;
} filters[] = {
    {RESULT_FAILED, "Failed"},
    {RESULT_FLAKY, "Flaky"},
    {RESULT_PASSED, "Passed"},
    {RESULT_SKIPPED, "Skipped"},
    {RESULT_NOT_RUN, "Not run"},
};
enum { FILTER_COUNT = sizeof(filters) / sizeof(filters[0]) };

static void put_title(FILE *out, const struct summary *summary)
{
    size_t bad = summary_bad(summary);

    if (summary->interrupted)
        fputs("Interrupted: ", out);
    if (bad == 0)
        fprintf(out, "%zu play%s, none failed", summary->planned, summary->planned == 1 ? "" : "s");
    else
        fprintf(out, "%zu of %zu play%s failed", bad, summary->planned,
            summary->planned == 1 ? "" : "s");
}

static void put_linked(FILE *out, const char *from, const char *to)
{
    fwrite(from, 1, (size_t)(to - from), out);
}

static void put_head(FILE *out, const struct summary *summary)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src '" STYLE_HASH "'; script-src '" SCRIPT_HASH "'; base-uri 'none'; "
          "form-action 'none'\">\n<title>",
        out);
    put_title(out, summary);
    fputs("</title>\n<style>", out);
    put_linked(out, style_start, style_end);
    fputs("</style>\n</head>\n", out);
}

/* Heads of arrows, one for each colour: a marker can't take that of its line everywhere. */
static void put_markers(FILE *out)
{
    static const char *const colours[] = {"plain", "bad", "warn", "soft"};

    fputs("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n", out);
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        fprintf(out,
            "<marker id=\"a-%s\" class=\"%s\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" "
            "markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" "
            "orient=\"auto\"><path d=\"M0 0.8L10 5L0 9.2z\"/></marker>\n"
            "<marker id=\"x-%s\" class=\"%s\" viewBox=\"0 0 10 10\" refX=\"5\" refY=\"5\" "
            "markerWidth=\"11\" markerHeight=\"11\" markerUnits=\"userSpaceOnUse\" "
            "orient=\"auto\"><path class=\"x\" d=\"M1 1L9 9M9 1L1 9\"/></marker>\n",
            colours[i], colours[i], colours[i], colours[i]);
    fputs("</defs></svg>\n", out);
}

static void put_bar(FILE *out, const struct summary *summary)
{
    size_t total = summary_told(summary);
    size_t before = 0;

    if (total == 0)
        return;
    fputs("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
          "aria-hidden=\"true\">",
        out);
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        size_t count = summary->counts[filters[i].result];

        if (count > 0)
            fprintf(out, "<rect class=\"%s\" x=\"%zu\" width=\"%zu\" height=\"10\"/>",
                classes[filters[i].result], before * 1000 / total,
                (count * 1000 + total - 1) / total);
        before += count;
    }
    fputs("</svg>\n", out);
}

/* What a reader has come for is shown first. */
static enum result first_shown(const struct summary *summary)
{
    if (summary->counts[RESULT_FAILED] > 0)
        return RESULT_FAILED;
    if (summary->counts[RESULT_FLAKY] > 0 && !summary->allow_flaky)
        return RESULT_FLAKY;
    return RESULT_COUNT; /* all */
}

static void put_filter(FILE *out, const char *class, const char *label, size_t count, bool checked)
{
    fprintf(out,
        "<label class=\"%s\"><input type=\"radio\" name=\"show\" id=\"show-%s\"%s> %s "
        "<b>%zu</b></label>\n",
        class, class, checked ? " checked" : "", label, count);
}

static void put_filters(FILE *out, const struct summary *summary)
{
    enum result first = first_shown(summary);

    fputs("<fieldset class=\"filters\"><legend class=\"v\">Which plays are shown</legend>\n", out);
    put_filter(out, "all", "All", summary_told(summary), first == RESULT_COUNT);
    for (size_t i = 0; i < FILTER_COUNT; i++)
        if (summary->counts[filters[i].result] > 0)
            put_filter(out, classes[filters[i].result], filters[i].label,
                summary->counts[filters[i].result], first == filters[i].result);
    fputs("</fieldset>\n", out);
}

static void put_left_out(FILE *out, const struct report_room *room)
{
    if (room->left_out + room->unlisted == 0)
        return;
    fprintf(out, "<p class=\"cut\">To keep this page small, %zu conversation%s not shown",
        room->left_out, room->left_out == 1 ? " is" : "s are");
    if (room->unlisted > 0)
        fprintf(out, ", and %zu more that passed %s not even named", room->unlisted,
            room->unlisted == 1 ? "is" : "are");
    fputs(". A run of fewer plays, or <code>--json</code>, shows them.</p>\n", out);
}

static void begin(FILE *out, const struct summary *summary, const struct report_room *room)
{
    char started[40];
    struct tm parts;

    gmtime_r(&summary->started, &parts);
    strftime(started, sizeof(started), "%Y-%m-%d %H:%M:%S UTC", &parts);
    put_head(out, summary);
    fputs("<body>\n", out);
    put_markers(out);
    fprintf(out, "<header>\n<h1 class=\"%s\">",
        summary_bad(summary)   ? "failed"
        : summary->interrupted ? "notrun"
                               : "passed");
    put_title(out, summary);
    fprintf(out, "</h1>\n<p class=\"when\">%s, %.1f s, %u at once, harness %s</p>\n", started,
        summary->ms / 1e3, summary->jobs, BESTER_VERSION);
    put_bar(out, summary);
    fputs("<div class=\"tools\">\n", out);
    put_filters(out, summary);
    fputs("<div class=\"script\" hidden><label>Search <input type=\"search\" "
          "id=\"search\"></label>"
          "<button type=\"button\" id=\"open\">Open all</button>"
          "<button type=\"button\" id=\"close\">Close all</button>"
          "<output id=\"shown\"></output></div>\n</div>\n",
        out);
    put_left_out(out, room);
    fputs("</header>\n<main>\n", out);
}

static void end(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)summary, (void)room;
    fputs("<p class=\"none\" hidden>No play matches.</p>\n</main>\n"
          "<footer>Blue heads are programs that run, dashed ones are played by the harness. Times "
          "are in milliseconds since the play began. A row opens to show its frame.</footer>\n"
          "<script>",
        out);
    put_linked(out, script_start, script_end);
    fputs("</script>\n</body>\n</html>\n", out);
}

const struct report_form report_html = {.begin = begin, .play_done = play_done, .end = end};
