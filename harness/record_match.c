/* What was said because of what: told by what frames hold. */
#include "harness/record_talk.h"

#include <string.h>

#include "harness/must.h"

/* So far back an answer is looked for: further, and a long recording would take as
 * long to write as it took to make. */
enum { LOOK_BACK_MAX = 20000 };

static bool is_same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool is_same_data(const json_t *a, const json_t *b)
{
    return a && b && json_equal(a, b);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* {"command": "sendClients", "commandData": […]}: the older form. */
static json_t *old_command(const json_t *header)
{
    const json_t *command = json_object_get(header, "command");
    json_t *data = json_object_get(header, "commandData");

    if (!json_is_string(command))
        return NULL;
    return must_json(json_pack("{s:O, s:O}", "type", command, "data", data ? data : json_null()));
}

json_t *node_commands(const struct node *answer)
{
    const json_t *header = json_object_get(answer->event->json, "header");
    json_t *command = json_object_get(header, "command");
    json_t *commands = json_object_get(header, "commands");
    json_t *list = must_json(json_array());
    json_t *old = old_command(header);

    if (old)
        json_array_append_new(list, old);
    else if (json_is_object(command))
        json_array_append(list, command);
    if (json_is_array(commands))
        json_array_extend(list, commands);
    return list;
}

static bool names_text(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_same_text(json_string_value(json_array_get(list, i)), text))
            return true;
    return is_same_text(json_string_value(list), text);
}

bool node_names_user(const struct node *answer, const char *user)
{
    json_t *commands = node_commands(answer);
    bool found = false;

    for (size_t i = 0; i < json_array_size(commands); i++) {
        const json_t *command = json_array_get(commands, i);
        const char *type = json_string_value(json_object_get(command, "type"));

        found = found || (is_same_text(type, "sendClients") &&
                             names_text(json_object_get(command, "data"), user));
    }
    json_decref(commands);
    return found;
}

/* By its name, or by the address at which that server knows it. */
static bool names_server(const struct talk *self, const json_t *list, const struct event *event)
{
    const char *name = self->scenario->members[event->to].name;

    if (names_text(list, name))
        return true;
    if (!self->topology)
        return false;
    return names_text(list, topology_front(self->topology, event->from, event->to)->text);
}

static bool is_command_for(
    const struct talk *self, const json_t *command, const struct node *effect)
{
    const char *type = json_string_value(json_object_get(command, "type"));
    const json_t *data = json_object_get(command, "data");
    const struct event *event = effect->event;

    switch (effect->kind) {
    case NODE_DELIVERY:
        return is_same_text(type, "sendClients") && names_text(data, effect->session->person->user);
    case NODE_FORWARD:
        return is_same_text(type, "sendServers") && names_server(self, data, event);
    case NODE_QUESTION:
        return is_same_text(type, "sendHandler") &&
               names_text(data, self->scenario->members[event->to].handler.type);
    default:
        return false;
    }
}

/* How many effects of that kind a command has already had at the same place. */
static unsigned count_effects(const struct node *answer, const struct node *effect)
{
    unsigned count = 0;

    for (size_t i = 0; i < answer->child_count; i++) {
        const struct node *child = answer->children[i];

        count += child->kind == effect->kind && child->event->to == effect->event->to &&
                 child->session == effect->session && is_same_data(child->data, effect->data);
    }
    return count;
}

static bool causes(const struct talk *self, const struct node *answer, const struct node *effect)
{
    json_t *commands = node_commands(answer);
    unsigned may = 0;

    for (size_t i = 0; i < json_array_size(commands); i++) {
        const json_t *command = json_array_get(commands, i);
        const json_t *message = json_object_get(command, "message");

        may += is_command_for(self, command, effect) &&
               is_same_data(message ? message : answer->data, effect->data);
    }
    json_decref(commands);
    return may > count_effects(answer, effect);
}

/* ---- looking back ---------------------------------------------------------------------------- */

typedef bool matches(const struct talk *self, const struct node *cause, const struct node *effect);

/* The oldest that matches and is not done; NULL: none. */
static struct node *find_oldest(const struct talk *self, const struct node *effect, matches *match)
{
    size_t first = self->node_count > LOOK_BACK_MAX ? self->node_count - LOOK_BACK_MAX : 0;

    for (size_t i = first; i < self->node_count; i++)
        if (match(self, self->nodes[i], effect))
            return self->nodes[i];
    return NULL;
}

static bool is_on_server(const struct node *cause, const struct node *effect)
{
    return cause->event->to == effect->event->from;
}

/* On a lasting connection a question says who is behind it. */
static bool is_from(const struct node *question, const struct node *message)
{
    const json_t *header = json_object_get(question->event->json, "header");
    const char *user =
        question->event->edge == EDGE_SERVER_STREAM
            ? json_string_value(json_object_get(json_object_get(header, "origin"), "user"))
            : NULL;

    return !user || !message->session || strcmp(user, message->session->person->user) == 0;
}

