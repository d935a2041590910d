#include "harness/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/json.h"

struct place {
    const json_t *value;
    size_t offset;
};

static enum status PRINTF_LIKE(3, 4)
    mistake_set(struct mistake *mistake, struct where at, const char *format, ...)
{
    va_list arguments;

    mistake->at = at;
    va_start(arguments, format);
    vsnprintf(mistake->text, sizeof(mistake->text), format, arguments);
    va_end(arguments);
    return STATUS_INVALID;
}

/* ---- positions ------------------------------------------------------------------------------- */

struct where where_in(struct span text, size_t offset)
{
    struct where at = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.at[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)text.at[i] & 0xC0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

bool where_before(struct where a, struct where b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static struct where where_offset(const struct source *self, size_t offset)
{
    return where_in((struct span){.at = self->text, .len = self->len}, offset);
}

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    return (left->value > right->value) - (left->value < right->value);
}

static const struct place *place_find(const struct source *self, const json_t *value)
{
    struct place key = {.value = value};

    if (!value || !self->places)
        return NULL;
    return bsearch(&key, self->places, self->place_count, sizeof(key), place_compare);
}

struct where source_where(const struct source *self, const json_t *value)
{
    const struct place *place = place_find(self, value);

    return place ? where_offset(self, place->offset) : (struct where){0};
}

/* A cursor at a value that is known to be valid JSON. */
static void cursor_at(const struct source *self, size_t offset, struct json_cursor *cursor)
{
    struct span rest = {.at = self->text + offset, .len = self->len - offset};

    json_begin(cursor, rest, SOURCE_DEPTH_MAX);
}

struct where source_where_member(const struct source *self, const json_t *object, const char *name)
{
    const struct place *place = place_find(self, object);
    struct json_cursor cursor;
    struct span token;

    if (!place)
        return (struct where){0};
    cursor_at(self, place->offset, &cursor);
    if (json_enter_object(&cursor, NULL) != STATUS_OK)
        return where_offset(self, place->offset);
    while (json_next_member(&cursor, &token, NULL) == PULL_READY) {
        if (json_string_is(token, name))
            return where_offset(self, (size_t)(token.at - self->text));
        if (json_skip(&cursor, NULL, NULL) != STATUS_OK)
            break;
    }
    return where_offset(self, place->offset);
}

struct where source_where_element(const struct source *self, const json_t *array, size_t index)
{
    const struct place *place = place_find(self, array);
    struct json_cursor cursor;
    struct span value;

    if (!place)
        return (struct where){0};
    cursor_at(self, place->offset, &cursor);
    if (json_enter_array(&cursor, NULL) != STATUS_OK)
        return where_offset(self, place->offset);
    for (size_t i = 0; json_next_element(&cursor, NULL) == PULL_READY; i++) {
        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            break;
        if (i == index)
            return where_offset(self, (size_t)(value.at - self->text));
    }
    return where_offset(self, place->offset);
}

/* ---- the index ------------------------------------------------------------------------------- */

struct indexer {
    struct source *source;
    struct json_cursor cursor;
    struct fault fault;
};

static enum status index_value(struct indexer *self, const json_t *value);

static enum status index_object(struct indexer *self, const json_t *object)
{
    struct span name;
    enum pull pull;
    void *member = json_object_iter((json_t *)object);
    enum status status = json_enter_object(&self->cursor, &self->fault);

    if (status != STATUS_OK)
        return status;
    /* jansson keeps the members in the order of the text. */
    while ((pull = json_next_member(&self->cursor, &name, &self->fault)) == PULL_READY) {
        status = index_value(self, json_object_iter_value(member));
        if (status != STATUS_OK)
            return status;
        member = json_object_iter_next((json_t *)object, member);
    }
    return pull == PULL_MORE ? STATUS_OK : STATUS_MALFORMED;
}

static enum status index_array(struct indexer *self, const json_t *array)
{
    enum pull pull;
    size_t i = 0;
    enum status status = json_enter_array(&self->cursor, &self->fault);

    if (status != STATUS_OK)
        return status;
    while ((pull = json_next_element(&self->cursor, &self->fault)) == PULL_READY) {
        status = index_value(self, json_array_get(array, i++));
        if (status != STATUS_OK)
            return status;
    }
    return pull == PULL_MORE ? STATUS_OK : STATUS_MALFORMED;
}

static enum status index_value(struct indexer *self, const json_t *value)
{
    struct source *source = self->source;
    enum json_kind kind = json_peek(&self->cursor);
    size_t offset = (size_t)(self->cursor.at - source->text);

