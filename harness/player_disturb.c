/* Steps that disturb edges, and heal them. */
#include "harness/must.h"
#include "harness/player_steps.h"

enum step_answer player_run_disturb(struct player *self, const struct step *step)
{
    stage_disturb(self->stage, &step->disturbance);
    return STEP_DONE;
}

/* What is to be touched may still be on its way: that is waited for. */
enum step_answer player_run_heal(struct player *self, const struct step *step)
{
    const struct disturbance *edge = &step->disturbance;

    if (stage_useless(self->stage, edge->from, edge->to, edge->both))
        return STEP_WAITS;
    stage_heal(self->stage, edge->from, edge->to, edge->both);
    return STEP_DONE;
}

/* The mistake is where the step stands that was to disturb. */
void player_fail_useless(struct player *self, const struct disturbance *what)
{
    const char *name = disturbance_name(what->kind);
    struct step step = {.at = what->at, .text = (char *)name};

    player_fail(self, &step, CAUSE_NO_EFFECT, "The \"%s\" has touched nothing from %s to %s%s.",
        name, player_name_of(self, what->from), player_name_of(self, what->to),
        what->both ? ", and nothing back" : "");
    if (what->kind == DISTURBANCE_REFUSE)
        self->verdict.hint =
            must_copy("nobody tried to connect meanwhile; who was connected before stays so");
}

void player_late_heal(struct player *self, const struct step *step)
{
    const struct disturbance *edge = &step->disturbance;

    player_fail_useless(self, stage_useless(self->stage, edge->from, edge->to, edge->both));
}
