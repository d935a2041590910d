/*
 * world: a cast that is started and kept, so that people and programs can talk to
 * it: what `harness up` and `harness record` share.
 *
 * Actors answer by their rules. Whoever comes from outside passes a relay of the
 * harness, which sees what he says and hears. When it is to end, what is under way
 * may come to its end first; then the servers are asked to end, and only then
 * on_over is called, while the stage still stands. Everything is gone when
 * world_play returns.
 */
#ifndef HARNESS_WORLD_H
#define HARNESS_WORLD_H

#include "harness/ladder.h"
#include "harness/stage.h"

struct world_options {
    const char *besterd; /* NULL: the one beside the harness */
    const char *const *commands;
    size_t command_count; /* 0: until interrupted */
    double deadline_s;
    struct ladder *ladder; /* NULL: nobody watches */
    bool unwatched;        /* who comes from outside talks to the servers themselves */
    bool keeps_all;        /* the timeline does, for on_over */
    bool tells_status;     /* of the last command */
    bool interruptible;    /* SIGINT ends it although a command has the terminal */
    /* Each may be NULL. The scenario is there, nothing is started yet. */
    void (*on_loaded)(struct scenario *scenario, void *user);
    /* Everybody is there; without commands. */
    void (*on_ready)(const struct stage *stage, void *user);
    /* Whether what is under way has come to its end: asked again and again, for a
     * while. */
    bool (*is_done)(const struct stage *stage, void *user);
    /* Nobody runs any more; last: the event after which the servers were to end. */
    void (*on_over)(const struct stage *stage, uint64_t last, void *user);
    void *user;
};

/* Takes the scenario over. The exit status. */
int world_play(const struct world_options *options, struct scenario *scenario);
/* The same from a file. */
int world_play_file(const struct world_options *options, const char *path);

#endif