/* What a server was told, and now asks a handler. */
static bool match_question(
    const struct talk *self, const struct node *cause, const struct node *effect)
{
    const char *type = self->scenario->members[effect->event->to].handler.type;

    if (!is_on_server(cause, effect))
        return false;
    if (cause->kind == NODE_ANSWER)
        return causes(self, cause, effect);
    if ((cause->kind != NODE_MESSAGE && cause->kind != NODE_FORWARD) ||
        !is_same_text(cause->type, type) || !is_same_data(cause->data, effect->data) ||
        (cause->id && effect->id && strcmp(cause->id, effect->id) != 0) || !is_from(effect, cause))
        return false;
    for (size_t i = 0; i < cause->child_count; i++)
        if (cause->children[i]->kind == NODE_QUESTION)
            return false;
    return true;
}

static const json_t *exchange_of(const struct node *node)
{
    return json_object_get(json_object_get(node->event->json, "header"), "exchange");
}

static bool match_answer(
    const struct talk *self, const struct node *cause, const struct node *effect)
{
    (void)self;
    if (cause->kind != NODE_QUESTION || cause->done || cause->event->from != effect->event->to ||
        cause->event->to != effect->event->from)
        return false;
    if (effect->event->edge == EDGE_STREAM_SERVER)
        return is_same_data(exchange_of(cause), exchange_of(effect)) &&
               (effect->event->order == 0 || cause->event->order == effect->event->order);
    /* What the harness has said itself has no connection. */
    if (effect->event->kind == EVENT_SAID && effect->event->exchange)
        return cause->event->exchange == effect->event->exchange;
    return effect->event->order == 0 || cause->event->order == effect->event->order;
}

static bool match_effect(
    const struct talk *self, const struct node *cause, const struct node *effect)
{
    /* The type is that of the handler that answered. */
    return cause->kind == NODE_ANSWER && is_on_server(cause, effect) &&
           is_same_text(self->scenario->members[cause->event->from].handler.type, effect->type) &&
           causes(self, cause, effect);
}

static bool match_done(const struct talk *self, const struct node *cause, const struct node *effect)
{
    (void)self;
    return cause->kind == NODE_FORWARD && !cause->done && cause->event->from == effect->event->to &&
           cause->event->to == effect->event->from &&
           (effect->event->order == 0 || cause->event->order == effect->event->order) &&
           (!cause->id || !effect->id || strcmp(cause->id, effect->id) == 0);
}

static bool asks_reply(const struct node *cause, const struct node *effect)
{
    return cause->session == effect->session && !cause->done &&
           (cause->kind == NODE_MESSAGE || cause->kind == NODE_LOGIN);
}

static bool match_reply(
    const struct talk *self, const struct node *cause, const struct node *effect)
{
    const char *id = cause->kind == NODE_LOGIN ? "auth_special" : cause->id;

    (void)self;
    return asks_reply(cause, effect) && (id ? is_same_text(id, effect->id) : !effect->id);
}

/* What can't be read gets a report without an id. */
static bool match_any_reply(
    const struct talk *self, const struct node *cause, const struct node *effect)
{
    (void)self;
    return asks_reply(cause, effect) && !effect->id;
}

static bool match_end(const struct talk *self, const struct node *cause, const struct node *effect)
{
    (void)self;
    if (effect->session)
        return cause == effect->session->last;
    return cause->kind == NODE_QUESTION && !cause->done &&
           cause->event->from == effect->event->to && cause->event->to == effect->event->from &&
           cause->event->order == effect->event->order;
}

/* ---- the parent ------------------------------------------------------------------------------ */

/* What waited for somebody to come was brought by his coming. */
static struct node *after_login(const struct node *effect, struct node *cause)
{
    struct node *login = effect->session->login;

    if (cause && login && login->event->number > cause->event->number)
        return login;
    return cause;
}

static struct node *parent_of(const struct talk *self, const struct node *node)
{
    struct node *found;

    switch (node->kind) {
    case NODE_QUESTION:
        return find_oldest(self, node, match_question);
    case NODE_ANSWER:
        return find_oldest(self, node, match_answer);
    case NODE_DELIVERY:
        return after_login(node, find_oldest(self, node, match_effect));
    case NODE_FORWARD:
        return find_oldest(self, node, match_effect);
    case NODE_FORWARD_DONE:
        return find_oldest(self, node, match_done);
    case NODE_REPLY:
        found = find_oldest(self, node, match_reply);
        return found ? found : find_oldest(self, node, match_any_reply);
    case NODE_END:
        return find_oldest(self, node, match_end);
    default:
        return NULL;
    }
}

static bool is_good(const struct node *node)
{
    const json_t *header = json_object_get(node->event->json, "header");

    return is_same_text(json_string_value(json_object_get(header, "status")), "good");
}

void talk_find_parent(struct talk *self, struct node *node)
{
    node->parent = parent_of(self, node);
    if (!node->parent)
        return;
    if (node->kind == NODE_ANSWER || node->kind == NODE_FORWARD_DONE || node->kind == NODE_REPLY ||
        node->kind == NODE_END)
        node->parent->done = true;
    if (node->kind == NODE_REPLY && node->parent->kind == NODE_LOGIN && is_good(node))
        node->session->login = node->parent;
}
