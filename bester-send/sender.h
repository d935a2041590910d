/*
 * sender: the run of bester-send: connect, find the template, send while there
 * is room, wait for the reports and replies, end.
 *
 * Owns all of it. Everything it says goes to err (diagnostics) and to the
 * descriptor out_fd (reports in JSON). Ends by breaking the loop.
 */
#ifndef BESTER_SEND_SENDER_H
#define BESTER_SEND_SENDER_H

#include <ev.h>
#include <stdio.h>

#include "bester-send/settings.h"
#include "libbester/login.h"

struct sender;

struct sender_files {
    int in_fd;
    int out_fd;
    FILE *err;
};

/* Checks what can be checked before a connection is made. NULL: *exit_status
 * says how to leave, and it has been told. settings must outlive the sender. */
struct sender *sender_new(struct ev_loop *loop, const struct settings *settings,
    const struct sender_files *files, enum client_exit *exit_status);
/* Starts to connect; takes login over, which is all zeros afterwards. With --dry-run
 * login may be NULL. STATUS_NO_MEMORY. */
MUST_CHECK enum status sender_start(struct sender *self, struct login *login);
void sender_free(struct sender *self);

/* Once the loop has ended. */
enum client_exit sender_exit(const struct sender *self);
/* The signal that ended it, or 0. */
int sender_signal(const struct sender *self);

#endif
