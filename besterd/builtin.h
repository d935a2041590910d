/*
 * builtin: the type `builtin`, which the server answers itself. Pure.
 *
 * data is {"command": {"type": NAME, "args": …}}. A command is one row of a
 * table {name, run}, here or, where it is more than an answer, in
 * administration. The answer is a receivedMessage of type builtin with the
 * message's id in its header, data {"command": NAME, …}.
 */
#ifndef BESTERD_BUILTIN_H
#define BESTERD_BUILTIN_H

#include "besterd/administration.h"
#include "besterd/config.h"
#include "libbester/blob.h"
#include "libbester/status.h"

struct builtin_context {
    const char *user;   /* of the session that asks */
    const char *server; /* this server's name */
    struct span types;  /* of builtin_types_new */
    double now_s;       /* since 1970 */
};

struct builtin_answer {
    struct blob *frame; /* for the session, the callee's reference; NULL: none */
    bool close;         /* end the connection, without a word */
    /* Not NULL: administration is to be asked this, with these args (JSON of the
     * message's data, or absent). */
    const struct administration_row *row;
    struct span args;
};

/* The data of the answer to `types`, made once for a configuration. NULL when
 * out of memory. */
struct blob *builtin_types_new(const struct config *config);

/* data: valid JSON (message_parse has seen it). id_token may be absent.
 * STATUS_MALFORMED: no such command, or not the form of one: *fault has the
 * detail for the report; STATUS_NO_MEMORY. */
MUST_CHECK enum status builtin_run(const struct builtin_context *context, struct span data,
    struct span id_token, struct builtin_answer *answer, struct fault *fault);
/* Whether data is the command of that name. */
bool builtin_is(struct span data, const char *name);
/* The frame of an answer. data: JSON. NULL when out of memory. */
MUST_CHECK struct blob *builtin_answer_frame(struct span data, struct span id_token);

#endif
