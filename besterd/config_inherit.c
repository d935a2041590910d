/* What stays as it is when a server that runs reads its configuration again. */
#include <stdlib.h>
#include <string.h>

#include "besterd/config.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_address(const struct address *a, const struct address *b)
{
    return a->kind == b->kind && a->port == b->port && strcmp(a->host, b->host) == 0 &&
           strcmp(a->path, b->path) == 0;
}

/* Puts a copy in the place of *at. */
static enum status copy_text(char **at, const char *text)
{
    char *copy = NULL;
    if (text != NULL && (copy = strdup(text)) == NULL)
        return STATUS_NO_MEMORY;
    free(*at);
    *at = copy;
    return STATUS_OK;
}

/* ---- a pair of functions for each ---- */

static bool same_name(const struct config *a, const struct config *b)
{
    return same_text(a->server_name, b->server_name);
}

static enum status take_name(struct config *self, const struct config *old)
{
    return copy_text(&self->server_name, old->server_name);
}

static bool same_user(const struct config *a, const struct config *b)
{
    return same_text(a->user, b->user) && a->uid == b->uid && a->gid == b->gid;
}

static enum status take_user(struct config *self, const struct config *old)
{
    self->uid = old->uid;
    self->gid = old->gid;
    enum status status = copy_text(&self->user, old->user);
    return status == STATUS_OK ? copy_text(&self->user_home, old->user_home) : status;
}

static bool same_sandbox(const struct config *a, const struct config *b)
{
    return a->sandbox == b->sandbox;
}

static enum status take_sandbox(struct config *self, const struct config *old)
{
    self->sandbox = old->sandbox;
    return STATUS_OK;
}

static bool same_listeners(const struct config *a, const struct config *b)
{
    bool same = a->listener_count == b->listener_count;
    for (size_t i = 0; same && i < a->listener_count; i++)
        same = a->listeners[i].tls == b->listeners[i].tls &&
               a->listeners[i].peer == b->listeners[i].peer &&
               same_address(&a->listeners[i].address, &b->listeners[i].address);
    return same;
}

static enum status take_listeners(struct config *self, const struct config *old)
{
    struct config_listener *listeners = calloc(old->listener_count + 1, sizeof *listeners);
    if (listeners == NULL)
        return STATUS_NO_MEMORY;
    memcpy(listeners, old->listeners, old->listener_count * sizeof *listeners);
    free(self->listeners);
    self->listeners = listeners;
    self->listener_count = old->listener_count;
    self->insecure = old->insecure;
    self->self_signed = old->self_signed;
    enum status status = copy_text(&self->certificate_path, old->certificate_path);
    return status == STATUS_OK ? copy_text(&self->key_path, old->key_path) : status;
}

static bool same_database(const struct config *a, const struct config *b)
{
    const struct config_redis *x = &a->redis;
    const struct config_redis *y = &b->redis;
    return a->database == b->database && same_text(a->database_path, b->database_path) &&
           same_address(&x->address, &y->address) && same_text(x->user, y->user) &&
           same_text(x->password_file, y->password_file) && same_text(x->prefix, y->prefix) &&
           x->index == y->index && x->timeout_ms == y->timeout_ms;
}

static enum status take_database(struct config *self, const struct config *old)
{
    struct config_redis redis = {.user = NULL};
    if (old->database == DATABASE_REDIS && config_redis_copy(&redis, &old->redis) != STATUS_OK)
        return STATUS_NO_MEMORY;
    config_redis_release(&self->redis);
    self->redis = redis;
    self->database = old->database;
    return copy_text(&self->database_path, old->database_path);
}

static bool same_informer(const struct config *a, const struct config *b)
{
    return same_text(a->informer_path, b->informer_path);
}

static enum status take_informer(struct config *self, const struct config *old)
{
    return copy_text(&self->informer_path, old->informer_path);
}

static bool same_metrics(const struct config *a, const struct config *b)
{
    return a->has_metrics == b->has_metrics &&
           (!a->has_metrics || same_address(&a->metrics_address, &b->metrics_address));
}

static enum status take_metrics(struct config *self, const struct config *old)
{
    self->has_metrics = old->has_metrics;
    self->metrics_address = old->metrics_address;
    return STATUS_OK;
}

static const struct fixed {
    const char *where;
    bool (*same)(const struct config *a, const struct config *b);
    enum status (*take)(struct config *self, const struct config *old);
} fixed[] = {
    {"server.name", same_name, take_name},
    {"server.user", same_user, take_user},
    {"server.sandbox", same_sandbox, take_sandbox},
    {"network", same_listeners, take_listeners},
    {"database", same_database, take_database},
    {"informer.address", same_informer, take_informer},
    {"metrics.address", same_metrics, take_metrics},
};

enum status config_inherit(struct config *self, const struct config *old, struct mistakes *ignored)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].same(self, old))
            continue;
        enum status status = fixed[i].take(self, old);
        if (status != STATUS_OK)
            return status;
        mistakes_add(ignored, fixed[i].where, "is changed by the next start, not by a reload");
    }
    return STATUS_OK;
}
