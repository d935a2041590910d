/*
 * admin_request: one command of an administrator, or of a user about his account, while
 * it is under way; and the arguments it was given. Inside of administration.
 */
#ifndef BESTERD_ADMIN_REQUEST_H
#define BESTERD_ADMIN_REQUEST_H

#include "besterd/account_store.h"
#include "besterd/administration.h"
#include "besterd/username.h"
#include "libbester/worker.h"

struct admin_secret {
    char text[PASSWORD_MAX + 1];
    size_t len;
};

struct admin_request {
    struct worker_job job;
    struct admin_request *next; /* to be done at the end of the turn */
    struct administration *owner;
    const struct administration_row *row;
    uint64_t ticket;
    uint64_t session; /* who asks */
    char asker[USERNAME_CAP];

    char user[USERNAME_CAP]; /* args.user; "": not given */
    uint64_t number;         /* args.session, args.from */
    struct admin_secret password;
    struct admin_secret new_password;

    enum status status; /* of what was done on the thread */
    struct fault fault;
};

/* What an argument is, and where it goes. */
enum admin_argument_kind {
    ARGUMENT_USER,
    ARGUMENT_PASSWORD,
    ARGUMENT_NEW_PASSWORD,
    ARGUMENT_NUMBER
};

struct admin_argument {
    const char *name; /* NULL ends a list */
    enum admin_argument_kind kind;
    bool optional;
};

enum { ADMIN_ARGUMENTS_MAX = 2 };

/* Reads args (JSON, or absent) into self as the list says. command: for the
 * sentences. STATUS_MALFORMED; STATUS_NO_MEMORY. */
MUST_CHECK enum status admin_request_read(struct admin_request *self, const char *command,
    struct span args, const struct admin_argument list[ADMIN_ARGUMENTS_MAX + 1],
    struct fault *fault);
/* Wipes and frees it. NULL is legal. */
void admin_request_free(struct admin_request *self);

/* What is done to the accounts, on a thread: status and fault tell how it went. */
void admin_request_change_password(struct admin_request *self, struct account_store *store);
void admin_request_add_user(struct admin_request *self, struct account_store *store);
void admin_request_remove_user(struct admin_request *self, struct account_store *store);

#endif
