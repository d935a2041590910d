/*
 * accounts_open: accounts of type "open". There are none: every name and every
 * password that is not empty is taken, as the reference does. config_check sees
 * to it that only this machine can reach such a server.
 */
#ifndef BESTERD_ACCOUNTS_OPEN_H
#define BESTERD_ACCOUNTS_OPEN_H

#include "besterd/accounts.h"

/* The struct accounts inside is the caller's to fill. */
MUST_CHECK enum status accounts_open_new(struct accounts **out, struct ev_loop *loop);

#endif
