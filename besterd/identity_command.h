/*
 * identity_command: `besterd identity`: the line about this server that is pasted into
 * the "peers" of another's configuration, and the change of its key.
 */
#ifndef BESTERD_IDENTITY_COMMAND_H
#define BESTERD_IDENTITY_COMMAND_H

#include <stdio.h>

#include "libbester/options.h"

/* argv[0] is "identity"; config_file: what was said before it, or NULL. The exit
 * status: 0 done; 1 there is no next key; 2 wrong arguments; 74 a file cannot be used;
 * 78 the configuration is wrong. */
int identity_command(const char *config_file, int argc, char **argv, FILE *out, FILE *err);

/* For the documentation. */
extern const struct option_table identity_command_options;

#endif
