/* Steps that play several lines in an order of their own. */
#include "harness/player_steps.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* ---- any order ------------------------------------------------------------------------------- */

/* The line that takes the event; or one on its edge that does not; or NULL. */
static const struct step *line_for(
    struct player *self, const struct step *step, const struct event *event, size_t *index)
{
    const struct step *other = NULL;

    for (size_t i = 0; i < step->body.count; i++) {
        const struct step *inner = &step->body.items[i];

        if (self->lines_done[i] || inner->line.from != event->from || inner->line.to != event->to)
            continue;
        *index = i;
        if (player_compare(self, &inner->line, event))
            return inner;
        other = inner;
    }
    *index = step->body.count;
    return other;
}

/* Takes what can be taken on the edge of one line; STEP_WAITS: nothing (more). */
static enum step_answer take_any(struct player *self, const struct step *step, size_t at)
{
    struct event *event = player_line_event(self, &step->body.items[at].line);
    const struct step *inner;
    size_t index;

    if (!event)
        return STEP_WAITS;
    inner = line_for(self, step, event, &index);
    if (!inner)
        return STEP_WAITS;
    if (index == step->body.count) {
        player_fail_other(self, inner, event);
        if (!self->verdict.hint)
            self->verdict.hint =
                must_copy("No line that is left in \"any order\" is this; the last "
                          "of them is compared.");
        return STEP_FAILED;
    }
    self->lines_done[index] = true;
    player_take_line(self, inner, event);
    return STEP_DONE;
}

enum step_answer player_run_any_order(struct player *self, const struct step *step)
{
    bool waits = false;

    if (!self->entered) {
        free(self->lines_done);
        self->lines_done = must_alloc(step->body.count * sizeof(bool));
    }
    for (size_t i = 0; i < step->body.count; i++) {
        enum step_answer answer = STEP_DONE;

        while (!self->lines_done[i] && answer == STEP_DONE)
            answer = take_any(self, step, i);
        if (answer == STEP_FAILED)
            return answer;
    }
    for (size_t i = 0; i < step->body.count; i++)
        waits = waits || !self->lines_done[i];
    return waits ? STEP_WAITS : STEP_DONE;
}

void player_late_any_order(struct player *self, const struct step *step)
{
    for (size_t i = 0; i < step->body.count; i++)
        if (!self->lines_done[i]) {
            player_late_line(self, &step->body.items[i]);
            return;
        }
}

/* ---- together -------------------------------------------------------------------------------- */

/* The strands of a together are steps of kind STEP_STRAND, each with its lines. */
static const struct step *head_of(const struct player *self, const struct step *step, size_t strand)
{
    const struct steps *lines = &step->body.items[strand].body;
    size_t next = self->strands.next[strand];

    return next < lines->count ? &lines->items[next] : NULL;
}

static size_t count_said(const struct steps *lines)
{
    size_t said = 0;

    for (size_t i = 0; i < lines->count; i++)
        said += lines->items[i].line.doing;
    return said;
}

/* The order in which the strands say their lines is chosen before anything is
 * said, so that it depends on the seed alone and not on who is quick. */
static void choose_order(struct player *self, const struct step *step)
{
    struct strands *strands = &self->strands;
    size_t total = 0;

    free(strands->next);
    free(strands->order);
    strands->next = must_alloc(step->body.count * sizeof(size_t));
    for (size_t i = 0; i < step->body.count; i++)
        total += count_said(&step->body.items[i].body);
    strands->order = must_alloc((total + 1) * sizeof(size_t));
    strands->count = strands->at = 0;
    for (size_t i = 0; i < step->body.count; i++)
        for (size_t n = count_said(&step->body.items[i].body); n > 0; n--)
            strands->order[strands->count++] = i;
    for (size_t i = total; i > 1; i--) {
        size_t other = stage_choose(self->stage, (unsigned)i);
        size_t kept = strands->order[i - 1];

        strands->order[i - 1] = strands->order[other];
        strands->order[other] = kept;
    }
}

/* Takes what has come and is the next of some strand; STEP_WAITS: nothing. */
static enum step_answer take_next(struct player *self, const struct step *step)
{
    for (size_t i = 0; i < step->body.count; i++) {
        const struct step *head = head_of(self, step, i);
        struct event *event =
            head && !head->line.doing ? player_line_event(self, &head->line) : NULL;

        if (!event || !player_compare(self, &head->line, event))
            continue;
        player_take_line(self, head, event);
        self->strands.next[i]++;
        return STEP_DONE;
    }
    return STEP_WAITS;
}

static enum step_answer say_next(struct player *self, const struct step *step)
{
    struct strands *strands = &self->strands;
    const struct step *head;

    if (strands->at == strands->count)
        return STEP_WAITS;
    size_t strand = strands->order[strands->at];
    head = head_of(self, step, strand);
    if (!head || !head->line.doing) /* it must hear something first */
        return STEP_WAITS;
    enum step_answer answer = player_run_line(self, head);
    if (answer == STEP_DONE) {
        strands->at++;
        strands->next[strand]++;
    }
    return answer;
}

enum step_answer player_run_together(struct player *self, const struct step *step)
{
    enum step_answer answer = STEP_DONE;

    if (!self->entered)
        choose_order(self, step);
    while (answer == STEP_DONE) {
        answer = take_next(self, step);
        if (answer == STEP_WAITS)
            answer = say_next(self, step);
    }
    if (answer == STEP_FAILED)
        return answer;
    for (size_t i = 0; i < step->body.count; i++)
        if (head_of(self, step, i))
            return STEP_WAITS;
    return STEP_DONE;
}

/* What came instead says more than that nothing did. */
void player_late_together(struct player *self, const struct step *step)
{
    const struct step *silent = NULL;

    for (size_t i = 0; i < step->body.count; i++) {
        const struct step *head = head_of(self, step, i);
        const struct event *event =
            head && !head->line.doing ? player_line_event(self, &head->line) : NULL;

        if (event) {
            player_fail_other(self, head, event);
            return;
        }
        /* Of those that wait to speak only the one whose turn it is: it can't. */
        bool has_turn =
            self->strands.at < self->strands.count && self->strands.order[self->strands.at] == i;
        if (head && (!head->line.doing || (has_turn && !silent)))
            silent = head;
    }
    if (silent)
        player_late_line(self, silent);
}
