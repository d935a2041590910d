/* Freeing what was read of a configuration, driven by the table. */
#include <stdlib.h>
#include <string.h>

#include "besterd/config_table.h"

static void release(const struct config_member *members, char *base);

static void release_inside(const struct config_member *member, char *base)
{
    release(member->inside, base);
}

static void release_map(const struct config_member *member, char *base)
{
    struct raw_map *map = (struct raw_map *)(base + member->offset);
    for (size_t i = 0; i < map->count; i++) {
        char *at = (char *)map->at + i * member->element_size;
        free(((struct raw_element *)at)->name);
        release(member->inside, at);
    }
    free(map->at);
}

static void release_text(const struct config_member *member, char *base)
{
    free(*(char **)(base + member->offset));
}

static void release_texts(const struct config_member *member, char *base)
{
    char **texts = *(char ***)(base + member->offset);
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        free(texts[i]);
    free(texts);
}

static void release_rights(const struct config_member *member, char *base)
{
    const struct config_member list = config_rights_list(member);
    release_texts(&list, base);
    release_inside(member, base);
}

static void release_any(const struct config_member *member, char *base)
{
    json_decref(*(json_t **)(base + member->offset));
}

static void (*const releases[CONFIG_KIND_COUNT])(const struct config_member *member, char *base) = {
    [CONFIG_OBJECT] = release_inside,
    [CONFIG_MAP] = release_map,
    [CONFIG_TEXT] = release_text,
    [CONFIG_TEXTS] = release_texts,
    [CONFIG_RIGHTS] = release_rights,
    [CONFIG_ANY] = release_any,
};

static void release(const struct config_member *members, char *base)
{
    for (; members->name != NULL; members++) {
        if (releases[members->kind] != NULL)
            releases[members->kind](members, base);
    }
}

void raw_release(struct raw_config *self)
{
    release(config_members, (char *)self);
    memset(self, 0, sizeof *self);
}
