/* The options of `harness fmt`. */
#include "harness/fmt.h"

#include <stdio.h>

static const struct option_row fmt_rows[] = {
    {.name = "check",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct fmt_options, check),
        .help = "write nothing; show what differs"},
    OPTION_COMMON_ROWS,
};

static const struct option_exit fmt_exits[] = {
    {0, "every file is in canonical form now"},
    {EXIT_SOME_DIFFER, "with --check: some file differs"},
    {EXIT_USAGE, "wrong options or arguments"},
    {EXIT_BAD_INPUT, "a file is no JSON: file, line, column and a sentence; it was left as it is"},
    {EXIT_LOCAL_IO, "a file can't be read or written"},
    {0, NULL},
};

const struct option_table fmt_table = {
    .program = "harness fmt",
    .synopsis = (const char *const[]){"[OPTIONS] PATH…", "[OPTIONS] -", NULL},
    .summary = "bring plays, and other JSON, into their one layout",
    .rows = fmt_rows,
    .row_count = sizeof(fmt_rows) / sizeof(fmt_rows[0]),
    .exits = fmt_exits,
};

int fmt_main(int argc, char **argv)
{
    struct fmt_options options = {.check = false};
    struct operands operands;
    int status;

    if (!options_begin(&fmt_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (operands.count == 0) {
        fputs("harness fmt: no file is named; - is standard input\n", stderr);
        return EXIT_USAGE;
    }
    return fmt_files(&options, operands.at, operands.count);
}
