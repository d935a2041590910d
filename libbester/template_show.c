/* What arrived, as a person reads it. */
#include <stdlib.h>
#include <string.h>

#include "libbester/json_find.h"
#include "libbester/template.h"
#include "libbester/visible.h"

static enum status show_string(struct span token, struct bytes *out)
{
    char *text = malloc(token.len + 1);
    size_t len = 0;
    if (text == NULL)
        return STATUS_NO_MEMORY;
    enum status status = json_decode(token, text, token.len + 1, &len);
    if (status == STATUS_OK)
        status = visible_append(out, (struct span){text, len}, VISIBLE_LINES);
    else /* holds a zero byte */
        status = visible_append(out, token, VISIBLE_LINE);
    free(text);
    return status;
}

/* A list of strings reads like "G, H@S2". */
static enum status show_list(struct span value, struct bytes *out)
{
    struct json_cursor cursor;
    struct span element;
    bool first = true;
    json_begin(&cursor, value, JSON_DEPTH_MAX);
    enum status status = json_enter_array(&cursor, NULL);
    while (status == STATUS_OK && json_next_element(&cursor, NULL) == PULL_READY) {
        status = json_skip(&cursor, &element, NULL);
        if (status == STATUS_OK && !first)
            status = bytes_append_text(out, ", ");
        if (status == STATUS_OK && json_kind_of(element) == JSON_KIND_STRING)
            status = show_string(element, out);
        else if (status == STATUS_OK)
            status = visible_append(out, element, VISIBLE_LINE);
        first = false;
    }
    return status;
}

static enum status show_value(struct span value, struct bytes *out)
{
    if (json_kind_of(value) == JSON_KIND_STRING)
        return show_string(value, out);
    if (json_kind_of(value) == JSON_KIND_ARRAY)
        return show_list(value, out);
    return visible_append(out, value, VISIBLE_LINE);
}

static const char *envelope_text(const struct shown_envelope *envelope, struct span name)
{
    const char *text = NULL;
    if (span_is(name, "from"))
        text = envelope->from;
    else if (span_is(name, "type"))
        text = envelope->type;
    else if (span_is(name, "time"))
        text = envelope->time;
    return text == NULL || text[0] == '\0' ? NULL : text;
}

struct showing {
    struct span data;
    const struct shown_envelope *envelope;
    struct bytes *out;
    bool found; /* anything of data was named */
};

static enum status show_named(struct showing *self, struct span name)
{
    const char *stamped = envelope_text(self->envelope, name);
    if (stamped != NULL)
        return visible_append(self->out, span_of(stamped), VISIBLE_LINE);
    if (name.len > 5 && memcmp(name.at, "data.", 5) == 0)
        name = (struct span){name.at + 5, name.len - 5};
    struct span value = json_find(self->data, name);
    if (value.at == NULL)
        return STATUS_OK;
    self->found = true;
    return show_value(value, self->out);
}

/* show has been checked: braces come in pairs. */
static enum status show_by(struct showing *self, const char *show)
{
    enum status status = STATUS_OK;
    while (*show != '\0' && status == STATUS_OK) {
        size_t plain = strcspn(show, "{}");
        if (plain > 0) {
            status = visible_append(self->out, (struct span){show, plain}, VISIBLE_LINE);
            show += plain;
        } else if (show[0] == show[1]) {
            status = bytes_append(self->out, show, 1);
            show += 2;
        } else {
            size_t len = strcspn(show + 1, "}");
            status = show_named(self, (struct span){show + 1, len});
            show += len + 2;
        }
    }
    return status;
}

enum status template_show(const struct type_template *self, struct span data,
    const struct shown_envelope *envelope, struct bytes *out)
{
    if (self != NULL && self->show != NULL) {
        struct bytes line;
        bytes_init(&line, out->max);
        struct showing showing = {.data = data, .envelope = envelope, .out = &line};
        enum status status = show_by(&showing, self->show);
        if (status == STATUS_OK && showing.found)
            status = bytes_append_span(out, bytes_span(&line));
        bytes_release(&line);
        if (status != STATUS_OK || showing.found)
            return status;
    }
    enum status status = STATUS_OK;
    if (envelope->from != NULL && envelope->from[0] != '\0') {
        status = visible_append(out, span_of(envelope->from), VISIBLE_LINE);
        if (status == STATUS_OK)
            status = bytes_append_text(out, ": ");
    }
    return status == STATUS_OK ? visible_append(out, data, VISIBLE_LINE) : status;
}
