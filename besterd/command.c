#include "besterd/command.h"

#include <string.h>

#include "libbester/json.h"

static const struct row {
    const char *name;
    enum command_kind kind;
    enum config_may may;
} rows[] = {
    {"sendClients", COMMAND_SEND_CLIENTS, MAY_SEND_CLIENTS},
    {"sendServers", COMMAND_SEND_SERVERS, MAY_SEND_SERVERS},
    {"sendHandler", COMMAND_SEND_HANDLER, MAY_SEND_HANDLER},
};

static enum status bad(struct fault *fault, const char *sentence)
{
    return fault_set(fault, STATUS_BAD_REPLY, 0, "%s", sentence);
}

static const struct row *find_row(struct span type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (json_string_is(type, rows[i].name))
            return &rows[i];
    return NULL;
}

static bool all_strings(struct span targets)
{
    struct json_cursor cursor;
    struct span value;

    json_begin(&cursor, targets, JSON_DEPTH_MAX);
    if (json_enter_array(&cursor, NULL) != STATUS_OK)
        return false;
    while (json_next_element(&cursor, NULL) == PULL_READY)
        if (json_skip(&cursor, &value, NULL) != STATUS_OK ||
            json_kind_of(value) != JSON_KIND_STRING)
            return false;
    return true;
}

static enum status add(struct commands *self, struct span type, struct span targets,
    struct span message, const struct config_handler *config, struct fault *fault)
{
    const struct row *row = find_row(type);
    enum json_kind kind = json_kind_of(targets);

    if (self->count == COMMANDS_MAX)
        return bad(fault, "too many commands in one answer");
    if (!row)
        return bad(fault, "no such command: it must be sendClients, sendServers or sendHandler");
    if (!(config->may_command & (unsigned)row->may))
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "the handler %s may not command %s (mayCommand)", config->type, row->name);
    if (kind != JSON_KIND_STRING &&
        (row->kind == COMMAND_SEND_HANDLER || kind != JSON_KIND_ARRAY || !all_strings(targets)))
        return bad(fault, row->kind == COMMAND_SEND_HANDLER
                              ? "sendHandler needs the name of one type"
                              : "the data of the command must be a list of strings");
    if (!message.at)
        return bad(fault, "the answer has a command, but no data to send");
    self->at[self->count++] =
        (struct command){.kind = row->kind, .targets = targets, .message = message};
    return STATUS_OK;
}

/* {"type": …, "data": …} and perhaps "message". */
static enum status add_object(struct commands *self, struct span object, struct span message,
    const struct config_handler *config, struct fault *fault)
{
    struct json_cursor cursor;
    struct span name, value, type = {0}, targets = {0}, own = {0};

    json_begin(&cursor, object, JSON_DEPTH_MAX);
    if (json_enter_object(&cursor, NULL) != STATUS_OK)
        return bad(fault, "a command must be an object");
    while (json_next_member(&cursor, &name, NULL) == PULL_READY) {
        struct span *member = json_string_is(name, "type")      ? &type
                              : json_string_is(name, "data")    ? &targets
                              : json_string_is(name, "message") ? &own
                                                                : NULL;

        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            return bad(fault, "a command must be an object");
        if (member && member->at)
            return bad(fault, "a command names a member twice");
        if (member)
            *member = value;
    }
    return add(self, type, targets, own.at ? own : message, config, fault);
}

static enum status add_list(struct commands *self, struct span list, struct span message,
    const struct config_handler *config, struct fault *fault)
{
    struct json_cursor cursor;
    struct span value;

    json_begin(&cursor, list, JSON_DEPTH_MAX);
    if (json_enter_array(&cursor, NULL) != STATUS_OK)
        return bad(fault, "header.commands must be a list");
    while (json_next_element(&cursor, NULL) == PULL_READY) {
        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            return bad(fault, "header.commands must be a list");
        enum status status = add_object(self, value, message, config, fault);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* "status" is a string of digits; anything but zero means: it failed. */
static enum status check_status(const struct message *answer, struct fault *fault)
{
    char digits[32];
    char sentence[200];
    size_t len;
    struct span detail = answer->header_detail.at ? answer->header_detail : answer->detail;

    if (json_decode(answer->status, digits, sizeof(digits), &len) != STATUS_OK || len == 0 ||
        strspn(digits, "0123456789") != len)
        return bad(fault, "header.status must be a string of digits");
    if (strspn(digits, "0") == len)
        return STATUS_OK;
    switch (json_decode(detail, sentence, sizeof(sentence), NULL)) {
    case STATUS_OK:
        return fault_set(fault, STATUS_HANDLER_ERROR, 0, "%s", sentence);
    case STATUS_TOO_LARGE:
        return fault_set(fault, STATUS_HANDLER_ERROR, 0,
            "status %s (and a detail that is too long to pass on)", digits);
    default:
        return fault_set(fault, STATUS_HANDLER_ERROR, 0, "status %s", digits);
    }
}

enum status commands_decode(struct commands *self, const struct message *answer,
    const struct config_handler *config, struct fault *fault)
{
    struct span message = answer->top_data.at ? answer->top_data : answer->data;
    enum status status = check_status(answer, fault);

    self->count = 0;
    if (status != STATUS_OK)
        return status;
    if (answer->commands.at)
        return add_list(self, answer->commands, message, config, fault);
    if (json_kind_of(answer->command) == JSON_KIND_STRING)
        return add(self, answer->command, answer->command_data, message, config, fault);
    if (answer->command.at)
        return add_object(self, answer->command, message, config, fault);
    return bad(fault, "the answer has no command");
}

bool command_may_name(enum command_kind kind, const struct config_handler *config, const char *name)
{
    const struct nameset *names = config->may_name[kind];

    return !names || nameset_has(names, name);
}

bool commands_are_hops(const struct commands *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].kind != COMMAND_SEND_HANDLER)
            return false;
    return self->count > 0;
}

struct json_cursor command_targets(const struct command *self)
{
    struct json_cursor cursor;

    json_begin(&cursor, self->targets, JSON_DEPTH_MAX);
    if (json_kind_of(self->targets) == JSON_KIND_ARRAY &&
        json_enter_array(&cursor, NULL) != STATUS_OK)
        cursor.at = cursor.end; /* cannot be: commands_decode has looked */
    return cursor;
}

enum pull command_next_target(struct json_cursor *cursor, struct span *token)
{
    if (cursor->depth > 0) {
        enum pull pull = json_next_element(cursor, NULL);

        if (pull != PULL_READY)
            return pull;
    } else if (json_peek(cursor) != JSON_KIND_STRING) {
        return PULL_MORE; /* the one string is done, or the array has been left */
    }
    return json_skip(cursor, token, NULL) == STATUS_OK ? PULL_READY : PULL_BAD;
}
