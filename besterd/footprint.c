#include "besterd/footprint.h"

struct teller {
    void (*tell)(const char *path, enum footprint_use use, const char *what, void *user);
    void *user;
};

static void tell(
    const struct teller *self, const char *path, enum footprint_use use, const char *what)
{
    if (path && path[0])
        self->tell(path, use, what, self->user);
}

static void tell_address(const struct teller *self, const struct address *address, const char *what)
{
    if (address->kind == ADDRESS_UNIX)
        tell(self, address->path, FOOTPRINT_WRITE, what);
}

void footprint_each(const struct config *config,
    void (*each)(const char *path, enum footprint_use use, const char *what, void *user),
    void *user)
{
    const struct teller self = {.tell = each, .user = user};
    enum footprint_use certificate = config->self_signed ? FOOTPRINT_WRITE : FOOTPRINT_READ;

    tell(&self, config->file, FOOTPRINT_READ, "the configuration");
    tell(&self, config->certificate_path, certificate, "the certificate");
    tell(&self, config->key_path, certificate, "the certificate's key");
    if (config_has_pinned(config))
        tell(&self, config->identity_path, FOOTPRINT_WRITE, "the identity");
    for (size_t i = 0; i < config->handler_count; i++)
        tell(&self, config->handlers[i].template_path, FOOTPRINT_READ, "a template");
    tell(&self, config->database_path, FOOTPRINT_WRITE, "the accounts");
    if (config->database == DATABASE_REDIS)
        tell(&self, config->redis.password_file, FOOTPRINT_READ, "the password for Redis");
    tell(&self, config->informer_path, FOOTPRINT_WRITE, "the informer's socket");
    for (size_t i = 0; i < config->listener_count; i++)
        tell_address(&self, &config->listeners[i].address, "a listener's socket");
    if (config->has_metrics)
        tell_address(&self, &config->metrics_address, "the socket of the metrics");
}
