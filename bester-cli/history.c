#include "bester-cli/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each folder on the way to the file. */
static bool make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return true;
}

bool history_path(char out[HISTORY_PATH_MAX], const char *name)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len;
    if (state != NULL && state[0] == '/')
        len = snprintf(out, HISTORY_PATH_MAX, "%s/bester/%s", state, name);
    else if (home != NULL && home[0] == '/')
        len = snprintf(out, HISTORY_PATH_MAX, "%s/.local/state/bester/%s", home, name);
    else
        return false;
    return len < HISTORY_PATH_MAX && make_folders(out);
}

bool history_is_secret(const char *line)
{
    static const char *const words[] = {"passw", "secret", "token", "credential"};
    if (line[0] == ' ' || line[0] == '\t')
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(line, words[i]) != NULL)
            return true;
    return false;
}

/* The later half of a file that has grown too long takes the place of the whole. */
static void cut(int fd, struct bytes *text)
{
    const char *all = bytes_text(text);
    const char *keep = memchr(all + text->len / 2, '\n', text->len - text->len / 2);
    if (keep == NULL)
        return;
    size_t len = text->len - (size_t)(keep + 1 - all);
    if (pwrite(fd, keep + 1, len, 0) == (ssize_t)len && ftruncate(fd, (off_t)len) != 0)
        return; /* some lines are there twice then */
}

/* Undoes escape, in place. */
static void unescape(char *line)
{
    char *to = line;
    for (const char *from = line; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] != '\0') {
            from++;
            *to++ = *from == 'n' ? '\n' : *from;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static enum status read_all(int fd, struct bytes *out)
{
    char part[8192];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0)
        if (bytes_append(out, part, (size_t)n) != STATUS_OK)
            return STATUS_NO_MEMORY;
    return n == 0 ? STATUS_OK : STATUS_IO;
}

void history_load(const char *path, void (*each)(const char *line))
{
    struct bytes text;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    bytes_init(&text, (size_t)16 * HISTORY_BYTES_MAX);
    if (flock(fd, LOCK_EX) == 0 && read_all(fd, &text) == STATUS_OK) {
        if (text.len > HISTORY_BYTES_MAX)
            cut(fd, &text);
        char *line = strdup(bytes_text(&text));
        for (char *at = line, *end; at != NULL && (end = strchr(at, '\n')) != NULL; at = end + 1) {
            *end = '\0';
            unescape(at);
            each(at);
        }
        free(line);
    }
    close(fd);
    bytes_release(&text);
}

static enum status escape(struct bytes *out, const char *line)
{
    enum status status = STATUS_OK;
    for (const char *at = line; *at != '\0' && status == STATUS_OK; at++)
        if (*at == '\n')
            status = bytes_append_text(out, "\\n");
        else
            status = bytes_printf(out, "%s%c", *at == '\\' ? "\\" : "", *at);
    return status == STATUS_OK ? bytes_append_text(out, "\n") : status;
}

enum status history_append(const char *path, const char *line)
{
    struct bytes text;
    enum status status = STATUS_IO;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return STATUS_IO;
    bytes_init(&text, HISTORY_BYTES_MAX / 2);
    if (escape(&text, line) == STATUS_OK && fchmod(fd, 0600) == 0 && flock(fd, LOCK_EX) == 0 &&
        write(fd, bytes_text(&text), text.len) == (ssize_t)text.len)
        status = STATUS_OK;
    close(fd);
    bytes_release(&text);
    return status;
}