    while (offset < source->len && strchr(" \t\r\n", source->text[offset]))
        offset++;
    if (!json_is_boolean(value) && !json_is_null(value)) {
        must_grow(source->places, source->place_count);
        source->places[source->place_count++] = (struct place){.value = value, .offset = offset};
    }
    if (kind == JSON_KIND_OBJECT)
        return index_object(self, value);
    if (kind == JSON_KIND_ARRAY)
        return index_array(self, value);
    return json_skip(&self->cursor, NULL, &self->fault);
}

/* jansson has read the text already: what fails here is what our own scanner
 * alone refuses. */
static enum status source_index(struct source *self, struct mistake *mistake)
{
    struct indexer indexer = {.source = self};
    struct span text = {.at = self->text, .len = self->len};

    json_begin(&indexer.cursor, text, SOURCE_DEPTH_MAX);
    enum status status = index_value(&indexer, self->root);
    if (status != STATUS_OK)
        return mistake_set(
            mistake, where_offset(self, indexer.fault.offset), "%s", indexer.fault.text);
    qsort(self->places, self->place_count, sizeof(*self->places), place_compare);
    return STATUS_OK;
}

/* ---- loading --------------------------------------------------------------------------------- */

enum status source_read(const char *path, char **text, size_t *len, struct mistake *mistake)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char *read = NULL;
    size_t filled = 0;
    size_t size = 0;

    if (!file) {
        mistake_set(mistake, (struct where){0}, "%s", strerror(errno));
        return STATUS_IO;
    }
    for (;;) {
        if (filled == size)
            read = must_resize(read, size = size ? size * 2 : 4096);
        size_t n = fread(read + filled, 1, size - filled, file);
        filled += n;
        if (n == 0 || filled > SOURCE_BYTES_MAX)
            break;
    }
    int failed = ferror(file);
    if (!is_stdin)
        fclose(file);
    if (failed || filled > SOURCE_BYTES_MAX) {
        free(read);
        mistake_set(mistake, (struct where){0},
            failed ? "the file can't be read" : "the file is larger than a play may be");
        return STATUS_IO;
    }
    *text = read;
    *len = filled;
    return STATUS_OK;
}

/* Every wanted in the text becomes what; how often it was there. Takes text over. */
static size_t replace_all(struct source *self, const char *wanted, const char *what)
{
    size_t len = strlen(wanted);
    size_t found = 0;
    char *at = self->text;

    while ((at = memmem(at, self->len - (size_t)(at - self->text), wanted, len))) {
        size_t before = (size_t)(at - self->text);
        size_t after = self->len - before - len;
        char *text = must_alloc(self->len + strlen(what) + 1);

        memcpy(text, self->text, before);
        memcpy(text + before, what, strlen(what));
        memcpy(text + before + strlen(what), at + len, after);
        free(self->text);
        self->text = text;
        self->len = before + strlen(what) + after;
        at = text + before + strlen(what);
        found++;
    }
    return found;
}

static enum status source_fill(struct source *self, const json_t *with, struct mistake *mistake)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)with, name, value) {
        char *inside = must_print("${%s}", name);
        char *alone = must_print("\"${%s}\"", name);
        char *dumped = must_dump(value);
        size_t found = replace_all(self, alone, dumped);

        if (json_is_string(value)) { /* what stands between its quotes */
            dumped[strlen(dumped) - 1] = '\0';
            found += replace_all(self, inside, dumped + 1);
        }
        free(inside);
        free(alone);
        free(dumped);
        if (found == 0)
            return mistake_set(mistake, (struct where){1, 1}, "there is no ${%s} in it", name);
    }
    return STATUS_OK;
}

/* The text is there, unless status says otherwise. */
static enum status source_decode(struct source *self, enum status status, struct mistake *mistake)
{
    json_error_t error;

    if (status != STATUS_OK)
        goto out;
    self->root = json_loadb(self->text, self->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!self->root) {
        struct where at = {
            .line = (unsigned)error.line, .column = error.column < 1 ? 1 : (unsigned)error.column};
        status = mistake_set(mistake, at, "%s", error.text);
        goto out;
    }
    status = source_index(self, mistake);
out:
    if (status != STATUS_OK)
        source_release(self);
    return status;
}

enum status source_load(struct source *self, const char *path, struct mistake *mistake)
{
    return source_load_filled(self, path, NULL, mistake);
}

enum status source_load_filled(
    struct source *self, const char *path, const json_t *with, struct mistake *mistake)
{
    *self = (struct source){.path = must_copy(path)};
    enum status status = source_read(path, &self->text, &self->len, mistake);
    if (status == STATUS_OK)
        status = source_fill(self, with, mistake);
    return source_decode(self, status, mistake);
}

enum status source_load_text(
    struct source *self, const char *path, struct span text, struct mistake *mistake)
{
    *self = (struct source){
        .path = must_copy(path), .text = must_copy_bytes(text.at, text.len), .len = text.len};
    return source_decode(self, STATUS_OK, mistake);
}

void source_release(struct source *self)
{
    json_decref(self->root);
    free(self->places);
    free(self->text);
    free(self->path);
    *self = (struct source){0};
}
