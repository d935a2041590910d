/*
 * account_redis: what an account is in Redis, what is said to Redis at first, and
 * what its failures mean. For those that talk to Redis, with waiting
 * (account_store_redis) or without (accounts_redis). Pure but for the password's
 * file.
 *
 * An account is a hash. Its key is the configured prefix and the user's name; its
 * field argon2id is the hash of the password. The reference has the password
 * itself, in the field password. Invariant: what we write has the one or the
 * other, never both; where somebody else wrote both, argon2id counts.
 */
#ifndef BESTERD_ACCOUNT_REDIS_H
#define BESTERD_ACCOUNT_REDIS_H

#include <hiredis/hiredis.h>

#include "besterd/account_redis_guard.h"
#include "besterd/config.h"
#include "besterd/password.h"
#include "besterd/username.h"

#define REDIS_FIELD_HASH "argon2id"
#define REDIS_FIELD_PLAIN "password"

enum { REDIS_KEY_MAX = CONFIG_REDIS_PREFIX_MAX + USERNAME_MAX, REDIS_WORDS_MAX = 8 };
enum { REDIS_PASSWORD_MAX = 1024, REDIS_GREETING_MAX = 3 };

/* ---- commands ---- */

/* The words of a command, borrowed. */
struct redis_words {
    int count;
    const char *at[REDIS_WORDS_MAX];
    size_t len[REDIS_WORDS_MAX];
};

void redis_words_add(struct redis_words *self, struct span word);
/* NULL ends them. Returns self. */
struct redis_words *redis_words_set(struct redis_words *self, ...) __attribute__((sentinel));

/* Says it and waits for the answer, the caller's to free; NULL: errno and
 * context->err say why. hiredis writes in a way that kills a program when Redis
 * has gone; this one does not, and leaves SIGPIPE as it is. */
redisReply *redis_converse(redisContext *context, const struct redis_words *words);

struct redis_key {
    size_t len;
    char text[REDIS_KEY_MAX + 1];
};

/* Of a user as username_normalise gave him. */
void redis_key_make(
    struct redis_key *self, const struct config_redis *settings, const char *username);

/* ---- the greeting ---- */

/* AUTH where there is a password, SELECT where the database is not the first,
 * PING. Holds the password: redis_greeting_wipe when they are sent. */
struct redis_greeting {
    size_t count;
    struct redis_words commands[REDIS_GREETING_MAX];
    char index[16];
    size_t password_len;
    char password[REDIS_PASSWORD_MAX + 1];
};

/* Reads the password's file. STATUS_IO: *fault says why it cannot be used. */
MUST_CHECK enum status redis_greeting_make(
    struct redis_greeting *self, const struct config_redis *settings, struct fault *fault);
void redis_greeting_wipe(struct redis_greeting *self);
/* What Redis answered to one of them. STATUS_OK, or as redis_error_status. */
MUST_CHECK enum status redis_greeting_answer(const redisReply *reply, struct fault *fault);

/* ---- answers ---- */

/* What an answer that is an error means: STATUS_OVERLOADED: it may work later;
 * STATUS_NOT_FOUND: what has the key is no hash, so it is no account;
 * STATUS_INTERNAL. *fault gets the text, without what the text repeats of the
 * command. */
MUST_CHECK enum status redis_error_status(const redisReply *reply, struct fault *fault);

/* Why a connection ended. *fault gets STATUS_OVERLOADED: it is away;
 * STATUS_INTERNAL: what it says is not Redis's language; and a sentence. */
void redis_end_fault(
    const redisContext *context, const struct redis_guard *guard, struct fault *fault);

/* What HMGET of both fields gave; {NULL, 0}: there is no such field. Borrowed. */
struct redis_account {
    struct span hash;
    struct span plain;
};

/* HMGET of the account with that key. */
void redis_account_words(struct redis_words *words, const struct redis_key *key);
/* STATUS_NOT_FOUND: neither; STATUS_MALFORMED: this is no answer to HMGET. */
MUST_CHECK enum status redis_account_read(struct redis_account *self, const redisReply *reply);
/* Writes the hash, empty where there is none. STATUS_INTERNAL: it is too long to
 * be one. */
MUST_CHECK enum status redis_account_hash(
    const struct redis_account *self, char hash[PASSWORD_HASH_CAP], struct fault *fault);

#endif
