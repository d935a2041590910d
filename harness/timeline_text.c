/* How events look to a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "harness/must.h"
#include "harness/timeline.h"
#include "libbester/json.h"

enum { LINE_BYTES_MAX = 600, LINES_MAX = 1000 };

/* Cuts at a character; says how long the whole was. Takes text over. */
static char *cut(char *text, size_t max_bytes)
{
    size_t len = strlen(text);

    if (max_bytes == 0 || len <= max_bytes)
        return text;
    while (max_bytes > 0 && ((unsigned char)text[max_bytes] & 0xC0) == 0x80)
        max_bytes--;
    char *short_text = must_print("%.*s… (%zu bytes)", (int)max_bytes, text, len);
    free(text);
    return short_text;
}

/* Bytes that are no JSON, as a JSON text, so that nothing of them acts on the
 * terminal. */
static char *quoted(const char *at, size_t len)
{
    struct bytes out;
    char *text;

    bytes_init(&out, len * 6 + 64);
    if (json_quote(&out, (struct span){at, len}) != STATUS_OK)
        text = must_copy("(too long to show)");
    else
        text = must_copy_bytes(bytes_span(&out).at, out.len);
    bytes_release(&out);
    return text;
}

/* What any peer calls a password is one: who reads a report need not know it. */
static void hide_passwords(json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;

    json_array_foreach (value, i, member) {
        hide_passwords(member);
    }
    json_object_foreach (value, name, member) {
        if (json_is_string(member) && strcasestr(name, "password"))
            json_string_set(member, "(hidden)");
        else
            hide_passwords(member);
    }
}

static char *frame_text(const struct event *event)
{
    bool line = event->edge == EDGE_STDIN || event->edge == EDGE_STDOUT;

    if (line && event->kind == EVENT_FRAME && !json_is_object(event->json))
        return quoted(event->bytes, event->len);
    if (event->json) {
        json_t *words = form_show(event->edge, event->json);
        json_t *shown = must_json(json_deep_copy(words)); /* words shares values with the event */
        hide_passwords(shown);
        char *text = must_dump(shown);

        json_decref(shown);
        json_decref(words);
        return text;
    }
    if (event->kind == EVENT_SAID) /* in words of our own: already fit to be read */
        return must_copy(event->bytes);
    char *bytes = quoted(event->bytes, event->len);
    char *text = must_print("{\"raw\": %s}", bytes);
    free(bytes);
    return text;
}

static char *visible(char *text)
{
    char *shown = NULL;
    size_t len = 0;
    FILE *out = must_stream(&shown, &len);

    markup_terminal(out, span_of(text));
    fclose(out);
    free(text);
    return shown;
}

char *event_body_text(const struct event *event, size_t max_bytes)
{
    bool frame = event->kind == EVENT_FRAME || event->kind == EVENT_SAID;

    return cut(visible(frame ? frame_text(event) : must_copy(event->bytes)), max_bytes);
}

static const struct {
    const char *text; /* in reports */
    const char *sign; /* between who and what */
} kinds[] = {
    [EVENT_FRAME] = {"frame", ">"},
    [EVENT_END] = {"end", ">"},
    [EVENT_SAID] = {"said", ">"},
    [EVENT_LOG] = {"log", "|"},
    [EVENT_NOTE] = {"note", "*"},
    [EVENT_FAULT] = {"fault", "!"},
};

const char *event_kind_text(enum event_kind kind)
{
    return kinds[kind].text;
}

char *event_wire(const struct event *event, size_t flags)
{
    json_t *copy;
    char *text;

    if (!event->json)
        return NULL;
    copy = must_json(json_deep_copy(event->json));
    hide_passwords(copy);
    text = json_dumps(copy, flags | JSON_ENCODE_ANY);
    json_decref(copy);
    return text ? text : must_copy("null");
}

char *event_text(const struct timeline *self, const struct event *event, size_t max_bytes)
{
    const struct member *members = timeline_scenario(self)->members;
    const char *from = event->from < 0 ? "harness" : members[event->from].name;
    char *body = event_body_text(event, max_bytes);
    char *text;

    if (event->to >= 0)
        text =
            must_print("%s %s %s %s", from, kinds[event->kind].sign, members[event->to].name, body);
    else
        text = must_print("%s %s %s", from, kinds[event->kind].sign, body);
    free(body);
    return text;
}

char *timeline_text(
    const struct timeline *self, const struct event *got, const struct event *nearest)
{
    const struct event *event = timeline_first(self);
    uint64_t last = event ? timeline_last(self)->number : 0;
    char *text = NULL;
    size_t len = 0;
    FILE *out = must_stream(&text, &len);

    if (last > LINES_MAX)
        fprintf(out, "(%llu more before)\n", (unsigned long long)last - LINES_MAX);
    for (; event; event = event->next) {
        const char *pointer = event == got ? "got" : event == nearest ? "nearest" : "";

        if (event->number + LINES_MAX <= last && !*pointer)
            continue;
        char *line = event_text(self, event, LINE_BYTES_MAX);
        fprintf(out, "%7s%9.1f ms  %s\n", pointer, event->at_ms, line);
        free(line);
    }
    fclose(out);
    return text;
}
