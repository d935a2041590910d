/*
 * account_store: the accounts' SQLite file. Blocks: for worker threads and for
 * commands, never for the loop.
 *
 * Owns one connection, opened when first needed and again after a failure, so
 * that a database that comes back is used again. Invariant: what is answered
 * comes from the file that has the name now; a file that was replaced or removed
 * is noticed before each question. One thread at a time.
 */
#ifndef BESTERD_ACCOUNT_STORE_H
#define BESTERD_ACCOUNT_STORE_H

#include "besterd/password.h"
#include "libbester/status.h"

struct account_store;

/* NULL when out of memory. Touches no file. */
struct account_store *account_store_new(const char *path);
/* NULL is legal. */
void account_store_free(struct account_store *self);

/* What every function below may answer besides its own: STATUS_OVERLOADED: the
 * database is locked or away, it may work later; STATUS_INTERNAL: it is broken,
 * or no database of ours; STATUS_NO_MEMORY. *fault (may be NULL) says why. */

/* Makes the file (mode 0600) and its tables if they are not there. */
MUST_CHECK enum status account_store_create(struct account_store *self, struct fault *fault);

/* STATUS_NOT_FOUND: there is no such user. */
MUST_CHECK enum status account_store_find(struct account_store *self, const char *username,
    char hash[PASSWORD_HASH_CAP], struct fault *fault);
/* STATUS_INVALID: the user exists already. */
MUST_CHECK enum status account_store_add(
    struct account_store *self, const char *username, const char *hash, struct fault *fault);
/* STATUS_NOT_FOUND. */
MUST_CHECK enum status account_store_change(
    struct account_store *self, const char *username, const char *hash, struct fault *fault);
MUST_CHECK enum status account_store_remove(
    struct account_store *self, const char *username, struct fault *fault);

typedef void account_store_each(const char *username, void *user);
/* All names, in order of their bytes. */
MUST_CHECK enum status account_store_list(
    struct account_store *self, account_store_each *each, void *user, struct fault *fault);

#endif
