/* TAP 14, as the plays end. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"
#include "harness/report.h"

static void begin(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)room;
    fputs("TAP version 14\n", out);
    if (summary->planned == 0 && !summary->until_fail)
        fputs("1..0 # SKIP no play belongs to this shard\n", out);
    else if (!summary->until_fail) /* else at the end */
        fprintf(out, "1..%zu\n", summary->planned);
}

/* In a description, # would begin a directive. */
static void print_description(FILE *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "#\\");

        markup_terminal(out, (struct span){text, len});
        text += len;
        if (*text)
            fprintf(out, "\\%c", *text++);
    }
}

/* A member of the YAML block, on one line. */
static void print_quoted(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, "  %s: \"", name);
    while (*text) {
        size_t len = strcspn(text, "\"\\");

        markup_terminal(out, (struct span){text, len});
        text += len;
        if (*text)
            fprintf(out, "\\%c", *text++);
    }
    fputs("\"\n", out);
}

/* A text of any kind and length as a literal block. */
static void print_block(FILE *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(out, "  %s: |\n", name);
    while (*text) {
        size_t len = strcspn(text, "\n");

        fputs("    ", out);
        markup_terminal(out, (struct span){text, len});
        fputc('\n', out);
        text += len + (text[len] == '\n');
    }
}

static void print_differences(FILE *out, const char *name, const struct differences *differences)
{
    if (differences->count == 0)
        return;
    fprintf(out, "  %s: |\n", name);
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];

        char *line = must_print("    %s: expected %s, got %s",
            difference->path[0] ? difference->path : "all of it", difference->expected,
            difference->got);

        markup_terminal(out, span_of(line));
        fputc('\n', out);
        free(line);
    }
}

/* How each of several attempts ended; the first that failed is told in full. */
static void print_attempts(FILE *out, const struct performance *performance)
{
    if (performance->attempt_count < 2)
        return;
    fprintf(out, "  attempts: |\n");
    for (size_t i = 0; i < performance->attempt_count; i++) {
        const struct verdict *verdict = &performance->attempts[i].verdict;
        char *headline = verdict_headline(verdict);

        if (verdict->cause == CAUSE_NONE)
            fprintf(out, "    %zu: passed (%.0f ms)\n", i + 1, verdict->ms);
        else
            fprintf(out, "    %zu: %s at line %u (%.0f ms)\n", i + 1, headline, verdict->at.line,
                verdict->ms);
        free(headline);
    }
}

static void print_failure(
    FILE *out, const struct summary *summary, const struct performance *performance)
{
    const struct attempt *told = performance_told(performance);
    const struct verdict *verdict = &told->verdict;
    char *headline = verdict_headline(verdict);
    char *timeline = timeline_text(told->timeline, verdict->got_event, verdict->nearest_event);

    char *replay = performance_replay(performance, summary);
    char *at = must_print("%s:%u", performance->scenario->source.path, verdict->at.line);
    fputs("  ---\n", out);
    print_quoted(out, "at", at);
    print_quoted(out, "cause", headline);
    print_quoted(out, "line", verdict->step);
    print_quoted(out, "replay", replay);
    free(replay);
    free(at);
    print_block(out, "message", verdict->message);
    print_block(out, "hint", verdict->hint);
    print_differences(out, "differences", &verdict->differences);
    print_block(out, "expected", verdict->expected);
    print_block(out, "got", verdict->got);
    print_block(out, "nearest", verdict->nearest);
    print_block(out, "nearness", verdict->nearness);
    print_differences(out, "nearest differs", &verdict->nearest_differences);
    print_attempts(out, performance);
    print_block(out, "timeline", timeline);
    fprintf(out, "  ...\n");
    free(timeline);
    free(headline);
}

/* The words in brackets behind the description. */
static void print_remark(
    FILE *out, const struct summary *summary, const struct performance *performance)
{
    fprintf(out, " (%.0f ms", performance_ms(performance));
    if (performance->result == RESULT_FLAKY)
        fprintf(out, "; FLAKY: passed at attempt %zu", performance->attempt_count);
    else if (performance->attempt_count > 1)
        fprintf(out, "; failed %zu times", performance->attempt_count);
    if (summary_tells_seed(summary))
        fprintf(out, "; seed %" PRIu64, performance->seed);
    fputc(')', out);
}

static void play_done(FILE *out, const struct summary *summary,
    const struct performance *performance, struct report_room *room)
{
    (void)room;
    if (performance->result == RESULT_NOT_RUN)
        return; /* the plan tells of it, and why the run ended */
    fprintf(out, "%s %zu - ", summary_is_bad(summary, performance->result) ? "not ok" : "ok",
        performance->number);
    print_description(out, performance->scenario->source.path);
    fprintf(out, ": ");
    print_description(out, performance->scenario->name);
    if (performance->result == RESULT_SKIPPED) {
        fprintf(out, " # SKIP ");
        print_description(out, performance->reason);
    } else {
        print_remark(out, summary, performance);
    }
    fputc('\n', out);
    if (performance->result == RESULT_FAILED || performance->result == RESULT_FLAKY)
        print_failure(out, summary, performance);
}

static void end(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)room;
    if (summary->until_fail)
        fprintf(out, "1..%zu\n", summary_told(summary) - summary->counts[RESULT_NOT_RUN]);
    if (summary->interrupted)
        fprintf(out, "Bail out! interrupted\n");
}

const struct report_form report_tap = {.begin = begin, .play_done = play_done, .end = end};
