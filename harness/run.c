#include "harness/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/paths.h"
#include "harness/player.h"
#include "harness/progress.h"

enum { LINE_BYTES_MAX = 2000, SIGNAL_COUNT = 3 };

static const int signal_numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};

/* One play of a run. */
struct item {
    struct run *run;
    struct scenario scenario;
    bool loaded;
    struct player *player; /* while it plays */
    struct performance performance;
    bool over; /* its performance waits for those before it to be told */
};

struct run {
    const struct run_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct programs programs;
    struct item *items;
    size_t count;
    size_t next; /* to start */
    size_t told; /* performances that the reports know */
    size_t playing;
    struct summary summary;
    double began_ms;
    struct reports *reports;
    struct progress *progress;
    ev_signal signals[SIGNAL_COUNT];
    ev_timer start; /* never started: fed */
};

/* ---- loading --------------------------------------------------------------------------------- */

static int load_all(struct run *self, const struct paths *paths)
{
    struct scenario_options options = {.deadline_s = self->options->deadline_s};
    int status = 0;

    for (size_t i = 0; i < paths->count; i++) {
        struct item *item = &self->items[i];
        struct mistake mistake;

        item->run = self;
        item->performance = (struct performance){.number = i + 1, .scenario = &item->scenario};
        enum status loaded = scenario_load(&item->scenario, paths->items[i], &options, &mistake);
        item->loaded = loaded == STATUS_OK;
        if (item->loaded)
            continue;
        fprintf(stderr, "%s:%u:%u: %s\n", paths->items[i], mistake.at.line, mistake.at.column,
            mistake.text);
        status = loaded == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
    }
    return status;
}

/* ---- playing --------------------------------------------------------------------------------- */

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void item_forget(struct item *self)
{
    performance_release(&self->performance);
    if (self->loaded)
        scenario_release(&self->scenario);
    self->loaded = false;
}

static void tell_reports(struct run *self)
{
    if (self->told == self->count || !self->items[self->told].over)
        return;
    progress_hide(self->progress);
    while (self->told < self->count && self->items[self->told].over) {
        struct item *item = &self->items[self->told++];

        reports_play_done(self->reports, &self->summary, &item->performance);
        item_forget(item);
    }
}

static void item_over(struct item *self)
{
    self->over = true;
    self->run->summary.counts[self->performance.result]++;
}

static void item_play(struct item *self);

static void on_done(void *user)
{
    struct item *item = user;
    struct run *self = item->run;
    struct verdict verdict;
    struct timeline *timeline = player_take(item->player, &verdict);

    player_free(item->player);
    item->player = NULL;
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
    char *text = event_text(timeline, event, LINE_BYTES_MAX);

    (void)user;
    puts(text);
    fflush(stdout);
    free(text);
}

static const struct player_callbacks quiet_callbacks = {.on_done = on_done};
static const struct player_callbacks ladder_callbacks = {.on_done = on_done, .on_line = on_line};

static void item_play(struct item *self)
{
    struct run *run = self->run;

    self->player = player_new(run->loop, run->streams, &self->scenario, &run->programs,
        run->options->ladder ? &ladder_callbacks : &quiet_callbacks, self);
    player_start(self->player);
}

static void start_more(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct run *self = watcher->data;

    (void)events;
    while (self->playing < self->summary.jobs && self->next < self->count) {
        self->playing++;
        item_play(&self->items[self->next++]);
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
static void end_items(struct run *self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct item *item = &self->items[i];

        if (item->over)
            continue;
        if (item->performance.attempt_count == 0) {
            item->performance.result = RESULT_NOT_RUN;
            item->performance.reason = item->player ? "interrupted while it played"
                                                    : "the run was interrupted before its turn";
        }
        player_free(item->player);
        item->player = NULL;
        item_over(item);
    }
    tell_reports(self);
}

static struct progress_state ask_progress(void *user)
{
    const struct run *self = user;
    struct progress_state state = {.summary = &self->summary, .playing = self->playing};

    for (size_t i = self->told; i < self->next && !state.longest; i++)
        if (self->items[i].player)
            state.longest = self->items[i].scenario.source.path;
    return state;
}

/* From here on a signal no longer ends anything: the reports are to be written whole.
 * Whether one came shows in the exit status. */
static void hold_signals(void)
{
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&held, signal_numbers[i]);
    sigprocmask(SIG_BLOCK, &held, NULL);
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
    if (!self->options->ladder)
        self->progress = progress_new(self->loop, stderr, ask_progress, self);
    ev_feed_event(self->loop, &self->start, EV_CUSTOM);
    ev_run(self->loop, 0);
    hold_signals();
    end_items(self);
    self->summary.ms = now_ms() - self->began_ms;
    progress_end(self->progress);
    progress_free(self->progress);
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

    orphans_adopt();
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    play_all(self);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    orphans_end();
    int status = summary_bad(&self->summary) ? EXIT_PLAYS_FAILED : 0;
    if (reports_end(self->reports, &self->summary, &fault) != STATUS_OK) {
        complain(EXIT_LOCAL_IO, &fault);
        status = status ? status : EXIT_LOCAL_IO;
    }
    return self->summary.interrupted || signal_is_held() ? EXIT_INTERRUPTED : status;
}

static int prepare(struct run *self, const struct paths *paths)
{
    struct fault fault;
    int status = load_all(self, paths);

    if (status != 0)
        return status;
    if (programs_find(&self->programs, self->options->besterd, &fault) != STATUS_OK)
        return complain(EXIT_LOCAL_IO, &fault);
    enum status made = reports_new(&self->reports, self->options->reports, &fault);
    if (made != STATUS_OK)
        return complain(made == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE, &fault);
    return 0;
}

int run_plays(const struct run_options *options, char *const *arguments, size_t count)
{
    struct run self = {.options = options};
    struct paths paths;
    struct fault fault;

    if (paths_collect(&paths, arguments, count, &fault) != STATUS_OK)
        return complain(EXIT_LOCAL_IO, &fault);
    self.count = paths.count;
    self.items = must_alloc(paths.count * sizeof(*self.items));
    self.summary = (struct summary){
        .planned = paths.count, .jobs = jobs_of(options), .allow_flaky = options->allow_flaky};
    int status = prepare(&self, &paths);
    if (status == 0)
        status = play(&self);
    for (size_t i = 0; i < self.count; i++)
        item_forget(&self.items[i]);
    free(self.items);
    reports_free(self.reports);
    paths_release(&paths);
    return status;
}
