/* How events look to a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static char *frame_text(const struct event *event)
{
    if (event->json) {
        json_t *shown = form_show(event->edge, event->json);
        char *text = must_dump(shown);

        json_decref(shown);
        return text;
    }
    if (event->kind == EVENT_SAID) /* in words of our own: already fit to be read */
        return must_copy(event->bytes);
    char *bytes = quoted(event->bytes, event->len);
    char *text = must_print("{\"raw\": %s}", bytes);
    free(bytes);
    return text;
}

char *event_body_text(const struct event *event, size_t max_bytes)
{
    switch (event->kind) {
    case EVENT_FRAME:
    case EVENT_SAID:
        return cut(frame_text(event), max_bytes);
    default:
        return cut(must_copy(event->bytes), max_bytes);
    }
}

char *event_text(const struct timeline *self, const struct event *event, size_t max_bytes)
{
    const struct member *members = timeline_scenario(self)->members;
    char *body = event_body_text(event, max_bytes);
    char *text;

    if (event->to >= 0)
        text = must_print("%s > %s %s", members[event->from].name, members[event->to].name, body);
    else
        text = must_print("%s %s %s", event->from < 0 ? "harness" : members[event->from].name,
            event->kind == EVENT_LOG ? "|" : "*", body);
    free(body);
    return text;
}

enum status timeline_print(const struct timeline *self, struct bytes *out)
{
    const struct event *event = timeline_first(self);
    uint64_t last = event ? timeline_last(self)->number : 0;
    enum status status = STATUS_OK;

    if (last > LINES_MAX)
        status = bytes_printf(out, "(%llu more before)\n", (unsigned long long)last - LINES_MAX);
    for (; event && status == STATUS_OK; event = event->next) {
        if (event->number + LINES_MAX <= last)
            continue;
        char *text = event_text(self, event, LINE_BYTES_MAX);
        status = bytes_printf(out, "%8.1f ms  %s\n", event->at_ms, text);
        free(text);
    }
    return status;
}
