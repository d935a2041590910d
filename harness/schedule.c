#include "harness/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/paths.h"
#include "libbester/options.h"

enum { SHARDS_MAX = 10000 };

/* ---- the part of a shard --------------------------------------------------------------------- */

enum status schedule_read_shard(
    struct schedule_options *self, const char *text, struct fault *fault)
{
    const char *slash = strchr(text, '/');
    char first[16];
    unsigned shard;
    unsigned shards;

    if (!slash || (size_t)(slash - text) >= sizeof(first))
        return fault_set(fault, STATUS_INVALID, 0, "\"%.40s\" is not like 2/5", text);
    memcpy(first, text, (size_t)(slash - text));
    first[slash - text] = '\0';
    enum status status = options_count(slash + 1, 1, SHARDS_MAX, &shards, fault);
    if (status == STATUS_OK)
        status = options_count(first, 1, shards, &shard, fault);
    if (status != STATUS_OK)
        return status;
    self->shard = shard;
    self->shards = shards;
    return STATUS_OK;
}

/* FNV-1a of the file's name: the same wherever the tree was checked out. */
static bool is_in_shard(const struct schedule_options *options, const char *path)
{
    const char *slash = strrchr(path, '/');
    uint32_t hash = 2166136261U;

    for (const char *at = slash ? slash + 1 : path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    return options->shards == 0 || hash % options->shards == options->shard - 1;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int load(
    struct schedule *self, const struct paths *paths, const struct scenario_options *options)
{
    int exit_status = 0;

    for (size_t i = 0; i < paths->count; i++) {
        struct mistake mistake;

        if (!is_in_shard(&self->options, paths->items[i]))
            continue;
        must_grow(self->plays, self->count);
        enum status status =
            scenario_load(&self->plays[self->count], paths->items[i], options, &mistake);
        if (status == STATUS_OK) {
            self->count++;
            continue;
        }
        fprintf(stderr, "%s:%u:%u: %s\n", paths->items[i], mistake.at.line, mistake.at.column,
            mistake.text);
        exit_status = status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
    }
    return exit_status;
}

int schedule_open(struct schedule *self, char *const *arguments, size_t count,
    const struct schedule_options *options, const struct scenario_options *load_options)
{
    struct paths paths;
    struct fault fault;

    *self = (struct schedule){.options = *options};
    if (paths_collect(&paths, arguments, count, &fault) != STATUS_OK) {
        fprintf(stderr, "harness: %s\n", fault.text);
        return EXIT_LOCAL_IO;
    }
    int exit_status = load(self, &paths, load_options);
    paths_release(&paths);
    return exit_status;
}

void schedule_close(struct schedule *self)
{
    for (size_t i = 0; i < self->count; i++)
        scenario_release(&self->plays[i]);
    free(self->plays);
    *self = (struct schedule){0};
}

/* ---- in a run -------------------------------------------------------------------------------- */

size_t schedule_size(const struct schedule *self)
{
    if (self->count == 0)
        return 0;
    return self->options.rounds ? self->count * self->options.rounds : SIZE_MAX;
}

const struct scenario *schedule_next(struct schedule *self, uint64_t *seed)
{
    if (self->count == 0 || (self->options.rounds && self->round == self->options.rounds))
        return NULL;
    const struct scenario *play = &self->plays[self->index];

    *seed = (uint64_t)self->options.seed + self->round;
    if (++self->index == self->count) {
        self->index = 0;
        self->round++;
    }
    return play;
}
