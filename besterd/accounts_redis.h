/*
 * accounts_redis: accounts in Redis, asked without ever stopping the loop. What
 * an account is there stands in account_redis.h.
 *
 * A password that is stored as plain text, as the reference does, is taken only
 * together with its replacement by a hash: in one transaction, which is begun
 * again with a new look when somebody else changes the account meanwhile.
 */
#ifndef BESTERD_ACCOUNTS_REDIS_H
#define BESTERD_ACCOUNTS_REDIS_H

#include "besterd/accounts.h"

/* The struct accounts inside is the caller's to fill. settings is copied. That
 * Redis is away is no failure. STATUS_IO: *fault says why; STATUS_NO_MEMORY. */
MUST_CHECK enum status accounts_redis_new(struct accounts **out,
    const struct config_redis *settings, struct ev_loop *loop, struct fault *fault);

#endif
