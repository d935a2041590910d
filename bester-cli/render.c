#define _GNU_SOURCE /* strptime, timegm */

#include "bester-cli/render.h"

#include <stdio.h>
#include <string.h>

#include "libbester/json_find.h"
#include "libbester/visible.h"

static void decode(struct span token, char *out, size_t cap)
{
    if (token.at == NULL || json_decode(token, out, cap, NULL) != STATUS_OK)
        out[0] = '\0';
}

/* RFC 3339; the fraction of a second does not matter here. */
static time_t parse_time(const char *text)
{
    struct tm utc = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    return end != NULL && strchr(end, 'Z') != NULL ? timegm(&utc) : 0;
}

void render_read(struct received_text *self, const struct message *message)
{
    char time_text[64];
    *self = (struct received_text){.data = message->data};
    if (self->data.at == NULL)
        self->data = SPAN_LITERAL("null");
    decode(message->type, self->type, sizeof self->type);
    decode(message->from, self->from, sizeof self->from);
    decode(message->time, time_text, sizeof time_text);
    self->unproven = span_is(message->authenticated, "false");
    self->sent = parse_time(time_text);
}

static bool same_day(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_yday == b->tm_yday;
}

static enum status append_time(time_t sent, time_t now, struct bytes *out)
{
    char text[32];
    struct tm then;
    struct tm today;
    if (sent == 0)
        sent = now;
    if (localtime_r(&sent, &then) == NULL || localtime_r(&now, &today) == NULL)
        return STATUS_OK;
    strftime(text, sizeof text, same_day(&then, &today) ? "%H:%M " : "%Y-%m-%d %H:%M ", &then);
    return bytes_append_text(out, text);
}

static enum status append_text(
    struct span data, const struct type_template *sheet, struct bytes *out)
{
    const struct template_field *rest = sheet == NULL ? NULL : template_rest(sheet);
    struct span token = rest == NULL ? (struct span){0} : json_find(data, span_of(rest->name));
    char *text;
    size_t len;
    struct bytes decoded;
    if (json_kind_of(token) != JSON_KIND_STRING)
        return visible_append(out, data, VISIBLE_LINE);
    bytes_init(&decoded, token.len + 1);
    enum status status = bytes_reserve(&decoded, token.len + 1, &text);
    if (status == STATUS_OK)
        status = json_decode(token, text, token.len + 1, &len);
    if (status == STATUS_OK)
        status = visible_append(out, (struct span){text, len}, VISIBLE_LINE);
    bytes_release(&decoded);
    return status;
}

enum status render_sent(struct span time_token, struct span number, struct span type_token,
    struct span data, const struct type_template *sheet, time_t now, struct bytes *out)
{
    char time_text[64];
    char type[TEMPLATE_NAME_MAX];
    uint64_t line = 0;
    decode(time_token, time_text, sizeof time_text);
    decode(type_token, type, sizeof type);
    enum status status = append_time(parse_time(time_text), now, out);
    if (status == STATUS_OK && number.at != NULL && json_u64(number, &line) == STATUS_OK)
        status = bytes_printf(out, "#%llu ", (unsigned long long)line);
    if (status == STATUS_OK)
        status = visible_append(out, span_of(type), VISIBLE_LINE);
    if (status == STATUS_OK)
        status = bytes_append_text(out, ": ");
    return status == STATUS_OK ? append_text(data, sheet, out) : status;
}

enum status render_received(const struct received_text *message, const struct type_template *sheet,
    time_t now, struct bytes *out)
{
    char from[sizeof message->from + 16];
    struct shown_envelope envelope = {.type = message->type};
    bool own_look = sheet != NULL && sheet->show != NULL && strcmp(message->type, "chat") == 0;
    snprintf(from, sizeof from, "%s%s", message->from, message->unproven ? " (unproven)" : "");
    if (message->from[0] != '\0')
        envelope.from = from;
    enum status status = append_time(message->sent, now, out);
    if (status == STATUS_OK && !own_look) { /* chat is what one expects to see */
        status = bytes_append_text(out, "[");
        if (status == STATUS_OK)
            status = visible_append(out, span_of(message->type), VISIBLE_LINE);
        if (status == STATUS_OK)
            status = bytes_append_text(out, "] ");
    }
    return status == STATUS_OK ? template_show(sheet, message->data, &envelope, out) : status;
}
