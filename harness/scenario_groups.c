/* Steps that hold lines of their own. */
#include <string.h>

#include "harness/must.h"
#include "harness/scenario_load.h"

bool load_any_order(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    step->kind = STEP_ANY_ORDER;
    if (!load_steps(self, value, &step->body, depth + 1))
        return false;
    for (size_t i = 0; i < step->body.count; i++) {
        const struct step *inner = &step->body.items[i];

        if (inner->kind != STEP_LINE || inner->line.doing)
            return load_fail(
                self, inner->at, "in \"any order\" stand lines that are expected, nothing else");
    }
    (void)object;
    return true;
}

static bool load_strand(
    struct loader *self, const json_t *list, struct step *strand, const json_t *all, size_t index)
{
    strand->kind = STEP_STRAND;
    strand->at = source_where_element(&self->scenario->source, all, index);
    strand->text = must_copy("together");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return load_fail(self, strand->at, "in \"together\" stand lists of lines");
    /* Captures are shared: nothing is known of which strand is first. */
    if (!load_into(self, list, &strand->body, 2))
        return false;
    for (size_t i = 0; i < strand->body.count; i++)
        if (strand->body.items[i].kind != STEP_LINE)
            return load_fail(self, strand->body.items[i].at,
                "in the lists of \"together\" stand lines, nothing else");
    return true;
}

bool load_together(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    bool ok = true;

    (void)depth;
    step->kind = STEP_TOGETHER;
    if (json_array_size(value) < 2)
        return load_fail_member(
            self, object, "together", "\"together\" wants a list of two or more lists of lines");
    json_t *outside = self->bound;
    json_t *all = must_json(json_copy(outside));
    for (size_t i = 0; ok && i < json_array_size(value); i++) {
        /* No strand may count on what another has bound. */
        self->bound = must_json(json_copy(outside));
        must_grow(step->body.items, step->body.count);
        step->body.items[step->body.count++] = (struct step){.deadline_s = step->deadline_s};
        ok = load_strand(
            self, json_array_get(value, i), &step->body.items[step->body.count - 1], value, i);
        json_object_update(all, self->bound);
        json_decref(self->bound);
    }
    json_decref(outside);
    self->bound = all;
    return ok;
}

bool load_never(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    const char *arrow = json_object_iter_key(json_object_iter((json_t *)value));
    json_t *outside = self->bound;

    (void)depth;
    if (json_object_size(value) != 1 || !strchr(arrow, '>'))
        return load_fail_member(self, object, "never", "\"never\" wants one line: {\"A > B\": …}");
    /* What it would bind, it never does. */
    self->bound = must_json(json_copy(outside));
    bool ok = load_line(self, value, arrow, step);
    json_decref(self->bound);
    self->bound = outside;
    step->kind = STEP_NEVER;
    if (ok && step->line.doing)
        return load_fail_member(self, value, arrow,
            "\"%s\" is played by the harness, which says only what the play says",
            self->scenario->members[step->line.from].name);
    return ok;
}
