/*
 * footprint: which files a server that runs with a configuration needs after its
 * start, and for what. Pure: it looks at the configuration alone.
 */
#ifndef BESTERD_FOOTPRINT_H
#define BESTERD_FOOTPRINT_H

#include "besterd/config.h"

enum footprint_use {
    FOOTPRINT_READ, /* the file, which another may replace meanwhile */
    FOOTPRINT_WRITE /* the file, and it may be made, replaced or removed by us */
};

/* Tells each path, as the configuration has it. what: for a sentence. */
void footprint_each(const struct config *config,
    void (*each)(const char *path, enum footprint_use use, const char *what, void *user),
    void *user);

#endif
