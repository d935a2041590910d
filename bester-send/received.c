#include "bester-send/received.h"

#include <string.h>

#include "libbester/json.h"
#include "libbester/json_find.h"
#include "libbester/visible.h"

/* "name": token; on one line. */
static enum status add(struct bytes *out, const char *name, struct span token)
{
    if (token.at == NULL)
        return STATUS_OK;
    enum status status = bytes_printf(out, "%s\"%s\": ", out->len == 1 ? "" : ", ", name);
    while (token.len > 0 && status == STATUS_OK) {
        size_t len = 0;
        while (len < token.len && token.at[len] != '\n' && token.at[len] != '\r')
            len++; /* a line end never stands within a string */
        status = bytes_append(out, token.at, len);
        if (len < token.len && status == STATUS_OK)
            status = bytes_append(out, " ", 1);
        len += len < token.len;
        token.at += len;
        token.len -= len;
    }
    return status;
}

enum status received_json(const struct message *message, struct bytes *out)
{
    const struct {
        const char *name;
        struct span token;
    } members[] = {{"type", message->type}, {"from", message->from}, {"id", message->header_id},
        {"time", message->time}, {"authenticated", message->authenticated},
        {"data", message->data}};
    enum status status = bytes_append_text(out, "{");
    for (size_t i = 0; i < sizeof members / sizeof members[0] && status == STATUS_OK; i++)
        status = add(out, members[i].name, members[i].token);
    return status == STATUS_OK ? bytes_append_text(out, "}") : status;
}

static bool matches(const char *wanted, struct span json)
{
    size_t path = strcspn(wanted, "=");
    const char *value = wanted + path + 1;
    struct span found = json_find(json, (struct span){wanted, path});
    if (found.at == NULL)
        return false;
    return json_kind_of(found) == JSON_KIND_STRING ? json_string_is(found, value)
                                                   : span_is(found, value);
}

bool received_matches(const struct settings *settings, struct span json)
{
    for (size_t i = 0; i < settings->match_count; i++)
        if (!matches(settings->matches[i], json))
            return false;
    return true;
}

/* ---- --format ----------------------------------------------------------------------------------
 */

static enum status put(struct bytes *out, struct span text, bool visible)
{
    return visible ? visible_append(out, text, VISIBLE_LINE) : bytes_append_span(out, text);
}

/* What a path leads to: a string decoded, any other value as JSON, or nothing. */
static enum status put_value(struct bytes *out, struct span json, struct span path, bool visible)
{
    struct span found = json_find(json, path);
    struct bytes text;
    char *room = NULL;
    size_t len = 0;
    if (found.at == NULL)
        return STATUS_OK;
    if (json_kind_of(found) != JSON_KIND_STRING)
        return put(out, found, visible);
    bytes_init(&text, found.len + 1);
    enum status status = bytes_reserve(&text, found.len + 1, &room);
    if (status == STATUS_OK && json_decode(found, room, found.len + 1, &len) == STATUS_OK)
        status = put(out, (struct span){room, len}, visible);
    bytes_release(&text);
    return status;
}

static char escape(char c)
{
    static const char names[] = "nt\\{0r";
    static const char values[] = "\n\t\\{\0\r";
    const char *at = c == '\0' ? NULL : strchr(names, c);
    return at == NULL ? '?' : values[at - names];
}

enum status received_line(
    const struct settings *settings, struct span json, bool visible, struct bytes *out)
{
    enum status status = STATUS_OK;
    if (settings->format == NULL)
        status = put(out, json, visible);
    for (const char *at = settings->format; at != NULL && *at != '\0' && status == STATUS_OK;) {
        size_t plain = strcspn(at, "\\{");
        status = bytes_append(out, at, plain);
        at += plain;
        if (status == STATUS_OK && *at == '\\') {
            char c = escape(at[1]);
            status = bytes_append(out, &c, 1);
            at += 2;
        } else if (status == STATUS_OK && *at == '{') {
            size_t len = strcspn(at, "}");
            status = put_value(out, json, (struct span){at + 1, len - 1}, visible);
            at += len + 1;
        }
    }
    return status == STATUS_OK ? bytes_append_text(out, "\n") : status;
}
