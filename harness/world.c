#include "harness/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/rules.h"

enum { LINE_BYTES_MAX = 2000, EVENTS_KEPT = 2000 };

/* How long what is under way when it is to end may take. */
static const double DONE_MAX_S = 2.0;

struct world {
    const struct world_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct scenario scenario;
    struct programs programs;
    struct stage *stage;
    struct rules *rules;
    struct commands *commands;
    unsigned fresh;
    ev_signal signals[3];
    ev_timer patience; /* runs: it is to end, but something is under way */
    uint64_t last;     /* the number of the last event before the servers were to end */
    uint64_t logins;   /* of the last event that was looked at */
    size_t started;    /* commands */
    bool next_waits;   /* for the one before it to log in or to end */
    bool ending;       /* the stage was asked to */
    int status;
};

/* ---- the end --------------------------------------------------------------------------------- */

static void end_stage(struct world *self)
{
    if (self->ending)
        return;
    const struct event *last = timeline_last(stage_timeline(self->stage));

    self->ending = true;
    self->last = last ? last->number : 0;
    ev_timer_stop(self->loop, &self->patience);
    stage_end(self->stage, self->options->deadline_s);
}

static void look_whether_done(struct world *self)
{
    if (ev_is_active(&self->patience) && self->options->is_done(self->stage, self->options->user))
        end_stage(self);
}

static void end(struct world *self, int status)
{
    if (self->ending || ev_is_active(&self->patience))
        return;
    self->status = status;
    if (!self->options->is_done) {
        end_stage(self);
        return;
    }
    ev_timer_start(self->loop, &self->patience);
    look_whether_done(self);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    end_stage(watcher->data);
}

/* While a command has the terminal, what is typed there is its own business. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct world *self = watcher->data;

    (void)events;
    if (watcher->signum == SIGINT && commands_run(self->commands) && !self->options->interruptible)
        return;
    if (self->ending) /* asked twice: now */
        ev_break(loop, EVBREAK_ALL);
    else if (ev_is_active(&self->patience))
        end_stage(self);
    if (!self->options->interruptible)
        commands_signal(self->commands, SIGTERM);
    end(self, 0);
}

/* ---- the commands ---------------------------------------------------------------------------- */

static void start_command(struct world *self)
{
    struct fault fault;

    if (self->ending || ev_is_active(&self->patience) ||
        self->started == self->options->command_count)
        return;
    self->started++;
    self->next_waits = true;
    if (commands_next(self->commands, stage_topology(self->stage), &fault) == STATUS_OK)
        return;
    fprintf(stderr, "harness: %s\n", fault.text);
    end(self, EXIT_LOCAL_IO);
}

static void start_next(struct world *self)
{
    if (!self->next_waits)
        return;
    self->next_waits = false;
    start_command(self);
}

static void on_command_end(const char *text, int status, void *user)
{
    struct world *self = user;

    if (status != 0 && self->options->command_count > 1)
        fprintf(stderr, "harness: the command ended with %d: %s\n", status, text);
    if (text == self->options->commands[self->started - 1])
        start_next(self);
}

static void on_commands_over(int status, void *user)
{
    struct world *self = user;

    end(self, self->options->tells_status ? status : 0);
}

static const struct commands_callbacks commands_callbacks = {
    .on_end = on_command_end, .on_over = on_commands_over};

/* One who is in has everything that he needs; the next may come. */
static bool is_good_login(const struct event *event)
{
    const json_t *header = json_object_get(event->json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));

    return event->aside && event->edge == EDGE_SERVER_CLIENT && status &&
           strcmp(status, "good") == 0;
}

static void look_for_logins(struct world *self)
{
    const struct event *last = timeline_last(stage_timeline(self->stage));
    const struct event *event = last;
    uint64_t seen = self->logins;

    if (!last || self->options->command_count < 2)
        return;
    self->logins = last->number;
    for (; event->number > seen; event = event->prev) {
        if (is_good_login(event) && self->scenario.members[event->to].client.guest)
            start_next(self);
        if (event == timeline_first(stage_timeline(self->stage)))
            break;
    }
}

/* ---- what the stage tells -------------------------------------------------------------------- */

