#include "besterd/accounts.h"

#include "besterd/accounts_open.h"
#include "besterd/accounts_redis.h"
#include "besterd/accounts_sqlite.h"
#include "besterd/log.h"

/* ---- a row for each kind ---- */

static enum status start_sqlite(
    struct accounts **out, const struct config *config, struct ev_loop *loop, struct fault *fault)
{
    return accounts_sqlite_new(out, config->database_path, loop, fault);
}

static enum status start_open(
    struct accounts **out, const struct config *config, struct ev_loop *loop, struct fault *fault)
{
    (void)config;
    (void)fault;
    log_line(LOG_LEVEL_WARNING, "accounts",
        "database.type is \"open\": every password is taken, anybody can be anybody");
    return accounts_open_new(out, loop);
}

static enum status start_redis(
    struct accounts **out, const struct config *config, struct ev_loop *loop, struct fault *fault)
{
    return accounts_redis_new(out, &config->redis, loop, fault);
}

static enum status (*const starts[])(struct accounts **out, const struct config *config,
    struct ev_loop *loop, struct fault *fault) = {
    [DATABASE_SQLITE] = start_sqlite,
    [DATABASE_OPEN] = start_open,
    [DATABASE_REDIS] = start_redis,
};

enum status accounts_open(struct accounts **out, const struct config *config, struct ev_loop *loop,
    const struct accounts_callbacks *callbacks, void *user, struct fault *fault)
{
    struct accounts *made = NULL;
    enum status status = starts[config->database](&made, config, loop, fault);
    if (status != STATUS_OK)
        return status;
    made->callbacks = callbacks;
    made->user = user;
    *out = made;
    return STATUS_OK;
}

void accounts_free(struct accounts *self)
{
    if (self != NULL)
        self->kind->free(self);
}

enum status accounts_verify(struct accounts *self, const char *username, struct span password,
    uint64_t from, uint64_t ticket)
{
    return self->kind->verify(self, username, password, from, ticket);
}

enum status accounts_exists(struct accounts *self, const char *username, uint64_t ticket)
{
    return self->kind->exists(self, username, ticket);
}
