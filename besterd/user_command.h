/*
 * user_command: `besterd user add|remove|passwd|list [NAME] [--config CONFIG]`.
 *
 * Works on the accounts' database directly, whether a server runs or not. The
 * password is asked for twice without echo when input is a terminal, otherwise
 * it is the first line of input; it is never an argument.
 *
 * Exit status: 0; 1 the user exists already, or does not exist; 2 wrong
 * arguments; 65 a bad name, or an empty or overlong password; 74 the database
 * or input cannot be used; 78 the configuration is wrong, or its accounts are
 * not kept by besterd (type "open").
 */
#ifndef BESTERD_USER_COMMAND_H
#define BESTERD_USER_COMMAND_H

#include <stdio.h>

#include "libbester/options.h"

struct user_command_io {
    int in;    /* the terminal, or where the password line comes from */
    FILE *out; /* what list prints */
    FILE *err; /* sentences, and the prompt */
};

/* For the manual page. */
extern const struct option_table user_command_options;

/* argv[0] is "user". config_file: what a --config before "user" named, or NULL;
 * a --config among argv comes before it.
 * argv is reordered. */
int user_command(const char *config_file, int argc, char **argv, const struct user_command_io *io);

#endif
