/*
 * session_internal: what the files of the module session share. session.c is the
 * connection and what comes from it; session_line.c what a line asks for.
 */
#ifndef BESTER_CLI_SESSION_INTERNAL_H
#define BESTER_CLI_SESSION_INTERNAL_H

#include "bester-cli/session.h"

/* The template of a type, or NULL; a mistake in the user's own file is told. */
const struct type_template *session_template(struct session *self, const char *type);
/* The names of a comma-separated list are remembered. */
void session_meet(struct session *self, const char *names);
/* Ends if it is to end and nothing waits. */
void session_check_end(struct session *self);

#endif
