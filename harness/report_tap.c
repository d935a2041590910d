#include "harness/report_tap.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void report_tap_begin(FILE *out, size_t plays)
{
    fprintf(out, "TAP version 14\n1..%zu\n", plays);
    fflush(out);
}

/* In a description, # would begin a directive. */
static void print_description(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    }
}

/* A member of the YAML block; a text of any kind and length as a literal block. */
static void print_block(FILE *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(out, "  %s: |\n", name);
    while (*text) {
        size_t len = strcspn(text, "\n");

        fprintf(out, "    %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void print_differences(FILE *out, const struct differences *differences)
{
    if (differences->count == 0)
        return;
    fprintf(out, "  differences: |\n");
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];

        fprintf(out, "    %s: expected %s, got %s\n",
            difference->path[0] ? difference->path : "all of it", difference->expected,
            difference->got);
    }
}

static void print_failure(FILE *out, const struct scenario *scenario, const struct verdict *verdict)
{
    fprintf(out, "  ---\n  at: \"%s:%u\"\n  cause: \"%s\"\n", scenario->source.path,
        verdict->at.line, cause_text(verdict->cause));
    if (verdict->step)
        fprintf(out, "  line: \"%s\"\n", verdict->step);
    print_block(out, "message", verdict->message);
    print_differences(out, &verdict->differences);
    print_block(out, "expected", verdict->expected);
    print_block(out, "got", verdict->got);
    print_block(out, "nearest", verdict->nearest);
    print_block(out, "timeline", verdict->timeline);
    fprintf(out, "  ...\n");
}

void report_tap_play(
    FILE *out, size_t number, const struct scenario *scenario, const struct verdict *verdict)
{
    bool passed = verdict->cause == CAUSE_NONE;

    fprintf(out, "%s %zu - ", passed ? "ok" : "not ok", number);
    print_description(out, scenario->source.path);
    fprintf(out, ": ");
    print_description(out, scenario->name);
    fprintf(out, " (%.0f ms)\n", verdict->ms);
    if (!passed)
        print_failure(out, scenario, verdict);
    fflush(out);
}

void report_tap_bail_out(FILE *out, const char *why)
{
    fprintf(out, "Bail out! %s\n", why);
    fflush(out);
}
