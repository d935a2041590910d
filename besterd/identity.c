#include "besterd/identity.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "besterd/log.h"
#include "besterd/paths.h"

static enum status path_of(
    const struct config *config, enum identity_file which, char path[PATH_MAX], struct fault *fault)
{
    if (!config->identity_path)
        return fault_set(fault, STATUS_IO, 0,
            "server.identity must be given: neither HOME nor an XDG variable says where it could "
            "be");
    int len = snprintf(
        path, PATH_MAX, "%s%s", config->identity_path, which == IDENTITY_NEXT ? ".next" : "");
    if (len >= PATH_MAX)
        return fault_set(
            fault, STATUS_IO, 0, "%.100s…: the path is too long", config->identity_path);
    return STATUS_OK;
}

static enum status make_directory(const char *file, struct fault *fault)
{
    const char *slash = strrchr(file, '/');
    char *directory = slash && slash != file ? strndup(file, (size_t)(slash - file)) : NULL;
    enum status status = directory ? paths_make_directory(directory, fault) : STATUS_OK;

    free(directory);
    return status;
}

enum status identity_look(
    const struct config *config, enum identity_file which, struct tls_pin *pin, struct fault *fault)
{
    char path[PATH_MAX];
    enum status status = path_of(config, which, path, fault);

    if (status != STATUS_OK)
        return status;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "%s: is not there", path);
    return tls_file_pin(path, pin, fault);
}

enum status identity_make(
    const struct config *config, enum identity_file which, struct tls_pin *pin, struct fault *fault)
{
    char path[PATH_MAX];
    enum status status = path_of(config, which, path, fault);

    if (status == STATUS_OK)
        status = make_directory(path, fault);
    if (status == STATUS_OK)
        status = tls_make_identity_file(path, config->server_name, fault);
    return status == STATUS_OK ? tls_file_pin(path, pin, fault) : status;
}

enum status identity_promote(const struct config *config, struct fault *fault)
{
    char now[PATH_MAX] = "";
    char next[PATH_MAX] = "";
    struct tls_pin pin;
    enum status status = identity_look(config, IDENTITY_NEXT, &pin, fault);

    if (status == STATUS_OK)
        status = path_of(config, IDENTITY_NOW, now, fault);
    if (status == STATUS_OK)
        status = path_of(config, IDENTITY_NEXT, next, fault);
    if (status == STATUS_OK && rename(next, now) != 0)
        status = fault_set(fault, STATUS_IO, 0, "%s: %s", next, strerror(errno));
    return status;
}

void identity_watch_over(const char *key_file)
{
    struct stat about;

    if (stat(key_file, &about) == 0 && (about.st_mode & S_IRWXO) != 0)
        log_line(LOG_LEVEL_WARNING, "tls",
            "%s: a private key that everybody may read; chmod o= it, or better, make a new one",
            key_file);
}
