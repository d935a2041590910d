/*
 * check_command: `besterd check CONFIG`, and `besterd check --help|--man`, which
 * print the table of the configuration's members, and --metrics, that of the
 * metrics.
 *
 * Exit status: 0 "CONFIG: ok" was printed; 2 wrong arguments; 74 it cannot be
 * read; 78 each mistake was printed on a line.
 */
#ifndef BESTERD_CHECK_COMMAND_H
#define BESTERD_CHECK_COMMAND_H

#include <stdio.h>

/* argv[0] is "check". Without CONFIG the embedded default is checked. */
int check_command(int argc, char *const argv[], FILE *out, FILE *err);

#endif
