/*
 * paths: where things are that nobody named. The XDG base directories and what
 * was installed beside the program. Texts returned are the caller's to free.
 */
#ifndef BESTERD_PATHS_H
#define BESTERD_PATHS_H

#include "libbester/status.h"

/* $XDG_STATE_HOME/bester, or ~/.local/state/bester. NULL: neither variable is
 * set to an absolute path (or no memory). */
char *paths_state(void);
/* $XDG_RUNTIME_DIR/bester, or the state directory. */
char *paths_runtime(void);
/* directory/name. NULL when out of memory. */
char *paths_join(const char *directory, const char *name);

/* A file shipped with the program: beside the executable as built (name), or as
 * installed (../installed/name). The first of the two that is there; if neither
 * is, the first. NULL: out of memory, or the executable cannot be told. */
char *paths_shipped(const char *name, const char *installed);

/* Makes directory, mode 0700, and what is missing above it. */
MUST_CHECK enum status paths_make_directory(const char *directory, struct fault *fault);

#endif
