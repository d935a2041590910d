#include "harness/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/paths.h"
#include "harness/player.h"
#include "harness/report_tap.h"

enum { LINE_BYTES_MAX = 2000 };

/* One play of a run. */
struct item {
    struct run *run;
    struct scenario scenario;
    bool loaded;
    struct player *player; /* while it plays */
    char *report;          /* when it is over, and those before it are not */
    size_t report_len;
    bool over;
};

struct run {
    const struct run_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct programs programs;
    struct item *items;
    size_t count;
    size_t next; /* to start */
    size_t told; /* reports that are out */
    size_t playing;
    size_t failed;
    unsigned jobs;
    bool interrupted;
    ev_signal signals[3];
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

static void tell_reports(struct run *self)
{
    while (self->told < self->count && self->items[self->told].over) {
        struct item *item = &self->items[self->told++];

        fwrite(item->report, 1, item->report_len, stdout);
        free(item->report);
        item->report = NULL;
        scenario_release(&item->scenario);
        item->loaded = false;
    }
    fflush(stdout);
}

static void on_done(struct verdict *verdict, void *user)
{
    struct item *item = user;
    struct run *self = item->run;
    FILE *out = open_memstream(&item->report, &item->report_len);

    if (!out) {
        fputs("harness: out of memory\n", stderr);
        exit(EXIT_INTERNAL);
    }
    report_tap_play(out, (size_t)(item - self->items) + 1, &item->scenario, verdict);
    fclose(out);
    self->failed += verdict->cause != CAUSE_NONE;
    player_free(item->player);
    item->player = NULL;
    item->over = true;
    self->playing--;
    tell_reports(self);
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

static void start_more(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct run *self = watcher->data;

    (void)events;
    while (!self->interrupted && self->playing < self->jobs && self->next < self->count) {
        struct item *item = &self->items[self->next++];

        self->playing++;
        item->player = player_new(loop, self->streams, &item->scenario, &self->programs,
            self->options->ladder ? &ladder_callbacks : &quiet_callbacks, item);
        player_start(item->player);
    }
    if (self->playing == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct run *self = watcher->data;

    (void)events;
    self->interrupted = true;
    ev_break(loop, EVBREAK_ALL);
}

static void watch_signals(struct run *self)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
}

static void play_all(struct run *self)
{
    ev_init(&self->start, start_more);
    self->start.data = self;
    watch_signals(self);
    report_tap_begin(stdout, self->count);
    ev_feed_event(self->loop, &self->start, EV_CUSTOM);
    ev_run(self->loop, 0);
    for (size_t i = 0; i < self->count; i++)
        player_free(self->items[i].player);
    for (size_t i = 0; i < sizeof(self->signals) / sizeof(self->signals[0]); i++)
        ev_signal_stop(self->loop, &self->signals[i]);
    if (self->interrupted)
        report_tap_bail_out(stdout, "interrupted");
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

static int exit_status(const struct run *self)
{
    if (self->interrupted)
        return EXIT_INTERRUPTED;
    return self->failed ? EXIT_PLAYS_FAILED : 0;
}

int run_plays(const struct run_options *options, char *const *arguments, size_t count)
{
    struct run self = {.options = options, .jobs = jobs_of(options)};
    struct paths paths;
    struct fault fault;

    if (paths_collect(&paths, arguments, count, &fault) != STATUS_OK) {
        fprintf(stderr, "harness: %s\n", fault.text);
        return EXIT_LOCAL_IO;
    }
    self.count = paths.count;
    self.items = must_alloc(paths.count * sizeof(*self.items));
    int status = load_all(&self, &paths);
    if (status == 0 && programs_find(&self.programs, options->besterd, &fault) != STATUS_OK) {
        fprintf(stderr, "harness: %s\n", fault.text);
        status = EXIT_LOCAL_IO;
    }
    if (status == 0) {
        orphans_adopt();
        self.loop = ev_default_loop(0);
        self.streams = streams_new(self.loop);
        play_all(&self);
        streams_free(self.streams);
        ev_loop_destroy(self.loop);
        orphans_end();
        status = exit_status(&self);
    }
    for (size_t i = 0; i < self.count; i++) {
        if (self.items[i].loaded)
            scenario_release(&self.items[i].scenario);
        free(self.items[i].report);
    }
    free(self.items);
    paths_release(&paths);
    return status;
}
