#include "besterd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/config_table.h"
#include "besterd/paths.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

/* ---- loading ---- */

static enum status check(
    struct config **out, const json_t *root, bool has_file, struct mistakes *mistakes)
{
    struct raw_config raw;
    raw_init(&raw);
    if (root != NULL)
        raw_read(&raw, root, mistakes);
    enum status status = config_check(out, &raw, has_file, mistakes);
    raw_release(&raw);
    return status;
}

enum status config_parse(struct config **out, struct span text, struct mistakes *mistakes)
{
    json_error_t error;
    json_t *root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        char where[64];
        snprintf(where, sizeof where, "line %d, column %d", error.line, error.column);
        mistakes_add(mistakes, where, "%s", error.text);
        return STATUS_INVALID;
    }
    enum status status = check(out, root, true, mistakes);
    json_decref(root);
    return status;
}

char *config_read_file(const char *file, size_t max, size_t *len)
{
    /* A FIFO that nobody writes into must not hang the start, but a pipe may take
     * its time: only the opening does not wait. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    char *text = malloc(max + 1);
    ssize_t got = text != NULL && fcntl(fd, F_SETFL, 0) == 0 ? 1 : -1;
    size_t total = 0;
    while (got > 0 && total <= max) {
        got = read(fd, text + total, max + 1 - total);
        total += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? errno : EFBIG;
    close(fd);
    if (got == 0 && total <= max) {
        *len = total;
        return text;
    }
    free(text);
    errno = error;
    return NULL;
}

static enum status load(struct config **out, const char *file, struct mistakes *mistakes)
{
    if (file == NULL)
        return check(out, NULL, false, mistakes);
    size_t len = 0;
    char *text = config_read_file(file, CONFIG_BYTES_MAX, &len);
    if (text == NULL) {
        mistakes_add(mistakes, "", "cannot be read: %s", strerror(errno));
        return STATUS_IO;
    }
    struct config *made = NULL;
    enum status status = config_parse(&made, (struct span){.at = text, .len = len}, mistakes);
    free(text);
    if (status != STATUS_OK)
        return status;
    made->file = strdup(file);
    if (made->file == NULL) {
        config_unref(made);
        return STATUS_NO_MEMORY;
    }
    *out = made;
    return STATUS_OK;
}

enum status config_load(struct config **out, const char *file, struct mistakes *mistakes)
{
    enum status status = load(out, file, mistakes);

    if (status == STATUS_NO_MEMORY)
        mistakes_add(mistakes, "", "%s", status_help(status));
    return status;
}

/* ---- freeing ---- */

static void free_handler(struct config_handler *handler)
{
    free(handler->type);
    free(handler->binary);
    for (size_t i = 0; handler->arguments != NULL && handler->arguments[i] != NULL; i++)
        free(handler->arguments[i]);
    free(handler->arguments);
    for (size_t i = 0; handler->environment != NULL && handler->environment[i] != NULL; i++)
        free(handler->environment[i]);
    free(handler->environment);
    for (size_t i = 0; i < MAY_COUNT; i++)
        nameset_free(handler->may_name[i]);
    free(handler->socket_owner);
    free(handler->path);
    free(handler->template_path);
    free(handler->template_text);
}

static void free_peer(struct config_peer *peer)
{
    free(peer->name);
    for (size_t i = 0; peer->relays_for != NULL && peer->relays_for[i] != NULL; i++)
        free(peer->relays_for[i]);
    free(peer->relays_for);
}

const struct config *config_ref(const struct config *self)
{
    ((struct config *)self)->refs++; /* the count is no part of what is looked at */
    return self;
}

static void config_free(struct config *self)
{
    for (size_t i = 0; i < self->handler_count; i++)
        free_handler(&self->handlers[i]);
    for (size_t i = 0; i < self->peer_count; i++)
        free_peer(&self->peers[i]);
    free(self->handlers);
    free(self->peers);
    free(self->listeners);
    free(self->certificate_path);
    free(self->key_path);
    free(self->file);
    free(self->server_name);
    free(self->user);
    free(self->user_home);
    free(self->identity_path);
    free(self->database_path);
    config_redis_release(&self->redis);
    free(self->informer_path);
    free(self->state_directory);
    free(self->runtime_directory);
    json_decref(self->admin_info);
    for (char **name = self->administrators; name != NULL && *name != NULL; name++)
        free(*name);
    free(self->administrators);
    free(self);
}

void config_unref(const struct config *self)
{
    struct config *counted = (struct config *)self;
    if (counted != NULL && --counted->refs == 0)
        config_free(counted);
}

/* ---- using ---- */

enum status config_make_directories(const struct config *self, struct fault *fault)
{
    const char *const directories[] = {self->state_directory, self->runtime_directory};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        if (directories[i] == NULL)
            continue;
        enum status status = paths_make_directory(directories[i], fault);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

const struct config_handler *config_find_handler(const struct config *self, struct span type)
{
    for (size_t i = 0; i < self->handler_count; i++) {
        if (span_is(type, self->handlers[i].type))
            return &self->handlers[i];
    }
    return NULL;
}
