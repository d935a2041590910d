#define _GNU_SOURCE /* explicit_bzero */

#include "libbester/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

#define ROW(member)                               \
    {                                             \
#member, offsetof(struct profile, member) \
    }

static const struct {
    const char *name;
    size_t offset;
} rows[] = {ROW(server), ROW(user), ROW(password_file), ROW(password_command), ROW(ca), ROW(pin),
    ROW(connect_timeout)};

bool profile_path(const char *file, char out[PROFILE_PATH_MAX])
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *below = "";
    if (base == NULL || base[0] != '/') {
        base = getenv("HOME");
        below = "/.config";
    }
    if (base == NULL || base[0] != '/')
        return false;
    int len = snprintf(out, PROFILE_PATH_MAX, "%s%s/bester/%s", base, below, file);
    return len > 0 && len < PROFILE_PATH_MAX;
}

/* ---- files, line by line ----------------------------------------------------------------------
 */

struct lines {
    FILE *file; /* NULL: there is none */
    char path[PROFILE_PATH_MAX];
    char text[LINE_MAX_BYTES];
    unsigned number;
};

static enum status lines_fault(const struct lines *self, struct fault *fault, const char *text)
{
    return fault_set(fault, STATUS_INVALID, 0, "%s:%u: %s", self->path, self->number, text);
}

/* forbidden: the bits of the mode that must not be set. */
static enum status check_owner(
    const struct lines *self, mode_t forbidden, const char *why, struct fault *fault)
{
    struct stat info;
    if (fstat(fileno(self->file), &info) != 0)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", self->path, strerror(errno));
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return fault_set(fault, STATUS_INVALID, 0, "%s is somebody else's", self->path);
    if ((info.st_mode & forbidden) != 0)
        return fault_set(fault, STATUS_INVALID, 0, "%s; say chmod %s %s", why,
            (forbidden & S_IROTH) != 0 ? "600" : "go-w", self->path);
    return STATUS_OK;
}

static void lines_close(struct lines *self)
{
    explicit_bzero(self->text, sizeof self->text);
    if (self->file != NULL)
        fclose(self->file);
    self->file = NULL;
}

/* STATUS_OK with self->file NULL: there is no such file. */
static enum status lines_open(
    struct lines *self, const char *name, mode_t forbidden, const char *why, struct fault *fault)
{
    *self = (struct lines){0};
    if (!profile_path(name, self->path))
        return STATUS_OK;
    self->file = fopen(self->path, "re");
    if (self->file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return STATUS_OK;
    if (self->file == NULL)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", self->path, strerror(errno));
    setvbuf(self->file, NULL, _IONBF, 0); /* no copy of a password that nobody wipes */
    enum status status = check_owner(self, forbidden, why, fault);
    if (status != STATUS_OK)
        lines_close(self);
    return status;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* The next line that says something, trimmed; *line NULL: that was all. */
static enum status lines_next(struct lines *self, char **line, struct fault *fault)
{
    *line = NULL;
    while (self->file != NULL && fgets(self->text, sizeof self->text, self->file) != NULL) {
        self->number++;
        if (strlen(self->text) == sizeof self->text - 1)
            return lines_fault(self, fault, "the line is too long");
        char *text = trim(self->text);
        if (text[0] == '\0' || text[0] == '#')
            continue;
        *line = text;
        return STATUS_OK;
    }
    if (self->file != NULL && ferror(self->file))
        return fault_set(fault, STATUS_IO, 0, "%s: %s", self->path, strerror(errno));
    return STATUS_OK;
}

/* ---- the profile ------------------------------------------------------------------------------
 */

/* NAME = VALUE; kept only if it is of the section that is looked for. */
static enum status take_setting(
    struct profile *self, struct lines *lines, char *line, bool wanted, struct fault *fault)
{
    char text[200];
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return lines_fault(lines, fault, "this is neither [PROFILE] nor NAME = VALUE");
    *equals = '\0';
    const char *name = trim(line);
    const char *value = trim(equals + 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *place = (char *)self + rows[i].offset;
        if (strcmp(name, rows[i].name) != 0)
            continue;
        if (strlen(value) >= PROFILE_VALUE_MAX)
            return lines_fault(lines, fault, "the value is too long");
        if (wanted && place[0] != '\0')
            return lines_fault(lines, fault, "this is said twice");
        if (wanted)
            snprintf(place, PROFILE_VALUE_MAX, "%s", value);
        return STATUS_OK;
    }
    snprintf(text, sizeof text, "\"%.60s\" is unknown%s", name,
        strcmp(name, "password") == 0 ? "; passwords stand in the file credentials, or let "
                                        "password_file or password_command name one"
                                      : "");
    return lines_fault(lines, fault, text);
}

static enum status read_profile(
    struct profile *self, struct lines *lines, const char *wanted, bool *found, struct fault *fault)
{
    bool here = strcmp(wanted, "default") == 0;
    char *line;
    enum status status;
    *found = here;
    while ((status = lines_next(lines, &line, fault)) == STATUS_OK && line != NULL) {
        size_t len = strlen(line);
        if (line[0] == '[' && line[len - 1] != ']')
            return lines_fault(lines, fault, "']' is missing");
        if (line[0] == '[') {
            line[len - 1] = '\0';
            here = strcmp(trim(line + 1), wanted) == 0;
            *found = *found || here;
        } else {
            status = take_setting(self, lines, line, here, fault);
            if (status != STATUS_OK)
                return status;
        }
    }
    return status;
}

enum status profile_load(struct profile *self, const char *name, struct fault *fault)
{
    struct profile read = {0};
    struct lines lines;
    bool found = false;
    enum status status = lines_open(
        &lines, "config", S_IWGRP | S_IWOTH, "others may write into your configuration", fault);
    if (status == STATUS_OK)
        status = read_profile(&read, &lines, name == NULL ? "default" : name, &found, fault);
    if (status == STATUS_OK && name != NULL && !found)
        status = fault_set(fault, STATUS_NOT_FOUND, 0, "there is no profile \"%.60s\"%s%.100s",
            name, lines.path[0] == '\0' ? "" : " in ", lines.path);
    lines_close(&lines);
    if (status == STATUS_OK)
        *self = read;
    return status;
}

/* ---- credentials ------------------------------------------------------------------------------
 */

enum status profile_password(bool (*match)(const char *server, void *user), void *user, char *out,
    size_t cap, struct fault *fault)
{
    struct lines lines;
    char *line;
    enum status status = lines_open(
        &lines, "credentials", S_IRWXG | S_IRWXO, "others can read your passwords", fault);
    if (status != STATUS_OK)
        return status;
    while ((status = lines_next(&lines, &line, fault)) == STATUS_OK && line != NULL) {
        size_t server = strcspn(line, " \t");
        if (line[server] == '\0') {
            status = lines_fault(&lines, fault, "this is no SERVER and PASSWORD");
            break;
        }
        line[server] = '\0';
        const char *password = trim(line + server + 1);
        if (!match(line, user))
            continue;
        if (strlen(password) >= cap)
            status = lines_fault(&lines, fault, "the password is too long");
        else
            snprintf(out, cap, "%s", password);
        break;
    }
    if (status == STATUS_OK && line == NULL)
        status = STATUS_NOT_FOUND;
    lines_close(&lines);
    return status;
}
