/* One message under construction: what a person wrote becomes JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/character.h"
#include "libbester/template.h"

enum { NUMBER_MAX = 400 }; /* bytes; longer is no number that anybody means */

static enum status no_memory(struct fault *fault)
{
    return fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
}

enum status form_init(struct form *self, const struct type_template *sheet)
{
    char **values = calloc(sheet->field_count + 1, sizeof *values);
    if (values == NULL)
        return STATUS_NO_MEMORY;
    *self = (struct form){.sheet = sheet, .values = values};
    return STATUS_OK;
}

void form_release(struct form *self)
{
    if (self->values == NULL)
        return;
    for (size_t i = 0; i < self->sheet->field_count; i++)
        free(self->values[i]);
    free(self->values);
    *self = (struct form){0};
}

static struct span trimmed(struct span text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct span){text.at + 1, text.len - 1};
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool holds_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return true;
    return false;
}

/* ---- text to JSON, a function for each kind ---- */

typedef enum status convert(struct span text, struct bytes *out, struct fault *fault);

static enum status convert_text(struct span text, struct bytes *out, struct fault *fault)
{
    for (struct span rest = text; rest.len > 0;) {
        uint32_t code;
        size_t len = character_next(rest, &code);
        if (len == 0)
            return fault_set(fault, STATUS_INVALID, 0, "is not valid UTF-8");
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return json_quote(out, text);
}

static enum status convert_string(struct span text, struct bytes *out, struct fault *fault)
{
    if (holds_control(text))
        return fault_set(fault, STATUS_INVALID, 0, "holds a control character or a line break");
    return convert_text(text, out, fault);
}

/* One name is a string, several are an array. */
static enum status convert_recipients(struct span text, struct bytes *out, struct fault *fault)
{
    bool several = memchr(text.at, ',', text.len) != NULL;
    enum status status = several ? bytes_append_text(out, "[") : STATUS_OK;
    for (bool last = false, first = true; !last && status == STATUS_OK; first = false) {
        const char *comma = memchr(text.at, ',', text.len);
        last = comma == NULL;
        size_t len = last ? text.len : (size_t)(comma - text.at);
        struct span name = trimmed((struct span){text.at, len});
        if (name.len == 0)
            return fault_set(fault, STATUS_INVALID, 0, "a recipient has no name");
        if (!first)
            status = bytes_append_text(out, ",");
        if (status == STATUS_OK)
            status = convert_string(name, out, fault);
        if (!last)
            text = (struct span){comma + 1, text.len - len - 1};
    }
    if (several && status == STATUS_OK)
        status = bytes_append_text(out, "]");
    return status;
}

/* The number grammar of JSON, and only for an int no fraction or exponent. */
static enum status convert_number(struct span text, struct bytes *out, struct fault *fault)
{
    text = trimmed(text);
    if (text.len > NUMBER_MAX || json_check(text, 1, NULL) != STATUS_OK ||
        json_kind_of(text) != JSON_KIND_NUMBER)
        return fault_set(fault, STATUS_INVALID, 0, "must be a number, like 7, -2.5 or 1e6");
    return bytes_append_span(out, text);
}

static bool is_whole(struct span text)
{
    size_t sign = text.len > 0 && text.at[0] == '-';
    for (size_t i = sign; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.len > sign;
}

static enum status convert_int(struct span text, struct bytes *out, struct fault *fault)
{
    if (!is_whole(trimmed(text)) || convert_number(text, out, NULL) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "must be a whole number");
    return STATUS_OK;
}

static enum status convert_bool(struct span text, struct bytes *out, struct fault *fault)
{
    text = trimmed(text);
    if (!span_is(text, "true") && !span_is(text, "false"))
        return fault_set(fault, STATUS_INVALID, 0, "must be true or false");
    return bytes_append_span(out, text);
}

static enum status convert_json(struct span text, struct bytes *out, struct fault *fault)
{
    struct fault inner = {0};
    if (json_check(text, JSON_DEPTH_DEFAULT, &inner) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "is not JSON: %s", inner.text);
    return bytes_append_span(out, text);
}

static convert *const converters[FIELD_KIND_COUNT] = {
    [FIELD_RECIPIENTS] = convert_recipients,
    [FIELD_STRING] = convert_string,
    [FIELD_TEXT] = convert_text,
    [FIELD_INT] = convert_int,
    [FIELD_NUMBER] = convert_number,
    [FIELD_BOOL] = convert_bool,
    [FIELD_JSON] = convert_json,
};

/* ---- setting ---- */

/* Takes over what a converter made, or tells why there is nothing. */
static enum status form_adopt(struct form *self, const struct template_field *field,
    enum status status, struct bytes *value, const struct fault *inner, struct fault *fault)
{
    const char *text = status == STATUS_OK ? bytes_text(value) : NULL;
    char *copy = text == NULL ? NULL : strdup(text);
    bytes_release(value);
    if (status == STATUS_INVALID)
        return fault_set(fault, status, 0, "%s: %s", field->name, inner->text);
    if (copy == NULL)
        return no_memory(fault);
    char **place = &self->values[field - self->sheet->fields];
    free(*place);
    *place = copy;
    return STATUS_OK;
}

enum status form_set_text(
    struct form *self, const struct template_field *field, struct span text, struct fault *fault)
{
    struct bytes value;
    struct fault inner = {0};
    if (text.at == NULL)
        text = SPAN_LITERAL("");
    bytes_init(&value, text.len * 6 + 64);
    enum status status = converters[field->kind](text, &value, &inner);
    return form_adopt(self, field, status, &value, &inner, fault);
}

static bool is_recipients(struct span value)
{
    struct json_cursor cursor;
    struct span element;
    if (json_kind_of(value) == JSON_KIND_STRING)
        return true;
    json_begin(&cursor, value, 2);
    if (json_kind_of(value) != JSON_KIND_ARRAY || json_enter_array(&cursor, NULL) != STATUS_OK)
        return false;
    while (json_next_element(&cursor, NULL) == PULL_READY)
        if (json_peek(&cursor) != JSON_KIND_STRING ||
            json_skip(&cursor, &element, NULL) != STATUS_OK)
            return false;
    return true;
}

static bool suits(enum field_kind kind, struct span value)
{
    enum json_kind found = json_kind_of(value);
    switch (kind) {
    case FIELD_RECIPIENTS:
        return is_recipients(value);
    case FIELD_STRING:
    case FIELD_TEXT:
        return found == JSON_KIND_STRING;
    case FIELD_INT:
        return found == JSON_KIND_NUMBER && is_whole(value);
    case FIELD_NUMBER:
        return found == JSON_KIND_NUMBER;
    case FIELD_BOOL:
        return found == JSON_KIND_TRUE || found == JSON_KIND_FALSE;
    case FIELD_JSON:
    case FIELD_KIND_COUNT:
        break;
    }
    return true;
}

enum status form_set_json(
    struct form *self, const struct template_field *field, struct span text, struct fault *fault)
{
    static const char *const wanted[FIELD_KIND_COUNT] = {
        [FIELD_RECIPIENTS] = "a string or an array of strings",
        [FIELD_STRING] = "a string",
        [FIELD_TEXT] = "a string",
        [FIELD_INT] = "a whole number",
        [FIELD_NUMBER] = "a number",
        [FIELD_BOOL] = "true or false",
        [FIELD_JSON] = "any JSON value",
    };
    struct bytes value;
    struct fault inner = {0};
    struct span json = {0};
    struct json_cursor cursor;
    bytes_init(&value, text.len + 1);
    enum status status = convert_json(text, &value, &inner);
    json_begin(&cursor, text, JSON_DEPTH_DEFAULT);
    if (status == STATUS_OK && json_skip(&cursor, &json, NULL) == STATUS_OK &&
        !suits(field->kind, json))
        status = fault_set(&inner, STATUS_INVALID, 0, "must be %s", wanted[field->kind]);
    return form_adopt(self, field, status, &value, &inner, fault);
}

static enum status unknown_field(
    const struct form *self, const char *name, size_t len, struct fault *fault)
{
    char known[160] = "";
    for (size_t i = 0; i < self->sheet->field_count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ",
            self->sheet->fields[i].name);
    }
    return fault_set(fault, STATUS_INVALID, 0, "%s has no field \"%.*s\"; it has %s",
        self->sheet->type, (int)(len > 40 ? 40 : len), name, known[0] == '\0' ? "none" : known);
}

enum status form_set_pair(struct form *self, const char *pair, bool is_json, struct fault *fault)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return fault_set(fault, STATUS_INVALID, 0, "\"%.60s\" is not name=value", pair);
    size_t len = (size_t)(equals - pair);
    for (size_t i = 0; i < self->sheet->field_count; i++) {
        const struct template_field *field = &self->sheet->fields[i];
        if (strlen(field->name) != len || memcmp(field->name, pair, len) != 0)
            continue;
        return is_json ? form_set_json(self, field, span_of(equals + 1), fault)
                       : form_set_text(self, field, span_of(equals + 1), fault);
    }
    return unknown_field(self, pair, len, fault);
}

