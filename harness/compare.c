#include "harness/compare.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/frame.h"

static bool differ(struct differences *out, const char *expected, const char *got)
{
    if (!out)
        return false;
    must_grow(out->items, out->count);
    out->items[out->count++] = (struct difference){
        .path = must_copy(""), .expected = must_copy(expected), .got = must_copy(got)};
    return false;
}

/* The bytes of a frame as they came, header and all. */
static char *whole_frame(const struct event *event, size_t *len)
{
    char *bytes = must_alloc(FRAME_HEADER_BYTES + event->len + 1);

    frame_put_header(bytes, (uint32_t)event->len);
    memcpy(bytes + FRAME_HEADER_BYTES, event->bytes, event->len);
    *len = FRAME_HEADER_BYTES + event->len;
    return bytes;
}

/* The text is a pattern as any other. */
static bool compare_text(
    const json_t *pattern, const char *at, size_t len, struct scope *scope, struct differences *out)
{
    json_t *text = json_stringn(at, len);

    if (!text)
        return differ(out, json_string_value(pattern), "bytes that are not UTF-8");
    bool same = pattern_match(pattern, text, 0, scope, out);
    json_decref(text);
    return same;
}

static bool compare_frame(const struct saying *saying, const struct event *event,
    struct scope *scope, struct differences *out)
{
    size_t len;
    char *whole = whole_frame(event, &len);
    bool same = saying->body == BODY_TEXT
                    ? compare_text(saying->wire, whole, len, scope, out)
                    : len == saying->len && memcmp(whole, saying->bytes, len) == 0;

    if (!same && saying->body == BODY_HEX) {
        char *shown = event_body_text(event, 0);
        differ(out, "the bytes of the play", shown);
        free(shown);
    }
    free(whole);
    return same;
}

bool compare_event(const struct saying *saying, const struct event *event, struct scope *scope,
    struct differences *out)
{
    if (saying->body == BODY_CLOSE) {
        if (event->kind == EVENT_END)
            return true;
        return differ(out, "the end of the connection", "a message");
    }
    if (event->kind == EVENT_END)
        return differ(out, "a message", "the end of the connection");
    if (saying->body == BODY_TEXT || saying->body == BODY_HEX)
        return compare_frame(saying, event, scope, out);
    if (saying->body == BODY_RAW)
        return compare_text(saying->wire, event->bytes, event->len, scope, out);
    if (!event->json)
        return differ(out, "JSON", "bytes that are no JSON");
    return pattern_match(saying->wire, event->json, saying->open_levels, scope, out);
}

static const char *const bare_texts[] = {
    [BODY_CLOSE] = "{\"close\": true}",
    [BODY_SILENT] = "{\"silent\": true}",
    [BODY_HEX] = "{\"hex\": …}",
    [BODY_LOGIN] = "{\"login\": …}",
};

char *compare_show(const struct saying *saying, enum edge_kind edge, const struct scope *scope)
{
    if (saying->body != BODY_JSON && saying->body != BODY_RAW && saying->body != BODY_TEXT)
        return must_copy(bare_texts[saying->body]);
    bool line = saying->body == BODY_RAW && (edge == EDGE_STDIN || edge == EDGE_STDOUT);
    json_t *wire = pattern_show(saying->wire, scope);
    json_t *shown;

    if (saying->body == BODY_JSON)
        shown = form_show(edge, wire);
    else if (line)
        shown = json_incref(wire);
    else
        shown = must_json(json_pack("{s:O}", saying->body == BODY_RAW ? "raw" : "text", wire));
    char *text = must_dump(shown);
    json_decref(shown);
    json_decref(wire);
    return text;
}
