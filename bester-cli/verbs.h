/*
 * verbs: the commands that begin with '/', one table for running, help and
 * completion.
 */
#ifndef BESTER_CLI_VERBS_H
#define BESTER_CLI_VERBS_H

#include "bester-cli/session.h"

/* A whole line, whatever it is: an answer to /new, a command, or text to send.
 * A pasted line of several is never a command. "//" sends a text with one '/'. */
void verbs_line(struct session *session, const char *line);

/* The index-th way to complete word, which begins at byte `start` of line:
 * commands, types, people. malloc'd; NULL when there are no more. */
char *verbs_complete(const struct session *session, const char *line, size_t start,
    const char *word, unsigned index);

/* Whether a file name belongs there. */
bool verbs_wants_file(const char *line, size_t start);

/* Rows of the table for the man page, "/to NAMES" and its help; NULL at the end. */
const char *verbs_usage(size_t index, const char **help);

#endif
