#include "bester-cli/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/character.h"

void book_init(struct book *self)
{
    *self = (struct book){0};
}

void book_release(struct book *self)
{
    for (size_t i = 0; i < self->type_count; i++)
        template_free(self->types[i].sheet);
    free(self->types);
    free(self->people);
    *self = (struct book){0};
}

/* One more element at the end of an array that grows by doubling. */
static void *grown(void *array, size_t count, size_t max, size_t size)
{
    if (count == max)
        return NULL;
    if ((count & (count - 1)) != 0 || (count > 0 && count < 8))
        return array;
    return realloc(array, (count < 8 ? 8 : 2 * count) * size);
}

/* The entry of a type, made if need be; NULL: no room. */
static struct book_type *type_entry(struct book *self, const char *name)
{
    for (size_t i = 0; i < self->type_count; i++)
        if (strcmp(self->types[i].name, name) == 0)
            return &self->types[i];
    struct book_type *types =
        grown(self->types, self->type_count, BOOK_TYPES_MAX, sizeof *self->types);
    if (types == NULL)
        return NULL;
    self->types = types;
    struct book_type *entry = &types[self->type_count++];
    *entry = (struct book_type){0};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    return entry;
}

enum status book_learn_types(struct book *self, struct span data, struct fault *fault)
{
    struct json_cursor cursor;
    struct span text;
    char name[TEMPLATE_NAME_MAX];
    enum status result = STATUS_OK;
    if (template_types_begin(&cursor, data) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "the server's list of types makes no sense");
    while (template_types_next(&cursor, name, &text) == PULL_READY) {
        struct type_template *sheet = NULL;
        struct fault inner = {0};
        struct book_type *entry = type_entry(self, name);
        if (entry == NULL)
            break;
        if (entry->sheet != NULL || text.at == NULL)
            continue;
        enum status status = template_parse(&sheet, text, TEMPLATE_LENIENT, &inner);
        if (status != STATUS_OK)
            result = fault_set(
                fault, STATUS_INVALID, 0, "the server's template of %s: %s", name, inner.text);
        entry->sheet = sheet;
    }
    return result;
}

const struct type_template *book_template(struct book *self, const char *type, struct fault *fault)
{
    struct type_template *own = NULL;
    struct book_type *entry = type_entry(self, type);
    fault->text[0] = '\0';
    if (entry == NULL || entry->own_looked_for)
        return entry == NULL ? NULL : entry->sheet;
    entry->own_looked_for = true;
    enum status status = template_load_own(&own, type, fault);
    if (status == STATUS_NOT_FOUND)
        fault->text[0] = '\0';
    if (status == STATUS_OK) {
        template_free(entry->sheet);
        entry->sheet = own;
    }
    return entry->sheet;
}

const struct type_template *book_known_template(const struct book *self, const char *type)
{
    for (size_t i = 0; i < self->type_count; i++)
        if (strcmp(self->types[i].name, type) == 0)
            return self->types[i].sheet;
    return NULL;
}

bool book_is_showable(const char *name)
{
    struct span rest = span_of(name);
    while (rest.len > 0) {
        uint32_t code;
        size_t len = character_next(rest, &code);
        if (len == 0 || character_is_treacherous(code) || character_is_space(code) || code == ',')
            return false;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return name[0] != '\0';
}

void book_meet(struct book *self, const char *name)
{
    if (strlen(name) >= BOOK_NAME_MAX || !book_is_showable(name))
        return;
    for (size_t i = 0; i < self->people_count; i++)
        if (strcmp(self->people[i], name) == 0)
            return;
    char(*people)[BOOK_NAME_MAX] =
        grown(self->people, self->people_count, BOOK_PEOPLE_MAX, sizeof *self->people);
    if (people == NULL)
        return;
    self->people = people;
    snprintf(self->people[self->people_count++], BOOK_NAME_MAX, "%s", name);
}
