/*
 * spawner_internal: what besterd and the spawner say to each other, on a pair of
 * sockets that keep messages apart (SOCK_SEQPACKET). For nobody else.
 *
 * Both sides are the same program, so that messages are structs as they are.
 * spawner.c: besterd's side. spawner_process.c: the other process.
 */
#ifndef BESTERD_SPAWNER_INTERNAL_H
#define BESTERD_SPAWNER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "besterd/config.h"

enum spawner_deed {
    SPAWNER_NEW,    /* number will stand for the program of type, as it is in force now */
    SPAWNER_ENSURE, /* of number, as the next three */
    SPAWNER_CLEAR,
    SPAWNER_STOP,
    SPAWNER_FREE,
    SPAWNER_RELOAD, /* and answer whether the file has that digest */
    SPAWNER_LOG,    /* level and format of the log */
    SPAWNER_DEEDS
};

enum { SPAWNER_TYPE_MAX = 1024 };

/* As long as its type is: the rest is not sent. */
struct spawner_request {
    uint32_t deed;
    uint32_t number;
    uint64_t digest;
    uint32_t level, format;
    char type[SPAWNER_TYPE_MAX]; /* without a 0 at its end */
};

enum { SPAWNER_REQUEST_HEAD = offsetof(struct spawner_request, type) };

enum spawner_news { SPAWNER_STARTED, SPAWNER_ENDED, SPAWNER_RELOADED };

struct spawner_event {
    uint32_t news;
    uint32_t number;
    uint32_t status; /* of enum status */
    double pause_s;
};

/* What the two must agree on: all that says which programs there are and how they
 * are started. */
uint64_t spawner_digest(const struct config *config);

/* The whole life of the other process. It ends when the other end of fd does, 0, or
 * because what came was no request, 1. Takes over fd; config stays the caller's. */
int spawner_process(int fd, const struct config *config);

#endif
