/*
 * session_internal: what the files of the module session share. session.c is its
 * life and what comes from the server; session_link.c the connection, again and again;
 * session_send.c lines on their way; session_line.c what a line asks for.
 */
#ifndef BESTER_CLI_SESSION_INTERNAL_H
#define BESTER_CLI_SESSION_INTERNAL_H

#include "bester-cli/session.h"

/* The template of a type, or NULL; a mistake in the user's own file is told. */
const struct type_template *session_template(struct session *self, const char *type);
/* The names of a comma-separated list are remembered. */
void session_meet(struct session *self, const char *names);
/* ---- session_link.c ---- */

/* Starts to connect; a person's session tries again by itself if this fails. */
MUST_CHECK enum status session_dial(struct session *self);
void session_link_up(struct session *self);
/* The connection has ended, or there never was one. */
void session_link_down(struct session *self, enum client_end why, const struct fault *fault);
/* "[offline, retry 18:07:32] ", or "". Returns out. */
const char *session_link_text(const struct session *self, char *out, size_t cap);
/* What a connection calls. */
extern const struct client_callbacks session_client_callbacks;

/* ---- session_send.c ---- */

/* Takes data of a type for sending and gives it a number. text: to recognise it by. */
void session_submit(struct session *self, const char *type, struct span data, const char *text);
/* Sends what is queued, as far as it goes. */
void session_flush(struct session *self);
/* A result for the line of this number. */
void session_fate(struct session *self, const struct client_result *result, unsigned long number);

/* ---- session_journal.c ---- */

void session_log_received(struct session *self, struct span message);
void session_log_sent(struct session *self, const struct line *line);
void session_log_fate(struct session *self, unsigned long number, const char *fate);

void session_end(struct session *self, enum client_exit exit_status);
/* Ends if it is to end and nothing waits. */
void session_check_end(struct session *self);

#endif
