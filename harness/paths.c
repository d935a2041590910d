#include "harness/paths.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_play(const FTSENT *entry)
{
    const char *end = strrchr(entry->fts_name, '.');

    /* What the user named is taken as it is; in folders, only *.json. */
    return entry->fts_level == FTS_ROOTLEVEL || (end && strcmp(end, ".json") == 0);
}

static enum status collect_one(struct paths *self, char *argument, struct fault *fault)
{
    char *roots[] = {argument, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    enum status status = STATUS_OK;
    size_t before = self->count;
    FTSENT *entry;

    if (!walk)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", argument, strerror(errno));
    while (status == STATUS_OK && (entry = fts_read(walk))) {
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            status = fault_set(
                fault, STATUS_IO, 0, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        if (entry->fts_info != FTS_F || !is_play(entry))
            continue;
        must_grow(self->items, self->count);
        self->items[self->count++] = must_copy(entry->fts_path);
    }
    fts_close(walk);
    if (status == STATUS_OK && self->count == before)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "%s: no play in it", argument);
    return status;
}

enum status paths_collect(
    struct paths *self, char *const *arguments, size_t count, struct fault *fault)
{
    enum status status = STATUS_OK;

    *self = (struct paths){0};
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = collect_one(self, arguments[i], fault);
    if (status != STATUS_OK)
        paths_release(self);
    return status;
}

void paths_release(struct paths *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i]);
    free(self->items);
    *self = (struct paths){0};
}
