/* Reading a parsed configuration into struct raw_config, driven by the table. */
#include <stdlib.h>
#include <string.h>

#include "besterd/config_table.h"
#include "libbester/json_text.h"

enum { PATH_BYTES = 512, SHOWN_BYTES = 80, CANDIDATES_MAX = 64 };

struct reader {
    struct mistakes *mistakes;
    char path[PATH_BYTES]; /* of the member that is being read */
    size_t path_len;
    bool own; /* a member was found that Part I does not know */
};

static void read_members(
    struct reader *self, const struct config_member *members, const json_t *object, char *base);

/* ---- where ---- */

static bool is_plain(const char *name)
{
    return name[0] != '\0' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               strlen(name);
}

/* Adds to the path; path_leave with what this returns undoes it. A path too long
 * to be written is cut. */
static size_t path_enter(struct reader *self, const char *name)
{
    size_t before = self->path_len;
    char *end = self->path + before;
    size_t room = sizeof self->path - before;
    int len = is_plain(name) ? snprintf(end, room, "%s%s", before > 0 ? "." : "", name)
                             : snprintf(end, room, "[\"%s\"]", name);
    if (len > 0)
        self->path_len += (size_t)len < room ? (size_t)len : room - 1;
    return before;
}

const char *config_where(
    char *out, size_t cap, const char *map, const char *name, const char *member)
{
    const char *dot = member != NULL ? "." : "";
    const char *last = member != NULL ? member : "";
    if (is_plain(name))
        snprintf(out, cap, "%s.%s%s%s", map, name, dot, last);
    else
        snprintf(out, cap, "%s[\"%s\"]%s%s", map, name, dot, last);
    return out;
}

static size_t path_enter_index(struct reader *self, size_t index)
{
    size_t before = self->path_len;
    size_t room = sizeof self->path - before;
    int len = snprintf(self->path + before, room, "[%zu]", index);
    if (len > 0)
        self->path_len += (size_t)len < room ? (size_t)len : room - 1;
    return before;
}

static void path_leave(struct reader *self, size_t before)
{
    self->path_len = before;
    self->path[before] = '\0';
}

/* "must be what, is value" */
static void mistake_value(struct reader *self, const char *what, const json_t *value)
{
    char *dumped = json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *text = dumped != NULL ? dumped : "something else";
    bool is_long = strlen(text) > SHOWN_BYTES;
    mistakes_add(self->mistakes, self->path, "must be %s, is %.*s%s", what, SHOWN_BYTES, text,
        is_long ? "..." : "");
    free(dumped);
}

static void mistake_memory(struct reader *self)
{
    mistakes_add(self->mistakes, self->path, "out of memory");
}

/* ---- values, a function for each kind ---- */

static void read_object(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    if (!json_is_object(value)) {
        mistake_value(self, "an object", value);
        return;
    }
    *(bool *)(base + member->offset) = true;
    read_members(self, member->inside, value, base);
}

static void preset(const struct config_member *members, char *base);

static void read_map(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    if (!json_is_object(value)) {
        mistake_value(self, "an object", value);
        return;
    }
    struct raw_map *map = (struct raw_map *)(base + member->offset);
    map->given = true;
    map->at = calloc(json_object_size(value) + 1, member->element_size);
    if (map->at == NULL) {
        mistake_memory(self);
        return;
    }
    const char *name;
    json_t *inner;
    json_object_foreach ((json_t *)value, name, inner) {
        size_t before = path_enter(self, name);
        char *at = (char *)map->at + map->count * member->element_size;
        struct raw_element *element = (struct raw_element *)at;
        preset(member->inside, at);
        element->name = strdup(name);
        if (element->name == NULL) {
            mistake_memory(self);
        } else {
            map->count++;
            element->given = json_is_object(inner);
            if (element->given)
                read_members(self, member->inside, inner, at);
            else
                mistake_value(self, "an object", inner);
        }
        path_leave(self, before);
    }
}

