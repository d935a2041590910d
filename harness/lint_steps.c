/* What the steps prove, wait for and disturb. */
#include "harness/lint_find.h"

#include "harness/must.h"

/* ---- proof ----------------------------------------------------------------------------------- */

/* Steps that do something, or hold others. All the rest ask for something. */
static const bool asks_for_nothing[] = {
    [STEP_ANY_ORDER] = true,
    [STEP_TOGETHER] = true,
    [STEP_STRAND] = true,
    [STEP_REPEAT] = true,
    [STEP_SIGNAL] = true,
    [STEP_START] = true,
    [STEP_RESTART] = true,
    [STEP_DISTURB] = true,
    [STEP_HEAL] = true,
    [STEP_NOTE] = true,
};
enum { KIND_COUNT = sizeof(asks_for_nothing) / sizeof(asks_for_nothing[0]) };

static bool asks(const struct step *step)
{
    if (step->kind == STEP_LINE)
        return !step->line.doing;
    return (size_t)step->kind >= KIND_COUNT || !asks_for_nothing[step->kind];
}

static bool expects(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (asks(&steps->items[i]) || expects(&steps->items[i].body))
            return true;
    return false;
}

void lint_proves_nothing(struct lint *self)
{
    const struct source *source = &self->scenario->source;

    if (json_object_get(source->root, "steps") && !expects(&self->scenario->steps))
        lint_find(self, source_where_member(source, source->root, "steps"),
            "no step expects anything: whatever the servers do, this passes");
}

/* ---- waits ----------------------------------------------------------------------------------- */

static void look_at_wait(struct lint *self, const struct step *step)
{
    if (step->kind == STEP_DISTURB && step->disturbance.kind == DISTURBANCE_DELAY &&
        !lint_has_reason(self, step->at))
        lint_find(self, step->at, "a delay of %u ms, and no note that says what it shows",
            step->disturbance.ms);
}

void lint_wait_without_reason(struct lint *self)
{
    const struct scenario *scenario = self->scenario;

    for (size_t i = 0; i < scenario->member_count; i++)
        for (size_t j = 0; j < scenario->members[i].rule_count; j++) {
            const struct rule *rule = &scenario->members[i].rules[j];

            if (rule->delay_s > 0 && !lint_has_reason(self, rule->at))
                lint_find(self, rule->at, "an answer %.0f ms late, and no note that says why",
                    rule->delay_s * 1000);
        }
    lint_each_step(&scenario->steps, look_at_wait, self);
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* What passes behind a fault, until it is healed. */
struct traffic {
    const struct lint *lint;
    const struct disturbance *fault;
    bool told; /* what passes there stands in lines */
    bool begun;
    bool healed;
    bool found;
};

/* Played, and without rules of its own: what it says stands in lines. */
static bool is_told(const struct member *member)
{
    return member->kind != MEMBER_SERVER && member_is_played(member) && member->rule_count == 0;
}

static bool same_edge(const struct disturbance *fault, int from, int to)
{
    return (fault->from == from && fault->to == to) ||
           (fault->both && fault->from == to && fault->to == from);
}

/* A fence passes between a client and its server, both ways. */
static bool fence_passes(const struct traffic *self, const struct step *step)
{
    for (size_t i = 0; i < step->member_count; i++) {
        int client = step->members[i];
        int server = lint_member(self->lint, client)->on;

        if (same_edge(self->fault, client, server) || same_edge(self->fault, server, client))
            return true;
    }
    return false;
}

static bool passes(const struct traffic *self, const struct step *step)
{
    /* Somebody says something, or a process starts and does: more can't be told. */
    if (!self->told)
        return (step->kind == STEP_LINE && step->line.doing) || step->kind == STEP_QUIET ||
               step->kind == STEP_START || step->kind == STEP_RESTART;
    return step->kind == STEP_LINE ? same_edge(self->fault, step->line.from, step->line.to)
                                   : fence_passes(self, step);
}

static void follow(struct traffic *self, const struct steps *steps)
{
    for (size_t i = 0; i < steps->count && !self->found && !self->healed; i++) {
        const struct step *step = &steps->items[i];
        const struct disturbance *heal = &step->disturbance;

        if (step->kind == STEP_DISTURB && heal == self->fault)
            self->begun = true;
        else if (self->begun && step->kind == STEP_HEAL)
            self->healed = same_edge(self->fault, heal->from, heal->to) ||
                           same_edge(heal, self->fault->from, self->fault->to);
        else if (self->begun)
            self->found = passes(self, step);
        follow(self, &step->body);
        /* The first lines of the next round. */
        if (self->begun && step->kind == STEP_REPEAT && step->times > 1)
            follow(self, &step->body);
    }
}

static void look_at_fault(struct lint *self, const struct step *step)
{
    const struct disturbance *fault = &step->disturbance;

    if (step->kind != STEP_DISTURB)
        return;
    struct traffic traffic = {.lint = self,
        .fault = fault,
        .told = !fault->both && is_told(lint_member(self, fault->from))};
    follow(&traffic, &self->scenario->steps);
    if (!traffic.found)
        lint_find(self, step->at,
            "nothing passes between %s and %s while this lasts: it touches no frame",
            lint_member(self, fault->from)->name, lint_member(self, fault->to)->name);
}

void lint_fault_without_traffic(struct lint *self)
{
    lint_each_step(&self->scenario->steps, look_at_fault, self);
}
