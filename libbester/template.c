#include "libbester/template.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/json_find.h"

static const struct {
    const char *text;
    const char *help;
} kinds[] = {
#define X(name, wire, sentence) {wire, sentence},
    FIELD_KIND_TABLE(X)
#undef X
};

const char *field_kind_text(enum field_kind kind)
{
    return kinds[kind].text;
}

const char *field_kind_help(enum field_kind kind)
{
    return kinds[kind].help;
}

void template_free(struct type_template *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->field_count; i++) {
        free(self->fields[i].name);
        free(self->fields[i].help);
    }
    free(self->fields);
    free(self->type);
    free(self->summary);
    free(self->show);
    free(self);
}

/* ---- reading the JSON: each reader is given the path of what it reads ---- */

struct reading {
    enum template_care care;
    struct fault *fault;
};

enum { PATH_MAX_BYTES = 64 };

static void reject(const struct reading *self, const char *format, ...) PRINTF_LIKE(2, 3);

static void reject(const struct reading *self, const char *format, ...)
{
    char text[sizeof self->fault->text];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fault_set(self->fault, STATUS_INVALID, 0, "%s", text);
}

static enum status no_memory(struct fault *fault)
{
    fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
    return STATUS_NO_MEMORY;
}

static enum status known_members(
    const struct reading *self, const json_t *object, const char *path, const char *const *known)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (self->care == TEMPLATE_LENIENT)
        return STATUS_OK;
    json_object_foreach ((json_t *)object, name, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL) {
            reject(self, "%s%.60s: no such member", path, name);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* A text member without NUL or, unless it may be long, control characters. */
static enum status read_text(const struct reading *self, const json_t *object, const char *path,
    const char *name, char **out)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return STATUS_OK;
    const char *text = json_string_value(value);
    if (text == NULL) {
        reject(self, "%s%s: must be a string", path, name);
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < json_string_length(value); i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            reject(self, "%s%s: holds a control character", path, name);
            return STATUS_INVALID;
        }
    *out = strdup(text);
    return *out == NULL ? no_memory(self->fault) : STATUS_OK;
}

