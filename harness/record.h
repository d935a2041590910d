/*
 * record: `harness record`: a cast is started, whoever likes talks to it, and what
 * was said becomes a play.
 */
#ifndef HARNESS_RECORD_H
#define HARNESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "libbester/options.h"

enum { RECORD_COMMANDS_MAX = 32 };

struct record_options {
    const char *besterd; /* NULL: the one beside the harness */
    const char *commands[RECORD_COMMANDS_MAX];
    size_t command_count; /* 0: until interrupted */
    const char *output;   /* "-": standard output */
    double deadline_s;
    bool force;
    bool ladder;
    bool verbose;
    bool play_handlers; /* the default */
    bool real_handlers;
};

extern const struct option_table record_table;

/* The command with its options; returns the exit status. */
int record_main(int argc, char **argv);
/* The same when they are read. */
int record_world(const struct record_options *options, const char *path);

#endif
