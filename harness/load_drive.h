/*
 * load_drive: sends what is due, as far as there is room, and counts what comes of
 * it. For load*.c alone.
 *
 * Runs on a loop that the owner of the struct gives it; ends the loop when all is
 * over, or when something has gone wrong.
 */
#ifndef HARNESS_LOAD_DRIVE_H
#define HARNESS_LOAD_DRIVE_H

#include "harness/load_client.h"
#include "harness/load_pace.h"
#include "harness/load_report.h"
#include "harness/load_text.h"
#include "harness/load_users.h"
#include "harness/progress.h"

enum { LOAD_SIGNALS = 3 };

enum load_phase { LOAD_CONNECTING, LOAD_SENDING, LOAD_WAITING, LOAD_OVER };

struct load {
    const struct load_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct worker *resolver;
    struct login login;
    struct load_users users;
    struct load_text text;
    struct load_pace pace;
    struct load_client **clients;
    size_t client_count;
    size_t started, ready;
    size_t turn; /* whose it is */
    uint64_t in_flight;
    enum load_phase phase;
    struct timespec began;
    struct load_usage server_before, server_after;
    double own_before_s;
    struct load_result result;
    struct progress_line *line;
    ev_io due; /* a timerfd: when the next message is due */
    ev_timer tick;
    ev_timer end; /* of sending, then of waiting */
    ev_signal signals[LOAD_SIGNALS];
    int exit_status;
};

/* Before the loop runs: watchers, and the first clients. STATUS_IO: *fault says why. */
MUST_CHECK enum status load_drive_start(struct load *self, struct fault *fault);
/* After it: what was measured is in ->result. */
void load_drive_end(struct load *self);

#endif