static void read_text(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    if (json_string_length(value) == 0) {
        mistake_value(self, "a text that is not empty", value);
        return;
    }
    char *copy = strdup(json_string_value(value));
    if (copy == NULL)
        mistake_memory(self);
    *(char **)(base + member->offset) = copy;
}

/* The index of text among choices, or -1 after telling the mistake. */
static int find_choice(struct reader *self, const struct config_member *member, const json_t *value)
{
    const char *text = json_string_value(value);
    char list[128] = "";
    for (int i = 0; member->choices[i] != NULL; i++) {
        if (text != NULL && strcmp(text, member->choices[i]) == 0)
            return i;
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s\"%s\"",
            i == 0 ? "" : (member->choices[i + 1] == NULL ? " or " : ", "), member->choices[i]);
    }
    mistake_value(self, list, value);
    return -1;
}

static void read_choice(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    int index = find_choice(self, member, value);
    if (index >= 0)
        *(unsigned *)(base + member->offset) = (unsigned)index;
}

static bool is_listed(char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0)
            return true;
    }
    return false;
}

/* One text of a list, or NULL after telling the mistake. Where there are choices
 * each may be named once. */
static char *read_listed(struct reader *self, const struct config_member *member,
    const json_t *value, char *const *before, size_t count)
{
    if (member->choices != NULL && find_choice(self, member, value) < 0)
        return NULL;
    if (!json_is_string(value)) {
        mistake_value(self, "a text", value);
        return NULL;
    }
    if (member->choices != NULL && is_listed(before, count, json_string_value(value))) {
        mistakes_add(self->mistakes, self->path, "\"%s\" is named twice", json_string_value(value));
        return NULL;
    }
    char *copy = strdup(json_string_value(value));
    if (copy == NULL)
        mistake_memory(self);
    return copy;
}

static void read_texts(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    if (!json_is_array(value)) {
        mistake_value(self, "a list of texts", value);
        return;
    }
    char **texts = calloc(json_array_size(value) + 1, sizeof *texts);
    if (texts == NULL) {
        mistake_memory(self);
        return;
    }
    size_t count = 0;
    size_t index;
    json_t *element;
    json_array_foreach (value, index, element) {
        size_t before = path_enter_index(self, index);
        char *text = read_listed(self, member, element, texts, count);
        if (text != NULL)
            texts[count++] = text;
        path_leave(self, before);
    }
    *(char ***)(base + member->offset) = texts;
}

struct config_member config_rights_list(const struct config_member *member)
{
    struct config_member list = *member;
    list.offset += offsetof(struct raw_rights, list);
    return list;
}

static void read_rights(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    const struct config_member list = config_rights_list(member);
    if (json_is_array(value))
        read_texts(self, &list, value, base);
    else if (json_is_object(value))
        read_object(self, member, value, base);
    else
        mistake_value(self, "a list or an object", value);
}

/* Digits alone, as Part I has ports. */
static bool port_of_text(const char *text, json_int_t *port)
{
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len)
        return false;
    *port = strtol(text, NULL, 10);
    return true;
}

static void read_port(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    json_int_t port = json_integer_value(value);
    if (json_is_string(value) && !port_of_text(json_string_value(value), &port))
        port = 0;
    if (port < 1 || port > 65535)
        mistake_value(self, "1 to 65535", value);
    else
        *(unsigned *)(base + member->offset) = (unsigned)port;
}

static bool read_number(
    struct reader *self, const struct config_member *member, const json_t *value, uint64_t *number)
{
    json_int_t given = json_integer_value(value);
    if (json_is_integer(value) && given >= (json_int_t)member->least &&
        given <= (json_int_t)member->most) {
        *number = (uint64_t)given;
        return true;
    }
    char range[64];
    snprintf(range, sizeof range, "a whole number from %llu to %llu",
        (unsigned long long)member->least, (unsigned long long)member->most);
    mistake_value(self, range, value);
    return false;
}

