/* Steps about what a server says of itself in numbers. */
#include "harness/player_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* A metric that changes is no event: how soon to ask again for what is not so yet. */
static const double ASK_AGAIN_S = 0.01;

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask(struct player *self, int server, double after_s)
{
    char path[256];
    size_t len;

    topology_server_dir(stage_topology(self->stage), server, path, sizeof(path));
    len = strlen(path);
    snprintf(path + len, sizeof(path) - len, "/" METRICS_FILE);
    scrape_ask(self->scrape, path, after_s);
}

void player_on_metrics(enum status status, struct span text, void *user)
{
    struct player *self = user;
    struct fault fault = {.text = ""};

    exposition_release(&self->metrics);
    free(self->metrics_fault);
    self->metrics_fault = NULL;
    if (status != STATUS_OK)
        self->metrics_fault = must_copy_bytes(text.at, text.len);
    else if (exposition_read(&self->metrics, text, &fault) != STATUS_OK)
        self->metrics_fault = must_copy(fault.text);
    self->metrics_told = true;
    player_advance(self);
}

/* ---- as the play begins ---------------------------------------------------------------------- */

/* One that is started by a step begins at nothing. */
static bool wants_baseline(const struct player *self, int member)
{
    const struct member *cast = &self->scenario->members[member];

    return cast->server.tells_change && !cast->starts_later;
}

bool player_measure(struct player *self)
{
    if (self->measuring >= 0 && self->metrics_told && !self->metrics_fault) {
        self->baselines[self->measuring++] = self->metrics;
        self->metrics = (struct exposition){0};
        self->metrics_told = false;
    }
    if (self->measuring < 0)
        self->measuring = 0;
    while (self->measuring < (int)self->scenario->member_count &&
           !wants_baseline(self, self->measuring))
        self->measuring++;
    if (self->measuring == (int)self->scenario->member_count)
        return true;
    ask(self, self->measuring, self->metrics_told ? ASK_AGAIN_S : 0);
    self->metrics_told = false;
    return false;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* A whole number as one. */
static json_t *number_value(double number)
{
    bool whole = number >= -9e15 && number <= 9e15 && number == (double)(long long)number;

    return must_json(whole ? json_integer((json_int_t)number) : json_real(number));
}

static double sum_of(const struct exposition *exposition, const struct metric_want *want)
{
    double sum = 0;

    exposition_sum(exposition, want->name, want->labels, &sum);
    return sum;
}

/* A server that has been started again since then has begun at nothing. */
static bool is_of_same_process(const struct exposition *a, const struct exposition *b)
{
    static const char start[] = "process_start_time_seconds";
    double began_a = 0;
    double began_b = 0;

    return exposition_sum(a, start, NULL, &began_a) == exposition_sum(b, start, NULL, &began_b) &&
           began_a == began_b;
}

static bool holds(enum relation relation, double value, double number)
{
    switch (relation) {
    case RELATION_AT_LEAST:
        return value >= number;
    case RELATION_AT_MOST:
        return value <= number;
    case RELATION_MORE:
        return value > number;
    case RELATION_LESS:
        return value < number;
    default:
        return value == number;
    }
}

static char *want_text(const struct metric_want *want)
{
    const char *relation = want->relation == RELATION_EQUAL ? "" : relation_word(want->relation);
    const char *gap = *relation ? " " : "";
    json_t *number = number_value(want->number);
    char *value = must_dump(want->pattern ? want->pattern : number);
    char *text = must_print("%s%s%s%s", want->change ? "a change of " : "", relation, gap, value);

    free(value);
    json_decref(number);
    return text;
}

static void add_difference(struct differences *out, const struct metric_want *want, char *got)
{
    must_grow(out->items, out->count);
    out->items[out->count++] = (struct difference){
        .path = must_copy(want->selector), .expected = want_text(want), .got = got};
}

static char *absent_text(const struct player *self, const struct metric_want *want)
{
    const char *nearest = exposition_nearest(&self->metrics, want->name);

    return nearest ? must_print("no metric of that name; the nearest is %s", nearest)
                   : must_copy("no metric of that name");
}

static char *got_text(const struct metric_want *want, double now, double change)
{
    json_t *value = number_value(want->change ? change : now);
    json_t *whole = number_value(now);
    char *number = must_dump(value);
    char *absolute = must_dump(whole);
    char *text = want->change ? must_print("%s (it is %s)", number, absolute) : must_copy(number);

    json_decref(value);
    json_decref(whole);
    free(number);
    free(absolute);
    return text;
}

/* out may be NULL. */
static bool check_want(struct player *self, const struct step *step, const struct metric_want *want,
    struct differences *out)
{
    const struct exposition *before = &self->baselines[step->member];
    double now = 0;

    if (!exposition_sum(&self->metrics, want->name, want->labels, &now)) {
        if (out)
            add_difference(out, want, absent_text(self, want));
        return false;
    }
    double change = is_of_same_process(before, &self->metrics) ? now - sum_of(before, want) : now;
    double value = want->change ? change : now;
    json_t *number = number_value(value);
    bool good = want->pattern ? pattern_match(want->pattern, number, 0, &self->scope, NULL)
                              : holds(want->relation, value, want->number);
    json_decref(number);
    if (!good && out)
        add_difference(out, want, got_text(want, now, change));
    return good;
}

/* Binds only if all is as it is wanted. */
static bool check_all(struct player *self, const struct step *step, struct differences *out)
{
    size_t mark = self->scope.bindings.count;
    bool good = true;

    for (size_t i = 0; i < step->want_count; i++)
        good = check_want(self, step, &step->wants[i], out) && good;
    if (!good)
        bindings_roll_back(&self->scope.bindings, mark);
    return good;
}

/* ---- the step -------------------------------------------------------------------------------- */

enum step_answer player_run_metrics(struct player *self, const struct step *step)
{
    bool told = self->entered && self->metrics_told;

    if (told && !self->metrics_fault && check_all(self, step, NULL)) {
        timeline_note(player_timeline(self), step->member, "metrics as expected");
        self->metrics_told = false;
        return STEP_DONE;
    }
    self->metrics_told = false;
    ask(self, step->member, told ? ASK_AGAIN_S : 0);
    return STEP_WAITS;
}

void player_late_metrics(struct player *self, const struct step *step)
{
    const char *name = player_name_of(self, step->member);

    if (self->metrics_fault || self->metrics.count == 0) {
        player_fail(self, step, CAUSE_SILENCE, "The metrics of %s could not be read: %s.", name,
            self->metrics_fault ? self->metrics_fault : "it has not answered");
        return;
    }
    player_fail(self, step, CAUSE_OTHER_VALUE,
        "The metrics of %s are not as expected, and did not become so in %g s.", name,
        step->deadline_s);
    check_all(self, step, &self->verdict.differences);
}

void player_metrics_release(struct player *self)
{
    scrape_free(self->scrape);
    exposition_release(&self->metrics);
    for (size_t i = 0; i < self->scenario->member_count; i++)
        exposition_release(&self->baselines[i]);
    free(self->baselines);
    free(self->metrics_fault);
}
