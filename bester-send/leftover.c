#include "bester-send/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRY_BYTES = CLIENT_ID_MAX + 64, COPY_BYTES = 8192 };

/* The record without what ends it. FNV-1a. */
static uint64_t hash_of(struct span record)
{
    uint64_t hash = 14695981039346656037U;
    while (record.len > 0 && strchr("\r\n", record.at[record.len - 1]) != NULL)
        record.len--; /* strchr finds the zero byte of --null, too */
    for (size_t i = 0; i < record.len; i++)
        hash = (hash ^ (unsigned char)record.at[i]) * 1099511628211U;
    return hash;
}

/* ---- the ids of the run before -----------------------------------------------------------------
 */

/* "NUMBER HASH ID"; a line that makes no sense ends the list. */
static void next_entry(struct leftover *self)
{
    char line[ENTRY_BYTES];
    char *at = line;
    self->next.number = 0;
    if (self->known == NULL || fgets(line, sizeof line, self->known) == NULL)
        return;
    line[strcspn(line, "\n")] = '\0';
    uint64_t number = strtoull(at, &at, 10);
    uint64_t hash = strtoull(at, &at, 16);
    if (*at != ' ' || strlen(at + 1) >= CLIENT_ID_MAX)
        return;
    self->next = (struct leftover_entry){.number = number, .hash = hash};
    snprintf(self->next.id, sizeof self->next.id, "%s", at + 1);
}

bool leftover_known_id(
    struct leftover *self, uint64_t number, struct span record, char out[CLIENT_ID_MAX])
{
    while (self->next.number != 0 && self->next.number < number)
        next_entry(self);
    if (self->next.number != number || self->next.hash != hash_of(record))
        return false;
    snprintf(out, CLIENT_ID_MAX, "%s", self->next.id);
    return true;
}

/* ---- life --------------------------------------------------------------------------------------
 */

static FILE *open_beside(const char *path, const char *suffix, char temp[LEFTOVER_PATH_MAX])
{
    int len = snprintf(temp, LEFTOVER_PATH_MAX, "%s%s.XXXXXX", path, suffix);
    if (len < 0 || len >= LEFTOVER_PATH_MAX) {
        temp[0] = '\0';
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        temp[0] = '\0';
        return NULL;
    }
    return fdopen(fd, "w");
}

enum status leftover_init(struct leftover *self, const char *path, struct fault *fault)
{
    char ids[LEFTOVER_PATH_MAX];
    *self = (struct leftover){.path = path};
    if (path == NULL)
        return STATUS_OK;
    self->file = open_beside(path, "", self->temp);
    if (self->file != NULL)
        self->ids = open_beside(path, ".ids", self->temp_ids);
    if (self->ids == NULL)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(errno));
    snprintf(ids, sizeof ids, "%s.ids", path);
    self->known = fopen(ids, "re");
    next_entry(self);
    return STATUS_OK;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
    *file = NULL;
}

void leftover_release(struct leftover *self)
{
    close_file(&self->file);
    close_file(&self->ids);
    close_file(&self->too_long);
    close_file(&self->known);
    if (self->temp[0] != '\0')
        unlink(self->temp);
    if (self->temp_ids[0] != '\0')
        unlink(self->temp_ids);
    *self = (struct leftover){0};
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void put(struct leftover *self, FILE *file, struct span bytes)
{
    if (bytes.len > 0 && fwrite(bytes.at, 1, bytes.len, file) != bytes.len)
        self->failed = true;
}

static void put_id(struct leftover *self, uint64_t number, uint64_t hash, const char *id)
{
    if (fprintf(self->ids, "%" PRIu64 " %016" PRIx64 " %s\n", number, hash, id) < 0)
        self->failed = true;
}

void leftover_put(struct leftover *self, struct span raw, const char *id)
{
    if (self->path == NULL)
        return;
    put(self, self->file, raw);
    self->written++;
    if (id[0] != '\0')
        put_id(self, self->written, hash_of(raw), id);
}

void leftover_put_too_long(struct leftover *self, struct span piece, bool begins)
{
    if (self->path == NULL)
        return;
    if (self->too_long == NULL)
        self->too_long = tmpfile();
    self->written_too_long += begins;
    if (self->too_long == NULL)
        self->failed = true;
    else
        put(self, self->too_long, piece);
}

void leftover_begin_rest(struct leftover *self, uint64_t number)
{
    char copied[COPY_BYTES];
    size_t n;
    if (self->path == NULL)
        return;
    if (self->too_long != NULL)
        rewind(self->too_long);
    while (self->too_long != NULL && (n = fread(copied, 1, sizeof copied, self->too_long)) > 0)
        put(self, self->file, (struct span){copied, n});
    /* What was known of the rest is known of it in its new place. */
    uint64_t before = self->written + self->written_too_long;
    for (; self->next.number != 0; next_entry(self))
        if (self->next.number > number)
            put_id(self, before + self->next.number - number, self->next.hash, self->next.id);
}

void leftover_put_rest(struct leftover *self, struct span piece)
{
    if (self->path != NULL)
        put(self, self->file, piece);
}

/* Closes; false with errno: not all of it is there. */
static bool finish(FILE **file)
{
    FILE *closed = *file;
    *file = NULL;
    return fclose(closed) == 0;
}

enum status leftover_commit(struct leftover *self, struct fault *fault)
{
    char ids[LEFTOVER_PATH_MAX];
    if (self->path == NULL)
        return STATUS_OK;
    bool has_ids = ftell(self->ids) > 0;
    bool ok = finish(&self->file);
    ok = finish(&self->ids) && ok && !self->failed;
    snprintf(ids, sizeof ids, "%s.ids", self->path);
    /* The ids first: an id too many does no harm. */
    ok = ok && (has_ids ? rename(self->temp_ids, ids) == 0 : unlink(ids) == 0 || errno == ENOENT);
    ok = ok && rename(self->temp, self->path) == 0;
    if (!ok)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", self->path,
            self->failed ? "not all could be written" : strerror(errno));
    self->temp[0] = '\0';
    if (has_ids)
        self->temp_ids[0] = '\0';
    return STATUS_OK;
}
