/*
 * account_store_kind: what a kind of account_store offers, and what the two have
 * in common. Inside of account_store; others include account_store.h.
 *
 * The first member of each kind's own struct is a struct account_store.
 */
#ifndef BESTERD_ACCOUNT_STORE_KIND_H
#define BESTERD_ACCOUNT_STORE_KIND_H

#include "besterd/account_store.h"

/* As the functions of account_store.h, in their order. */
struct account_store_kind {
    void (*free)(struct account_store *self);
    enum status (*create)(struct account_store *self, struct fault *fault);
    enum status (*find)(struct account_store *self, const char *username,
        char hash[PASSWORD_HASH_CAP], struct fault *fault);
    enum status (*add)(
        struct account_store *self, const char *username, const char *hash, struct fault *fault);
    enum status (*change)(
        struct account_store *self, const char *username, const char *hash, struct fault *fault);
    enum status (*remove)(struct account_store *self, const char *username, struct fault *fault);
    enum status (*list)(
        struct account_store *self, account_store_each *each, void *user, struct fault *fault);
};

struct account_store {
    const struct account_store_kind *kind;
};

/* The sentences that are the same in every kind. STATUS_INVALID. */
MUST_CHECK enum status account_store_is_there(const char *username, struct fault *fault);
/* STATUS_NOT_FOUND. */
MUST_CHECK enum status account_store_is_not_there(const char *username, struct fault *fault);

#endif
