/* Steps about processes: their start, their end, and what they write. */
#include "harness/player_steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/hint.h"
#include "harness/must.h"

/* ---- processes ------------------------------------------------------------------------------- */

static bool is_gone(const struct player *self, int member)
{
    int wait_status;

    return !stage_has_process(self->stage, member) ||
           stage_has_ended(self->stage, member, &wait_status);
}

/* Whoever is killed is not dead at once: until then others could still reach him. */
enum step_answer player_run_signal(struct player *self, const struct step *step)
{
    struct fault fault;

    if (!self->entered &&
        stage_signal(self->stage, step->member, step->signal, &fault) != STATUS_OK)
        return player_fail(self, step, CAUSE_NOT_SENT, "%s", fault.text);
    return step->signal != SIGKILL || is_gone(self, step->member) ? STEP_DONE : STEP_WAITS;
}

enum step_answer player_run_start(struct player *self, const struct step *step)
{
    if (!self->entered)
        stage_start_one(self->stage, step->member);
    return stage_serves(self->stage, step->member) ? STEP_DONE : STEP_WAITS;
}

/* What it kept in its directory is still there. */
enum step_answer player_run_restart(struct player *self, const struct step *step)
{
    struct fault fault;

    if (!self->entered && !is_gone(self, step->member) &&
        stage_signal(self->stage, step->member, step->signal, &fault) != STATUS_OK)
        return player_fail(self, step, CAUSE_NOT_SENT, "%s", fault.text);
    if (!self->restarted && !is_gone(self, step->member))
        return STEP_WAITS;
    if (!self->restarted)
        stage_start_one(self->stage, step->member);
    self->restarted = true;
    return stage_serves(self->stage, step->member) ? STEP_DONE : STEP_WAITS;
}

void player_late_start(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_NOT_STARTED, "%s runs, but takes no connections after %g s.",
        player_name_of(self, step->member), step->deadline_s);
}

void player_late_restart(struct player *self, const struct step *step)
{
    if (self->restarted)
        player_late_start(self, step);
    else
        player_late_exit(self, step);
}

/* An exit status is a number, a death by signal the text "signal 9". */
static json_t *end_value(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return must_json(json_sprintf("signal %d", WTERMSIG(wait_status)));
    return must_json(json_integer(WEXITSTATUS(wait_status)));
}

enum step_answer player_run_exit(struct player *self, const struct step *step)
{
    struct differences *differences = &self->verdict.differences;
    int wait_status;

    if (!stage_has_process(self->stage, step->member))
        return player_fail(self, step, CAUSE_NOT_SENT, "%s was never started.",
            player_name_of(self, step->member));
    stage_expect_end(self->stage, step->member);
    if (!stage_has_ended(self->stage, step->member, &wait_status))
        return STEP_WAITS;
    json_t *value = end_value(wait_status);
    bool same = pattern_match(step->pattern, value, 0, &self->scope, differences);
    json_decref(value);
    if (same)
        return STEP_DONE;
    player_fail(self, step, CAUSE_WRONG_END, "%s has ended, but otherwise.",
        player_name_of(self, step->member));
    self->verdict.hint = hint_last_words(player_timeline(self), step->member);
    return STEP_FAILED;
}

void player_late_exit(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_NOT_ENDED, "%s has not ended in %g s.",
        player_name_of(self, step->member), step->deadline_s);
    self->verdict.hint = hint_not_ended(player_timeline(self), step->member);
}

/* The lines of a log are taken in order; those between are passed over. */
enum step_answer player_run_log(struct player *self, const struct step *step)
{
    uint64_t *seen = &self->log_seen[step->member];

    for (const struct event *event = timeline_first(player_timeline(self)); event;
         event = event->next) {
        if (event->kind != EVENT_LOG || event->from != step->member || event->number <= *seen)
            continue;
        json_t *line = json_stringn(event->bytes, event->len);
        bool same = line && pattern_match(step->pattern, line, 0, &self->scope, NULL);
        json_decref(line);
        if (!same)
            continue;
        *seen = event->number;
        return STEP_DONE;
    }
    return STEP_WAITS;
}

void player_late_log(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_SILENCE, "%s wrote no such line in %g s.",
        player_name_of(self, step->member), step->deadline_s);
    self->verdict.expected = must_dump(step->pattern);
}
