/* The options of `harness new`. */
#include "harness/new.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const protocol_words[] = {"oneshot", "stream", NULL};

static const struct option_row new_rows[] = {
    {.name = "servers",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct new_options, servers),
        .min = 1,
        .max = NEW_SERVERS_MAX,
        .help = "so many servers, each with a client; otherwise one with two"},
    {.name = "type",
        .kind = OPTION_TEXT,
        .argument = "NAME",
        .offset = offsetof(struct new_options, type),
        .help = "the type of the messages; otherwise greeting"},
    {.name = "protocol",
        .kind = OPTION_TEXT,
        .argument = "PROTOCOL",
        .words = protocol_words,
        .offset = offsetof(struct new_options, protocol),
        .help = "how server and handler talk: oneshot or stream; otherwise oneshot"},
    {.name = "handler",
        .kind = OPTION_TEXT,
        .argument = "COMMAND",
        .offset = offsetof(struct new_options, handler),
        .help = "a program that is the handler; otherwise the harness plays it"},
    {.name = "client",
        .kind = OPTION_TEXT,
        .argument = "COMMAND",
        .offset = offsetof(struct new_options, client),
        .help = "a program that is the client T, finding its server at ${S1}; otherwise the "
                "harness plays it"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit new_exits[] = {
    {0, "the play is written"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_LOCAL_IO, "the file is there already, or can't be written"},
    {0, NULL},
};

const struct option_table new_table = {
    .program = "harness new",
    .synopsis = (const char *const[]){"[OPTIONS] [FILE]", NULL},
    .summary = "write a starting play, with notes that explain it",
    .rows = new_rows,
    .row_count = sizeof(new_rows) / sizeof(new_rows[0]),
    .exits = new_exits,
};

int new_main(int argc, char **argv)
{
    struct new_options options = {.servers = 1, .type = "greeting", .protocol = protocol_words[0]};
    struct operands operands;
    int status;

    if (!options_begin(&new_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    bool known = false;
    for (size_t i = 0; protocol_words[i]; i++)
        known = known || strcmp(protocol_words[i], options.protocol) == 0;
    if (!known || operands.count > 1 || !*options.type) {
        fputs(operands.count > 1 ? "harness new: one file is wanted, or none\n"
              : known            ? "harness new: --type wants a name\n"
                                 : "harness new: --protocol wants oneshot or stream\n",
            stderr);
        return EXIT_USAGE;
    }
    return new_play(&options, operands.count ? operands.at[0] : NULL, program_invocation_name);
}
