#include "harness/record_once.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/text.h"

static bool is_capture(const json_t *value, struct capture *capture)
{
    struct span text = {json_string_value(value), json_string_length(value)};
    struct fault fault;

    return json_is_string(value) && text_read(text, capture, &fault) == TEXT_CAPTURE &&
           capture->name[0];
}

static void count(json_t *counts, const json_t *value)
{
    struct capture capture;
    json_t *member;
    const char *name;
    size_t i;

    if (is_capture(value, &capture))
        json_object_set_new(counts, capture.name,
            json_integer(json_integer_value(json_object_get(counts, capture.name)) + 1));
    json_array_foreach (value, i, member) {
        count(counts, member);
    }
    json_object_foreach ((json_t *)value, name, member)
        count(counts, member);
}

/* Only the id of a message (m1, …) is a capture where the harness says it. */
static json_t *without(const struct capture *capture)
{
    if (capture->name[0] == 'm')
        return json_string(capture->name);
    return capture->type ? json_sprintf("<:%s>", capture->type) : json_string("<any>");
}

static json_t *replacement(const json_t *counts, const json_t *value)
{
    struct capture capture;

    if (!is_capture(value, &capture) ||
        json_integer_value(json_object_get(counts, capture.name)) != 1)
        return NULL;
    return must_json(without(&capture));
}

static void replace(const json_t *counts, json_t *value)
{
    json_t *member;
    const char *name;
    size_t i;

    json_array_foreach (value, i, member) {
        json_t *fresh = replacement(counts, member);

        replace(counts, member);
        if (fresh)
            json_array_set_new(value, i, fresh);
    }
    json_object_foreach (value, name, member) {
        json_t *fresh = replacement(counts, member);

        replace(counts, member);
        if (fresh)
            json_object_set_new(value, name, fresh);
    }
}

void record_once(json_t *steps)
{
    json_t *counts = must_json(json_object());

    count(counts, steps);
    replace(counts, steps);
    json_decref(counts);
}
