#include "libbester/handler_sdk_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/frame.h"
#include "libbester/json.h"
#include "libbester/message.h"

enum { REPLY_BYTES_MAX = 128 << 20 };

/* The first mistake stays: it is the cause of the others. */
static void break_reply(struct handler_reply *self, const char *format, ...) PRINTF_LIKE(2, 3);
static void break_reply(struct handler_reply *self, const char *format, ...)
{
    if (self->broken)
        return;
    self->broken = true;
    va_list args;
    va_start(args, format);
    vsnprintf(self->detail, sizeof self->detail, format, args);
    va_end(args);
}

/* ---- from a payload to a request ---- */

static struct handler_reply *reply_new(struct span payload, enum handler_sdk_protocol protocol)
{
    struct handler_reply *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol = protocol;
    self->payload = payload;
    bytes_init(&self->data, REPLY_BYTES_MAX);
    bytes_init(&self->commands, REPLY_BYTES_MAX);
    self->status[0] = '0';
    self->request = (struct handler_request){.data = SPAN_LITERAL("null"),
        .user = self->user,
        .server = self->server,
        .via = self->via,
        .scope = self->scope,
        .type = self->type,
        .trace = self->trace};
    return self;
}

/* A text of the question; what is absent stays "". */
static void read_text(
    struct handler_reply *self, const char *what, struct span token, char out[REPLY_NAME_MAX])
{
    if (token.at != NULL && json_decode(token, out, REPLY_NAME_MAX, NULL) != STATUS_OK) {
        out[0] = '\0';
        break_reply(
            self, "the question's %s is not a text of at most %d bytes", what, REPLY_NAME_MAX - 1);
    }
}

/* {"user", "server", "via", "scope", "authenticated"}; others are ignored. */
static void read_origin(struct handler_reply *self, struct span origin)
{
    const struct {
        const char *name;
        char *out;
    } texts[] = {
        {"user", self->user}, {"server", self->server}, {"via", self->via}, {"scope", self->scope}};
    struct json_cursor cursor;
    struct span name;
    struct span value;
    json_begin(&cursor, origin, JSON_DEPTH_MAX);
    if (json_enter_object(&cursor, NULL) != STATUS_OK) {
        break_reply(self, "the question's origin is not an object");
        return;
    }
    while (json_next_member(&cursor, &name, NULL) == PULL_READY &&
           json_skip(&cursor, &value, NULL) == STATUS_OK) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            if (json_string_is(name, texts[i].name))
                read_text(self, texts[i].name, value, texts[i].out);
        }
        if (json_string_is(name, "authenticated"))
            self->request.authenticated = json_kind_of(value) == JSON_KIND_TRUE;
    }
}

struct handler_reply *reply_new_stream(struct span payload)
{
    struct handler_reply *self = reply_new(payload, HANDLER_SDK_STREAM);
    if (self == NULL)
        return NULL;
    struct message message;
    struct fault fault;
    uint64_t deadline_ms = 0;
    enum status status = message_parse(&message, payload, JSON_DEPTH_MAX, &fault);
    self->exchange = message.exchange;
    if (status != STATUS_OK) {
        break_reply(self, "the question cannot be read: %s", fault.text);
        return self;
    }
    if (message.origin.at != NULL)
        read_origin(self, message.origin);
    read_text(self, "type", message.type, self->type);
    read_text(self, "trace", message.trace, self->trace);
    if (message.deadline_ms.at != NULL && json_u64(message.deadline_ms, &deadline_ms) == STATUS_OK)
        self->request.deadline_ms = deadline_ms < UINT32_MAX ? (unsigned)deadline_ms : UINT32_MAX;
    self->request.id = message.id.at != NULL ? message.id : message.header_id;
    if (message.data.at != NULL)
        self->request.data = message.data;
    return self;
}

struct handler_reply *reply_new_oneshot(struct span payload)
{
    struct handler_reply *self = reply_new(payload, HANDLER_SDK_ONESHOT);
    struct fault fault;
    if (self == NULL)
        return NULL;
    if (json_check(payload, JSON_DEPTH_MAX, &fault) == STATUS_OK)
        self->request.data = payload;
    else
        break_reply(self, "the question cannot be read: %s", fault.text);
    return self;
}

struct handler_reply *reply_new_of(
    const struct handler_request *request, enum handler_sdk_protocol protocol)
{
    struct handler_reply *self = reply_new(request->data, protocol);
    if (self == NULL)
        return NULL;
    self->request = *request;
    if (protocol == HANDLER_SDK_STREAM)
        self->exchange = SPAN_LITERAL("\"1\"");
    return self;
}

void reply_free(struct handler_reply *self)
{
    bytes_release(&self->data);
    bytes_release(&self->commands);
    free(self->held);
    free(self);
}

/* A span of the payload, in the copy of it; others stay what they are. */
static void move_span(const struct handler_reply *self, const char *copy, struct span *span)
{
    const char *from = self->payload.at;
    if (span->at >= from && span->at < from + self->payload.len)
        span->at = copy + (span->at - from);
}

enum status reply_hold(struct handler_reply *self)
{
    char *copy = malloc(self->payload.len + 1);
    if (copy == NULL)
        return STATUS_NO_MEMORY;
    if (self->payload.len > 0)
        memcpy(copy, self->payload.at, self->payload.len);
    move_span(self, copy, &self->request.data);
    move_span(self, copy, &self->request.id);
    move_span(self, copy, &self->exchange);
    self->payload.at = copy;
    self->held = copy;
    return STATUS_OK;
}

