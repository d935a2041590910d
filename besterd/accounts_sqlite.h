/*
 * accounts_sqlite: accounts in a SQLite file, asked without ever stopping the
 * loop. One thread looks names up, others hash: a flood of logins does not hold
 * up the question whether a user exists.
 */
#ifndef BESTERD_ACCOUNTS_SQLITE_H
#define BESTERD_ACCOUNTS_SQLITE_H

#include "besterd/accounts.h"

/* Makes the file if it is not there. The struct accounts inside is the caller's
 * to fill. STATUS_IO: *fault says why it cannot be used; STATUS_NO_MEMORY. */
MUST_CHECK enum status accounts_sqlite_new(
    struct accounts **out, const char *path, struct ev_loop *loop, struct fault *fault);

#endif
