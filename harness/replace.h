/*
 * replace: writes a file so that a reader finds the old one or the new one, never
 * a half: also when the disk is full or the harness is killed. Owns nothing.
 */
#ifndef HARNESS_REPLACE_H
#define HARNESS_REPLACE_H

#include <stdio.h>

#include "libbester/status.h"

/* Writes to out; false: not all of it is there. */
typedef bool replace_write(FILE *out, void *user);

/* Writes beside the file what `write` writes, then puts that in its place, with the
 * mode that the file had, or that umask leaves a new one. Follows no symbolic link:
 * that one is replaced. STATUS_IO: *fault says why, and all is as it was. */
MUST_CHECK enum status replace_file(
    const char *path, replace_write *write, void *user, struct fault *fault);

/* The same of bytes, into the file that a symbolic link leads to. */
MUST_CHECK enum status replace_text(const char *path, struct span text, struct fault *fault);

#endif
