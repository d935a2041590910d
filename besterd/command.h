/*
 * command: a handler's answer -> what it wants done. Pure.
 *
 * Takes every form there is: the reference's ("command": {"type", "data"}), the
 * published specification's ("command": "…", "commandData": …), and Part II's
 * "commands". Spans point into the answer.
 */
#ifndef BESTERD_COMMAND_H
#define BESTERD_COMMAND_H

#include "besterd/config.h"
#include "libbester/message.h"

/* In the order of enum config_may. */
enum command_kind { COMMAND_SEND_CLIENTS, COMMAND_SEND_SERVERS, COMMAND_SEND_HANDLER };
enum { COMMAND_KINDS = 3, COMMANDS_MAX = 16 };

struct command {
    enum command_kind kind;
    struct span targets; /* a JSON array of strings, or one string */
    struct span message; /* the JSON value to send */
};

struct commands {
    struct command at[COMMANDS_MAX];
    size_t count;
};

/* What the handler of config may command is checked too.
 * STATUS_HANDLER_ERROR: it refused the message, *fault has its sentence;
 * STATUS_BAD_REPLY: its answer makes no sense; STATUS_NOT_ALLOWED. */
MUST_CHECK enum status commands_decode(struct commands *self, const struct message *answer,
    const struct config_handler *config, struct fault *fault);

/* Whether they do nothing but ask further handlers. */
bool commands_are_hops(const struct commands *self);

/* Whether the handler of config may do this to whoever has this name. */
bool command_may_name(
    enum command_kind kind, const struct config_handler *config, const char *name);

/* Walks through the names of a command's targets: PULL_READY with *token the next
 * JSON string, PULL_MORE at the end. Start with *cursor as command_targets gives. */
struct json_cursor command_targets(const struct command *self);
enum pull command_next_target(struct json_cursor *cursor, struct span *token);

#endif
