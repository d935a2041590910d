/*
 * folder: is told when something comes into being in a folder.
 *
 * All watches of the process share one inotify instance, of which a user may have but
 * few (128 in Debian): thousands of casts may stand at once. It is there while there
 * are watches; all of them belong to one loop.
 */
#ifndef HARNESS_FOLDER_H
#define HARNESS_FOLDER_H

#include <ev.h>

#include "libbester/status.h"

/* The caller's memory; nobody's business inside. */
struct folder_watch {
    struct folder_watch *prev, *next;
    int number; /* inotify's; 0: does not watch */
    void (*on_created)(void *user);
    void *user;
};

/* Zeroed before. STATUS_IO: *fault says why. */
MUST_CHECK enum status folder_watch_start(struct folder_watch *self, struct ev_loop *loop,
    const char *path, void (*on_created)(void *user), void *user, struct fault *fault);
/* While the folder is still there. Legal for one that does not watch. */
void folder_watch_stop(struct folder_watch *self);

#endif
