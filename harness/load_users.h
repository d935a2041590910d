/*
 * load_users: who the clients of a load are, and to whom they write.
 *
 * Owns names and passwords; the latter are overwritten before they are freed.
 */
#ifndef HARNESS_LOAD_USERS_H
#define HARNESS_LOAD_USERS_H

#include "harness/load.h"

struct load_users {
    char **names; /* of the clients, in turn */
    char **passwords;
    size_t count;
    char **to; /* in turn; none: "next" or "self" */
    size_t to_count;
    bool to_next; /* else, without names: to itself */
};

/* password: of all who have none of their own. STATUS_INVALID: a name can't be
 * one; STATUS_IO: a password can't be read. *fault says which. */
MUST_CHECK enum status load_users_init(struct load_users *self, const struct load_options *options,
    const char *password, struct fault *fault);
void load_users_release(struct load_users *self);

const char *load_users_name(const struct load_users *self, size_t client);
const char *load_users_password(const struct load_users *self, size_t client);
/* Whom that client writes to with that message of all. clients: how many there are. */
const char *load_users_to(
    const struct load_users *self, size_t client, size_t clients, uint64_t message);

#endif
