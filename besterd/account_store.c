#include "besterd/account_store.h"

#include <assert.h>

#include "besterd/account_store_kind.h"

struct account_store *account_store_of(const struct config *config)
{
    assert(config->database != DATABASE_OPEN);
    return config->database == DATABASE_REDIS ? account_store_redis_new(&config->redis)
                                              : account_store_new(config->database_path);
}

void account_store_free(struct account_store *self)
{
    if (self != NULL)
        self->kind->free(self);
}

enum status account_store_create(struct account_store *self, struct fault *fault)
{
    return self->kind->create(self, fault);
}

enum status account_store_find(struct account_store *self, const char *username,
    char hash[PASSWORD_HASH_CAP], struct fault *fault)
{
    return self->kind->find(self, username, hash, fault);
}

enum status account_store_add(
    struct account_store *self, const char *username, const char *hash, struct fault *fault)
{
    return self->kind->add(self, username, hash, fault);
}

enum status account_store_change(
    struct account_store *self, const char *username, const char *hash, struct fault *fault)
{
    return self->kind->change(self, username, hash, fault);
}

enum status account_store_remove(
    struct account_store *self, const char *username, struct fault *fault)
{
    return self->kind->remove(self, username, fault);
}

enum status account_store_list(
    struct account_store *self, account_store_each *each, void *user, struct fault *fault)
{
    return self->kind->list(self, each, user, fault);
}

enum status account_store_is_there(const char *username, struct fault *fault)
{
    return fault_set(fault, STATUS_INVALID, 0, "the user \"%s\" exists already", username);
}

enum status account_store_is_not_there(const char *username, struct fault *fault)
{
    return fault_set(fault, STATUS_NOT_FOUND, 0, "there is no user \"%s\"", username);
}
