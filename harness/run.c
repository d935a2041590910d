#include "harness/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness/accept.h"
#include "harness/ladder.h"
#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/player.h"
#include "harness/progress.h"

enum { SIGNAL_COUNT = 3 };

static const int signal_numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};

/* How far plays may run ahead of one that has not ended: theirs wait to be told. */
enum { AHEAD_MAX = 5000 };

/* One play of a run, from its start until it is told. */
struct item {
    struct run *run;
    struct item *later;
    struct player *player; /* while it plays */
    struct performance performance;
    struct accept *accept; /* NULL: nothing was rewritten */
    char *skipped;         /* why it is not played; or NULL */
    bool over;             /* its performance waits for those before it to be told */
};

struct run {
    const struct run_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct programs programs;
    struct schedule schedule;
    struct item *first; /* in their order, those that are not told yet */
    struct item *last;
    size_t started;
    size_t told;
    size_t playing;
    bool failed;      /* some play has */
    bool not_written; /* some play that was accepted */
    struct ladder *ladder;
    struct summary summary;
    double began_ms;
    struct reports *reports;
    struct progress *progress;
    ev_signal signals[SIGNAL_COUNT];
    ev_timer start; /* never started: fed */
};

/* ---- playing --------------------------------------------------------------------------------- */

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The next of the schedule, or NULL. */
static struct item *item_new(struct run *run)
{
    uint64_t seed;
    const struct scenario *scenario = schedule_next(&run->schedule, &seed);
    struct item *self;

    if (!scenario)
        return NULL;
    self = must_alloc(sizeof(*self));
    *self = (struct item){.run = run,
        .skipped = programs_lack(&run->programs, scenario),
        .performance = {.number = ++run->started, .scenario = scenario, .seed = seed}};
    *(run->last ? &run->last->later : &run->first) = self;
    run->last = self;
    return self;
}

static void tell_first(struct run *self)
{
    struct item *item = self->first;

    bool passed = item->performance.result == RESULT_PASSED;
    if (item->accept && !accept_finish(item->accept, passed, run_diff_output(self->options)))
        self->not_written = true;

    self->first = item->later;
    if (!self->first)
        self->last = NULL;
    self->told++;
    reports_play_done(self->reports, &self->summary, &item->performance);
    performance_release(&item->performance);
    accept_free(item->accept);
    free(item->skipped);
    free(item);
}

static void tell_reports(struct run *self)
{
    if (!self->first || !self->first->over)
        return;
    progress_hide(self->progress);
    while (self->first && self->first->over)
        tell_first(self);
}

static void item_over(struct item *self)
{
    struct run *run = self->run;

    self->over = true;
    run->summary.counts[self->performance.result]++;
    run->failed = run->failed || summary_is_bad(&run->summary, self->performance.result);
}

static void item_skip(struct item *self)
{
    self->performance.result = RESULT_SKIPPED;
    self->performance.reason = self->skipped;
    item_over(self);
    tell_reports(self->run);
}

static void item_play(struct item *self);

static void on_other(const struct step *step, const struct event *event, struct scope *scope,
    const struct topology *topology, void *user)
{
    struct item *item = user;
    const struct scenario *scenario = item->performance.scenario;

    if (!item->run->options->accept)
        return;
    if (!item->accept)
        item->accept = accept_new(scenario);
    accept_note(item->accept, scenario, step, event, scope, topology);
}

/* Whether it plays again, with a line rewritten. */
static bool plays_rewritten(struct item *self, struct verdict *verdict, struct timeline *timeline)
{
    const struct scenario *scenario =
        self->accept && verdict->cause == CAUSE_OTHER_MESSAGE ? accept_rewrite(self->accept) : NULL;

    if (!scenario)
        return false;
    verdict_release(verdict);
    timeline_free(timeline);
    self->performance.scenario = scenario;
    item_play(self);
    return true;
}

