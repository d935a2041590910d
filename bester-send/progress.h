/*
 * progress: a line on stderr that tells a person how far a long run is, from its
 * third second on. Nothing at all where stderr is no terminal.
 */
#ifndef BESTER_SEND_PROGRESS_H
#define BESTER_SEND_PROGRESS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress_counts {
    uint64_t sent, good, bad;
};

struct progress {
    struct ev_loop *loop;
    FILE *err;
    ev_timer timer;
    struct progress_counts (*counts)(void *user);
    void *user;
    double began_s;
    uint64_t sent_before;
    bool shown; /* the line stands there now */
};

void progress_init(struct progress *self, struct ev_loop *loop, FILE *err,
    struct progress_counts (*counts)(void *user), void *user);
/* Starts to count the time; only at a terminal. */
void progress_start(struct progress *self);
/* Takes the line away, for something that stays. */
void progress_hide(struct progress *self);
void progress_stop(struct progress *self);

#endif
