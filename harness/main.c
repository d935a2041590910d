#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/bench.h"
#include "harness/fmt.h"
#include "harness/lint.h"
#include "harness/load.h"
#include "harness/new.h"
#include "harness/record.h"
#include "harness/run.h"
#include "harness/up.h"
#include "libbester/descriptors.h"
#include "libbester/options.h"

/* ---- run ------------------------------------------------------------------------------------- */

#define REPORT_ROW(word, which, text)                                          \
    {                                                                          \
        .name = (word), .kind = OPTION_TEXT, .argument = "FILE",               \
        .offset = offsetof(struct run_options, reports[which]), .help = (text) \
    }

static enum status set_shard(void *settings, const char *argument, struct fault *fault)
{
    struct run_options *options = settings;

    return schedule_read_shard(&options->schedule, argument, fault);
}

static const struct option_row run_rows[] = {
    {.name = "jobs",
        .letter = 'j',
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct run_options, jobs),
        .min = 1,
        .max = 1000,
        .help = "plays at once; otherwise as many as there are processors"},
    {.name = "ladder",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct run_options, ladder),
        .help = "print the conversation, line by line, as it happens; one play at a time"},
    {.name = "verbose",
        .letter = 'v',
        .kind = OPTION_FLAG,
        .offset = offsetof(struct run_options, verbose),
        .help = "the same, with every frame whole"},
    {.name = "besterd",
        .kind = OPTION_TEXT,
        .argument = "PATH",
        .offset = offsetof(struct run_options, besterd),
        .help = "the server to run; otherwise the one beside the harness"},
    {.name = "server",
        .kind = OPTION_TEXT,
        .argument = "COMMAND",
        .offset = offsetof(struct run_options, server),
        .help = "another server to run: a command in which {config} is its configuration's file"},
    {.name = "has",
        .kind = OPTION_TEXT,
        .argument = "FEATURES",
        .offset = offsetof(struct run_options, has),
        .help = "what it can do, such as stream,reasons; otherwise no more than the first protocol "
                "asks. Plays that need more are skipped"},
    {.name = "deadline",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .offset = offsetof(struct run_options, deadline_s),
        .min = 0.01,
        .max = 600,
        .help = "how long a line may be awaited where the play does not say; otherwise 5s"},
    {.name = "retry",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct run_options, retry),
        .min = 1,
        .max = 100,
        .help = "let a play that failed try again, at most N times; one that passes then is FLAKY"},
    {.name = "accept",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct run_options, accept),
        .help = "rewrite lines that expect another frame than comes, and show what changes; a play "
                "that fails for another reason is left alone; not where CI is set"},
    {.name = "allow-flaky",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct run_options, allow_flaky),
        .help = "a FLAKY play does not make the run fail"},
    {.kind = OPTION_GROUP, .help = "Which plays, and how often"},
    {.name = "seed",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct run_options, schedule.seed),
        .help = "what makes the choices that a play leaves open; otherwise 1"},
    {.name = "repeat",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct run_options, schedule.rounds),
        .min = 1,
        .max = 1000000,
        .help = "play all of them N times; each round has the next seed"},
    {.name = "until-fail",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct run_options, until_fail),
        .help = "repeat until a play fails, at most as often as --repeat says"},
    {.name = "shard",
        .kind = OPTION_CALL,
        .argument = "I/N",
        .apply = set_shard,
        .help = "only the plays of the I-th of N parts; their file names decide"},
    {.kind = OPTION_GROUP, .help = "Reports, beside TAP; - is standard output, in place of TAP"},
    REPORT_ROW("junit", REPORT_JUNIT, "JUnit XML, as most CI systems read it"),
    REPORT_ROW("json", REPORT_JSON, "everything, for programs: docs/reports.md is its form"),
    REPORT_ROW("html", REPORT_HTML, "a page with each play as a sequence diagram"),
    REPORT_ROW("mermaid", REPORT_MERMAID, "sequence diagrams as text, for documents"),
    OPTION_COMMON_ROWS,
};

static const struct option_exit run_exits[] = {
    {0, "every play passed"},
    {EXIT_PLAYS_FAILED, "some play failed, or was FLAKY"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "a play is wrong: file, line, column and a sentence; nothing was started"},
    {EXIT_LOCAL_IO, "a file or program can't be read, written or started"},
    {EXIT_INTERRUPTED, "interrupted; everything was ended"},
    {0, NULL},
};

static const struct option_table run_table = {
    .program = "harness run",
    .synopsis = (const char *const[]){"[OPTIONS] PATH…", NULL},
    .summary = "play conversations over real servers and say which went as written",
    .rows = run_rows,
    .row_count = sizeof(run_rows) / sizeof(run_rows[0]),
    .exits = run_exits,
};