static void on_done(void *user)
{
    struct item *item = user;
    struct run *self = item->run;
    struct verdict verdict;
    struct timeline *timeline = player_take(item->player, &verdict);

    player_free(item->player);
    item->player = NULL;
    if (plays_rewritten(item, &verdict, timeline))
        return;
    performance_add(&item->performance, &verdict, timeline);
    if (item->performance.result == RESULT_FAILED &&
        item->performance.attempt_count <= self->options->retry) {
        item_play(item);
        return;
    }
    item_over(item);
    self->playing--;
    tell_reports(self);
    progress_update(self->progress);
    ev_feed_event(self->loop, &self->start, EV_CUSTOM);
}

static void on_line(const struct timeline *timeline, const struct event *event, void *user)
{
    const struct item *item = user;

    ladder_show(item->run->ladder, timeline, event);
}

static const struct player_callbacks quiet_callbacks = {.on_done = on_done, .on_other = on_other};
static const struct player_callbacks ladder_callbacks = {
    .on_done = on_done, .on_line = on_line, .on_other = on_other};

static void item_play(struct item *self)
{
    struct run *run = self->run;

    self->player = player_new(run->loop, run->streams, self->performance.scenario, &run->programs,
        run->options->ladder ? &ladder_callbacks : &quiet_callbacks, self);
    player_seed(self->player, self->performance.seed);
    player_start(self->player);
}

static bool may_start(const struct run *self)
{
    return self->playing < self->summary.jobs && self->started - self->told < AHEAD_MAX &&
           !(self->failed && self->options->until_fail);
}

static void start_more(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct run *self = watcher->data;
    struct item *item;

    (void)events;
    while (may_start(self) && (item = item_new(self))) {
        if (item->skipped) {
            item_skip(item);
            continue;
        }
        self->playing++;
        item_play(item);
    }
    if (self->playing == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct run *self = watcher->data;

    (void)events;
    self->summary.interrupted = true;
    ev_break(loop, EVBREAK_ALL);
}

static void watch_signals(struct run *self)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        ev_signal_init(&self->signals[i], on_signal, signal_numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
}

/* What was interrupted has no performance, unless an attempt before had failed. */
static void end_item(struct item *self)
{
    if (self->over)
        return;
    if (self->performance.attempt_count == 0) {
        self->performance.result = RESULT_NOT_RUN;
        self->performance.reason = self->player ? "interrupted while it played"
                                                : "the run was interrupted before its turn";
    }
    player_free(self->player);
    self->player = NULL;
    item_over(self);
}

/* A run that was to end with a failure has no plays beyond those that were started. */
static void end_items(struct run *self)
{
    for (struct item *item = self->first; item; item = item->later)
        end_item(item);
    tell_reports(self);
    while (!self->options->until_fail && self->started < self->summary.planned) {
        end_item(item_new(self));
        tell_reports(self);
    }
    self->summary.planned = self->started;
}

static struct progress_state ask_progress(void *user)
{
    const struct run *self = user;
    struct progress_state state = {.summary = &self->summary, .playing = self->playing};

    for (const struct item *item = self->first; item && !state.longest; item = item->later)
        if (item->player)
            state.longest = item->performance.scenario->source.path;
    return state;
}

/* From here on a signal ends nothing by itself: before the loop it waits until that
 * watches for it; after, the reports are to be written whole, and whether one came shows
 * in the exit status. */
static void hold_signals(bool hold)
{
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&held, signal_numbers[i]);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &held, NULL);
}

static bool signal_is_held(void)
{
    sigset_t pending;
    bool held = false;

    sigemptyset(&pending);
    sigpending(&pending);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        held = held || sigismember(&pending, signal_numbers[i]) == 1;
    return held;
}

static void play_all(struct run *self)
{
    self->summary.started = time(NULL);
    self->began_ms = now_ms();
    ev_init(&self->start, start_more);
    self->start.data = self;
    watch_signals(self);
    reports_begin(self->reports, &self->summary);
    if (self->options->ladder)
        self->ladder = ladder_new(stdout, self->options->verbose);
    else
        self->progress = progress_new(self->loop, stderr, ask_progress, self);
    ev_feed_event(self->loop, &self->start, EV_CUSTOM);
    hold_signals(false);
    ev_run(self->loop, 0);
    hold_signals(true);
    end_items(self);
    self->summary.ms = now_ms() - self->began_ms;
    progress_end(self->progress);
    progress_free(self->progress);
    ladder_free(self->ladder);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        ev_signal_stop(self->loop, &self->signals[i]);
}