static void read_count(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    uint64_t number;
    if (read_number(self, member, value, &number))
        *(unsigned *)(base + member->offset) = (unsigned)number;
}

static void read_size(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    uint64_t number;
    if (read_number(self, member, value, &number))
        *(size_t *)(base + member->offset) = (size_t)number;
}

static void read_flag(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    if (json_is_boolean(value))
        *(bool *)(base + member->offset) = json_is_true(value);
    else
        mistake_value(self, "true or false", value);
}

static void read_any(
    struct reader *self, const struct config_member *member, const json_t *value, char *base)
{
    (void)self;
    *(json_t **)(base + member->offset) = json_incref((json_t *)value);
}

/* ---- kinds ---- */

static void preset_count(const struct config_member *member, char *base)
{
    *(unsigned *)(base + member->offset) = (unsigned)member->preset;
}

static void preset_flag(const struct config_member *member, char *base)
{
    *(bool *)(base + member->offset) = member->preset != 0;
}

static void preset_size(const struct config_member *member, char *base)
{
    *(size_t *)(base + member->offset) = (size_t)member->preset;
}

static void preset_inside(const struct config_member *member, char *base)
{
    preset(member->inside, base);
}

static const struct kind {
    void (*read)(
        struct reader *self, const struct config_member *member, const json_t *value, char *base);
    void (*preset)(const struct config_member *member, char *base);
} kinds[CONFIG_KIND_COUNT] = {
    [CONFIG_OBJECT] = {.read = read_object, .preset = preset_inside},
    [CONFIG_MAP] = {.read = read_map},
    [CONFIG_TEXT] = {.read = read_text},
    [CONFIG_TEXTS] = {.read = read_texts},
    [CONFIG_RIGHTS] = {.read = read_rights},
    [CONFIG_CHOICE] = {.read = read_choice, .preset = preset_count},
    [CONFIG_PORT] = {.read = read_port},
    [CONFIG_COUNT] = {.read = read_count, .preset = preset_count},
    [CONFIG_SIZE] = {.read = read_size, .preset = preset_size},
    [CONFIG_FLAG] = {.read = read_flag, .preset = preset_flag},
    [CONFIG_ANY] = {.read = read_any},
};

static void preset(const struct config_member *members, char *base)
{
    for (; members->name != NULL; members++) {
        if (kinds[members->kind].preset != NULL)
            kinds[members->kind].preset(members, base);
    }
}

static void unknown_member(
    struct reader *self, const struct config_member *members, const char *name)
{
    const char *known[CANDIDATES_MAX] = {NULL};
    for (size_t i = 0; members[i].name != NULL && i + 1 < CANDIDATES_MAX; i++)
        known[i] = members[i].name;
    const char *nearest = mistakes_nearest(name, known);
    if (nearest != NULL)
        mistakes_add(self->mistakes, self->path, "is not known; \"%s\" is", nearest);
    else
        mistakes_add(self->mistakes, self->path, "is not known");
}

static void read_members(
    struct reader *self, const struct config_member *members, const json_t *object, char *base)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)object, name, value) {
        size_t before = path_enter(self, name);
        const struct config_member *member = members;
        while (member->name != NULL && strcmp(member->name, name) != 0)
            member++;
        self->own = self->own || !member->part1;
        if (member->name != NULL)
            kinds[member->kind].read(self, member, value, base);
        else
            unknown_member(self, members, name);
        path_leave(self, before);
    }
}

void raw_init(struct raw_config *self)
{
    memset(self, 0, sizeof *self);
    preset(config_members, (char *)self);
}

void raw_read(struct raw_config *self, const json_t *root, struct mistakes *mistakes)
{
    struct reader reader = {.mistakes = mistakes};
    if (json_is_object(root))
        read_members(&reader, config_members, root, (char *)self);
    else
        mistakes_add(mistakes, "", "must hold a JSON object");
    self->own = reader.own;
}
