/*
 * password: Argon2id, for the accounts. Slow on purpose: never call it on the
 * loop. Every function may be called from several threads at once, after
 * password_init.
 */
#ifndef BESTERD_PASSWORD_H
#define BESTERD_PASSWORD_H

#include "libbester/status.h"

enum { PASSWORD_MAX = 1024 };     /* bytes */
enum { PASSWORD_HASH_CAP = 128 }; /* with the zero byte; crypto_pwhash_STRBYTES */

/* STATUS_INTERNAL: the library cannot be used. Call once, on one thread. */
MUST_CHECK enum status password_init(void);

/* Hashes with a fresh salt; the text names its own parameters, so that they can
 * be raised later. STATUS_INVALID: empty or longer than PASSWORD_MAX;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status password_hash(struct span password, char out[PASSWORD_HASH_CAP]);

/* STATUS_OK: it is the password; STATUS_AUTH_FAILED: it is not; STATUS_OVERLOADED:
 * no memory to find out; STATUS_INTERNAL: hash is no hash of ours.
 * hash NULL: there is no such user; takes the time a wrong password takes and
 * answers STATUS_AUTH_FAILED. */
MUST_CHECK enum status password_verify(struct span password, const char *hash);

/* The same for a password that is stored as plain text, and for the same work.
 * STATUS_OK: it is plain, and out holds its hash; STATUS_AUTH_FAILED;
 * STATUS_OVERLOADED. Otherwise out is untouched. */
MUST_CHECK enum status password_verify_plain(
    struct span password, struct span plain, char out[PASSWORD_HASH_CAP]);

/* Overwrites, in a way that no compiler leaves out. */
void password_wipe(void *at, size_t len);

#endif
