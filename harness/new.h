/*
 * new: a starting play, with notes that say what each part is for. It passes as it
 * is written, lint finds nothing in it, and it is in the layout of fmt.
 */
#ifndef HARNESS_NEW_H
#define HARNESS_NEW_H

#include <stdbool.h>

#include "libbester/options.h"

enum { NEW_SERVERS_MAX = 9 };

struct new_options {
    unsigned servers;
    const char *type;     /* of the messages */
    const char *protocol; /* of the handler: "oneshot" or "stream" */
    const char *handler;  /* program and arguments; NULL: played by the harness */
    const char *client;   /* the same */
};

/* Writes the play to a file that must not be there yet, and says on standard output
 * which command comes next; NULL: to standard output. program: what that command
 * begins with. The exit status: 0 or EXIT_LOCAL_IO. */
int new_play(const struct new_options *options, const char *path, const char *program);

/* `harness new …` */
extern const struct option_table new_table;
int new_main(int argc, char **argv);

#endif
