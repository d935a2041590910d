/*
 * account_redis_guard: keeps what a server answers from doing harm. hiredis 0.14
 * ends the program when an answer comes that nobody waits for, allocates what an
 * answer says it will need, and buffers an answer of any size. With a guard
 * these end the connection.
 *
 * One guard for one connection at a time; it must stay until hiredis has freed
 * the context.
 */
#ifndef BESTERD_ACCOUNT_REDIS_GUARD_H
#define BESTERD_ACCOUNT_REDIS_GUARD_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct redis_guard {
    size_t max_elements; /* of a list */
    bool counts;         /* whether awaited is kept */
    size_t awaited;      /* answers that are due; the owner's to keep */
    const char *why;     /* the guard ended the connection: a sentence */
    const redisReplyObjectFunctions *plain;
};

/* Call once for each reader, before it reads. awaited starts at 0. */
void redis_guard_begin(
    struct redis_guard *self, redisReader *reader, size_t max_elements, bool counts);

#endif
