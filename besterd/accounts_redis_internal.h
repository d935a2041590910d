/*
 * accounts_redis_internal: what the two files of accounts_redis share. Look-ups
 * in accounts_redis.c, replacements of plain text in accounts_redis_replace.c.
 */
#ifndef BESTERD_ACCOUNTS_REDIS_INTERNAL_H
#define BESTERD_ACCOUNTS_REDIS_INTERNAL_H

#include "besterd/accounts_questions.h"
#include "besterd/accounts_redis_link.h"

struct redis_accounts {
    struct accounts accounts;
    struct questions questions;
    struct config_redis settings;
    struct redis_link *link;
    /* Questions whose plain text is to be replaced. One at a time, because a
     * connection watches for one transaction at a time. */
    struct question *replacing; /* NULL: none */
    struct question *first;
    struct question **last;
    struct fault replace_fault; /* why the transaction that is under way fails */
    bool replace_ails;          /* it failed when it was last tried */
};

/* Looks the question's user up, then goes on with it. */
void redis_accounts_look_up(struct redis_accounts *self, struct question *question);

/* struct questions' replace. */
void redis_accounts_replace(struct question *question);

#endif
