/* The options of `harness record`. */
#include "harness/record.h"

#include <stdio.h>
#include <string.h>

#include "libbester/options.h"

static const double DEADLINE_S = 5.0;

static enum status add_command(void *settings, const char *argument, struct fault *fault)
{
    struct record_options *options = settings;

    if (options->command_count == RECORD_COMMANDS_MAX)
        return fault_set(
            fault, STATUS_INVALID, 0, "at most %d commands can be run", RECORD_COMMANDS_MAX);
    options->commands[options->command_count++] = argument;
    return STATUS_OK;
}

static const struct option_row rows[] = {
    {.name = "output",
        .letter = 'o',
        .kind = OPTION_TEXT,
        .argument = "FILE",
        .is_file = true,
        .offset = offsetof(struct record_options, output),
        .help = "where the play goes; - is standard output, and the default"},
    {.name = "force",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct record_options, force),
        .help = "replace FILE if it is there"},
    {.name = "run",
        .kind = OPTION_CALL,
        .argument = "COMMAND",
        .apply = add_command,
        .help = "run this, ${S1} being the address of S1; of several each is started when the one "
                "before it has logged in or ended, and the last has the terminal; the recording "
                "ends with all of them, else with Ctrl-C"},
    {.kind = OPTION_GROUP, .help = "The play"},
    {.name = "play-handlers",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct record_options, play_handlers),
        .help = "the play says what handlers answer (the default)"},
    {.name = "real-handlers",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct record_options, real_handlers),
        .help = "the play runs the handlers' programs and expects what they answered"},
    {.kind = OPTION_GROUP, .help = "Other"},
    {.name = "ladder",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct record_options, ladder),
        .help = "print what passes by, a line for each frame; at a terminal as wide as it is"},
    {.name = "verbose",
        .letter = 'v',
        .kind = OPTION_FLAG,
        .offset = offsetof(struct record_options, verbose),
        .help = "the same with every frame whole, and with what the processes write"},
    {.name = "besterd",
        .kind = OPTION_TEXT,
        .argument = "PATH",
        .offset = offsetof(struct record_options, besterd),
        .help = "the server to run; otherwise the one beside the harness"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit exits[] = {
    {0, "the play is written"},
    {EXIT_INTERNAL, "a member of the cast ended by itself, or could not be started; what was said "
                    "until then is written"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "the world is wrong: file, line, column and a sentence"},
    {EXIT_LOCAL_IO, "a file can't be read or written, or a program not started; a play that can't "
                    "be written goes to standard output"},
    {0, NULL},
};

const struct option_table record_table = {
    .program = "harness record",
    .synopsis = (const char *const[]){"[OPTIONS] WORLD", NULL},
    .summary =
        "start the cast of a play, let anybody talk to it, and write what was said as a play",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .exits = exits,
};

static int misused(const char *text)
{
    fprintf(stderr, "harness record: %s; see harness record --help\n", text);
    return EXIT_USAGE;
}

int record_main(int argc, char **argv)
{
    struct record_options options = {.deadline_s = DEADLINE_S, .output = "-"};
    struct operands operands;
    int status;

    if (!options_begin(&record_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (operands.count != 1)
        return misused("exactly one world is wanted");
    if (options.play_handlers && options.real_handlers)
        return misused("handlers are either played or real");
    return record_world(&options, operands.at[0]);
}
