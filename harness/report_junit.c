/* JUnit XML in the form that CI systems agree on: one suite, a case for each play. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report.h"

/* ---- the suite ------------------------------------------------------------------------------- */

static void print_counts(FILE *out, const struct summary *summary)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\"",
        summary_told(summary), summary_bad(summary),
        summary->counts[RESULT_SKIPPED] + summary->counts[RESULT_NOT_RUN], summary->ms / 1e3);
}

static void begin(FILE *out, const struct summary *summary, const struct report_room *room)
{
    char started[32];
    struct tm parts;

    (void)room;
    gmtime_r(&summary->started, &parts);
    strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%S", &parts);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"harness\"", out);
    print_counts(out, summary);
    fputs(">\n<testsuite name=\"plays\"", out);
    print_counts(out, summary);
    fprintf(out, " timestamp=\"%s\">\n", started);
}

static void end(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)room;
    if (summary->interrupted)
        fputs("<system-err>The run was interrupted.</system-err>\n", out);
    fputs("</testsuite>\n</testsuites>\n", out);
}

/* ---- a failure ------------------------------------------------------------------------------- */

static void print_part(FILE *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(out, "%s:\n", name);
    markup_string(out, text);
    fputc('\n', out);
}

static void print_differences(FILE *out, const char *name, const struct differences *differences)
{
    if (differences->count > 0)
        fprintf(out, "%s:\n", name);
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];
        char *line = must_print("  %s: expected %s, got %s\n",
            difference->path[0] ? difference->path : "all of it", difference->expected,
            difference->got);

        markup_string(out, line);
        free(line);
    }
}

static void print_account(FILE *out, const struct summary *summary,
    const struct performance *performance, const struct attempt *attempt)
{
    char *replay = performance_replay(performance, summary);
    const struct verdict *verdict = &attempt->verdict;
    char *timeline = timeline_text(attempt->timeline, verdict->got_event, verdict->nearest_event);

    markup_string(out, performance->scenario->source.path);
    fprintf(out, ":%u: ", verdict->at.line);
    if (verdict->step) {
        markup_string(out, verdict->step);
        fputs(": ", out);
    }
    markup_string(out, verdict->message);
    fputc('\n', out);
    if (verdict->hint) {
        markup_string(out, verdict->hint);
        fputc('\n', out);
    }
    print_differences(out, "differences", &verdict->differences);
    print_part(out, "expected", verdict->expected);
    print_part(out, "got", verdict->got);
    print_part(out, "nearest", verdict->nearest);
    print_part(out, "nearness", verdict->nearness);
    print_differences(out, "nearest differs", &verdict->nearest_differences);
    print_part(out, "replay", replay);
    print_part(out, "timeline", timeline);
    free(replay);
    free(timeline);
}

/* failure, flakyFailure (it passed later) or rerunFailure (a further failure). */
static void print_failure(FILE *out, const char *element, const struct summary *summary,
    const struct performance *performance, const struct attempt *attempt)
{
    const struct verdict *verdict = &attempt->verdict;
    char *headline = verdict_headline(verdict);
    char *message = must_print("%s at line %u: %s", headline, verdict->at.line, verdict->message);

    fprintf(out, "<%s type=\"", element);
    markup_attribute(out, performance->result == RESULT_FLAKY ? result_text(RESULT_FLAKY)
                                                              : cause_text(verdict->cause));
    fputs("\" message=\"", out);
    markup_attribute(out, message);
    fputs("\">", out);
    print_account(out, summary, performance, attempt);
    fprintf(out, "</%s>\n", element);
    free(message);
    free(headline);
}

static void print_failures(
    FILE *out, const struct summary *summary, const struct performance *performance)
{
    bool bad = summary_is_bad(summary, performance->result);

    for (size_t i = 0; i < performance->attempt_count; i++) {
        const struct attempt *attempt = &performance->attempts[i];
        const char *again = performance->result == RESULT_FLAKY ? "flakyFailure" : "rerunFailure";

        if (attempt->verdict.cause != CAUSE_NONE)
            print_failure(out, bad && i == 0 ? "failure" : again, summary, performance, attempt);
    }
}

/* ---- a play ---------------------------------------------------------------------------------- */

static void print_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    markup_attribute(out, value);
    fputc('"', out);
}

/* fixtures/scenarios/chat.json is fixtures.scenarios.chat to those who expect a class. */
static char *class_name(const char *path)
{
    size_t len = strlen(path);
    char *name;

    while (*path == '.' || *path == '/') {
        path++;
        len--;
    }
    if (len > 5 && strcmp(path + len - 5, ".json") == 0)
        len -= 5;
    name = must_copy_bytes(path, len);
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '.';
    return name;
}

static void play_done(FILE *out, const struct summary *summary,
    const struct performance *performance, struct report_room *room)
{
    const struct scenario *scenario = performance->scenario;
    char *class = class_name(scenario->source.path);
    char *name = summary_tells_seed(summary)
                     ? must_print("%s (seed %" PRIu64 ")", scenario->name, performance->seed)
                     : must_copy(scenario->name);

    (void)room;
    fputs("<testcase", out);
    print_attribute(out, "classname", class);
    print_attribute(out, "name", name);
    print_attribute(out, "file", scenario->source.path);
    fprintf(out, " time=\"%.3f\">", performance_ms(performance) / 1e3);
    if (performance->reason) {
        fputs("<skipped", out);
        print_attribute(out, "message", performance->reason);
        fputs("/>", out);
    }
    print_failures(out, summary, performance);
    fputs("</testcase>\n", out);
    free(name);
    free(class);
}

const struct report_form report_junit = {.begin = begin, .play_done = play_done, .end = end};
