#include "harness/player_steps.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/hint.h"
#include "harness/must.h"

static const double DEATH_GRACE_S = 0.2;
const double player_late_grace_s = 1.0;
/* Beside a play's own deadline, which is for its lines: starting and ending a cast takes as long
 * as it takes, be the machine ever so busy. */
static const double CAST_S = 10.;

/* A play may repeat a million rounds; its failure is among the last. */
enum { EVENTS_KEPT = 20000 };

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- the end of the play --------------------------------------------------------------------- */

/* Told from the loop, when nothing of ours is on the call stack. */
static void finish(struct player *self)
{
    ev_timer_stop(self->loop, &self->deadline);
    self->phase = PHASE_DONE;
    self->verdict.ms = now_ms() - self->started_ms;
    ev_feed_event(self->loop, &self->done, EV_CUSTOM);
}

static void on_done(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct player *self = watcher->data;

    (void)loop, (void)events;
    self->callbacks->on_done(self->user);
}

/* A connection that ends may be the first sign of a death, which says more: that
 * is waited for, shortly, before the play fails. */
static void fail(struct player *self)
{
    /* What the verdict points at must stay. */
    timeline_keep(stage_timeline(self->stage), 0);
    bool may_be_death =
        self->verdict.cause == CAUSE_CONNECTION_LOST || self->verdict.cause == CAUSE_LOGIN_REFUSED;

    if (!may_be_death) {
        finish(self);
        return;
    }
    self->phase = PHASE_FAILING;
    ev_timer_stop(self->loop, &self->deadline);
    ev_timer_set(&self->deadline, DEATH_GRACE_S, 0.);
    ev_timer_start(self->loop, &self->deadline);
}

enum step_answer player_fail(
    struct player *self, const struct step *step, enum cause cause, const char *format, ...)
{
    char message[500];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    verdict_fail(&self->verdict, cause, step->at, step->text, "%s", message);
    fail(self);
    return STEP_FAILED;
}

static bool fail_unexpected(struct player *self, bool clients)
{
    const struct steps *steps = &self->scenario->steps;
    struct where at = steps->count ? steps->items[steps->count - 1].at : (struct where){1, 1};
    struct event *event = player_unexpected(self, clients);

    if (!event)
        return false;
    verdict_fail(&self->verdict, CAUSE_UNEXPECTED, at, "the end of the play",
        "Something came that no line of the play asks for.");
    verdict_add_unasked(&self->verdict, event, stage_timeline(self->stage));
    self->verdict.hint = hint_unasked(event);
    finish(self);
    return true;
}

/* ---- step by step ---------------------------------------------------------------------------- */

void player_push(struct player *self, const struct steps *steps, unsigned rounds)
{
    assert(self->depth < PLAYER_DEPTH_MAX);
    self->stack[self->depth++] =
        (struct position){.steps = steps, .rounds = rounds, .mark = self->scope.bindings.count};
}

/* The step that is to be played, or NULL: all are done. */
static const struct step *current_step(struct player *self)
{
    while (self->depth > 0) {
        struct position *top = &self->stack[self->depth - 1];

        if (top->index < top->steps->count)
            return &top->steps->items[top->index];
        if (self->depth > 1) /* what a round has bound is its own */
            bindings_roll_back(&self->scope.bindings, top->mark);
        top->index = 0;
        if (--top->rounds == 0)
            self->depth--;
    }
    return NULL;
}

/* A step that opens a list has pushed it: the index of its own list moves on. */
static void step_done(struct player *self, size_t depth)
{
    self->stack[depth - 1].index++;
    self->entered = self->restarted = false;
    ev_timer_stop(self->loop, &self->deadline);
}

static void step_waits(struct player *self, const struct step *step)
{
    if (self->entered)
        return;
    self->entered = true;
    ev_timer_set(&self->deadline, step->deadline_s, 0.);
    ev_timer_start(self->loop, &self->deadline);
}

static bool is_played_client(const struct member *member)
{
    return member->kind == MEMBER_CLIENT && member_is_played(member);
}

static void begin_heal(struct player *self)
{
    self->phase = PHASE_HEAL;
    ev_timer_stop(self->loop, &self->deadline);
    ev_timer_set(&self->deadline, self->scenario->deadline_s, 0.);
    ev_timer_start(self->loop, &self->deadline);
}

static double patience_s(const struct player *self)
{
    return self->scenario->deadline_s > CAST_S ? self->scenario->deadline_s : CAST_S;
}

