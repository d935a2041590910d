/* The options of `harness lint`. */
#include "harness/lint.h"

#include <stdio.h>

static enum status apply_rule(void *settings, const char *argument, struct fault *fault)
{
    return lint_want(settings, argument, fault);
}

static const struct option_row lint_rows[] = {
    {.name = "rule",
        .kind = OPTION_CALL,
        .argument = "NAME",
        .apply = apply_rule,
        .help = "look for this only; may be given several times"},
    {.name = "list",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct lint_options, list),
        .help = "print the rules, with what each is about"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit lint_exits[] = {
    {0, "nothing was found"},
    {EXIT_FOUND, "something was found: file, line, column and a sentence"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "a play could not be played at all"},
    {EXIT_LOCAL_IO, "a file can't be read"},
    {0, NULL},
};

const struct option_table lint_table = {
    .program = "harness lint",
    .synopsis = (const char *const[]){"[OPTIONS] PATH…", "--list", NULL},
    .summary = "find what is wrong with plays without playing them",
    .rows = lint_rows,
    .row_count = sizeof(lint_rows) / sizeof(lint_rows[0]),
    .exits = lint_exits,
};

int lint_main(int argc, char **argv)
{
    struct lint_options options = {.list = false};
    struct operands operands;
    int status;

    if (!options_begin(&lint_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (options.list) {
        lint_list();
        return 0;
    }
    if (operands.count == 0) {
        fputs("harness lint: no play is named; see harness lint --help\n", stderr);
        return EXIT_USAGE;
    }
    return lint_paths(&options, operands.at, operands.count);
}
