/* What the file tells of earlier sessions. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "bester-cli/journal.h"
#include "libbester/json.h"
#include "libbester/json_find.h"
#include "libbester/records.h"

enum { RECORD_BYTES_MAX = 4 << 20 };

struct reading {
    struct records records;
    bool begins_within; /* the first record is the end of one */
    void (*each)(const struct journal_record *record, void *user);
    void *user;
};

static void tell(const struct reading *self, struct span text)
{
    if (json_check(text, JSON_DEPTH_MAX, NULL) != STATUS_OK ||
        json_kind_of(text) != JSON_KIND_OBJECT)
        return;
    struct journal_record record = {.time = json_find(text, SPAN_LITERAL("time")),
        .message = json_find(text, SPAN_LITERAL("message")),
        .line = json_find(text, SPAN_LITERAL("line")),
        .type = json_find(text, SPAN_LITERAL("type")),
        .data = json_find(text, SPAN_LITERAL("data"))};
    if (record.message.at != NULL || record.data.at != NULL)
        self->each(&record, self->user);
}

static void tell_all(struct reading *self)
{
    struct span text;
    uint64_t number;
    enum pull pull;
    while ((pull = records_next(&self->records, &text, &number)) != PULL_MORE)
        if (pull == PULL_READY && !(self->begins_within && number == 1))
            tell(self, text);
}

static enum status read_all(struct reading *self, int fd, size_t left)
{
    ssize_t n = 1;
    while (left > 0 && n > 0) {
        char *room;
        size_t want = left < RECORDS_READ_BYTES ? left : RECORDS_READ_BYTES;
        if (records_room(&self->records, &room) != STATUS_OK)
            return STATUS_NO_MEMORY;
        n = read(fd, room, want);
        if (n > 0) {
            records_put(&self->records, (size_t)n);
            left -= (size_t)n;
            tell_all(self);
        }
    }
    return n < 0 ? STATUS_IO : STATUS_OK;
}

enum status journal_earlier(const struct journal *self, const char *path,
    void (*each)(const struct journal_record *record, void *user), void *user)
{
    bool was_opened = self->earlier_path != NULL;
    struct reading reading = {.each = each, .user = user};
    int fd = open(was_opened ? self->earlier_path : path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_IO;
    off_t end = was_opened ? (off_t)self->earlier_bytes : lseek(fd, 0, SEEK_END);
    off_t begin = end > JOURNAL_EARLIER_MAX ? end - JOURNAL_EARLIER_MAX : 0;
    enum status status = STATUS_IO;
    records_init(&reading.records, RECORDS_LINES, RECORD_BYTES_MAX);
    reading.begins_within = begin > 0;
    if (end >= 0 && lseek(fd, begin, SEEK_SET) == begin)
        status = read_all(&reading, fd, (size_t)(end - begin));
    records_release(&reading.records);
    close(fd);
    return status;
}