static void begin_fence(struct player *self)
{
    self->phase = PHASE_FENCE;
    ev_timer_stop(self->loop, &self->deadline);
    stage_heal(self->stage, -1, -1, true); /* no fence may suffer from it */
    for (size_t i = 0; i < self->scenario->member_count; i++)
        if (is_played_client(&self->scenario->members[i]))
            stage_fence(self->stage, (int)i);
    ev_timer_set(&self->deadline, patience_s(self), 0.);
    ev_timer_start(self->loop, &self->deadline);
}

static void check_fence(struct player *self)
{
    for (size_t i = 0; i < self->scenario->member_count; i++)
        if (is_played_client(&self->scenario->members[i]) && !stage_is_fenced(self->stage, (int)i))
            return;
    ev_timer_stop(self->loop, &self->deadline);
    if (fail_unexpected(self, true) || fail_unexpected(self, false))
        return;
    self->phase = PHASE_ENDING;
    stage_end(self->stage, patience_s(self));
}

static void fail_late(struct player *self, const struct step *step)
{
    player_fail(self, step, CAUSE_LATE, "It came, but only after the %g s that the line gives it.",
        step->deadline_s);
    verdict_set_how(&self->verdict, " BY %.0f ms", now_ms() - self->late_since_ms);
    if (step->kind == STEP_LINE)
        verdict_add_line(
            &self->verdict, &step->line, self->taken, stage_timeline(self->stage), &self->scope);
    if (step->kind == STEP_LINE)
        self->verdict.hint =
            hint_disturbed(stage_timeline(self->stage), step->line.from, step->line.to, true);
}

void player_advance(struct player *self)
{
    const struct step *step;

    if (self->phase == PHASE_MEASURING && player_measure(self)) {
        ev_timer_stop(self->loop, &self->deadline);
        self->phase = PHASE_STEPS;
    }
    while (self->phase == PHASE_STEPS && (step = current_step(self))) {
        size_t depth = self->depth;
        enum step_answer answer = player_step(self, step);

        if (answer == STEP_FAILED)
            return;
        if (answer == STEP_DONE && self->late_since_ms > 0) {
            fail_late(self, step);
            return;
        }
        if (answer == STEP_WAITS) {
            step_waits(self, step);
            return;
        }
        step_done(self, depth);
    }
    if (self->phase == PHASE_STEPS)
        begin_heal(self);
    if (self->phase == PHASE_HEAL && !stage_useless(self->stage, -1, -1, true))
        begin_fence(self);
    if (self->phase == PHASE_FENCE)
        check_fence(self);
}

/* ---- what the stage tells -------------------------------------------------------------------- */

static void on_ready(void *user)
{
    struct player *self = user;

    self->phase = PHASE_MEASURING;
    player_push(self, &self->scenario->steps, 1);
    player_advance(self);
}

static void on_event(struct event *event, void *user)
{
    struct player *self = user;
    bool has_rules = self->scenario->members[event->to].rule_count > 0;

    if (self->phase == PHASE_DONE || self->phase == PHASE_FAILING ||
        player_breaks_never(self, event))
        return;
    if (!player_concerns(self, event->from, event->to))
        stage_take(self->stage, event, NULL);
    else if (has_rules && !player_wants(self, event, false))
        rules_take(self->rules, event, &self->scope.fresh);
}

static void on_line(const struct event *event, void *user)
{
    struct player *self = user;

    if (self->callbacks->on_line)
        self->callbacks->on_line(stage_timeline(self->stage), event, self->user);
}

static void on_turn(void *user)
{
    player_advance(user);
}

/* How somebody died, and what was awaited then. */
static void add_death(struct player *self, const struct step *step, const char *how)
{
    /* "chat was killed by signal 9", but "PEER DIED: killed by signal 9". */
    verdict_set_how(&self->verdict, ": %s", strncmp(how, "was ", 4) == 0 ? how + 4 : how);
    if (step && step->kind == STEP_LINE && !step->line.doing)
        verdict_add_line(
            &self->verdict, &step->line, NULL, stage_timeline(self->stage), &self->scope);
    self->verdict.cause = CAUSE_PEER_DIED;
}

static void on_trouble(int member, enum cause cause, const char *text, void *user)
{
    struct player *self = user;
    const struct member *cast = member >= 0 ? &self->scenario->members[member] : NULL;
    struct where at = cast ? cast->at : (struct where){1, 1};
    const struct step *step = current_step(self);

    if (self->phase == PHASE_DONE || (self->phase == PHASE_FAILING && cause != CAUSE_PEER_DIED))
        return;
    if (self->phase == PHASE_FAILING)
        verdict_release(&self->verdict);
    if (step && cause == CAUSE_PEER_DIED)
        at = step->at;
    verdict_fail(&self->verdict, cause, at, step ? step->text : NULL, "%s%s%s",
        cast ? cast->name : "", cast ? ": " : "", text);
    if (cause == CAUSE_PEER_DIED)
        add_death(self, step, text);
    if (cast && (cause == CAUSE_PEER_DIED || cause == CAUSE_WRONG_END))
        self->verdict.hint = hint_last_words(stage_timeline(self->stage), member);
    fail(self);
}

