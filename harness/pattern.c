#include "harness/pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/text.h"

enum { DIFFERENCES_MAX = 100, PATH_MAX_BYTES = 1024 };

static struct span string_span(const json_t *string)
{
    return (struct span){json_string_value(string), json_string_length(string)};
}

/* "...": true in a pattern. */
static bool is_ellipsis(const char *name, const json_t *value)
{
    return strcmp(name, "...") == 0 && json_is_true(value);
}

/* ---- a path, as it is walked ----------------------------------------------------------------- */

struct path {
    char text[PATH_MAX_BYTES];
    size_t len;
};

/* Returns the length to go back to. */
static size_t PRINTF_LIKE(2, 3) path_down(struct path *self, const char *format, ...)
{
    size_t back = self->len;
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(self->text + back, sizeof(self->text) - back, format, arguments);
    va_end(arguments);
    self->len += (size_t)n;
    if (self->len >= sizeof(self->text))
        self->len = sizeof(self->text) - 1;
    return back;
}

static size_t path_member(struct path *self, const char *name)
{
    return path_down(self, "%s%s", self->len ? "." : "", name);
}

static void path_up(struct path *self, size_t back)
{
    self->len = back;
    self->text[back] = '\0';
}

/* ---- matching -------------------------------------------------------------------------------- */

struct matcher {
    struct scope *scope;
    struct differences *out;
    struct path path;
    unsigned open_levels;
    bool same;
};

void differences_release(struct differences *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].path);
        free(self->items[i].expected);
        free(self->items[i].got);
    }
    free(self->items);
    *self = (struct differences){0};
}

/* expected and got: NULL stands for no such member. */
static void differ(struct matcher *self, const json_t *expected, const json_t *got)
{
    self->same = false;
    if (!self->out || self->out->count >= DIFFERENCES_MAX)
        return;
    must_grow(self->out->items, self->out->count);
    self->out->items[self->out->count++] = (struct difference){
        .path = must_copy(self->path.text),
        .expected = expected ? must_dump(expected) : must_copy("nothing"),
        .got = got ? must_dump(got) : must_copy("nothing"),
    };
}

static void match_capture(
    struct matcher *self, const struct capture *capture, const json_t *pattern, const json_t *value)
{
    json_t *bound = capture->name[0] ? bindings_get(&self->scope->bindings, capture->name) : NULL;

    if (!capture_admits(capture, value))
        differ(self, pattern, value);
    else if (bound && !json_equal(bound, value))
        differ(self, bound, value);
    else if (!bound && capture->name[0])
        bindings_add(&self->scope->bindings, capture->name, (json_t *)value);
}

static void match_string(struct matcher *self, const json_t *pattern, const json_t *value)
{
    struct capture capture;
    struct fault fault;
    size_t len;

    if (text_read(string_span(pattern), &capture, &fault) == TEXT_CAPTURE) {
        match_capture(self, &capture, pattern, value);
        return;
    }
    char *text = text_expand(string_span(pattern), self->scope, &len, &fault);
    if (!text) {
        differ(self, pattern, value);
        return;
    }
    json_t *expected = must_json(json_stringn(text, len));
    if (!json_equal(expected, value))
        differ(self, expected, value);
    json_decref(expected);
    free(text);
}

static void match_value(
    struct matcher *self, const json_t *pattern, const json_t *value, unsigned level);

static void match_object(
    struct matcher *self, const json_t *pattern, const json_t *value, unsigned level)
{
    bool open = level < self->open_levels || json_is_true(json_object_get(pattern, "..."));
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)pattern, name, member) {
        const json_t *got = json_object_get(value, name);
        size_t back = path_member(&self->path, name);

        if (got)
            match_value(self, member, got, level + 1);
        else if (!is_ellipsis(name, member))
            differ(self, member, NULL);
        path_up(&self->path, back);
    }
    if (open)
        return;
    json_object_foreach ((json_t *)value, name, member) {
        if (json_object_get(pattern, name))
            continue;
        size_t back = path_member(&self->path, name);
        differ(self, NULL, member);
        path_up(&self->path, back);
    }
}

static void match_array(
    struct matcher *self, const json_t *pattern, const json_t *value, unsigned level)
{
    size_t expected = json_array_size(pattern);
    size_t got = json_array_size(value);

    for (size_t i = 0; i < expected || i < got; i++) {
        size_t back = path_down(&self->path, "[%zu]", i);

        if (i < expected && i < got)
            match_value(self, json_array_get(pattern, i), json_array_get(value, i), level + 1);
        else
            differ(self, json_array_get(pattern, i), json_array_get(value, i));
        path_up(&self->path, back);
    }
}

static void match_value(
    struct matcher *self, const json_t *pattern, const json_t *value, unsigned level)
{
    if (json_is_string(pattern))
        match_string(self, pattern, value);
    else if (json_is_object(pattern) && json_is_object(value))
        match_object(self, pattern, value, level);
    else if (json_is_array(pattern) && json_is_array(value))
        match_array(self, pattern, value, level);
    else if (!json_equal(pattern, value))
        differ(self, pattern, value);
}

bool pattern_match(const json_t *pattern, const json_t *value, unsigned open_levels,
    struct scope *scope, struct differences *out)
{
    struct matcher matcher = {.scope = scope, .out = out, .open_levels = open_levels, .same = true};
    size_t mark = scope->bindings.count;

