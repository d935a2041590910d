#include "harness/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

enum { SHOWN_BYTES_MAX = 4000, TIMELINE_BYTES_MAX = 4 << 20 };

void verdict_release(struct verdict *self)
{
    free(self->step);
    free(self->message);
    free(self->expected);
    free(self->got);
    free(self->nearest);
    free(self->timeline);
    differences_release(&self->differences);
    *self = (struct verdict){0};
}

static char *timeline_text(const struct timeline *timeline)
{
    struct bytes out;
    char *text;

    bytes_init(&out, TIMELINE_BYTES_MAX);
    /* What does not fit is the end of a very long play: what is there still tells. */
    enum status status = timeline_print(timeline, &out);
    text = must_print("%.*s%s", (int)out.len, out.len ? bytes_span(&out).at : "",
        status == STATUS_OK ? "" : "(and more)\n");
    bytes_release(&out);
    return text;
}

void verdict_fail(struct verdict *self, enum cause cause, struct where at, const char *step,
    const struct timeline *timeline, const char *format, ...)
{
    char message[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    self->cause = cause;
    self->at = at;
    self->step = step ? must_copy(step) : NULL;
    self->message = must_copy(message);
    self->timeline = timeline_text(timeline);
}

/* ---- the nearest message --------------------------------------------------------------------- */

/* How many places of a message differ from a line; nothing is bound. */
static size_t distance(const struct saying *saying, const struct event *event, struct scope *scope)
{
    struct differences differences = {0};
    size_t mark = scope->bindings.count;

    compare_event(saying, event, scope, &differences);
    bindings_roll_back(&scope->bindings, mark);
    size_t count = differences.count;
    differences_release(&differences);
    return count;
}

/* Where the wrong turn was: a message of the same form that came elsewhere. */
static const struct event *find_nearest(
    const struct line *line, const struct timeline *timeline, struct scope *scope, size_t *nearest)
{
    const struct event *found = NULL;

    *nearest = SIZE_MAX;
    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        if (event->kind != EVENT_FRAME || event->aside || event->edge != line->edge)
            continue;
        size_t away = distance(&line->saying, event, scope);
        /* Of two that are equally near, the one that nobody asked for, then the later. */
        if (away < *nearest || (found && away == *nearest && event->pending >= found->pending)) {
            *nearest = away;
            found = event;
        }
    }
    return found;
}

static void add_nearest(struct verdict *self, const struct line *line,
    const struct timeline *timeline, struct scope *scope)
{
    size_t away;
    const struct event *event = find_nearest(line, timeline, scope, &away);

    if (!event)
        return;
    if (away == 0 && event->pending && event->to == line->to)
        self->cause = CAUSE_WRONG_SENDER;
    else if (away == 0 && event->pending && event->from == line->from)
        self->cause = CAUSE_WRONG_RECIPIENT;
    char *text = event_text(timeline, event, SHOWN_BYTES_MAX);
    const char *pending = event->pending ? "" : ", which another line took";
    if (away == 0)
        self->nearest = must_print("%s\n(the same message%s)", text, pending);
    else
        self->nearest = must_print("%s\n(%zu place%s differ%s%s)", text, away, away == 1 ? "" : "s",
            away == 1 ? "s" : "", pending);
    free(text);
}

void verdict_add_line(struct verdict *self, const struct line *line, const struct event *got,
    const struct timeline *timeline, struct scope *scope)
{
    self->expected = compare_show(&line->saying, line->edge);
    if (got) {
        self->got = event_body_text(got, SHOWN_BYTES_MAX);
        compare_event(&line->saying, got, scope, &self->differences);
    } else if (line->saying.body == BODY_JSON) {
        add_nearest(self, line, timeline, scope);
    }
}
