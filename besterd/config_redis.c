/* Where Redis is: "database.redis" of the configuration. */
#include <stdlib.h>
#include <string.h>

#include "besterd/config_table.h"

enum { REDIS_PORT = 6379 };

static const char where_address[] = "database.redis.address";

void config_redis_release(struct config_redis *self)
{
    free(self->user);
    free(self->password_file);
    free(self->prefix);
    memset(self, 0, sizeof *self);
}

/* NULL stays NULL; false: out of memory. */
static bool copy_text(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

enum status config_redis_copy(struct config_redis *out, const struct config_redis *from)
{
    struct config_redis copy = *from;
    bool good = copy_text(&copy.user, from->user);
    good = copy_text(&copy.password_file, from->password_file) && good;
    good = copy_text(&copy.prefix, from->prefix) && good;
    if (!good) {
        config_redis_release(&copy);
        return STATUS_NO_MEMORY;
    }
    *out = copy;
    return STATUS_OK;
}

/* As an address's text: "unix:PATH" or "HOST:PORT". A path is told by its '/'. */
static void address_text(const char *given, unsigned port, char *out, size_t cap)
{
    bool is_path = strncmp(given, "unix:", 5) == 0 ||
                   (strchr(given, '/') != NULL && strstr(given, "://") == NULL);
    if (is_path)
        snprintf(out, cap, "%s%s", strncmp(given, "unix:", 5) == 0 ? "" : "unix:", given);
    else if (strchr(given, ':') != NULL && given[0] != '[')
        snprintf(out, cap, "[%s]:%u", given, port);
    else
        snprintf(out, cap, "%s:%u", given, port);
}

static void check_address(
    struct address *address, const char *given, unsigned port, struct mistakes *mistakes)
{
    char text[ADDRESS_TEXT_MAX + 16];
    struct fault fault;
    if (strlen(given) >= ADDRESS_TEXT_MAX) {
        mistakes_add(mistakes, where_address, "is too long");
        return;
    }
    address_text(given, port, text, sizeof text);
    if (strstr(given, "://") != NULL && strncmp(given, "unix:", 5) != 0)
        mistakes_add(mistakes, where_address,
            "must be a host, or the path of a UNIX socket, is \"%s\"", given);
    else if (address_parse(address, span_of(text), &fault) != STATUS_OK)
        mistakes_add(mistakes, where_address, "%s, is \"%s\"", fault.text, given);
}

void config_check_redis(struct config *config, struct raw_config *raw, struct mistakes *mistakes)
{
    struct config_redis *redis = &config->redis;
    const char *given =
        raw->database.redis.address != NULL ? raw->database.redis.address : "127.0.0.1";
    check_address(&redis->address, given,
        raw->database.redis.port != 0 ? raw->database.redis.port : REDIS_PORT, mistakes);
    redis->user = raw->database.redis.user;
    redis->password_file = raw->database.redis.password_file;
    redis->prefix = raw->database.redis.prefix != NULL ? raw->database.redis.prefix : calloc(1, 1);
    raw->database.redis.user = NULL;
    raw->database.redis.password_file = NULL;
    raw->database.redis.prefix = NULL;
    redis->index = raw->database.redis.index;
    redis->timeout_ms = raw->database.redis.timeout_ms;
    if (redis->prefix != NULL && strlen(redis->prefix) > CONFIG_REDIS_PREFIX_MAX)
        mistakes_add(mistakes, "database.redis.prefix", "has %zu bytes, at most %d are allowed",
            strlen(redis->prefix), CONFIG_REDIS_PREFIX_MAX);
    if (redis->user != NULL && redis->password_file == NULL)
        mistakes_add(mistakes, "database.redis.user", "needs database.redis.passwordFile");
}
