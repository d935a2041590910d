#include "harness/accept_merge.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* ---- values ---------------------------------------------------------------------------------- */

static json_t *literal(const struct merge *self, const json_t *value);

/* An id that the play gave, or saw, has a name. */
static json_t *literal_text(const struct merge *self, const json_t *value)
{
    const struct bindings *bindings = &self->scope->bindings;

    for (size_t i = 0; i < bindings->count; i++)
        if (json_is_string(bindings->items[i].value) && json_string_length(value) > 1 &&
            json_equal(bindings->items[i].value, value))
            return must_json(json_sprintf("<%s>", bindings->items[i].name));
    return quote_text(self->topology, json_string_value(value), self->seen_from);
}

static json_t *literal(const struct merge *self, const json_t *value)
{
    json_t *copy;
    json_t *member;
    const char *name;
    size_t i;

    if (json_is_string(value))
        return literal_text(self, value);
    copy = must_json(json_copy((json_t *)value));
    json_object_foreach ((json_t *)value, name, member) {
        json_object_set_new(copy, name, literal(self, member));
    }
    json_array_foreach (value, i, member) {
        json_array_set_new(copy, i, literal(self, member));
    }
    return copy;
}

static json_t *other(const struct merge *self, const json_t *value)
{
    return self->gives_up ? must_json(json_string("<any>")) : literal(self, value);
}

static bool still_matches(const struct merge *self, const json_t *pattern, const json_t *value)
{
    return pattern_match(pattern, value, 0, self->scope, NULL);
}

static json_t *merge(
    const struct merge *self, const json_t *pattern, const json_t *value, bool open);

static bool is_ellipsis(const char *name, const json_t *member)
{
    return strcmp(name, "...") == 0 && json_is_true(member);
}

/* Of an open object the play goes on naming what it named. */
static json_t *merge_object(
    const struct merge *self, const json_t *pattern, const json_t *value, bool open)
{
    json_t *merged = must_json(json_object());
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)pattern, name, member) {
        const json_t *got = json_object_get(value, name);

        if (!got && is_ellipsis(name, member)) {
            json_object_set(merged, name, member);
            open = true;
        } else if (got) {
            json_object_set_new(merged, name, merge(self, member, got, false));
        }
    }
    json_object_foreach ((json_t *)value, name, member)
        if (!open && !json_object_get(pattern, name))
            json_object_set_new(merged, name, literal(self, member));
    return merged;
}

static json_t *merge_array(const struct merge *self, const json_t *pattern, const json_t *value)
{
    json_t *merged = must_json(json_array());

    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        const json_t *line = json_array_get(pattern, i);

        json_array_append_new(
            merged, line ? merge(self, line, element, false) : literal(self, element));
    }
    return merged;
}

static json_t *merge(
    const struct merge *self, const json_t *pattern, const json_t *value, bool open)
{
    if (!open && still_matches(self, pattern, value))
        return must_json(json_deep_copy(pattern));
    if (json_is_object(pattern) && json_is_object(value))
        return merge_object(self, pattern, value, open);
    if (json_is_array(pattern) && json_is_array(value))
        return merge_array(self, pattern, value);
    return other(self, value);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* What a line of another kind is made of: the rest differs from run to run. */
static const char *const main_words[] = {"status", "id", "outcome", "recipients", "reason", "type",
    "data", "from", "sendClients", "sendServers", "sendHandler", "commands", NULL};

static bool is_same_kind(const json_t *words, const json_t *shown)
{
    static const char *const keys[] = {"status", "type", "header", "payload"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (json_object_get(words, keys[i]) && !json_object_get(shown, keys[i]))
            return false;
    return true;
}

static json_t *new_line(const struct merge *self, const json_t *shown)
{
    json_t *words = must_json(json_object());

    for (size_t i = 0; main_words[i]; i++) {
        const json_t *member = json_object_get(shown, main_words[i]);

        if (member)
            json_object_set_new(words, main_words[i], literal(self, member));
    }
    return words;
}

/* The envelope is open at two levels. */
static json_t *merge_frame(const struct merge *self, const json_t *words, const json_t *wire)
{
    json_t *merged = must_json(json_object());
    const char *name;
    json_t *part;

    json_object_foreach ((json_t *)words, name, part) {
        const json_t *got = json_object_get(wire, name);

        if (got)
            json_object_set_new(merged, name, merge(self, part, got, true));
    }
    return merged;
}

static bool is_whole_frame(const json_t *words)
{
    return json_object_get(words, "header") || json_object_get(words, "payload");
}

/* A question is a value, or stands at "ask", beside its label. */
static json_t *merge_question(
    const struct merge *self, const struct line *line, const json_t *words, const json_t *wire)
{
    bool stream = line->edge == EDGE_SERVER_STREAM;
    const json_t *data = stream ? json_object_get(json_object_get(wire, "payload"), "data") : wire;
    json_t *shown = form_show(line->edge, wire);
    json_t *merged;

    if (json_object_get(words, "ask")) {
        merged = must_json(json_copy((json_t *)words));
        json_t *open = merge(self, words, shown, true);
        json_object_update(merged, open);
        json_object_set_new(merged, "ask", merge(self, json_object_get(words, "ask"), data, false));
        json_decref(open);
    } else if (stream && is_whole_frame(words)) {
        merged = merge_frame(self, words, wire);
    } else {
        merged = merge(self, words, data, false);
    }
    json_decref(shown);
    return merged;
}

static json_t *merge_words(
    const struct merge *self, const struct line *line, const json_t *words, const json_t *wire)
{
    json_t *shown = is_whole_frame(words) ? json_deep_copy(wire) : form_show(line->edge, wire);
    json_t *merged;

    if (is_whole_frame(words))
        merged = merge_frame(self, words, shown);
    else if (is_same_kind(words, shown))
        merged = merge(self, words, shown, true);
    else
        merged = new_line(self, shown);
    /* The name that a line gives to a question. */
    if (json_is_object(merged) && json_object_get(words, "as"))
        json_object_set(merged, "as", json_object_get(words, "as"));
    json_decref(shown);
    return merged;
}

static json_t *merge_text(const struct merge *self, const json_t *words, const struct event *event)
{
    char *text = must_copy_bytes(event->bytes, event->len);
    json_t *quoted =
        self->gives_up ? json_string("<any>") : quote_text(self->topology, text, self->seen_from);

    free(text);
    return json_is_string(words) ? quoted : must_json(json_pack("{s:o}", "raw", quoted));
}

json_t *merge_line(const struct merge *self, const struct line *line, const json_t *words,
    const struct event *event)
{
    bool output = line->edge == EDGE_STDOUT;

    if (line->saying.body == BODY_RAW)
        return merge_text(self, words, event);
    if (line->saying.body != BODY_JSON || !event->json)
        return NULL;
    if (output) {
        json_t *value = merge(self, json_object_get(words, "json"), event->json, false);
        return must_json(json_pack("{s:o}", "json", value));
    }
    if (line->edge == EDGE_SERVER_ONESHOT || line->edge == EDGE_SERVER_STREAM)
        return merge_question(self, line, words, event->json);
    return merge_words(self, line, words, event->json);
}
