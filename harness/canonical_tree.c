#include "harness/canonical_tree.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

struct reader {
    struct json_cursor cursor;
    struct fault fault;
};

static enum status read_value(struct reader *self, struct canonical_node *node);

static size_t characters(struct span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

size_t canonical_node_lead(const struct canonical_node *self)
{
    return self->name.at ? characters(self->name) + strlen(": ") : 0;
}

/* Whether an empty line stands between the end of what was before and at. */
static bool empty_line(const char *before, const char *at)
{
    unsigned newlines = 0;

    for (; before < at; before++)
        newlines += *before == '\n';
    return newlines > 1;
}

static const char *skip_blanks(const struct json_cursor *cursor)
{
    const char *at = cursor->at;

    while (at < cursor->end && strchr(" \t\r\n", *at))
        at++;
    return at;
}

static struct canonical_node *add_item(struct canonical_node *self)
{
    must_grow(self->items, self->count);
    struct canonical_node *item = &self->items[self->count++];
    *item = (struct canonical_node){0};
    return item;
}

/* Together with what stands between it and the one before. */
static void add_width(struct canonical_node *self, const struct canonical_node *item)
{
    self->width += canonical_node_lead(item) + item->width + (self->count > 1 ? 2 : 0);
}

/* The name is decoded: "a" and "\u0061" are one name. */
static enum status check_new(struct reader *self, json_t *seen, struct span name)
{
    char *text = must_alloc(name.len + 1);
    enum status status = json_decode(name, text, name.len + 1, NULL);

    if (status == STATUS_OK && json_object_get(seen, text))
        status = fault_set(&self->fault, STATUS_INVALID, (size_t)(name.at - self->cursor.start),
            "this member is named twice");
    if (status == STATUS_OK)
        json_object_set_new(seen, text, json_true());
    free(text);
    return status;
}

static enum status read_members(struct reader *self, struct canonical_node *node, json_t *seen)
{
    struct span name;
    enum pull pull;
    const char *before = self->cursor.at;

    while ((pull = json_next_member(&self->cursor, &name, &self->fault)) == PULL_READY) {
        enum status status = check_new(self, seen, name);

        if (status != STATUS_OK)
            return status;
        struct canonical_node *item = add_item(node);
        item->name = name;
        item->apart = empty_line(before, name.at);
        status = read_value(self, item);
        if (status != STATUS_OK)
            return status;
        add_width(node, item);
        before = self->cursor.at;
    }
    return pull == PULL_MORE ? STATUS_OK : STATUS_MALFORMED;
}

static enum status read_object(struct reader *self, struct canonical_node *node)
{
    json_t *seen = must_json(json_object());
    enum status status = json_enter_object(&self->cursor, &self->fault);

    if (status == STATUS_OK)
        status = read_members(self, node, seen);
    json_decref(seen);
    return status;
}

static enum status read_array(struct reader *self, struct canonical_node *node)
{
    enum pull pull;
    enum status status = json_enter_array(&self->cursor, &self->fault);
    const char *before = self->cursor.at;

    if (status != STATUS_OK)
        return status;
    while ((pull = json_next_element(&self->cursor, &self->fault)) == PULL_READY) {
        struct canonical_node *item = add_item(node);

        item->apart = empty_line(before, skip_blanks(&self->cursor));
        status = read_value(self, item);
        if (status != STATUS_OK)
            return status;
        add_width(node, item);
        before = self->cursor.at;
    }
    return pull == PULL_MORE ? STATUS_OK : STATUS_MALFORMED;
}

static enum status read_value(struct reader *self, struct canonical_node *node)
{
    enum status status;

    node->kind = json_peek(&self->cursor);
    node->width = strlen("{}");
    if (node->kind == JSON_KIND_OBJECT)
        return read_object(self, node);
    if (node->kind == JSON_KIND_ARRAY)
        return read_array(self, node);
    status = json_skip(&self->cursor, &node->token, &self->fault);
    node->width = characters(node->token);
    return status;
}

enum status canonical_tree_read(
    struct canonical_node *self, struct span text, struct mistake *mistake)
{
    struct reader reader = {.fault = {.text = ""}};

    *self = (struct canonical_node){0};
    json_begin(&reader.cursor, text, SOURCE_DEPTH_MAX);
    enum status status = read_value(&reader, self);
    if (status == STATUS_OK)
        status = json_end(&reader.cursor, &reader.fault);
    if (status == STATUS_OK)
        return STATUS_OK;
    mistake->at = where_in(text, reader.fault.offset);
    snprintf(mistake->text, sizeof(mistake->text), "%s", reader.fault.text);
    canonical_tree_release(self);
    return STATUS_INVALID;
}

void canonical_tree_release(struct canonical_node *self)
{
    for (size_t i = 0; i < self->count; i++)
        canonical_tree_release(&self->items[i]);
    free(self->items);
    self->items = NULL;
    self->count = 0;
}

bool canonical_node_is_atom(const struct canonical_node *self)
{
    return self->count == 0 || (self->count == 1 && canonical_node_is_atom(&self->items[0]));
}
