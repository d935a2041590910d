#include "harness/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/replace.h"
#include "harness/run.h"
#include "libbester/options.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { SUITE_S = 60 };
#else
enum { SUITE_S = 10 };
#endif
enum { READY_MS = 20, PLAYS_PER_S = 300, PLAYS_PER_S_OF_FEW = 100, FEW_PROCESSORS = 4 };

enum { PLAYS = 300, STARTS_MAX = 101, WORDS = 16, FORM_VERSION = 1 };

static const char PLAY[] =
    "{\"play\": \"One server, one client, one message\", \"servers\": {\"J\": {}},\n"
    " \"clients\": {\"T\": \"J\"}, \"steps\": [\n"
    "  {\"T > J\": {\"type\": \"dummy\", \"data\": null, \"id\": \"<d>\"}},\n"
    "  {\"J > T\": {\"type\": \"dummy\", \"id\": \"<d>\"}}]}\n";

struct bench_options {
    const char *besterd;
    unsigned count;
    unsigned jobs;
    const char *json;
};

/* One line of the answer. */
struct figure {
    const char *name, *word, *unit;
    double value;
    double most; /* of all that were measured; 0: there is but one */
    double asked;
    bool at_least; /* the more the better */
    bool known;
};

enum { FIGURE_READY, FIGURE_PLAYS, FIGURE_SUITE, FIGURE_COUNT };

struct bench {
    const struct bench_options *options;
    char *const *paths; /* of the suite */
    size_t path_count;
    long processors;
    unsigned jobs;
    char dir[64];
    char self[4096];
    struct figure figures[FIGURE_COUNT];
};

static volatile sig_atomic_t interrupted;
static volatile pid_t child;

/* ---- a run from outside ---------------------------------------------------------------------- */

