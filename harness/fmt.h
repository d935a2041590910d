/*
 * fmt: brings plays, and any other JSON, into their one layout. See canonical.h.
 */
#ifndef HARNESS_FMT_H
#define HARNESS_FMT_H

#include <stdbool.h>
#include <stddef.h>

#include "libbester/options.h"

enum { EXIT_SOME_DIFFER = 1 };

struct fmt_options {
    bool check; /* writes nothing; tells what differs */
};

/* The exit status: 0; 1 with check if some file differs; EXIT_BAD_INPUT, EXIT_LOCAL_IO.
 * "-" is standard input, and its layout goes to standard output. */
int fmt_files(const struct fmt_options *options, char *const *arguments, size_t count);

/* `harness fmt …` */
extern const struct option_table fmt_table;
int fmt_main(int argc, char **argv);

#endif