bool form_has(const struct form *self, const struct template_field *field)
{
    return self->values[field - self->sheet->fields] != NULL;
}

enum status form_data(const struct form *self, struct bytes *out, struct fault *fault)
{
    const char *separator = "{";
    enum status status = STATUS_OK;
    for (size_t i = 0; i < self->sheet->field_count; i++) {
        const struct template_field *field = &self->sheet->fields[i];
        if (self->values[i] == NULL && field->required)
            return fault_set(fault, STATUS_INVALID, 0, "%s is missing%s%s", field->name,
                field->help == NULL ? "" : ": ", field->help == NULL ? "" : field->help);
    }
    for (size_t i = 0; i < self->sheet->field_count && status == STATUS_OK; i++) {
        if (self->values[i] == NULL)
            continue;
        status = bytes_append_text(out, separator);
        if (status == STATUS_OK)
            status = json_quote(out, span_of(self->sheet->fields[i].name));
        if (status == STATUS_OK)
            status = bytes_append_text(out, ":");
        if (status == STATUS_OK)
            status = bytes_append_text(out, self->values[i]);
        separator = ",";
    }
    if (status == STATUS_OK)
        status = bytes_append_text(out, separator[0] == '{' ? "{}" : "}");
    if (status != STATUS_OK)
        fault_set(fault, status, 0, "%s", status_help(status));
    return status;
}
