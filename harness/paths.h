/*
 * paths: the files of plays that arguments name: files as they are, folders with
 * all that is in them, in the order of their names.
 */
#ifndef HARNESS_PATHS_H
#define HARNESS_PATHS_H

#include "libbester/status.h"

struct paths {
    char **items;
    size_t count;
};

/* STATUS_NOT_FOUND, STATUS_IO: *fault names the argument. */
MUST_CHECK enum status paths_collect(
    struct paths *self, char *const *arguments, size_t count, struct fault *fault);
void paths_release(struct paths *self);

#endif
