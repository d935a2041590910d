#include "besterd/builtin.h"

#include "libbester/bytes.h"
#include "libbester/clock.h"
#include "libbester/json.h"
#include "libbester/message.h"

enum {
    COMMAND_NAME_MAX = 64,
    QUOTED_MAX = 6 * USER_NAME_MAX, /* every byte may become \u00xx */
    TYPES_BYTES_MAX = 64 << 20
};

/* ---- what is asked ---- */

/* The value of a member of the object that comes next; absent if it has none.
 * The cursor is then behind the object. */
static enum status find_member(
    struct json_cursor *cursor, const char *wanted, struct span *value, struct fault *fault)
{
    *value = (struct span){.at = NULL, .len = 0};
    enum status status = json_enter_object(cursor, fault);
    while (status == STATUS_OK) {
        struct span name;
        struct span inner;
        enum pull pull = json_next_member(cursor, &name, fault);
        if (pull != PULL_READY)
            return pull == PULL_MORE ? STATUS_OK : STATUS_MALFORMED;
        status = json_skip(cursor, &inner, fault);
        if (status == STATUS_OK && json_string_is(name, wanted)) {
            if (value->at != NULL)
                return fault_set(fault, STATUS_MALFORMED, 0, "\"%s\" is there twice", wanted);
            *value = inner;
        }
    }
    return status;
}

/* data.command.type as text, and data.command.args. */
static enum status find_command(
    struct span data, char name[COMMAND_NAME_MAX], struct span *args, struct fault *fault)
{
    struct json_cursor cursor;
    struct span command;
    struct span type;
    if (json_kind_of(data) != JSON_KIND_OBJECT)
        return fault_set(fault, STATUS_MALFORMED, 0,
            "builtin: data must be {\"command\": {\"type\": …, \"args\": …}}");
    json_begin(&cursor, data, JSON_DEPTH_MAX);
    enum status status = find_member(&cursor, "command", &command, fault);
    if (status != STATUS_OK)
        return status;
    if (json_kind_of(command) != JSON_KIND_OBJECT)
        return fault_set(
            fault, STATUS_MALFORMED, 0, "builtin: data.command must be {\"type\": …, \"args\": …}");
    json_begin(&cursor, command, JSON_DEPTH_MAX);
    status = find_member(&cursor, "type", &type, fault);
    if (status != STATUS_OK)
        return status;
    if (json_kind_of(type) != JSON_KIND_STRING)
        return fault_set(
            fault, STATUS_MALFORMED, 0, "builtin: data.command.type must be a command's name");
    if (json_decode(type, name, COMMAND_NAME_MAX, NULL) != STATUS_OK)
        return fault_set(fault, STATUS_MALFORMED, 0, "builtin: there is no such command");
    json_begin(&cursor, command, JSON_DEPTH_MAX);
    return find_member(&cursor, "args", args, fault);
}

bool builtin_is(struct span data, const char *name)
{
    char command[COMMAND_NAME_MAX];
    struct span args;
    return data.at != NULL && find_command(data, command, &args, NULL) == STATUS_OK &&
           span_is(span_of(command), name);
}

/* ---- what is answered ---- */

struct blob *builtin_answer_frame(struct span data, struct span id_token)
{
    return message_received(&(struct received){
        .type_token = SPAN_LITERAL("\"builtin\""), .data = data, .id_token = id_token});
}

static enum status answer_with(
    struct span data, struct span id_token, struct builtin_answer *answer)
{
    *answer = (struct builtin_answer){.frame = builtin_answer_frame(data, id_token)};
    return answer->frame != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status run_whoami(
    const struct builtin_context *context, struct span id_token, struct builtin_answer *answer)
{
    char user[QUOTED_MAX];
    char server[6 * SERVER_NAME_MAX];
    struct span user_token = json_quote_into(user, sizeof user, span_of(context->user));
    struct span server_token = json_quote_into(server, sizeof server, span_of(context->server));
    struct bytes data;
    bytes_init(&data, sizeof user + sizeof server + 128);
    enum status status =
        bytes_printf(&data, "{\"command\":\"whoami\",\"user\":%.*s,\"server\":%.*s}",
            (int)user_token.len, user_token.at, (int)server_token.len, server_token.at);
    if (status == STATUS_OK)
        status = answer_with(bytes_span(&data), id_token, answer);
    bytes_release(&data);
    return status;
}

static enum status run_types(
    const struct builtin_context *context, struct span id_token, struct builtin_answer *answer)
{
    return answer_with(context->types, id_token, answer);
}

static enum status run_ping(
    const struct builtin_context *context, struct span id_token, struct builtin_answer *answer)
{
    char now[CLOCK_TEXT_MAX];
    char data[CLOCK_TEXT_MAX + 64];
    int len = snprintf(data, sizeof data, "{\"command\":\"ping\",\"time\":\"%s\"}",
        clock_format(context->now_s, now));
    return answer_with((struct span){.at = data, .len = (size_t)len}, id_token, answer);
}

static enum status run_close(
    const struct builtin_context *context, struct span id_token, struct builtin_answer *answer)
{
    (void)context;
    (void)id_token;
    *answer = (struct builtin_answer){.frame = NULL, .close = true};
    return STATUS_OK;
}

static const struct command {
    const char *name;
    enum status (*run)(
        const struct builtin_context *context, struct span id_token, struct builtin_answer *answer);
} commands[] = {
    {"close", run_close},
    {"ping", run_ping},
    {"types", run_types},
    {"whoami", run_whoami},
};

enum status builtin_run(const struct builtin_context *context, struct span data,
    struct span id_token, struct builtin_answer *answer, struct fault *fault)
{
    char name[COMMAND_NAME_MAX];
    struct span args;
    enum status status = find_command(data, name, &args, fault);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (span_is(span_of(name), commands[i].name))
            return commands[i].run(context, id_token, answer);
    }
    *answer = (struct builtin_answer){.row = administration_find(name), .args = args};
    if (answer->row != NULL)
        return STATUS_OK;
    return fault_set(fault, STATUS_MALFORMED, 0, "builtin: there is no command \"%s\"", name);
}

/* ---- types ---- */

static enum status append_type(
    struct bytes *out, const struct config_handler *handler, bool is_first)
{
    enum status status = is_first ? STATUS_OK : bytes_append_text(out, ",");
    if (status == STATUS_OK)
        status = json_quote(out, span_of(handler->type));
    if (status == STATUS_OK && handler->template_text != NULL)
        return bytes_printf(out, ":{\"template\":%s}", handler->template_text);
    return status == STATUS_OK ? bytes_append_text(out, ":{}") : status;
}

struct blob *builtin_types_new(const struct config *config)
{
    struct bytes text;
    struct blob *blob = NULL;
    bytes_init(&text, TYPES_BYTES_MAX);
    enum status status = bytes_append_text(&text, "{\"command\":\"types\",\"types\":{");
    for (size_t i = 0; status == STATUS_OK && i < config->handler_count; i++)
        status = append_type(&text, &config->handlers[i], i == 0);
    if (status == STATUS_OK)
        status = bytes_append_text(&text, "}}");
    if (status == STATUS_OK) {
        struct parts parts;
        parts_init(&parts);
        parts_add(&parts, bytes_span(&text));
        blob = parts_blob(&parts);
    }
    bytes_release(&text);
    return blob;
}