/* A text that must be there, be a name and fit. */
static enum status read_name(const struct reading *self, const json_t *object, const char *path,
    const char *name, char **out)
{
    enum status status = read_text(self, object, path, name, out);
    if (status != STATUS_OK)
        return status;
    if (*out == NULL) {
        reject(self, "%s%s: is missing", path, name);
        return STATUS_INVALID;
    }
    if (**out == '\0' || strlen(*out) >= TEMPLATE_NAME_MAX) {
        reject(self, "%s%s: must have 1 to %d bytes", path, name, TEMPLATE_NAME_MAX - 1);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status read_bool(
    const struct reading *self, const json_t *object, const char *path, const char *name, bool *out)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return STATUS_OK;
    if (!json_is_boolean(value)) {
        reject(self, "%s%s: must be true or false", path, name);
        return STATUS_INVALID;
    }
    *out = json_is_true(value);
    return STATUS_OK;
}

static enum status read_kind(
    const struct reading *self, const json_t *object, const char *path, enum field_kind *out)
{
    const json_t *value = json_object_get(object, "kind");
    const char *text = value == NULL ? "string" : json_string_value(value);
    for (size_t i = 0; text != NULL && i < FIELD_KIND_COUNT; i++)
        if (strcmp(kinds[i].text, text) == 0) {
            *out = (enum field_kind)i;
            return STATUS_OK;
        }
    if (self->care == TEMPLATE_LENIENT && text != NULL) {
        *out = FIELD_JSON; /* a kind of a later version: the user writes its JSON */
        return STATUS_OK;
    }
    reject(self, "%skind: must be recipients, string, text, int, number, bool or json", path);
    return STATUS_INVALID;
}

/* '=' would end the name in name=value; '{', '}' and '.' mean something in show. */
static enum status read_field_name(
    const struct reading *self, const json_t *object, const char *path, char **out)
{
    enum status status = read_name(self, object, path, "name", out);
    if (status != STATUS_OK)
        return status;
    if (strpbrk(*out, "={}. ") != NULL) {
        reject(self, "%sname: must not hold blanks, '=', '.', '{' or '}'", path);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status read_field(
    const struct reading *self, const json_t *object, size_t index, struct template_field *field)
{
    static const char *const known[] = {"name", "kind", "required", "rest", "help", NULL};
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "fields[%zu]", index);
    if (!json_is_object(object)) {
        reject(self, "%s: must be an object", path);
        return STATUS_INVALID;
    }
    snprintf(path, sizeof path, "fields[%zu].", index);
    enum status status = known_members(self, object, path, known);
    if (status == STATUS_OK)
        status = read_field_name(self, object, path, &field->name);
    if (status == STATUS_OK)
        status = read_kind(self, object, path, &field->kind);
    if (status == STATUS_OK)
        status = read_bool(self, object, path, "required", &field->required);
    if (status == STATUS_OK)
        status = read_bool(self, object, path, "rest", &field->rest);
    if (status == STATUS_OK)
        status = read_text(self, object, path, "help", &field->help);
    return status;
}

/* Rules that concern one field and those before it. */
static enum status check_field(
    const struct reading *self, const struct type_template *sheet, size_t index)
{
    const struct template_field *field = &sheet->fields[index];
    for (size_t i = 0; i < index; i++) {
        const struct template_field *other = &sheet->fields[i];
        if (strcmp(other->name, field->name) == 0) {
            reject(self, "fields[%zu].name: fields[%zu] has the same name", index, i);
            return STATUS_INVALID;
        }
        if (other->rest && field->rest) {
            reject(self, "fields[%zu].rest: fields[%zu] takes the rest already", index, i);
            return STATUS_INVALID;
        }
    }
    if (field->rest && field->kind == FIELD_RECIPIENTS) {
        reject(self, "fields[%zu].rest: recipients can't be the rest of a line", index);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status read_fields(
    const struct reading *self, const json_t *object, struct type_template *sheet)
{
    const json_t *list = json_object_get(object, "fields");
    if (list == NULL) {
        reject(self, "fields: is missing");
        return STATUS_INVALID;
    }
    if (!json_is_array(list)) {
        reject(self, "fields: must be an array");
        return STATUS_INVALID;
    }
    size_t count = json_array_size(list);
    if (count > TEMPLATE_FIELDS_MAX) {
        reject(self, "fields: %zu of them, %d may be", count, TEMPLATE_FIELDS_MAX);
        return STATUS_INVALID;
    }
    sheet->fields = calloc(count + 1, sizeof *sheet->fields);
    if (sheet->fields == NULL)
        return no_memory(self->fault);
    for (size_t i = 0; i < count; i++) {
        sheet->field_count = i + 1;
        enum status status = read_field(self, json_array_get(list, i), i, &sheet->fields[i]);
        if (status == STATUS_OK)
            status = check_field(self, sheet, i);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Braces in pairs; a doubled brace stands for itself. */
static enum status check_show(const struct reading *self, const char *show)
{
    for (const char *at = show; at != NULL && *at != '\0'; at++) {
        if (*at != '{' && *at != '}')
            continue;
        if (at[1] == at[0]) {
            at++;
            continue;
        }
        size_t len = *at == '{' ? strcspn(at + 1, "{}") : 0;
        if (len == 0 || at[1 + len] != '}') {
            reject(self, "show: the brace at byte %zu is not part of {name}, {{ or }}",
                (size_t)(at - show));
            return STATUS_INVALID;
        }
        at += 1 + len;
    }
    return STATUS_OK;
}

static enum status read_template(
    const struct reading *self, const json_t *root, struct type_template *sheet)
{
    static const char *const known[] = {"type", "summary", "fields", "show", NULL};
    if (!json_is_object(root)) {
        reject(self, "a template must be an object");
        return STATUS_INVALID;
    }
    enum status status = known_members(self, root, "", known);
    if (status == STATUS_OK)
        status = read_name(self, root, "", "type", &sheet->type);
    if (status == STATUS_OK)
        status = read_text(self, root, "", "summary", &sheet->summary);
    if (status == STATUS_OK)
        status = read_text(self, root, "", "show", &sheet->show);
    if (status == STATUS_OK)
        status = check_show(self, sheet->show);
    if (status == STATUS_OK)
        status = read_fields(self, root, sheet);
    return status;
}

enum status template_parse(
    struct type_template **out, struct span text, enum template_care care, struct fault *fault)
{
    struct reading reading = {.care = care, .fault = fault};
    json_error_t error;
    if (text.len > TEMPLATE_BYTES_MAX)
        return fault_set(fault, STATUS_INVALID, 0, "%zu bytes, a template may have %d", text.len,
            TEMPLATE_BYTES_MAX);
    /* Bounds the depth too, which jansson alone would not do so tightly. */
    enum status status = json_check(text, 16, fault);
    if (status != STATUS_OK && status != STATUS_MALFORMED)
        return fault_set(fault, STATUS_INVALID, 0, "nested too deep for a template");
    json_t *root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return fault_set(fault, STATUS_INVALID, 0, "line %d, column %d: %s", error.line,
            error.column, error.text);
    struct type_template *self = calloc(1, sizeof *self);
    status = self == NULL ? no_memory(fault) : read_template(&reading, root, self);
    json_decref(root);
    if (status != STATUS_OK) {
        template_free(self);
        return status;
    }
    *out = self;
    return STATUS_OK;
}

enum status template_check(struct span text, const char *type, struct fault *fault)
{
    struct type_template *self = NULL;
    enum status status = template_parse(&self, text, TEMPLATE_STRICT, fault);
    if (self != NULL && type != NULL && strcmp(self->type, type) != 0)
        status = fault_set(fault, STATUS_INVALID, 0,
            "type: is \"%s\", this is the template of \"%.60s\"", self->type, type);
    template_free(self);
    return status;
}

/* ---- looking things up ------------------------------------------------------------------------
 */

const struct template_field *template_field(const struct type_template *self, const char *name)
{
    for (size_t i = 0; i < self->field_count; i++)
        if (strcmp(self->fields[i].name, name) == 0)
            return &self->fields[i];
    return NULL;
}

const struct template_field *template_rest(const struct type_template *self)
{
    for (size_t i = 0; i < self->field_count; i++)
        if (self->fields[i].rest)
            return &self->fields[i];
    return NULL;
}

const struct template_field *template_recipients(const struct type_template *self)
{
    for (size_t i = 0; i < self->field_count; i++)
        if (self->fields[i].kind == FIELD_RECIPIENTS)
            return &self->fields[i];
    return NULL;
}

enum status template_types_begin(struct json_cursor *self, struct span data)
{
    struct span types = json_find(data, SPAN_LITERAL("types"));
    if (json_kind_of(types) != JSON_KIND_OBJECT)
        return STATUS_NOT_FOUND;
    json_begin(self, types, JSON_DEPTH_MAX);
    return json_enter_object(self, NULL);
}

enum pull template_types_next(
    struct json_cursor *self, char type[TEMPLATE_NAME_MAX], struct span *text)
{
    struct span name;
    struct span value;
    enum pull pull;
    while ((pull = json_next_member(self, &name, NULL)) == PULL_READY) {
        if (json_skip(self, &value, NULL) != STATUS_OK)
            return PULL_BAD;
        if (json_decode(name, type, TEMPLATE_NAME_MAX, NULL) != STATUS_OK || type[0] == '\0')
            continue;
        *text = json_find(value, SPAN_LITERAL("template"));
        break;
    }
    return pull;
}
