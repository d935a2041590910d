/*
 * pipeline_internal: what the files of pipeline share. For nobody else.
 *
 * pipeline.c: the way of a message through handlers to its report.
 * pipeline_own.c: messages that no handler needs to see.
 * pipeline_limits.c: what happens at limits.
 */
#ifndef BESTERD_PIPELINE_INTERNAL_H
#define BESTERD_PIPELINE_INTERNAL_H

#include "besterd/pipeline.h"

/* Whether the message was answered here: a wrong one, dummy, builtin. */
bool pipeline_answers_itself(
    struct pipeline *self, struct session *session, const struct message *message);
/* Reports it bad, at once. */
void pipeline_refuse(struct pipeline *self, struct session *session, const struct message *message,
    enum status reason, const char *detail);

/* A ticket in its lane, running; handler NULL: for a built-in. session NULL: a
 * handler speaks first. NULL when out of memory. */
struct ticket *pipeline_open_ticket(struct pipeline *self, struct session *session,
    struct handler *handler, const struct message *message);
/* Does what a built-in says, whose turn it is. */
void pipeline_run_builtin(struct pipeline *self, struct ticket *ticket, struct span data);
/* ticket has come further. */
void pipeline_advance(struct pipeline *self, struct ticket *ticket);

/* Keeps an answer (handler NULL: what a built-in is asked) until its turn; where that
 * cannot be, the ticket fails. */
bool pipeline_keep_answer(
    struct pipeline *self, struct ticket *ticket, struct handler *handler, struct span payload);
void pipeline_refuse_for_memory(struct pipeline *self, struct ticket *ticket);
/* handler is full: what comes next from the session waits in the kernel. */
void pipeline_wait_for_room(
    struct pipeline *self, struct session *session, const struct handler *handler);

#endif
