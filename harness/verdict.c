#include "harness/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

enum { SHOWN_BYTES_MAX = 4000 };

void verdict_release(struct verdict *self)
{
    free(self->step);
    free(self->how);
    free(self->message);
    free(self->hint);
    free(self->expected);
    free(self->got);
    free(self->nearest);
    differences_release(&self->differences);
    differences_release(&self->nearest_differences);
    *self = (struct verdict){0};
}

char *verdict_headline(const struct verdict *self)
{
    return must_print("%s%s", cause_text(self->cause), self->how ? self->how : "");
}

void verdict_fail(struct verdict *self, enum cause cause, struct where at, const char *step,
    const char *format, ...)
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
}

void verdict_set_how(struct verdict *self, const char *format, ...)
{
    char how[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(how, sizeof(how), format, arguments);
    va_end(arguments);
    free(self->how);
    self->how = must_copy(how);
}

void verdict_add_unasked(
    struct verdict *self, const struct event *event, const struct timeline *timeline)
{
    self->got = event_text(timeline, event, 0);
    self->got_event = event;
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

/* By whether it differs, and whether nobody has asked for it. */
static const char *const nearness[2][2] = {
    {"the same message, which another line took", "the same message"},
    {"another line took it", "nobody asked for it"},
};

static void add_nearest(struct verdict *self, const struct line *line,
    const struct timeline *timeline, struct scope *scope)
{
    size_t away;
    const struct event *event = find_nearest(line, timeline, scope, &away);

    if (!event)
        return;
    self->nearest_event = event;
    if (away == 0 && event->pending && event->to == line->to)
        self->cause = CAUSE_WRONG_SENDER;
    else if (away == 0 && event->pending && event->from == line->from)
        self->cause = CAUSE_WRONG_RECIPIENT;
    self->nearest = event_text(timeline, event, SHOWN_BYTES_MAX);
    self->nearness = nearness[away > 0][event->pending];
    compare_event(&line->saying, event, scope, &self->nearest_differences);
}

void verdict_add_line(struct verdict *self, const struct line *line, const struct event *got,
    const struct timeline *timeline, struct scope *scope)
{
    self->expected = compare_show(&line->saying, line->edge, scope);
    self->from = line->from;
    self->to = line->to;
    if (got) {
        self->got_event = got;
        self->got = event_body_text(got, SHOWN_BYTES_MAX);
        compare_event(&line->saying, got, scope, &self->differences);
    } else if (line->saying.body == BODY_JSON) {
        add_nearest(self, line, timeline, scope);
    }
}
