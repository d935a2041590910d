#include "harness/player_steps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/hint.h"
#include "harness/must.h"

const char *player_name_of(const struct player *self, int member)
{
    return self->scenario->members[member].name;
}

struct timeline *player_timeline(const struct player *self)
{
    return stage_timeline(self->stage);
}

/* ---- a line that the harness says ------------------------------------------------------------ */

static enum cause cause_not_said(enum status status)
{
    if (status == STATUS_NOT_FOUND)
        return CAUSE_NOT_ASKED;
    return status == STATUS_CLOSED ? CAUSE_CONNECTION_LOST : CAUSE_NOT_SENT;
}

/* The texts of the line, filled in. */
static bool fill_utterance(struct player *self, const struct line *line,
    struct utterance *utterance, char **text, struct fault *fault)
{
    const struct saying *saying = &line->saying;
    const struct cast_client *client = &self->scenario->members[line->from].client;

    *utterance = (struct utterance){
        .body = saying->body, .bytes = saying->bytes, .len = saying->len, .label = saying->label};
    if (!saying->wire)
        return true;
    self->seen_from = line->to;
    utterance->wire = pattern_fill(saying->wire, &self->scope, fault);
    self->seen_from = -1;
    if (!utterance->wire)
        return false;
    if (saying->body == BODY_LOGIN) {
        json_t *login = form_login(utterance->wire, client->user, client->password);
        json_decref(utterance->wire);
        utterance->wire = login;
        utterance->body = BODY_JSON;
    } else if (saying->body != BODY_JSON) {
        utterance->len = json_string_length(utterance->wire);
        *text = must_copy_bytes(json_string_value(utterance->wire), utterance->len);
        utterance->bytes = *text;
    }
    return true;
}

/* A program comes to a peer when it likes: what is said to it waits for that. */
static bool is_to_guest(const struct player *self, const struct line *line)
{
    const struct member *members = self->scenario->members;

    return members[line->from].kind == MEMBER_PEER && members[line->to].kind == MEMBER_CLIENT;
}

static void keep_reason(struct player *self, const char *text)
{
    free(self->why_not_said);
    self->why_not_said = must_copy(text);
}

static enum step_answer say_line(struct player *self, const struct step *step)
{
    const struct line *line = &step->line;
    struct utterance utterance;
    struct fault fault = {.text = ""};
    char *text = NULL;
    enum status status = STATUS_INVALID;

    if (fill_utterance(self, line, &utterance, &text, &fault))
        status = stage_say(self->stage, line->from, line->to, &utterance, &fault);
    json_decref(utterance.wire);
    free(text);
    if (status == STATUS_OK)
        return STEP_DONE;
    if (status == STATUS_NOT_FOUND && is_to_guest(self, line)) {
        keep_reason(self, fault.text);
        return STEP_WAITS;
    }
    return player_fail(self, step, cause_not_said(status), "%s can't say this: %s",
        player_name_of(self, line->from), fault.text);
}

/* ---- a line that is expected ----------------------------------------------------------------- */

static bool was_refused(const struct event *event)
{
    return strstr(event->bytes, strerror(ECONNREFUSED)) != NULL;
}

enum step_answer player_fail_other(
    struct player *self, const struct step *step, const struct event *event)
{
    const struct line *line = &step->line;
    bool ended = event->kind == EVENT_END;

    player_fail(self, step, ended ? CAUSE_CONNECTION_LOST : CAUSE_OTHER_MESSAGE,
        !ended               ? "%s said something else to %s."
        : was_refused(event) ? "%s refused the connection of %s."
                             : "%s closed the connection to %s instead of saying this.",
        player_name_of(self, line->from), player_name_of(self, line->to));
    verdict_add_line(&self->verdict, line, event, player_timeline(self), &self->scope);
    if (!ended)
        self->verdict.hint =
            hint_other(player_timeline(self), event, player_wants(self, event, true));
    if (!self->verdict.hint)
        self->verdict.hint = hint_disturbed(player_timeline(self), line->from, line->to, ended);
    if (ended || !self->callbacks->on_other)
        return STEP_FAILED;
    self->seen_from = line->from;
    self->callbacks->on_other(step, event, &self->scope, stage_topology(self->stage), self->user);
    self->seen_from = -1;
    return STEP_FAILED;
}

bool player_compare(struct player *self, const struct line *line, const struct event *event)
{
    self->seen_from = line->from;
    bool same = compare_event(&line->saying, event, &self->scope, NULL);
    self->seen_from = -1;
    return same;
}

struct event *player_line_event(const struct player *self, const struct line *line)
{
    return timeline_oldest(
        player_timeline(self), line->from, line->to, line->saying.body == BODY_CLOSE);
}

