/*
 * account_store: the accounts, asked and changed by calls that block: for worker
 * threads and for commands, never for the loop. The same calls for each place
 * where accounts are kept.
 *
 * Owns one connection, opened when first needed and again after a failure, so
 * that accounts that come back are used again. One thread at a time.
 */
#ifndef BESTERD_ACCOUNT_STORE_H
#define BESTERD_ACCOUNT_STORE_H

#include "besterd/config.h"
#include "besterd/password.h"
#include "libbester/status.h"

struct account_store;

/* A SQLite file. Invariant: what is answered comes from the file that has the
 * name now; one that was replaced or removed is noticed before each question.
 * NULL when out of memory. Touches no file. */
struct account_store *account_store_new(const char *path);
/* In Redis; settings is copied. NULL when out of memory. Connects to nothing. */
struct account_store *account_store_redis_new(const struct config_redis *settings);
/* Those that config names, which must not be "open". NULL when out of memory. */
struct account_store *account_store_of(const struct config *config);
/* NULL is legal. */
void account_store_free(struct account_store *self);

/* What every function below may answer besides its own: STATUS_OVERLOADED: the
 * database is locked or away, it may work later; STATUS_INTERNAL: it is broken,
 * or no database of ours; STATUS_NO_MEMORY. *fault (may be NULL) says why. */

/* SQLite: makes the file (mode 0600) and its tables if they are not there.
 * Redis: connects, there is nothing to make. */
MUST_CHECK enum status account_store_create(struct account_store *self, struct fault *fault);

/* STATUS_NOT_FOUND: there is no such user. An empty hash: Redis still has the
 * password as plain text, as the reference left it. */
MUST_CHECK enum status account_store_find(struct account_store *self, const char *username,
    char hash[PASSWORD_HASH_CAP], struct fault *fault);
/* STATUS_INVALID: the user exists already, or (Redis) something else has the key. */
MUST_CHECK enum status account_store_add(
    struct account_store *self, const char *username, const char *hash, struct fault *fault);
/* STATUS_NOT_FOUND. */
MUST_CHECK enum status account_store_change(
    struct account_store *self, const char *username, const char *hash, struct fault *fault);
MUST_CHECK enum status account_store_remove(
    struct account_store *self, const char *username, struct fault *fault);

typedef void account_store_each(const char *username, void *user);
/* All names, each once, in order of their bytes. */
MUST_CHECK enum status account_store_list(
    struct account_store *self, account_store_each *each, void *user, struct fault *fault);

#endif
