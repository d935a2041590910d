#include "bester-cli/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libbester/json.h"

enum { RECORD_BYTES_MAX = 256 << 20 };

void journal_init(struct journal *self)
{
    *self = (struct journal){.fd = -1};
}

void journal_release(struct journal *self)
{
    journal_close(self);
    for (size_t i = 0; i < JOURNAL_LINES_MAX; i++)
        free(self->lines[i]);
    free(self->earlier_path);
    *self = (struct journal){.fd = -1};
}

void journal_keep(struct journal *self, struct span text)
{
    char **slot = &self->lines[self->count % JOURNAL_LINES_MAX];
    char *copy = strndup(text.at, text.len < JOURNAL_LINE_MAX ? text.len : JOURNAL_LINE_MAX);
    if (copy == NULL)
        return;
    free(*slot);
    *slot = copy;
    self->count++;
}

unsigned long journal_kept(const struct journal *self)
{
    return self->count < JOURNAL_LINES_MAX ? self->count : JOURNAL_LINES_MAX;
}

const char *journal_line(const struct journal *self, unsigned long index)
{
    unsigned long kept = journal_kept(self);
    return index < kept ? self->lines[(self->count - kept + index) % JOURNAL_LINES_MAX] : NULL;
}

/* Of the first file only: what is written from now on is in `lines`. */
static void note_earlier(struct journal *self)
{
    struct stat info;
    if (self->earlier_path != NULL || fstat(self->fd, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    self->earlier_path = strdup(self->path);
    self->earlier_bytes = (size_t)info.st_size;
}

enum status journal_open(struct journal *self, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *copy = strdup(path);
    if (fd < 0 || copy == NULL) {
        free(copy);
        if (fd >= 0)
            close(fd);
        return STATUS_IO;
    }
    journal_close(self);
    self->fd = fd;
    self->path = copy;
    note_earlier(self);
    return STATUS_OK;
}

void journal_close(struct journal *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    free(self->path);
    self->path = NULL;
}

static enum status begin(struct bytes *out, const char *event)
{
    char text[40];
    struct tm utc;
    time_t now = time(NULL);
    bytes_init(out, RECORD_BYTES_MAX);
    if (gmtime_r(&now, &utc) == NULL)
        return STATUS_IO;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return bytes_printf(out, "{\"time\":\"%s\",\"event\":\"%s\"", text, event);
}

/* In valid JSON a line end stands only where a blank could. */
static void join_lines(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = ' ';
}

static enum status end(struct journal *self, struct bytes *record, enum status status)
{
    if (status == STATUS_OK)
        status = bytes_append_text(record, "}");
    if (status == STATUS_OK) {
        char *copy = strdup(bytes_text(record));
        size_t len = record->len;
        status = STATUS_IO;
        if (copy != NULL) {
            join_lines(copy, len);
            copy[len] = '\n';
            status = write(self->fd, copy, len + 1) == (ssize_t)len + 1 ? STATUS_OK : STATUS_IO;
        }
        free(copy);
    }
    bytes_release(record);
    if (status != STATUS_OK)
        journal_close(self);
    return status;
}

static enum status member(struct bytes *out, const char *name, struct span value)
{
    enum status status = bytes_printf(out, ",\"%s\":", name);
    return status == STATUS_OK ? bytes_append_span(out, value) : status;
}

static enum status text_member(struct bytes *out, const char *name, const char *value)
{
    enum status status = bytes_printf(out, ",\"%s\":", name);
    return status == STATUS_OK ? json_quote(out, span_of(value)) : status;
}

enum status journal_received(struct journal *self, struct span message)
{
    struct bytes record;
    if (self->fd < 0)
        return STATUS_OK;
    enum status status = begin(&record, "received");
    if (status == STATUS_OK)
        status = member(&record, "message", message);
    return end(self, &record, status);
}

enum status journal_sent(
    struct journal *self, unsigned long line, const char *id, const char *type, struct span data)
{
    struct bytes record;
    if (self->fd < 0)
        return STATUS_OK;
    enum status status = begin(&record, "sent");
    if (status == STATUS_OK)
        status = bytes_printf(&record, ",\"line\":%lu", line);
    if (status == STATUS_OK)
        status = text_member(&record, "id", id);
    if (status == STATUS_OK)
        status = text_member(&record, "type", type);
    if (status == STATUS_OK && strcmp(type, "builtin") != 0)
        status = member(&record, "data", data);
    return end(self, &record, status);
}

enum status journal_fate(struct journal *self, unsigned long line, const char *id, const char *fate)
{
    struct bytes record;
    if (self->fd < 0)
        return STATUS_OK;
    enum status status = begin(&record, "fate");
    if (status == STATUS_OK)
        status = bytes_printf(&record, ",\"line\":%lu", line);
    if (status == STATUS_OK)
        status = text_member(&record, "id", id);
    if (status == STATUS_OK)
        status = text_member(&record, "fate", fate);
    return end(self, &record, status);
}
