/*
 * accounts_redis_link: the lasting connection to Redis, for questions from the
 * loop.
 *
 * Each question that was taken is answered exactly once, never from within the
 * call and within a bounded time: the configured timeout to connect and the same to be
 * answered, and as much again only where answers came and could not be read yet. Answers come in
 * the order of the questions. An answer that does not come in time, or that is not Redis's
 * language, ends the connection, so that no late answer can ever be taken for that to a later
 * question.
 *
 * A connection that is lost is made anew after pauses that grow from 100 ms to
 * 30 s, and at once for a question, unless the last attempt failed just before.
 */
#ifndef BESTERD_ACCOUNTS_REDIS_LINK_H
#define BESTERD_ACCOUNTS_REDIS_LINK_H

#include <ev.h>

#include "besterd/account_redis.h"

struct redis_link;

/* STATUS_OK: reply is what Redis answered, and no error; it lives until the
 * callback returns. Anything else: reply is NULL, and status as in
 * accounts_verify, or STATUS_NOT_FOUND for a key that is of another kind; fault
 * says why, and is empty where the link has logged it already. */
struct redis_answer {
    enum status status;
    const redisReply *reply;
    struct fault fault;
};
typedef void redis_answered(const struct redis_answer *answer, void *user);

/* settings is copied. Starts to connect. STATUS_IO: the password's file cannot
 * be read, *fault says why; STATUS_NO_MEMORY. That Redis is away is no failure. */
MUST_CHECK enum status redis_link_new(struct redis_link **out, const struct config_redis *settings,
    struct ev_loop *loop, struct fault *fault);
/* What was not answered yet gets STATUS_SHUTTING_DOWN. NULL is legal. */
void redis_link_free(struct redis_link *self);

/* words are copied. STATUS_NO_MEMORY: there will be no answer. */
MUST_CHECK enum status redis_link_ask(
    struct redis_link *self, const struct redis_words *words, redis_answered *answered, void *user);
/* For an answer that cannot be one to what was asked: the connection ends. */
void redis_link_distrust(struct redis_link *self);

#endif
