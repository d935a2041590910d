/*
 * identity: the key and the certificate that this server shows to pinned ones, and the
 * one that is to come after it.
 *
 * Both are files, made by who needs them first: the one of the configuration
 * (server.identity), and beside it, with ".next" behind its name, the one that replaces
 * it. Each holds a key and a self-signed certificate and is there whole or not at all,
 * so that a change is one rename.
 */
#ifndef BESTERD_IDENTITY_H
#define BESTERD_IDENTITY_H

#include "besterd/config.h"

enum identity_file { IDENTITY_NOW, IDENTITY_NEXT };

/* Makes the file where it is missing, and its directory; *pin is its. STATUS_IO,
 * STATUS_INVALID: *fault says why. */
MUST_CHECK enum status identity_make(const struct config *config, enum identity_file which,
    struct tls_pin *pin, struct fault *fault);
/* The same without making it: STATUS_NOT_FOUND. */
MUST_CHECK enum status identity_look(const struct config *config, enum identity_file which,
    struct tls_pin *pin, struct fault *fault);
/* The next one takes the place of the one that there is, which is gone then. */
MUST_CHECK enum status identity_promote(const struct config *config, struct fault *fault);

/* Tells the log when everybody on this machine may read a file with a private key. */
void identity_watch_over(const char *key_file);

#endif
