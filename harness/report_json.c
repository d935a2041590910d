/* Everything that a run knows, for programs. docs/reports.md describes the form;
 * members may be added to it, none changes its meaning. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/report.h"
#include "libbester/json.h"

enum { FORM_VERSION = 1, FRAME_BYTES_MAX = 64 << 10, TEXT_BYTES_MAX = 600 };

/* ---- members --------------------------------------------------------------------------------- */

static void put_text(FILE *out, struct span text)
{
    struct bytes token;

    bytes_init(&token, text.len * 6 + 2);
    if (json_quote(&token, text) == STATUS_OK)
        fwrite(bytes_span(&token).at, 1, token.len, out);
    else
        fputs("null", out);
    bytes_release(&token);
}

/* Nothing at all for NULL. */
static void put_member(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, ",\"%s\":", name);
    put_text(out, span_of(text));
}

/* ---- the timeline ---------------------------------------------------------------------------- */

static const char *name_of(const struct timeline *timeline, int member)
{
    return member < 0 ? NULL : timeline_scenario(timeline)->members[member].name;
}

static const char *mark_of(const struct verdict *verdict, const struct event *event)
{
    if (event == verdict->got_event)
        return "got";
    return event == verdict->nearest_event ? "nearest" : NULL;
}

static void put_frame(FILE *out, const struct event *event)
{
    char *frame = event_wire(event, JSON_COMPACT);

    if (!frame)
        return;
    fprintf(out, ",\"bytes\":%zu", event->len);
    if (strlen(frame) <= FRAME_BYTES_MAX)
        fprintf(out, ",\"frame\":%s", frame);
    free(frame);
}

static void put_event(FILE *out, const struct attempt *attempt, const struct event *event)
{
    const struct timeline *timeline = attempt->timeline;
    char *text = event_body_text(event, TEXT_BYTES_MAX);

    fprintf(out, "{\"ms\":%.3f,\"kind\":\"%s\"", event->at_ms, event_kind_text(event->kind));
    put_member(out, "from", name_of(timeline, event->from));
    put_member(out, "to", name_of(timeline, event->to));
    if (event->line > 0)
        fprintf(out, ",\"line\":%u", event->line);
    put_member(out, "mark", mark_of(&attempt->verdict, event));
    if (event->pending && !event->optional)
        fputs(",\"unasked\":true", out);
    put_member(out, "text", text);
    put_frame(out, event);
    fputc('}', out);
    free(text);
}

static void put_timeline(FILE *out, const struct attempt *attempt)
{
    const char *comma = "";

    fputs(",\"timeline\":[", out);
    for (const struct event *event = timeline_first(attempt->timeline); event;
         event = event->next) {
        fputs(comma, out);
        put_event(out, attempt, event);
        comma = ",";
    }
    fputc(']', out);
}

/* ---- a play ---------------------------------------------------------------------------------- */

static void put_differences(FILE *out, const char *name, const struct differences *differences)
{
    fprintf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];

        fprintf(out, "%s{\"path\":", i ? "," : "");
        put_text(out, span_of(difference->path));
        put_member(out, "expected", difference->expected);
        put_member(out, "got", difference->got);
        fputc('}', out);
    }
    fputc(']', out);
}

static void put_failure(FILE *out, const struct verdict *verdict)
{
    char *headline = verdict_headline(verdict);

    fputs(",\"failure\":{\"cause\":", out);
    put_text(out, span_of(cause_text(verdict->cause)));
    put_member(out, "headline", headline);
    fprintf(out, ",\"line\":%u,\"column\":%u", verdict->at.line, verdict->at.column);
    put_member(out, "step", verdict->step);
    put_member(out, "message", verdict->message);
    put_member(out, "hint", verdict->hint);
    put_differences(out, "differences", &verdict->differences);
    put_member(out, "expected", verdict->expected);
    put_member(out, "got", verdict->got);
    put_member(out, "nearest", verdict->nearest);
    put_member(out, "nearness", verdict->nearness);
    if (verdict->nearest)
        put_differences(out, "nearestDifferences", &verdict->nearest_differences);
    fputc('}', out);
    free(headline);
}

static void put_attempt(FILE *out, const struct attempt *attempt)
{
    bool passed = attempt->verdict.cause == CAUSE_NONE;

    fprintf(out, "{\"passed\":%s,\"ms\":%.3f", passed ? "true" : "false", attempt->verdict.ms);
    if (!passed)
        put_failure(out, &attempt->verdict);
    put_timeline(out, attempt);
    fputc('}', out);
}

static void put_proves(FILE *out, const struct scenario *scenario)
{
    if (!scenario->proves)
        return;
    char *list = must_dump(scenario->proves);
    fprintf(out, ",\"proves\":%s", list);
    free(list);
}

static void play_done(FILE *out, const struct summary *summary,
    const struct performance *performance, struct report_room *room)
{
    char *replay = performance_replay(performance, summary);

    fprintf(out, "%s\n{\"number\":%zu", room->plays++ ? "," : "", performance->number);
    put_member(out, "file", performance->scenario->source.path);
    put_member(out, "play", performance->scenario->name);
    put_proves(out, performance->scenario);
    fprintf(out, ",\"seed\":%" PRIu64, performance->seed);
    put_member(out, "result", result_text(performance->result));
    put_member(out, "reason", performance->reason);
    if (performance->result == RESULT_FAILED || performance->result == RESULT_FLAKY)
        put_member(out, "replay", replay);
    free(replay);
    fprintf(out, ",\"ms\":%.3f,\"attempts\":[", performance_ms(performance));
    for (size_t i = 0; i < performance->attempt_count; i++) {
        fputs(i ? "," : "", out);
        put_attempt(out, &performance->attempts[i]);
    }
    fputs("]}", out);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void begin(FILE *out, const struct summary *summary, const struct report_room *room)
{
    char started[32];
    struct tm parts;

    (void)room;
    gmtime_r(&summary->started, &parts);
    strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(out,
        "{\"form\":\"bester-harness-report\",\"version\":%d,\"harness\":\"%s\","
        "\"started\":\"%s\",\"ms\":%.3f,\"jobs\":%u,\"seed\":%u,\"rounds\":%u,\"interrupted\":%s,"
        "\"good\":%s,"
        "\"counts\":{\"planned\":%zu",
        FORM_VERSION, BESTER_VERSION, started, summary->ms, summary->jobs, summary->seed,
        summary->rounds, summary->interrupted ? "true" : "false",
        !summary->interrupted && summary_bad(summary) == 0 ? "true" : "false", summary->planned);
    for (size_t i = 0; i < RESULT_COUNT; i++)
        fprintf(out, ",\"%s\":%zu", result_text(i), summary->counts[i]);
    fputs("},\"plays\":[", out);
}

static void end(FILE *out, const struct summary *summary, const struct report_room *room)
{
    (void)summary, (void)room;
    fputs("\n]}\n", out);
}

const struct report_form report_json = {.begin = begin, .play_done = play_done, .end = end};