void player_take_line(struct player *self, const struct step *step, struct event *event)
{
    event->line = step->at.line;
    self->taken = event;
    stage_take(self->stage, event, step->line.saying.label);
}

enum step_answer player_run_line(struct player *self, const struct step *step)
{
    const struct line *line = &step->line;

    if (line->doing)
        return say_line(self, step);
    struct event *event = player_line_event(self, line);
    if (!event)
        return STEP_WAITS;
    if (!player_compare(self, line, event))
        return player_fail_other(self, step, event);
    player_take_line(self, step, event);
    return STEP_DONE;
}

void player_late_line(struct player *self, const struct step *step)
{
    const struct line *line = &step->line;

    if (line->doing) {
        player_fail(self, step, CAUSE_NOT_SENT, "%s could not say this in %g s: %s.",
            player_name_of(self, line->from), step->deadline_s, self->why_not_said);
        return;
    }
    player_fail(self, step, CAUSE_SILENCE,
        "Nothing came from %s to %s in %g s, nor in the %g s after that.",
        player_name_of(self, line->from), player_name_of(self, line->to), step->deadline_s,
        player_late_grace_s);
    verdict_add_line(&self->verdict, line, NULL, player_timeline(self), &self->scope);
    if (self->verdict.cause == CAUSE_SILENCE)
        self->verdict.hint = hint_silence(player_timeline(self), line->from, line->to);
    else
        self->verdict.hint =
            must_print("%s said it to %s.", player_name_of(self, self->verdict.nearest_event->from),
                player_name_of(self, self->verdict.nearest_event->to));
}

/* ---- lists --------------------------------------------------------------------------------------
 */

static enum step_answer run_repeat(struct player *self, const struct step *step)
{
    player_push(self, &step->body, step->times);
    return STEP_DONE;
}

/* ---- quiet ----------------------------------------------------------------------------------- */

static enum step_answer run_quiet(struct player *self, const struct step *step)
{
    for (size_t i = 0; i < step->member_count && !self->entered; i++)
        stage_fence(self->stage, step->members[i]);
    for (size_t i = 0; i < step->member_count; i++)
        if (!stage_is_fenced(self->stage, step->members[i]))
            return STEP_WAITS;
    for (size_t i = 0; i < step->member_count; i++) {
        int client = step->members[i];
        struct event *event = timeline_oldest(
            player_timeline(self), self->scenario->members[client].on, client, true);

        if (!event)
            continue;
        player_fail(self, step, CAUSE_UNEXPECTED, "%s was to hear nothing more.",
            player_name_of(self, client));
        verdict_add_unasked(&self->verdict, event, player_timeline(self));
        return STEP_FAILED;
    }
    return STEP_DONE;
}

static void late_quiet(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_SILENCE,
        "The server did not even answer the dummy that was to show that it is quiet.");
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

static enum step_answer run_never(struct player *self, const struct step *step)
{
    for (size_t i = 0; i < self->never_count; i++)
        if (self->nevers[i] == step) /* in a round before this one */
            return STEP_DONE;
    must_grow(self->nevers, self->never_count);
    self->nevers[self->never_count++] = step;
    return STEP_DONE;
}

static enum step_answer run_note(struct player *self, const struct step *step)
{
    (void)self, (void)step;
    return STEP_DONE;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    enum step_answer (*run)(struct player *self, const struct step *step);
    void (*late)(struct player *self, const struct step *step);
} step_table[] = {
    [STEP_LINE] = {player_run_line, player_late_line},
    [STEP_ANY_ORDER] = {player_run_any_order, player_late_any_order},
    [STEP_TOGETHER] = {player_run_together, player_late_together},
    [STEP_NEVER] = {run_never, NULL},
    [STEP_RESTART] = {player_run_restart, player_late_restart},
    [STEP_REPEAT] = {run_repeat, NULL},
    [STEP_QUIET] = {run_quiet, late_quiet},
    [STEP_SIGNAL] = {player_run_signal, player_late_exit},
    [STEP_DISTURB] = {player_run_disturb, NULL},
    [STEP_HEAL] = {player_run_heal, player_late_heal},
    [STEP_START] = {player_run_start, player_late_start},
    [STEP_EXIT] = {player_run_exit, player_late_exit},
    [STEP_LOG] = {player_run_log, player_late_log},
    [STEP_METRICS] = {player_run_metrics, player_late_metrics},
    [STEP_NOTE] = {run_note, NULL},
};

enum step_answer player_step(struct player *self, const struct step *step)
{
    timeline_set_line(player_timeline(self), step->at.line);
    enum step_answer answer = step_table[step->kind].run(self, step);
    timeline_set_line(player_timeline(self), 0);
    return answer;
}

void player_step_late(struct player *self, const struct step *step)
{
    step_table[step->kind].late(self, step);
}
