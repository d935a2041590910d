/*
 * origin: who said it. Made once when a session logs in, or a message comes from
 * another server, and shared by every message of it; never taken from what a
 * client or a handler claims about itself.
 *
 * Counted references: origin_new_* gives one, origin_ref adds one, origin_unref
 * gives one back. Immutable.
 */
#ifndef BESTERD_ORIGIN_H
#define BESTERD_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "besterd/config.h"
#include "libbester/blob.h"
#include "libbester/status.h"

struct origin {
    size_t refs;
    bool authenticated;
    char *user;            /* of this server, logged in; NULL: somebody else */
    struct blob *from;     /* JSON token "T@S1"; NULL: not known who */
    struct blob *question; /* JSON object for a handler: user, server, scope, … */
    struct blob *forward;  /* JSON object for another server: user, server; or NULL */
};

/* A client of this server. NULL when out of memory. */
struct origin *origin_new_client(const char *user, const char *server);
/* A message of another server: claim is the value of header.origin, or absent.
 * STATUS_NOT_ALLOWED: it claims to be from a user of this server, or of a pinned one;
 * STATUS_MALFORMED: not of the form; *fault says more. */
MUST_CHECK enum status origin_new_legacy(
    struct origin **out, struct span claim, const struct config *config, struct fault *fault);
/* The same of a pinned server, who is believed about its own users and about those of
 * servers that it relays for. */
MUST_CHECK enum status origin_new_pinned(struct origin **out, struct span claim,
    const struct config_peer *peer, const char *server, struct fault *fault);
/* A handler that speaks first. */
struct origin *origin_new_handler(const char *server);

struct origin *origin_ref(struct origin *self);
void origin_unref(struct origin *self); /* NULL is legal */

#endif
