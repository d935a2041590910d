/*
 * commands: programs that a person asked the harness to run beside a cast, one
 * after the other or at the same time, each by the shell.
 *
 * The last has the terminal; those before it read nothing. Owns the processes:
 * commands_free ends and reaps what still runs. Needs the default loop.
 */
#ifndef HARNESS_COMMANDS_H
#define HARNESS_COMMANDS_H

#include "harness/topology.h"

#include <ev.h>

enum { SHELL_SIGNAL_BASE = 128 };

struct commands;

struct commands_callbacks {
    /* One has ended; status as a shell tells it. */
    void (*on_end)(const char *text, int status, void *user);
    /* None is left, neither running nor to start. */
    void (*on_over)(int last_status, void *user);
};

/* The texts must outlive it. ${S1} in them is the address of S1, other names are the
 * shell's. */
struct commands *commands_new(struct ev_loop *loop, const char *const *texts, size_t count,
    const struct commands_callbacks *callbacks, void *user);
void commands_free(struct commands *self);

/* Starts the next, if one is left. STATUS_IO: *fault says why not. */
MUST_CHECK enum status commands_next(
    struct commands *self, const struct topology *topology, struct fault *fault);
bool commands_run(const struct commands *self);
void commands_signal(const struct commands *self, int number);

#endif