/* ---- the run --------------------------------------------------------------------------------- */

static unsigned jobs_of(const struct run_options *options)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->ladder)
        return 1; /* two conversations at once can't be read */
    if (options->jobs)
        return options->jobs;
    return processors > 0 ? (unsigned)processors : 1;
}

static int complain(int status, const struct fault *fault)
{
    fprintf(stderr, "harness: %s\n", fault->text);
    return status;
}

/* Everything is loaded. */
static int play(struct run *self)
{
    struct fault fault;

    hold_signals(true);
    orphans_adopt();
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    play_all(self);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    orphans_end();
    int status = summary_bad(&self->summary) ? EXIT_PLAYS_FAILED : 0;
    if (self->not_written)
        status = EXIT_LOCAL_IO;
    if (reports_end(self->reports, &self->summary, &fault) != STATUS_OK) {
        complain(EXIT_LOCAL_IO, &fault);
        status = status ? status : EXIT_LOCAL_IO;
    }
    return self->summary.interrupted || signal_is_held() ? EXIT_INTERRUPTED : status;
}

/* Which servers are run, and what they have. With nothing but plays that are skipped,
 * a run without end would be idle without end. */
static enum status learn_programs(struct run *self, struct fault *fault)
{
    const struct run_options *options = self->options;
    struct schedule *schedule = &self->schedule;
    bool asks = false;
    bool plays = false;
    enum status status = STATUS_OK;

    if (options->server)
        status = programs_use_server(&self->programs, options->server, fault);
    for (size_t i = 0; i < schedule->count; i++)
        asks = asks || schedule->plays[i].tells_needs;
    if (status == STATUS_OK)
        status = programs_learn(&self->programs, options->has, asks, fault);
    for (size_t i = 0; i < schedule->count && status == STATUS_OK; i++) {
        char *lack = programs_lack(&self->programs, &schedule->plays[i]);
        plays = plays || !lack;
        free(lack);
    }
    if (!plays && schedule->options.rounds == 0)
        schedule->options.rounds = 1;
    return status;
}

static int prepare(struct run *self, char *const *arguments, size_t count)
{
    const struct run_options *options = self->options;
    struct scenario_options load = {.deadline_s = options->deadline_s};
    struct fault fault;
    struct schedule_options schedule = options->schedule;

    if (schedule.rounds == 0 && !options->until_fail)
        schedule.rounds = 1;
    int status = schedule_open(&self->schedule, arguments, count, &schedule, &load);
    if (status != 0)
        return status;
    if (programs_find(&self->programs, options->besterd, &fault) != STATUS_OK)
        return complain(EXIT_LOCAL_IO, &fault);
    enum status known = learn_programs(self, &fault);
    if (known != STATUS_OK)
        return complain(known == STATUS_INVALID ? EXIT_USAGE : EXIT_LOCAL_IO, &fault);
    enum status made = reports_new(&self->reports, options->reports, &fault);
    if (made != STATUS_OK)
        return complain(made == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE, &fault);
    self->summary = (struct summary){.planned = schedule_size(&self->schedule),
        .rounds = schedule.rounds,
        .seed = schedule.seed,
        .jobs = jobs_of(options),
        .allow_flaky = options->allow_flaky,
        .until_fail = options->until_fail};
    return 0;
}

int run_plays(const struct run_options *options, char *const *arguments, size_t count)
{
    struct run self = {.options = options};
    char *command = run_command_of(options);
    int status = prepare(&self, arguments, count);

    self.summary.command = command;
    if (status == 0)
        status = play(&self);
    schedule_close(&self.schedule);
    reports_free(self.reports);
    programs_release(&self.programs);
    free(command);
    return status;
}
