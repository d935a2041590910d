/*
 * history: the lines that a person typed, kept from one run to the next in
 * $XDG_STATE_HOME/bester/history: readable for the person alone, appended line by
 * line so that several programs at once lose nothing, cut when it grows too long.
 */
#ifndef BESTER_CLI_HISTORY_H
#define BESTER_CLI_HISTORY_H

#include "libbester/bytes.h"

enum { HISTORY_PATH_MAX = 4096, HISTORY_BYTES_MAX = 1 << 20 };

/* The file of that name in the state directory, which is made if need be. false:
 * there is no such directory, and none can be made. */
bool history_path(char out[HISTORY_PATH_MAX], const char *name);

/* Whether the line must not be kept: it begins with a blank, or may hold a secret. */
bool history_is_secret(const char *line);

/* Reads all; each line is told, the oldest first. No file, or none that can be read,
 * is an empty history. */
void history_load(const char *path, void (*each)(const char *line));
/* STATUS_IO. */
MUST_CHECK enum status history_append(const char *path, const char *line);

#endif