    match_value(&matcher, pattern, value, 0);
    if (!matcher.same)
        bindings_roll_back(&scope->bindings, mark);
    return matcher.same;
}

/* ---- filling in ------------------------------------------------------------------------------ */

static json_t *fill_string(const json_t *pattern, struct scope *scope, struct fault *fault)
{
    struct capture capture;
    size_t len;

    enum text_kind kind = text_read(string_span(pattern), &capture, fault);
    if (kind == TEXT_BAD)
        return NULL;
    if (kind == TEXT_CAPTURE) {
        json_t *bound = bindings_get(&scope->bindings, capture.name);

        if (bound)
            return must_json(json_deep_copy(bound));
        json_t *fresh = must_json(json_sprintf("%s-%u", capture.name, ++scope->fresh));
        bindings_add(&scope->bindings, capture.name, fresh);
        return fresh;
    }
    char *text = text_expand(string_span(pattern), scope, &len, fault);
    if (!text)
        return NULL;
    json_t *filled = must_json(json_stringn(text, len));
    free(text);
    return filled;
}

static json_t *fill_object(const json_t *pattern, struct scope *scope, struct fault *fault)
{
    json_t *filled = must_json(json_object());
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)pattern, name, member) {
        json_t *value = pattern_fill(member, scope, fault);

        if (!value) {
            json_decref(filled);
            return NULL;
        }
        json_object_set_new(filled, name, value);
    }
    return filled;
}

static json_t *fill_array(const json_t *pattern, struct scope *scope, struct fault *fault)
{
    json_t *filled = must_json(json_array());

    for (size_t i = 0; i < json_array_size(pattern); i++) {
        json_t *value = pattern_fill(json_array_get(pattern, i), scope, fault);

        if (!value) {
            json_decref(filled);
            return NULL;
        }
        json_array_append_new(filled, value);
    }
    return filled;
}

json_t *pattern_fill(const json_t *pattern, struct scope *scope, struct fault *fault)
{
    switch (json_typeof(pattern)) {
    case JSON_STRING:
        return fill_string(pattern, scope, fault);
    case JSON_OBJECT:
        return fill_object(pattern, scope, fault);
    case JSON_ARRAY:
        return fill_array(pattern, scope, fault);
    default:
        return must_json(json_deep_copy(pattern));
    }
}

/* ---- showing --------------------------------------------------------------------------------- */

static json_t *show_string(const json_t *pattern, const struct scope *scope)
{
    struct capture capture;
    struct fault fault;
    size_t len;
    const json_t *bound = NULL;
    char *text = NULL;

    enum text_kind kind = text_read(string_span(pattern), &capture, &fault);
    if (kind == TEXT_CAPTURE)
        bound = bindings_get(&scope->bindings, capture.name);
    else if (kind == TEXT_PLAIN)
        text = text_expand(string_span(pattern), scope, &len, &fault);
    json_t *shown = text ? json_stringn(text, len) : json_deep_copy(bound ? bound : pattern);
    free(text);
    return must_json(shown);
}

json_t *pattern_show(const json_t *pattern, const struct scope *scope)
{
    json_t *shown;
    const json_t *member;
    const char *name;
    size_t i;

    if (json_is_string(pattern))
        return show_string(pattern, scope);
    shown = must_json(json_copy((json_t *)pattern));
    json_object_foreach ((json_t *)pattern, name, member) {
        json_object_set_new(shown, name, pattern_show(member, scope));
    }
    json_array_foreach (pattern, i, member) {
        json_array_set_new(shown, i, pattern_show(member, scope));
    }
    return shown;
}

/* ---- walking --------------------------------------------------------------------------------- */

struct walker {
    const struct pattern_visit *visit;
    const json_t **where;
    struct fault *fault;
    struct path path;
};

struct name_visit {
    const struct pattern_visit *visit;
    const json_t *at;
};

static bool visit_name(const char *name, void *user)
{
    struct name_visit *self = user;

    return !self->visit->name || self->visit->name(name, self->at, self->visit->user);
}

static bool walk_string(struct walker *self, const json_t *string)
{
    const struct pattern_visit *visit = self->visit;
    struct name_visit names = {.visit = visit, .at = string};
    struct capture capture;

    *self->where = string;
    switch (text_read(string_span(string), &capture, self->fault)) {
    case TEXT_BAD:
        return false;
    case TEXT_CAPTURE:
        return !visit->capture ||
               visit->capture(capture.name, self->path.text, string, visit->user);
    default:
        return text_names(string_span(string), visit_name, &names, self->fault);
    }
}

static bool walk_value(struct walker *self, const json_t *value)
{
    const char *name;
    json_t *member;
    bool ok = true;

    if (json_is_string(value))
        return walk_string(self, value);
    json_object_foreach ((json_t *)value, name, member) {
        size_t back = path_member(&self->path, name);
        ok = ok && walk_value(self, member);
        path_up(&self->path, back);
    }
    for (size_t i = 0; ok && i < json_array_size(value); i++) {
        size_t back = path_down(&self->path, "[%zu]", i);
        ok = walk_value(self, json_array_get(value, i));
        path_up(&self->path, back);
    }
    return ok;
}

bool pattern_walk(const json_t *pattern, const struct pattern_visit *visit, const json_t **where,
    struct fault *fault)
{
    struct walker walker = {.visit = visit, .where = where, .fault = fault};

    return walk_value(&walker, pattern);
}