static void on_ended(void *user)
{
    struct player *self = user;

    if (self->phase == PHASE_ENDING && !fail_unexpected(self, false))
        finish(self);
}

static const struct stage_callbacks stage_callbacks = {.on_ready = on_ready,
    .on_event = on_event,
    .on_line = on_line,
    .on_turn = on_turn,
    .on_trouble = on_trouble,
    .on_ended = on_ended};

static void wait_a_little(struct player *self)
{
    self->late_since_ms = now_ms();
    ev_timer_set(&self->deadline, player_late_grace_s, 0.);
    ev_timer_start(self->loop, &self->deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct player *self = watcher->data;
    const struct step *step;

    (void)loop, (void)events;
    if (self->phase == PHASE_FAILING) {
        finish(self);
        return;
    }
    if (self->phase == PHASE_HEAL) {
        player_fail_useless(self, stage_useless(self->stage, -1, -1, true));
        return;
    }
    if (self->phase == PHASE_STEPS && (step = current_step(self))) {
        if (self->late_since_ms == 0)
            wait_a_little(self);
        else
            player_step_late(self, step);
        return;
    }
    if (self->phase == PHASE_STARTING)
        verdict_fail(&self->verdict, CAUSE_NOT_STARTED, (struct where){1, 1}, NULL, "%s",
            "The cast was not ready in time: not every server serves, or not every client is "
            "logged in.");
    else if (self->phase == PHASE_MEASURING)
        verdict_fail(&self->verdict, CAUSE_SILENCE, self->scenario->members[self->measuring].at,
            NULL, "What the metrics of %s are as the play begins could not be read: %s.",
            self->scenario->members[self->measuring].name,
            self->metrics_fault ? self->metrics_fault : "it has not answered");
    else
        verdict_fail(&self->verdict, CAUSE_SILENCE, (struct where){1, 1}, NULL,
            "A server did not answer the dummy that was to show that nothing more comes.");
    finish(self);
}

/* ---- life ------------------------------------------------------------------------------------ */

static char *expand(const char *name, void *user)
{
    struct player *self = user;

    return topology_expand(stage_topology(self->stage), name, self->seen_from);
}

struct player *player_new(struct ev_loop *loop, struct streams *streams,
    const struct scenario *scenario, const struct programs *programs,
    const struct player_callbacks *callbacks, void *user)
{
    struct player *self = must_alloc(sizeof(*self));

    *self = (struct player){.loop = loop,
        .scenario = scenario,
        .callbacks = callbacks,
        .user = user,
        .seen_from = -1,
        .scope = {.expand = expand, .user = self}};
    self->log_seen = must_alloc(scenario->member_count * sizeof(*self->log_seen));
    self->stage = stage_new(loop, streams, scenario, programs, &stage_callbacks, self);
    self->rules = rules_new(loop, scenario, self->stage);
    self->scrape = scrape_new(loop, player_on_metrics, self);
    self->baselines = must_alloc(scenario->member_count * sizeof(*self->baselines));
    self->measuring = -1;
    timeline_keep(stage_timeline(self->stage), EVENTS_KEPT);
    ev_init(&self->deadline, on_deadline);
    ev_init(&self->done, on_done);
    ev_set_priority(&self->done, EV_MINPRI);
    self->deadline.data = self->done.data = self;
    return self;
}

void player_seed(struct player *self, uint64_t seed)
{
    stage_seed(self->stage, seed);
}

void player_start(struct player *self)
{
    self->started_ms = now_ms();
    ev_timer_set(&self->deadline, patience_s(self), 0.);
    ev_timer_start(self->loop, &self->deadline);
    stage_start(self->stage);
}

struct timeline *player_take(struct player *self, struct verdict *verdict)
{
    *verdict = self->verdict;
    self->verdict = (struct verdict){0};
    return stage_take_timeline(self->stage);
}

void player_free(struct player *self)
{
    if (!self)
        return;
    ev_timer_stop(self->loop, &self->deadline);
    ev_clear_pending(self->loop, &self->done);
    rules_free(self->rules);
    player_metrics_release(self);
    stage_free(self->stage);
    bindings_release(&self->scope.bindings);
    verdict_release(&self->verdict);
    free(self->lines_done);
    free(self->strands.next);
    free(self->strands.order);
    free(self->nevers);
    free(self->log_seen);
    free(self->why_not_said);
    free(self);
}
