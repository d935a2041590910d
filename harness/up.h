/*
 * up: `harness up`: the cast of a play, started and kept, so that people can
 * talk to it.
 */
#ifndef HARNESS_UP_H
#define HARNESS_UP_H

#include <stdbool.h>

struct up_options {
    const char *besterd; /* NULL: the one beside the harness */
    const char *run;     /* NULL: until interrupted */
    double deadline_s;
    bool ladder;
    bool unwatched; /* the server starts real handlers, and nobody sees what anybody says */
    bool verbose;   /* the ladder, nothing of it cut or left out */
};

/* Returns the exit status. */
int up_world(const struct up_options *options, const char *path);

#endif
