/*
 * soak: demonstrations that a server holds, one after the other, each with a server of
 * its own.
 *
 * A demonstration runs a load, prints what it has measured, and fails with a sentence
 * when something was not as promised: soak_fail keeps the first. It waits with
 * soak_until for what is to happen; time alone ends a wait only with a failure. What
 * can't be had at all (a socket, a process) ends the program (soak_give_up). However
 * it ends, what it started ends too: orphans_adopt sees to it.
 */
#ifndef BESTER_TESTS_SOAK_SOAK_H
#define BESTER_TESTS_SOAK_SOAK_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/chance.h"
#include "libbester/stream.h"

struct progress_line;

struct soak {
    struct ev_loop *loop;
    struct streams *streams;
    struct progress_line *line; /* NULL: no terminal */
    const char *build;          /* a folder: besterd and handlers/ */
    const char *fixtures;       /* a folder */
    FILE *log;                  /* where the servers' logs go, or NULL */
    unsigned seconds;           /* how long what is measured by time takes */
    unsigned part;              /* an Nth of every number */
    uint64_t seed;
    struct chance chance;
    uint64_t events; /* grows when anything happens: for soak_until */
    bool failed;
    char why[512];
};

struct demonstration {
    const char *name;
    const char *help;
    void (*run)(struct soak *soak);
};

extern const struct demonstration demo_clients, demo_idle, demo_slow, demo_kills, demo_reloads,
    demo_frames;

/* Full size divided by the part that was asked for, but not less than least. */
unsigned soak_size(const struct soak *self, unsigned full, unsigned least);

/* At a terminal, one line that tells how far it is, until something else is printed. */
void soak_progress(struct soak *self, const char *format, ...) PRINTF_LIKE(2, 3);
void soak_hide_progress(struct soak *self);
/* A line of figures. */
void soak_say(struct soak *self, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void soak_fail(struct soak *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* For what is not the server's fault; ends the program with errno's text. */
__attribute__((noreturn)) void soak_give_up(const char *what);

/* Turns the loop until that is so; it is asked after every turn, and there are some in
 * every second. false: the demonstration has failed, or fails now
 * because nothing has happened for a minute. */
bool soak_until(struct soak *self, bool (*is_so)(void *user), void *user, const char *what);
/* Turns the loop for so long; each second on_second (may be NULL) is called, with how
 * many have passed. */
bool soak_for(
    struct soak *self, double seconds, void (*on_second)(unsigned passed, void *user), void *user);

uint64_t soak_now_ns(void);

#endif
