/* Templates in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbester/profile.h"
#include "libbester/template.h"

static enum status read_all(int fd, char *text, size_t cap, size_t *len)
{
    *len = 0;
    while (*len < cap) {
        ssize_t n = read(fd, text + *len, cap - *len);
        if (n < 0 && errno != EINTR)
            return STATUS_IO;
        if (n == 0)
            return STATUS_OK;
        if (n > 0)
            *len += (size_t)n;
    }
    return STATUS_OK;
}

enum status template_load(struct type_template **out, const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, 0, "%s: %s", path,
            strerror(errno));
    size_t len = 0;
    enum status status = STATUS_NO_MEMORY;
    char *text = malloc(TEMPLATE_BYTES_MAX + 1);
    if (text != NULL)
        status = read_all(fd, text, TEMPLATE_BYTES_MAX + 1, &len);
    if (status == STATUS_IO)
        fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(errno));
    close(fd);
    struct fault inner = {0};
    if (status == STATUS_OK) {
        status = template_parse(out, (struct span){text, len}, TEMPLATE_STRICT, &inner);
        if (status != STATUS_OK)
            fault_set(fault, status, 0, "%s: %s", path, inner.text);
    }
    free(text);
    return status;
}

/* $XDG_CONFIG_HOME/bester/templates/TYPE.json; false: no such place. */
static bool own_path(const char *type, char out[PROFILE_PATH_MAX])
{
    char file[TEMPLATE_NAME_MAX + 32];
    if (type[0] == '.' || strchr(type, '/') != NULL || strlen(type) >= TEMPLATE_NAME_MAX)
        return false;
    snprintf(file, sizeof file, "templates/%s.json", type);
    return profile_path(file, out);
}

enum status template_load_own(struct type_template **out, const char *type, struct fault *fault)
{
    char path[PROFILE_PATH_MAX];
    if (!own_path(type, path))
        return fault_set(fault, STATUS_NOT_FOUND, 0, "no template of your own for %s", type);
    return template_load(out, path, fault);
}