static void on_signal(int number)
{
    interrupted = 1;
    if (child > 0)
        kill(child, number);
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ends with NULL; what it writes to standard output is not wanted. */
static int run(struct bench *self, const char *const *words, double *took_s)
{
    posix_spawn_file_actions_t files;
    double began = now_s();
    pid_t pid = 0;
    int status = 0;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int wrong = posix_spawn(&pid, self->self, &files, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&files);
    if (wrong) {
        fprintf(stderr, "harness bench: %s: %s\n", self->self, strerror(wrong));
        return EXIT_LOCAL_IO;
    }
    child = pid;
    if (interrupted) /* before it was known whom to tell */
        kill(pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    child = 0;
    *took_s = now_s() - began;
    if (interrupted)
        return EXIT_INTERRUPTED;
    if (!WIFEXITED(status))
        return EXIT_INTERNAL;
    return WEXITSTATUS(status);
}

static int complain(int exit_status, const char *what)
{
    if (exit_status != EXIT_INTERRUPTED)
        fprintf(stderr, "harness bench: %s: the run ended with %d\n", what, exit_status);
    return exit_status;
}

/* ---- how soon a server is ready -------------------------------------------------------------- */

/* From the start of its process to the answer to a client's login; < 0: not to be seen. */
static double ready_ms(const json_t *play)
{
    const json_t *attempt = json_array_get(json_object_get(play, "attempts"), 0);
    double started = -1;
    size_t i;
    json_t *event;

    json_array_foreach (json_object_get(attempt, "timeline"), i, event) {
        const char *kind = json_string_value(json_object_get(event, "kind"));
        double ms = json_number_value(json_object_get(event, "ms"));

        if (kind && strcmp(kind, "note") == 0 && started < 0)
            started = ms;
        if (kind && strcmp(kind, "frame") == 0 && started >= 0)
            return ms - started;
    }
    return -1;
}

static int by_size(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

static bool read_ready(struct figure *figure, const char *path)
{
    json_t *report = json_load_file(path, 0, NULL);
    const json_t *plays = json_object_get(report, "plays");
    double all[STARTS_MAX];
    size_t count = 0;
    size_t i;
    json_t *play;

    json_array_foreach (plays, i, play) {
        double ms = ready_ms(play);

        if (ms >= 0 && count < STARTS_MAX)
            all[count++] = ms;
    }
    json_decref(report);
    if (count == 0)
        return false;
    qsort(all, count, sizeof(*all), by_size);
    figure->value = all[count / 2];
    figure->most = all[count - 1];
    figure->known = true;
    return true;
}

/* The words of every run; *count of them are used. */
static void begin_words(const struct bench *self, const char **words, size_t *count)
{
    *count = 0;
    words[(*count)++] = self->self;
    words[(*count)++] = "run";
    if (self->options->besterd) {
        words[(*count)++] = "--besterd";
        words[(*count)++] = self->options->besterd;
    }
}

static int measure_ready(struct bench *self, const char *play)
{
    unsigned starts = self->options->count < STARTS_MAX ? self->options->count : STARTS_MAX;
    char *repeat = must_print("%u", starts);
    char *report = must_print("%s/report.json", self->dir);
    const char *words[WORDS];
    double took;
    size_t n;

    begin_words(self, words, &n);
    const char *more[] = {"-j1", "--repeat", repeat, "--json", report, play, NULL};
    memcpy(words + n, more, sizeof(more));
    int status = run(self, words, &took);
    if (status == 0 && !read_ready(&self->figures[FIGURE_READY], report))
        status = EXIT_INTERNAL;
    unlink(report);
    free(report);
    free(repeat);
    return status == 0 ? 0 : complain(status, "how soon a server is ready");
}

/* ---- how many plays, and how long a suite takes ---------------------------------------------- */

static int measure_plays(struct bench *self, const char *play)
{
    char *jobs = must_print("-j%u", self->jobs);
    char *repeat = must_print("%u", self->options->count);
    const char *words[WORDS];
    double took;
    size_t n;

    begin_words(self, words, &n);
    const char *more[] = {jobs, "--repeat", repeat, play, NULL};
    memcpy(words + n, more, sizeof(more));
    int status = run(self, words, &took);
    if (status == 0) {
        self->figures[FIGURE_PLAYS].value = self->options->count / took;
        self->figures[FIGURE_PLAYS].known = true;
    }
    free(repeat);
    free(jobs);
    return status == 0 ? 0 : complain(status, "plays per second");
}

static int measure_suite(struct bench *self)
{
    char *jobs = must_print("-j%u", self->jobs);
    const char **words = must_alloc((WORDS + self->path_count) * sizeof(*words));
    double took;
    size_t n;

    begin_words(self, words, &n);
    words[n++] = jobs;
    words[n++] = "--";
    for (size_t i = 0; i < self->path_count; i++)
        words[n++] = self->paths[i];
    int status = run(self, words, &took);
    if (status == 0) {
        self->figures[FIGURE_SUITE].value = took;
        self->figures[FIGURE_SUITE].known = true;
    }
    free(words);
    free(jobs);
    return status == 0 ? 0 : complain(status, "the suite");
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool is_good(const struct figure *figure)
{
    return figure->at_least ? figure->value >= figure->asked : figure->value <= figure->asked;
}

static void print_text(const struct bench *self)
{
    printf("%ld processor%s, %u plays at once, %u plays\n", self->processors,
        self->processors == 1 ? "" : "s", self->jobs, self->options->count);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        const struct figure *figure = &self->figures[i];

        if (!figure->known)
            continue;
        printf("  %-17s %8.3g %s", figure->word, figure->value, figure->unit);
        if (figure->most > 0)
            printf(" at the median, %.3g %s at most", figure->most, figure->unit);
        printf("; %s %g %s asked for: %s\n", figure->at_least ? "at least" : "at most",
            figure->asked, figure->unit, is_good(figure) ? "good" : "not reached");
    }
}

static bool write_json(FILE *out, void *user)
{
    const struct bench *self = user;
    const char *comma = "";

    fprintf(out,
        "{\"form\":\"bester-harness-bench\",\"version\":%d,\"harness\":\"%s\",\"processors\":%ld,"
        "\"jobs\":%u,\"plays\":%u,\"figures\":{",
        FORM_VERSION, BESTER_VERSION, self->processors, self->jobs, self->options->count);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        const struct figure *figure = &self->figures[i];

        if (!figure->known)
            continue;
        fprintf(out, "%s\n\"%s\":{\"value\":%.3f,\"asked\":%g,\"good\":%s", comma, figure->name,
            figure->value, figure->asked, is_good(figure) ? "true" : "false");
        if (figure->most > 0)
            fprintf(out, ",\"most\":%.3f", figure->most);
        fputc('}', out);
        comma = ",";
    }
    fputs("}}\n", out);
    return !ferror(out);
}

static int tell(struct bench *self)
{
    const char *json = self->options->json;
    struct fault fault = {.text = "standard output could not be written"};
    bool told = true;

    if (json && strcmp(json, "-") == 0)
        told = write_json(stdout, self);
    else
        print_text(self);
    told = fflush(stdout) == 0 && told;
    if (told && json && strcmp(json, "-") != 0)
        told = replace_file(json, write_json, self, &fault) == STATUS_OK;
    if (told)
        return 0;
    fprintf(stderr, "harness bench: %s\n", fault.text);
    return EXIT_LOCAL_IO;
}

/* ---- main ------------------------------------------------------------------------------------ */

static int measure(struct bench *self)
{
    char *play = must_print("%s/play.json", self->dir);
    struct fault fault;
    int status = 0;

    if (replace_text(play, span_of(PLAY), &fault) != STATUS_OK) {
        fprintf(stderr, "harness bench: %s\n", fault.text);
        status = EXIT_LOCAL_IO;
    }
    if (status == 0)
        status = measure_ready(self, play);
    if (status == 0)
        status = measure_plays(self, play);
    if (status == 0 && self->path_count > 0)
        status = measure_suite(self);
    unlink(play);
    free(play);
    return status;
}

static int bench(const struct bench_options *options, char *const *paths, size_t count)
{
    const char *base = getenv("TMPDIR");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct bench self = {.options = options,
        .paths = paths,
        .path_count = count,
        .processors = processors > 0 ? processors : 1,
        .figures = {[FIGURE_READY] = {"serverReadyMs", "server ready", "ms", .asked = READY_MS},
            [FIGURE_PLAYS] = {"playsPerSecond", "plays", "per second", .at_least = true},
            [FIGURE_SUITE] = {"suiteSeconds", "all plays named", "s", .asked = SUITE_S}}};
    ssize_t n = readlink("/proc/self/exe", self.self, sizeof(self.self) - 1);

    self.self[n > 0 ? n : 0] = '\0';
    self.jobs = options->jobs ? options->jobs : (unsigned)self.processors;
    self.figures[FIGURE_PLAYS].asked =
        self.processors < FEW_PROCESSORS ? PLAYS_PER_S_OF_FEW : PLAYS_PER_S;
    if (!base || !*base || strlen(base) > sizeof(self.dir) - sizeof("/bester-bench-XXXXXX"))
        base = "/tmp";
    snprintf(self.dir, sizeof(self.dir), "%s/bester-bench-XXXXXX", base);
    if (!mkdtemp(self.dir)) {
        fprintf(stderr, "harness bench: %s: %s\n", self.dir, strerror(errno));
        return EXIT_LOCAL_IO;
    }
    watch_signals();
    int status = measure(&self);
    rmdir(self.dir);
    return status == 0 ? tell(&self) : status;
}

static const struct option_row rows[] = {
    {.name = "count",
        .letter = 'n',
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct bench_options, count),
        .min = 1,
        .max = 1000000,
        .help = "how many plays are played to find out; otherwise 300"},
    {.name = "jobs",
        .letter = 'j',
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct bench_options, jobs),
        .min = 1,
        .max = 1000,
        .help = "plays at once; otherwise as many as there are processors"},
    {.name = "besterd",
        .kind = OPTION_TEXT,
        .argument = "PATH",
        .is_file = true,
        .offset = offsetof(struct bench_options, besterd),
        .help = "the server to run; otherwise the one beside the harness"},
    {.name = "json",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        .is_file = true,
        .offset = offsetof(struct bench_options, json),
        .help = "the figures, for programs; - is standard output, in place of the text"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit exits[] = {
    {0, "it is measured, whatever came of it"},
    {EXIT_PLAYS_FAILED, "a play failed"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "a play is wrong"},
    {EXIT_LOCAL_IO, "a file or program can't be read, written or started"},
    {EXIT_INTERRUPTED, "interrupted"},
    {0, NULL},
};

const struct option_table bench_table = {
    .program = "harness bench",
    .synopsis = (const char *const[]){"[OPTIONS] [PATH…]", NULL},
    .summary = "measure how fast servers start and plays are played; PATH: how long these take",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .exits = exits,
};

int main_bench(int argc, char **argv)
{
    struct bench_options options = {.count = PLAYS};
    struct operands operands;
    int status;

    if (!options_begin(&bench_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    return bench(&options, operands.at, operands.count);
}
