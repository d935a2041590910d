/*
 * Where the lines are broken. What fits stands on one line. Else there are two ways:
 *
 *   listed   brackets on lines of their own, one member or element on each line
 *   filled   as many members or elements on a line as fit
 *
 * A play is listed from outside in: its cast, its steps, its rules. What a line, a
 * member of the cast or a rule says is filled, so that a play still reads as a
 * ladder; but not what takes more than two lines.
 */
#include "harness/canonical_tree.h"

enum { COLUMNS = 100, INDENT = 4, FILLED_MAX = 2 * COLUMNS };

static void put(FILE *out, struct span text)
{
    fwrite(text.at, 1, text.len, out);
}

static void put_lead(FILE *out, const struct canonical_node *item)
{
    if (!item->name.at)
        return;
    put(out, item->name);
    fputs(": ", out);
}

static bool is_object(const struct canonical_node *self)
{
    return self->kind == JSON_KIND_OBJECT;
}

static size_t put_flat(FILE *out, const struct canonical_node *self, size_t column)
{
    if (!is_object(self) && self->kind != JSON_KIND_ARRAY) {
        put(out, self->token);
        return column + self->width;
    }
    putc(is_object(self) ? '{' : '[', out);
    for (size_t i = 0; i < self->count; i++) {
        if (i > 0)
            fputs(", ", out);
        put_lead(out, &self->items[i]);
        put_flat(out, &self->items[i], 0);
    }
    putc(is_object(self) ? '}' : ']', out);
    return column + self->width;
}

static bool all_scalars(const struct canonical_node *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].count > 0)
            return false;
    return true;
}

static void new_line(FILE *out, size_t indent)
{
    fprintf(out, "\n%*s", (int)indent, "");
}

/* A list of the play's own, whose bracket opens on the line of its name. */
static bool is_list_of_parts(const struct canonical_node *self)
{
    return self->count > 0 && (self->role == ROLE_RULES || self->role == ROLE_LINES ||
                                  self->role == ROLE_STRANDS || self->role == ROLE_STEPS);
}

/* Items one behind the other. Lines that are begun are indented; the column of the
 * end. What must stand behind the last item takes tail characters. */
static size_t put_filled(
    FILE *out, const struct canonical_node *self, size_t indent, size_t column, size_t tail)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct canonical_node *item = &self->items[i];
        size_t lead = canonical_node_lead(item);
        size_t behind = i + 1 < self->count ? 1 : tail;
        bool fits = column + (i > 0) + lead + item->width + behind <= COLUMNS;
        size_t line = indent - INDENT;

        if (i > 0 && !fits && !is_list_of_parts(item)) {
            new_line(out, indent);
            column = line = indent;
        } else if (i > 0) {
            putc(' ', out);
            column++;
        }
        put_lead(out, item);
        column = canonical_layout(out, item, line, column + lead, behind);
        if (i + 1 < self->count) {
            putc(',', out);
            column++;
        }
    }
    return column;
}

static void put_listed(FILE *out, const struct canonical_node *self, size_t indent)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct canonical_node *item = &self->items[i];
        size_t behind = i + 1 < self->count ? 1 : 0;

        if (i > 0 && item->apart)
            putc('\n', out);
        new_line(out, indent);
        put_lead(out, item);
        canonical_layout(out, item, indent, indent + canonical_node_lead(item), behind);
        if (behind)
            putc(',', out);
    }
}

/* What is long because one text in it is, is no shorter when it is listed. */
static size_t bulk(const struct canonical_node *self)
{
    size_t sum = 0;

    for (size_t i = 0; i < self->count; i++) {
        size_t width = canonical_node_lead(&self->items[i]) + self->items[i].width;

        sum += canonical_node_is_atom(&self->items[i]) && width > COLUMNS ? COLUMNS : width;
    }
    return sum;
}

static bool is_filled(const struct canonical_node *self)
{
    if (self->role == ROLE_DATA)
        return bulk(self) <= FILLED_MAX;
    return self->role == ROLE_STEP || self->role == ROLE_MEMBER || self->role == ROLE_RULE;
}

static bool is_always_broken(const struct canonical_node *self)
{
    return self->count > 0 && (self->role == ROLE_PLAY || self->role == ROLE_STEPS);
}

size_t canonical_layout(
    FILE *out, const struct canonical_node *self, size_t indent, size_t column, size_t tail)
{
    bool fits = column + self->width + tail <= COLUMNS || canonical_node_is_atom(self);

    if (fits && !is_always_broken(self))
        return put_flat(out, self, column);
    putc(is_object(self) ? '{' : '[', out);
    if (is_filled(self)) {
        column = put_filled(out, self, indent + INDENT, column + 1, tail + 1);
    } else {
        if (!is_object(self) && all_scalars(self)) {
            new_line(out, indent + INDENT);
            put_filled(out, self, indent + INDENT, indent + INDENT, 0);
        } else {
            put_listed(out, self, indent + INDENT);
        }
        new_line(out, indent);
        column = indent;
    }
    putc(is_object(self) ? '}' : ']', out);
    return column + 1;
}
