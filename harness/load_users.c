#include "harness/load_users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* ---- lists of names -------------------------------------------------------------------------- */

static enum status split(char ***out, size_t *count, const char *text, struct fault *fault)
{
    char **names = NULL;
    size_t n = 0;

    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t len = strcspn(at, ",");

        must_grow(names, n);
        names[n++] = must_copy_bytes(at, len);
        if (len > 0 && len < USER_NAME_MAX + SERVER_NAME_MAX)
            continue;
        for (size_t i = 0; i < n; i++)
            free(names[i]);
        free(names);
        return fault_set(fault, STATUS_INVALID, 0, "\"%.60s\" is no list of names", text);
    }
    *out = names;
    *count = n;
    return STATUS_OK;
}

static void name_all(struct load_users *self, size_t count)
{
    self->names = must_alloc(count * sizeof(*self->names));
    for (size_t i = 0; i < count; i++)
        self->names[i] = must_print("T%zu", i + 1);
    self->count = count;
}

/* ---- passwords ------------------------------------------------------------------------------- */

static enum status read_password(
    char **out, const char *folder, const char *name, struct fault *fault)
{
    char line[LOGIN_PASSWORD_MAX + 2];
    char *path = must_print("%s/%s.password", folder, name);
    FILE *file = strchr(name, '/') ? NULL : fopen(path, "re");
    bool read = file && fgets(line, sizeof(line), file);

    if (!read)
        fault_set(fault, STATUS_IO, 0, "%.200s: %s", path,
            file ? "there is no password in it" : strerror(errno));
    if (file)
        fclose(file);
    free(path);
    if (!read)
        return STATUS_IO;
    line[strcspn(line, "\r\n")] = '\0';
    *out = must_copy(line);
    explicit_bzero(line, sizeof(line));
    return STATUS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum status load_users_init(struct load_users *self, const struct load_options *options,
    const char *password, struct fault *fault)
{
    enum status status = STATUS_OK;

    *self = (struct load_users){0};
    if (options->users)
        status = split(&self->names, &self->count, options->users, fault);
    else
        name_all(self, options->clients ? options->clients : 1);
    if (status == STATUS_OK && options->to && strcmp(options->to, "next") == 0)
        self->to_next = true;
    else if (status == STATUS_OK && options->to && strcmp(options->to, "self") != 0)
        status = split(&self->to, &self->to_count, options->to, fault);
    self->passwords = must_alloc((self->count + 1) * sizeof(*self->passwords));
    for (size_t i = 0; status == STATUS_OK && i < self->count; i++)
        if (options->passwords)
            status = read_password(&self->passwords[i], options->passwords, self->names[i], fault);
        else
            self->passwords[i] = must_copy(password);
    if (status != STATUS_OK)
        load_users_release(self);
    return status;
}

void load_users_release(struct load_users *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->passwords[i])
            explicit_bzero(self->passwords[i], strlen(self->passwords[i]));
        free(self->passwords[i]);
        free(self->names[i]);
    }
    for (size_t i = 0; i < self->to_count; i++)
        free(self->to[i]);
    free(self->passwords);
    free(self->names);
    free(self->to);
    *self = (struct load_users){0};
}

/* ---- in a load ------------------------------------------------------------------------------- */

const char *load_users_name(const struct load_users *self, size_t client)
{
    return self->names[client % self->count];
}

const char *load_users_password(const struct load_users *self, size_t client)
{
    return self->passwords[client % self->count];
}

const char *load_users_to(
    const struct load_users *self, size_t client, size_t clients, uint64_t message)
{
    if (self->to_count > 0)
        return self->to[message % self->to_count];
    return load_users_name(self, self->to_next ? (client + 1) % clients : client);
}
