/* What of all that came a play asks for: now, later, or not at all. */
#include "harness/player_steps.h"

/* ---- what nobody asked for ------------------------------------------------------------------- */

static bool names_pair(const struct steps *steps, int a, int b)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        const struct line *line = &step->line;

        if (step->kind == STEP_LINE &&
            ((line->from == a && line->to == b) || (line->from == b && line->to == a)))
            return true;
        if (names_pair(&step->body, a, b))
            return true;
    }
    return false;
}

/* Between two that play themselves, only what the play names concerns it. */
bool player_concerns(const struct player *self, int from, int to)
{
    const struct member *members = self->scenario->members;

    return member_is_played(&members[from]) || member_is_played(&members[to]) ||
           names_pair(&self->scenario->steps, from, to);
}

struct event *player_unexpected(struct player *self, bool clients)
{
    const struct member *members = self->scenario->members;
    int count = (int)self->scenario->member_count;

    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++) {
            struct event *event = timeline_oldest(stage_timeline(self->stage), from, to, false);

            if (event && (members[to].kind == MEMBER_CLIENT) == clients &&
                player_concerns(self, from, to))
                return event;
        }
    return NULL;
}

bool player_breaks_never(struct player *self, const struct event *event)
{
    for (size_t i = 0; i < self->never_count; i++) {
        const struct step *step = self->nevers[i];
        const struct line *line = &step->line;
        size_t mark = self->scope.bindings.count;

        if (line->from != event->from || line->to != event->to ||
            !player_compare(self, line, event))
            continue;
        bindings_roll_back(&self->scope.bindings, mark);
        player_fail(self, step, CAUSE_UNEXPECTED, "%s said to %s what it was never to say.",
            player_name_of(self, line->from), player_name_of(self, line->to));
        verdict_add_unasked(&self->verdict, event, player_timeline(self));
        return true;
    }
    return false;
}

/* ---- whether a line to come wants an event --------------------------------------------------- */

static const struct step *list_wants(
    struct player *self, const struct steps *steps, size_t first, const struct event *event)
{
    for (size_t i = first; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        size_t mark = self->scope.bindings.count;

        if (step->kind == STEP_LINE && !step->line.doing && step->line.from == event->from &&
            step->line.to == event->to &&
            compare_event(&step->line.saying, event, &self->scope, NULL)) {
            bindings_roll_back(&self->scope.bindings, mark);
            return step;
        }
        const struct step *inner = list_wants(self, &step->body, 0, event);
        if (inner)
            return inner;
    }
    return NULL;
}

const struct step *player_wants(struct player *self, const struct event *event, bool later)
{
    const struct step *step = NULL;

    self->seen_from = event->from;
    for (size_t i = self->depth; i > 0 && !step; i--) {
        const struct position *position = &self->stack[i - 1];
        size_t next = position->index + (later && i == self->depth);

        step = list_wants(self, position->steps, position->rounds > 1 ? 0 : next, event);
    }
    self->seen_from = -1;
    return step;
}
