#include "harness/player_steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/hint.h"
#include "harness/must.h"

static const char *name_of(const struct player *self, int member)
{
    return self->scenario->members[member].name;
}

static struct timeline *timeline_of(const struct player *self)
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
    return player_fail(self, step, cause_not_said(status), "%s can't say this: %s",
        name_of(self, line->from), fault.text);
}

/* ---- a line that is expected ----------------------------------------------------------------- */

static enum step_answer fail_other(
    struct player *self, const struct step *step, const struct event *event)
{
    const struct line *line = &step->line;
    bool ended = event->kind == EVENT_END;

    player_fail(self, step, ended ? CAUSE_CONNECTION_LOST : CAUSE_OTHER_MESSAGE,
        ended ? "%s closed the connection to %s instead of saying this."
              : "%s said something else to %s.",
        name_of(self, line->from), name_of(self, line->to));
    verdict_add_line(&self->verdict, line, event, timeline_of(self), &self->scope);
    if (!ended)
        self->verdict.hint = hint_other(timeline_of(self), event, player_wants(self, event, true));
    return STEP_FAILED;
}

static bool compare(struct player *self, const struct line *line, const struct event *event)
{
    self->seen_from = line->from;
    bool same = compare_event(&line->saying, event, &self->scope, NULL);
    self->seen_from = -1;
    return same;
}

static struct event *oldest(const struct player *self, const struct line *line)
{
    return timeline_oldest(
        timeline_of(self), line->from, line->to, line->saying.body == BODY_CLOSE);
}

static void take(struct player *self, const struct step *step, struct event *event)
{
    event->line = step->at.line;
    self->taken = event;
    stage_take(self->stage, event, step->line.saying.label);
}

static enum step_answer run_line(struct player *self, const struct step *step)
{
    const struct line *line = &step->line;

    if (line->doing)
        return say_line(self, step);
    struct event *event = oldest(self, line);
    if (!event)
        return STEP_WAITS;
    if (!compare(self, line, event))
        return fail_other(self, step, event);
    take(self, step, event);
    return STEP_DONE;
}

static void late_line(struct player *self, const struct step *step)
{
    const struct line *line = &step->line;

    player_fail(self, step, CAUSE_SILENCE,
        "Nothing came from %s to %s in %g s, nor in the %g s after that.",
        name_of(self, line->from), name_of(self, line->to), step->deadline_s, player_late_grace_s);
    verdict_add_line(&self->verdict, line, NULL, timeline_of(self), &self->scope);
    self->verdict.hint = hint_silence(timeline_of(self), line->from, line->to);
}

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
        if (compare(self, &inner->line, event))
            return inner;
        other = inner;
    }
    *index = step->body.count;
    return other;
}

/* Takes what can be taken on the edge of one line; STEP_WAITS: nothing (more). */
static enum step_answer take_any(struct player *self, const struct step *step, size_t at)
{
    struct event *event = oldest(self, &step->body.items[at].line);
    const struct step *inner;
    size_t index;

    if (!event)
        return STEP_WAITS;
    inner = line_for(self, step, event, &index);
    if (!inner)
        return STEP_WAITS;
    if (index == step->body.count)
        return fail_other(self, inner, event);
    self->lines_done[index] = true;
    take(self, inner, event);
    return STEP_DONE;
}

static enum step_answer run_any_order(struct player *self, const struct step *step)
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

static void late_any_order(struct player *self, const struct step *step)
{
    for (size_t i = 0; i < step->body.count; i++)
        if (!self->lines_done[i]) {
            late_line(self, &step->body.items[i]);
            return;
        }
}

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
        struct event *event =
            timeline_oldest(timeline_of(self), self->scenario->members[client].on, client, true);

        if (!event)
            continue;
        player_fail(
            self, step, CAUSE_UNEXPECTED, "%s was to hear nothing more.", name_of(self, client));
        verdict_add_unasked(&self->verdict, event, timeline_of(self));
        return STEP_FAILED;
    }
    return STEP_DONE;
}

static void late_quiet(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_SILENCE,
        "The server did not even answer the dummy that was to show that it is quiet.");
}

/* ---- processes ------------------------------------------------------------------------------- */

static bool is_gone(const struct player *self, int member)
{
    int wait_status;

    return !stage_has_process(self->stage, member) ||
           stage_has_ended(self->stage, member, &wait_status);
}

/* Whoever is killed is not dead at once: until then others could still reach him. */
static enum step_answer run_signal(struct player *self, const struct step *step)
{
    struct fault fault;

    if (!self->entered &&
        stage_signal(self->stage, step->member, step->signal, &fault) != STATUS_OK)
        return player_fail(self, step, CAUSE_NOT_SENT, "%s", fault.text);
    return step->signal != SIGKILL || is_gone(self, step->member) ? STEP_DONE : STEP_WAITS;
}

static enum step_answer run_start(struct player *self, const struct step *step)
{
    stage_start_one(self->stage, step->member);
    return STEP_DONE;
}

/* An exit status is a number, a death by signal the text "signal 9". */
static json_t *end_value(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return must_json(json_sprintf("signal %d", WTERMSIG(wait_status)));
    return must_json(json_integer(WEXITSTATUS(wait_status)));
}

static enum step_answer run_exit(struct player *self, const struct step *step)
{
    struct differences *differences = &self->verdict.differences;
    int wait_status;

    if (!stage_has_process(self->stage, step->member))
        return player_fail(
            self, step, CAUSE_NOT_SENT, "%s was never started.", name_of(self, step->member));
    stage_expect_end(self->stage, step->member);
    if (!stage_has_ended(self->stage, step->member, &wait_status))
        return STEP_WAITS;
    json_t *value = end_value(wait_status);
    bool same = pattern_match(step->pattern, value, 0, &self->scope, differences);
    json_decref(value);
    if (same)
        return STEP_DONE;
    return player_fail(
        self, step, CAUSE_WRONG_END, "%s has ended, but otherwise.", name_of(self, step->member));
}

static void late_exit(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_NOT_ENDED, "%s has not ended in %g s.",
        name_of(self, step->member), step->deadline_s);
}

/* The lines of a log are taken in order; those between are passed over. */
static enum step_answer run_log(struct player *self, const struct step *step)
{
    uint64_t *seen = &self->log_seen[step->member];

    for (const struct event *event = timeline_first(timeline_of(self)); event;
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

static void late_log(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_SILENCE, "%s wrote no such line in %g s.",
        name_of(self, step->member), step->deadline_s);
    self->verdict.expected = must_dump(step->pattern);
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
    [STEP_LINE] = {run_line, late_line},
    [STEP_ANY_ORDER] = {run_any_order, late_any_order},
    [STEP_REPEAT] = {run_repeat, NULL},
    [STEP_QUIET] = {run_quiet, late_quiet},
    [STEP_SIGNAL] = {run_signal, late_exit},
    [STEP_START] = {run_start, NULL},
    [STEP_EXIT] = {run_exit, late_exit},
    [STEP_LOG] = {run_log, late_log},
    [STEP_NOTE] = {run_note, NULL},
};

enum step_answer player_step(struct player *self, const struct step *step)
{
    timeline_set_line(timeline_of(self), step->at.line);
    enum step_answer answer = step_table[step->kind].run(self, step);
    timeline_set_line(timeline_of(self), 0);
    return answer;
}

void player_step_late(struct player *self, const struct step *step)
{
    step_table[step->kind].late(self, step);
}
