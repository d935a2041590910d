/*
 * soak: what a server holds, shown one thing after the other, with figures. For people
 * (`make soak`) and, in a hundredth of the size, for `make test`.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/orphans.h"
#include "harness/progress.h"
#include "libbester/options.h"
#include "tests/soak/subject.h"

struct settings {
    const char *build;
    const char *fixtures;
    double seconds;
    unsigned part;
    unsigned seed;
    const char *log;
};

static const struct demonstration *const demonstrations[] = {
    &demo_clients, &demo_idle, &demo_slow, &demo_kills, &demo_reloads, &demo_frames};
enum { DEMONSTRATIONS = sizeof(demonstrations) / sizeof(demonstrations[0]), SIGNALS = 3 };

static const char *const synopsis[] = {
    "[OPTIONS] [clients] [idle] [slow] [kills] [reloads] [frames]", NULL};
static const struct option_row rows[] = {
    {.name = "build",
        .letter = 'b',
        .kind = OPTION_TEXT,
        .argument = "DIR",
        .offset = offsetof(struct settings, build),
        .help = "besterd, handlers/ and soak/ are there; otherwise build"},
    {.name = "fixtures",
        .kind = OPTION_TEXT,
        .argument = "DIR",
        .offset = offsetof(struct settings, fixtures),
        .help = "otherwise fixtures"},
    {.name = "seconds",
        .letter = 's',
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 1,
        .max = 86400,
        .offset = offsetof(struct settings, seconds),
        .help = "how long clients and slow are measured; otherwise 60s"},
    {.name = "part",
        .letter = 'p',
        .kind = OPTION_COUNT,
        .argument = "N",
        .min = 1,
        .max = 10000,
        .offset = offsetof(struct settings, part),
        .help = "an Nth of all numbers: 100 is over in seconds"},
    {.name = "seed",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct settings, seed),
        .help = "what decides who is killed when; otherwise 1"},
    {.name = "log",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        .is_file = true,
        .offset = offsetof(struct settings, log),
        .help = "what the servers log; otherwise the last lines, if something does not hold"},
    OPTION_COMMON_ROWS,
};
static const struct option_table table = {
    .program = "soak",
    .synopsis = synopsis,
    .summary = "show that a server holds under load, faults and hostile peers",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
};

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
    exit(130); /* what was started ends with us */
}

static bool is_wanted(const struct demonstration *which, const struct operands *operands)
{
    for (size_t i = 0; i < operands->count; i++)
        if (strcmp(operands->at[i], which->name) == 0)
            return true;
    return operands->count == 0;
}

static const char *unknown_name(const struct operands *operands)
{
    for (size_t i = 0; i < operands->count; i++) {
        bool known = false;

        for (size_t k = 0; k < DEMONSTRATIONS; k++)
            known |= strcmp(operands->at[i], demonstrations[k]->name) == 0;
        if (!known)
            return operands->at[i];
    }
    return NULL;
}

static bool show(struct soak *soak, const struct demonstration *which)
{
    soak->failed = false;
    soak->why[0] = '\0';
    chance_init(&soak->chance, soak->seed);
    printf("%s: %s\n", which->name, which->help);
    fflush(stdout);
    which->run(soak);
    progress_line_hide(soak->line);
    if (soak->failed)
        printf("    FAILED: %s\n", soak->why);
    fflush(stdout);
    return !soak->failed;
}

static int run(const struct settings *settings, const struct operands *operands)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    unsigned passed = 0, failed = 0;
    ev_signal signals[SIGNALS];
    struct soak soak = {.build = settings->build,
        .fixtures = settings->fixtures,
        .seconds = (unsigned)settings->seconds,
        .part = settings->part,
        .seed = settings->seed};

    soak.log = settings->log ? fopen(settings->log, "we") : NULL;
    if (settings->log && !soak.log)
        soak_give_up(settings->log);
    orphans_adopt(); /* from here on in a process of its own, whose children end with it */
    atexit(subject_remove_folders);
    soak.loop = ev_default_loop(0);
    soak.streams = streams_new(soak.loop);
    soak.line = progress_line_new(stderr);
    for (size_t i = 0; i < SIGNALS; i++) {
        ev_signal_init(&signals[i], on_signal, numbers[i]);
        ev_signal_start(soak.loop, &signals[i]);
    }
    for (size_t i = 0; i < DEMONSTRATIONS; i++)
        if (is_wanted(demonstrations[i], operands)) {
            bool good = show(&soak, demonstrations[i]);

            passed += good;
            failed += !good;
        }
    progress_line_free(soak.line);
    if (soak.log && fclose(soak.log) != 0)
        soak_give_up(settings->log);
    streams_free(soak.streams);
    ev_loop_destroy(soak.loop);
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .build = "build", .fixtures = "fixtures", .seconds = 60, .part = 1, .seed = 1};
    struct operands operands;
    int exit_status;

    if (!options_begin(&table, argc, argv, &settings, &operands, stdout, stderr, &exit_status))
        return exit_status;
    if (unknown_name(&operands)) {
        fprintf(stderr, "soak: there is no demonstration %s\n", unknown_name(&operands));
        return 2;
    }
    /* Programs are started from another folder. */
    char *build = realpath(settings.build, NULL);
    if (!build)
        soak_give_up("--build");
    settings.build = build;
    exit_status = run(&settings, &operands);
    free(build);
    return exit_status;
}