static int main_run(int argc, char **argv)
{
    struct run_options options = {.deadline_s = DEADLINE_MS / 1e3, .schedule.seed = SEED_USUAL};
    struct operands operands;
    int status;

    if (!options_begin(&run_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (operands.count == 0) {
        fputs("harness run: no play is named; see harness run --help\n", stderr);
        return EXIT_USAGE;
    }
    options.ladder = options.ladder || options.verbose;
    for (size_t i = 0; i < REPORT_KIND_COUNT && options.ladder; i++)
        if (options.reports[i] && strcmp(options.reports[i], "-") == 0) {
            fputs(
                "harness run: the ladder and a report can't both go to standard output\n", stderr);
            return EXIT_USAGE;
        }
    const char *ci = getenv("CI");
    if (options.accept && ci && *ci) {
        fputs("harness run: CI is set, and nobody there would look at what --accept rewrites\n",
            stderr);
        return EXIT_USAGE;
    }
    if (options.accept && (options.until_fail || options.schedule.rounds > 1)) {
        fputs(
            "harness run: a play that is accepted is played until it passes, not again and again\n",
            stderr);
        return EXIT_USAGE;
    }
    if (options.server && options.besterd) {
        fputs("harness run: --server and --besterd can't both say what is run\n", stderr);
        return EXIT_USAGE;
    }
    return run_plays(&options, operands.at, operands.count);
}

/* ---- up -------------------------------------------------------------------------------------- */

static const struct option_row up_rows[] = {
    {.name = "run",
        .kind = OPTION_TEXT,
        .argument = "COMMAND",
        .offset = offsetof(struct up_options, run),
        .help = "run this in the foreground, ${S1} being the address of S1, and end with it"},
    {.name = "ladder",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct up_options, ladder),
        .help = "print what passes by, a line for each frame; at a terminal as wide as it is"},
    {.name = "verbose",
        .letter = 'v',
        .kind = OPTION_FLAG,
        .offset = offsetof(struct up_options, verbose),
        .help = "the same with every frame whole, and with what the processes write"},
    {.name = "besterd",
        .kind = OPTION_TEXT,
        .argument = "PATH",
        .offset = offsetof(struct up_options, besterd),
        .help = "the server to run; otherwise the one beside the harness"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit up_exits[] = {
    {0, "ended as asked (with --run: what the command exited with)"},
    {EXIT_INTERNAL, "a member of the cast ended by itself, or could not be started"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "the world is wrong: file, line, column and a sentence"},
    {EXIT_LOCAL_IO, "a file or program can't be read or started"},
    {0, NULL},
};

static const struct option_table up_table = {
    .program = "harness up",
    .synopsis = (const char *const[]){"[OPTIONS] WORLD", NULL},
    .summary = "start the cast of a play and keep it for people to talk to",
    .rows = up_rows,
    .row_count = sizeof(up_rows) / sizeof(up_rows[0]),
    .exits = up_exits,
};

static int main_up(int argc, char **argv)
{
    struct up_options options = {.deadline_s = DEADLINE_MS / 1e3};
    struct operands operands;
    int status;

    if (!options_begin(&up_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (operands.count != 1) {
        fputs("harness up: exactly one world is wanted; see harness up --help\n", stderr);
        return EXIT_USAGE;
    }
    return up_world(&options, operands.at[0]);
}

/* ---- the table of commands ------------------------------------------------------------------- */

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
    const struct option_table *table; /* for the manual page */
} commands[] = {
    {"run", main_run, "play conversations and say which went as written", &run_table},
    {"new", new_main, "write a starting play", &new_table},
    {"fmt", fmt_main, "bring plays into their one layout", &fmt_table},
    {"lint", lint_main, "find what is wrong with plays without playing them", &lint_table},
    {"load", main_load, "send as much as it is told to, and tell what that does to a server",
        &load_table},
    {"bench", main_bench, "measure how fast servers start and plays are played", &bench_table},
    {"record", record_main, "start a cast, and make a play of what is said to it", &record_table},
    {"up", main_up, "start a cast and keep it for people to talk to", &up_table},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *out)
{
    fprintf(out, "Usage: harness COMMAND …\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n`harness COMMAND --help` says more; docs/harness.md is the format of plays.\n");
}

static const struct option_section man_sections[] = {
    {"description",
        "Plays conversations over real Bester servers and says which went as written. A play is "
        "one JSON file: a cast of servers, handlers and clients, and a conversation that reads "
        "from top to bottom. The harness starts the servers, plays everybody else itself, and "
        "tells what differs.\n"
        "\n"
        "    bester-harness new first.json\n"
        "    bester-harness run --ladder first.json\n"
        "\n"
        "In Bester's own tree the program is called harness; installed, bester-harness."},
    {"see also",
        "besterd(8), bester-send(1), bester-cli(1). The format of plays is docs/harness.md, "
        "that of reports docs/reports.md."},
    {NULL, NULL},
};

static const struct option_table man_table = {
    .program = "bester-harness",
    .synopsis = (const char *const[]){"COMMAND [OPTIONS] …", NULL},
    .summary = "play conversations over Bester servers",
    .sections = man_sections,
};

static void print_man_page(void)
{
    const struct option_table *tables[COMMAND_COUNT];

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        tables[i] = commands[i].table;
    options_print_man_of_commands(&man_table, tables, COMMAND_COUNT, stdout);
}

static void print_version(void)
{
    printf("harness %s\n", BESTER_VERSION);
}

static void print_help(void)
{
    print_usage(stdout);
}

static const struct word {
    const char *name;
    void (*print)(void);
} words[] = {
    {"--help", print_help},
    {"-h", print_help},
    {"--version", print_version},
    {"-V", print_version},
    {"--man-page", print_man_page},
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    descriptors_fill();
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, name) == 0) {
            words[i].print();
            return fflush(stdout) == 0 ? 0 : EXIT_LOCAL_IO;
        }
    if (*name)
        fprintf(stderr, "harness: no command \"%s\"\n", name);
    print_usage(stderr);
    return EXIT_USAGE;
}