static void on_ready(void *user)
{
    struct world *self = user;

    if (self->options->command_count > 0)
        start_command(self);
    else if (self->options->on_ready)
        self->options->on_ready(self->stage, self->options->user);
}

static void on_event(struct event *event, void *user)
{
    struct world *self = user;

    if (rules_take(self->rules, event, &self->fresh))
        return;
    stage_take(self->stage, event, NULL);
}

static void on_line(const struct event *event, void *user)
{
    (void)event, (void)user; /* the ladder follows the timeline */
}

static void on_turn(void *user)
{
    struct world *self = user;

    if (self->options->ladder && !self->ending)
        ladder_follow(self->options->ladder, stage_timeline(self->stage));
    look_for_logins(self);
    look_whether_done(self);
}

/* What the members wrote says why. */
static void on_trouble(int member, enum cause cause, const char *text, void *user)
{
    struct world *self = user;
    const struct timeline *timeline = stage_timeline(self->stage);

    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        if (event->kind != EVENT_LOG && event->kind != EVENT_NOTE)
            continue;
        char *line = event_text(timeline, event, LINE_BYTES_MAX);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
    fprintf(stderr, "harness: %s: %s%s%s\n", cause_text(cause),
        member >= 0 ? self->scenario.members[member].name : "", member >= 0 ? ": " : "", text);
    self->status = EXIT_INTERNAL;
    ev_break(self->loop, EVBREAK_ALL);
}

static void on_ended(void *user)
{
    struct world *self = user;

    ev_break(self->loop, EVBREAK_ALL);
}

static const struct stage_callbacks callbacks = {.on_ready = on_ready,
    .on_event = on_event,
    .on_line = on_line,
    .on_turn = on_turn,
    .on_trouble = on_trouble,
    .on_ended = on_ended};

/* ---- life ------------------------------------------------------------------------------------ */

static void watch_signals(struct world *self)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
}

static void over(struct world *self)
{
    const struct event *last = timeline_last(stage_timeline(self->stage));

    /* A member that died ended it. */
    if (self->last == 0 && last)
        self->last = last->number;
    if (self->options->on_over)
        self->options->on_over(self->stage, self->last, self->options->user);
}

static void play(struct world *self)
{
    const struct world_options *options = self->options;

    orphans_adopt();
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    watch_signals(self);
    ev_timer_init(&self->patience, on_patience, DONE_MAX_S, 0.);
    self->patience.data = self;
    self->commands = commands_new(
        self->loop, options->commands, options->command_count, &commands_callbacks, self);
    self->stage =
        stage_new(self->loop, self->streams, &self->scenario, &self->programs, &callbacks, self);
    self->rules = rules_new(self->loop, &self->scenario, self->stage);
    timeline_keep(stage_timeline(self->stage), options->keeps_all ? 0 : EVENTS_KEPT);
    stage_start(self->stage);
    ev_run(self->loop, 0);
    commands_free(self->commands);
    over(self);
    rules_free(self->rules);
    stage_free(self->stage);
    ev_timer_stop(self->loop, &self->patience);
    for (size_t i = 0; i < sizeof(self->signals) / sizeof(self->signals[0]); i++)
        ev_signal_stop(self->loop, &self->signals[i]);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    orphans_end();
}

int world_play(const struct world_options *options, struct scenario *scenario)
{
    struct world self = {.options = options, .scenario = *scenario};
    struct fault fault;

    if (options->on_loaded)
        options->on_loaded(&self.scenario, options->user);
    if (!options->unwatched)
        scenario_add_guests(&self.scenario);
    if (programs_find(&self.programs, options->besterd, &fault) == STATUS_OK) {
        play(&self);
    } else {
        fprintf(stderr, "harness: %s\n", fault.text);
        self.status = EXIT_LOCAL_IO;
    }
    scenario_release(&self.scenario);
    return self.status;
}

int world_play_file(const struct world_options *options, const char *path)
{
    struct scenario_options load = {.deadline_s = options->deadline_s, .world = true};
    struct scenario scenario;
    struct mistake mistake;

    enum status status = scenario_load(&scenario, path, &load, &mistake);
    if (status == STATUS_OK)
        return world_play(options, &scenario);
    fprintf(stderr, "%s:%u:%u: %s\n", path, mistake.at.line, mistake.at.column, mistake.text);
    return status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
}
