/*
 * redis_fake: something that listens where Redis should and answers what a test
 * wants, in the test's own loop: nonsense, failures, and what Redis says only at
 * moments that cannot be arranged.
 */
#ifndef TESTS_BESTERD_REDIS_FAKE_H
#define TESTS_BESTERD_REDIS_FAKE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to answer instead of bytes. Silence lasts for the connection. */
#define FAKE_SILENCE ""
#define FAKE_HANGS_UP ((const char *)0)
/* The text so far, then zeros as fast as they are taken. */
#define FAKE_FLOOD '\x01'

/* Used once, in order, for the next command of that name. Where none is left the
 * answer is what Redis says when all is well and there is no such user. */
struct fake_row {
    const char *command; /* NULL: as soon as somebody connects */
    const char *answer;
};

enum { FAKE_PEERS_MAX = 64, FAKE_BYTES_MAX = 64 * 1024 };

struct redis_fake {
    struct ev_loop *loop;
    int listener;
    uint16_t port; /* of TCP */
    ev_io accept;
    const struct fake_row *rows;
    size_t row_count;
    bool used[32];
    double accepted_at[FAKE_PEERS_MAX]; /* ev_now */
    size_t accepted;
    size_t flooded;  /* bytes */
    char seen[4096]; /* the commands, each with a semicolon behind it */
    struct fake_peer {
        struct redis_fake *fake;
        int fd; /* -1: gone */
        bool mute;
        ev_io readable, writable;
        size_t len;
        char bytes[FAKE_BYTES_MAX];
    } * peers[FAKE_PEERS_MAX];
};

/* Listens at a path, or, when it is NULL, at a TCP port of 127.0.0.1. */
void redis_fake_begin(struct redis_fake *self, struct ev_loop *loop, const char *path);
/* The script from here on; forgets what was seen. */
void redis_fake_set(struct redis_fake *self, const struct fake_row *rows, size_t count);
void redis_fake_end(struct redis_fake *self);

#endif