/* ---- building ---- */

static bool is_json(struct handler_reply *self, struct span value, const char *what)
{
    struct fault fault;
    if (json_check(value, JSON_DEPTH_MAX, &fault) == STATUS_OK)
        return true;
    break_reply(self, "the handler's %s is not JSON: %s", what, fault.text);
    return false;
}

static void kept_or_broken(struct handler_reply *self, enum status status)
{
    if (status != STATUS_OK)
        break_reply(self, "the handler's reply: %s", status_help(status));
}

void reply_data(struct handler_reply *self, struct span data)
{
    if (!is_json(self, data, "data"))
        return;
    bytes_reset(&self->data);
    kept_or_broken(self, bytes_append_span(&self->data, data));
}

/* Begins a command; its data comes next. False: it cannot be told. */
static bool begin_command(struct handler_reply *self, const char *type, struct span message)
{
    if (message.at != NULL && !is_json(self, message, "message"))
        return false;
    if (self->protocol == HANDLER_SDK_ONESHOT && self->command_count > 0) {
        break_reply(self, "the handler gave several commands, oneshot can tell only one");
        return false;
    }
    enum status status = bytes_printf(
        &self->commands, "%s{\"type\":\"%s\",\"data\":", self->command_count > 0 ? "," : "", type);
    self->command_count++;
    kept_or_broken(self, status);
    return status == STATUS_OK;
}

static void end_command(struct handler_reply *self, struct span message)
{
    enum status status = STATUS_OK;
    /* A oneshot reply has one message, that of its one command. */
    if (message.at != NULL && self->protocol == HANDLER_SDK_ONESHOT)
        reply_data(self, message);
    else if (message.at != NULL)
        status = bytes_printf(&self->commands, ",\"message\":");
    if (message.at != NULL && self->protocol == HANDLER_SDK_STREAM && status == STATUS_OK)
        status = bytes_append_span(&self->commands, message);
    if (status == STATUS_OK)
        status = bytes_append_text(&self->commands, "}");
    kept_or_broken(self, status);
}

static void send_names(
    struct handler_reply *self, const char *type, const char *const *names, struct span message)
{
    if (!begin_command(self, type, message))
        return;
    enum status status = bytes_append_text(&self->commands, "[");
    for (size_t i = 0; names[i] != NULL && status == STATUS_OK; i++) {
        if (i > 0)
            status = bytes_append_text(&self->commands, ",");
        if (status == STATUS_OK)
            status = json_quote(&self->commands, span_of(names[i]));
    }
    if (status == STATUS_OK)
        status = bytes_append_text(&self->commands, "]");
    kept_or_broken(self, status);
    end_command(self, message);
}

void reply_send_clients(struct handler_reply *self, const char *const *names, struct span message)
{
    send_names(self, "sendClients", names, message);
}

void reply_send_servers(struct handler_reply *self, const char *const *names, struct span message)
{
    send_names(self, "sendServers", names, message);
}

void reply_send_handler(struct handler_reply *self, const char *type, struct span message)
{
    if (!begin_command(self, "sendHandler", message))
        return;
    kept_or_broken(self, json_quote(&self->commands, span_of(type)));
    end_command(self, message);
}

void reply_refuse(struct handler_reply *self, const char *status, const char *format, ...)
{
    size_t len = strlen(status);
    bool is_refusal = len > 0 && len < sizeof self->status && strspn(status, "0123456789") == len &&
                      strspn(status, "0") < len;
    if (self->broken)
        return;
    memcpy(self->status, is_refusal ? status : "1", is_refusal ? len + 1 : 2);
    bytes_reset(&self->commands);
    bytes_reset(&self->data);
    self->command_count = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(self->detail, sizeof self->detail, format, args);
    va_end(args);
}

/* ---- as bytes ---- */

/* `"command":{…},` or `"commands":[…]`; nothing in a refusal. */
static void add_commands(const struct handler_reply *self, struct parts *parts)
{
    if (self->protocol == HANDLER_SDK_ONESHOT) {
        if (self->command_count > 0) {
            parts_add_text(parts, ",\"command\":");
            parts_add(parts, bytes_span(&self->commands));
        }
        return;
    }
    parts_add_text(parts, ",\"commands\":[");
    parts_add(parts, bytes_span(&self->commands));
    parts_add_text(parts, "]");
}

struct blob *reply_blob(const struct handler_reply *self, bool is_frame)
{
    char detail[6 * REPLY_DETAIL_MAX];
    const char *status = self->broken ? "1" : self->status;
    bool is_refusal = strcmp(status, "0") != 0;
    struct parts parts;
    parts_init(&parts);
    parts_add_text(&parts, "{\"header\":{");
    if (self->exchange.at != NULL) {
        parts_add_text(&parts, "\"exchange\":");
        parts_add(&parts, self->exchange);
        parts_add_text(&parts, ",");
    }
    parts_add_text(&parts, "\"status\":\"");
    parts_add_text(&parts, status);
    parts_add_text(&parts, "\"");
    if (is_refusal) {
        parts_add_text(&parts, ",\"detail\":");
        parts_add(&parts, json_quote_into(detail, sizeof detail, span_of(self->detail)));
    } else {
        add_commands(self, &parts);
    }
    parts_add_text(&parts, "},\"data\":");
    if (is_refusal || self->data.len == 0)
        parts_add_text(&parts, "null");
    else
        parts_add(&parts, bytes_span(&self->data));
    parts_add_text(&parts, "}");
    return is_frame ? parts_frame(&parts) : parts_blob(&parts);
}
