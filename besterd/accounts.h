/*
 * accounts: who may log in, behind an interface that does not tell where the
 * accounts are kept.
 *
 * Everything is asynchronous. A question carries a ticket, a number that the
 * asker chose; the answer comes later on the loop, with that ticket, never from
 * within the call. To cancel, forget the ticket. Each question that returned
 * STATUS_OK is answered exactly once, unless accounts_free comes first.
 *
 * Passwords are copied into memory that is wiped as soon as it was used.
 */
#ifndef BESTERD_ACCOUNTS_H
#define BESTERD_ACCOUNTS_H

#include <ev.h>
#include <stdint.h>

#include "besterd/config.h"
#include "besterd/password.h"
#include "besterd/username.h"
#include "libbester/status.h"

typedef void accounts_answered(uint64_t ticket, enum status status, void *user);

struct accounts_callbacks {
    /* Before a password is hashed, on the loop: STATUS_OK: it is; anything else: it is
     * not, and that is the answer. NULL: each is. */
    enum status (*admit)(uint64_t ticket, void *user);
    /* STATUS_OK; STATUS_AUTH_FAILED: no such user or wrong password (nobody can
     * tell which, not even by the time it takes); STATUS_OVERLOADED: the
     * accounts cannot be reached at the moment, or too many wait; STATUS_INTERNAL:
     * they are broken; what admit said. */
    accounts_answered *verified;
    /* STATUS_OK: there is such a user; STATUS_UNKNOWN_USER; STATUS_OFFLINE: it
     * cannot be known (type "open": whoever logs in exists), so that the user is
     * only known to be absent; STATUS_OVERLOADED; STATUS_INTERNAL. */
    accounts_answered *exists;
};

struct accounts;

/* What a kind of accounts must offer. The first member of each kind's own
 * struct is a struct accounts. */
struct accounts_kind {
    const char *name;
    enum status (*verify)(struct accounts *self, const char *username, struct span password,
        uint64_t from, uint64_t ticket);
    enum status (*exists)(struct accounts *self, const char *username, uint64_t ticket);
    void (*free)(struct accounts *self);
};

struct accounts {
    const struct accounts_kind *kind;
    const struct accounts_callbacks *callbacks;
    void *user;
};

/* Opens the accounts that config names. callbacks must outlive them.
 * STATUS_IO or STATUS_INVALID: they cannot be used, *fault says why;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status accounts_open(struct accounts **out, const struct config *config,
    struct ev_loop *loop, const struct accounts_callbacks *callbacks, void *user,
    struct fault *fault);
/* Questions that wait are not answered. Not from within a callback. NULL is
 * legal. */
void accounts_free(struct accounts *self);

/* username as username_normalise gave it. from: who asks; those of one wait in one
 * line, and the lines take turns (turns.h). STATUS_OVERLOADED: too many questions
 * wait; STATUS_NO_MEMORY: then no answer comes. */
MUST_CHECK enum status accounts_verify(struct accounts *self, const char *username,
    struct span password, uint64_t from, uint64_t ticket);
MUST_CHECK enum status accounts_exists(
    struct accounts *self, const char *username, uint64_t ticket);

#endif
