/*
 * script: lines from a file or pipe instead of a person.
 */
#ifndef BESTER_CLI_SCRIPT_H
#define BESTER_CLI_SCRIPT_H

#include <ev.h>

#include "bester-cli/session.h"
#include "libbester/records.h"

struct script {
    struct ev_loop *loop;
    struct session *session;
    ev_io readable;
    struct records records;
    bool over;
    enum client_exit exit_status; /* of reading itself */
};

/* Starts to read fd; the session is ready. */
void script_init(struct script *self, struct ev_loop *loop, struct session *session, int fd);
void script_release(struct script *self);
/* Goes on after a message has got its report: there may be room for more. */
void script_pump(struct script *self);

#endif
