#include "harness/scenario_load.h"

#include <string.h>
#include <unistd.h>

#include "harness/must.h"

enum { NAME_BYTES_MAX = 64 };

static const char *const transport_names[TRANSPORT_COUNT] = {"tcp4", "tcp6", "unix", NULL};

struct member *load_member(struct loader *self, enum member_kind kind, const char *name)
{
    struct scenario *scenario = self->scenario;

    must_grow(scenario->members, scenario->member_count);
    struct member *member = &scenario->members[scenario->member_count++];
    *member = (struct member){.kind = kind, .name = must_copy(name), .on = -1};
    return member;
}

static bool check_name(
    struct loader *self, const json_t *object, const char *name, enum member_kind kind)
{
    int there = scenario_find(self->scenario, name, -1);

    if (!*name || strlen(name) > NAME_BYTES_MAX || strpbrk(name, " \t\n>/${}\""))
        return load_fail_member(self, object, name,
            "\"%s\" is no name: up to %d bytes, no blanks, none of > / $ { }", name,
            NAME_BYTES_MAX);
    if (there >= 0 &&
        !(kind == MEMBER_HANDLER && self->scenario->members[there].kind == MEMBER_HANDLER))
        return load_fail_member(self, object, name, "\"%s\" is in the cast already", name);
    return true;
}

bool load_text(
    struct loader *self, const json_t *object, const char *name, const json_t *value, char **out)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return load_fail_member(self, object, name, "\"%s\" wants a text", name);
    *out = must_copy(json_string_value(value));
    return true;
}

bool load_flag(
    struct loader *self, const json_t *object, const char *name, const json_t *value, bool *out)
{
    if (!json_is_boolean(value))
        return load_fail_member(self, object, name, "\"%s\" wants true or false", name);
    *out = json_is_true(value);
    return true;
}

static bool read_object(
    struct loader *self, const json_t *object, const char *name, const json_t *value, json_t **out)
{
    if (!json_is_object(value))
        return load_fail_member(self, object, name, "\"%s\" wants an object", name);
    *out = json_incref((json_t *)value);
    return true;
}

bool load_server_name(
    struct loader *self, const json_t *object, const char *at, const json_t *value, int *out)
{
    int server =
        json_is_string(value) ? scenario_find(self->scenario, json_string_value(value), -1) : -1;

    if (server < 0 || self->scenario->members[server].kind != MEMBER_SERVER)
        return load_fail_member(
            self, object, at, "\"%s\" wants the name of a server of the cast", at);
    *out = server;
    return true;
}

bool load_transport(struct loader *self, const json_t *object, const char *name,
    const json_t *value, enum transport *out)
{
    for (int i = 0; json_is_string(value) && i < TRANSPORT_PEER; i++)
        if (strcmp(transport_names[i], json_string_value(value)) == 0) {
            *out = (enum transport)i;
            return true;
        }
    return load_fail_member(self, object, name, "\"%s\" wants tcp4, tcp6 or unix", name);
}

/* ---- servers --------------------------------------------------------------------------------- */

static bool server_listen(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct member *member = into;
    enum transport transport = TRANSPORT_TCP4;

    member->server.listeners = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!load_transport(self, object, "listen", json_array_get(value, i), &transport))
            return false;
        member->server.listeners |= 1U << transport;
    }
    if (!member->server.listeners)
        return load_fail_member(
            self, object, "listen", "\"listen\" wants a list of tcp4, tcp6, unix");
    return true;
}

static bool server_config(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return read_object(self, object, "config", value, &((struct member *)into)->server.config);
}

static bool server_accounts(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    const char *name;
    json_t *password;

    json_object_foreach ((json_t *)value, name, password)
        if (!json_is_string(password))
            return load_fail_member(
                self, value, name, "the password of \"%s\" must be a text", name);
    return read_object(self, object, "accounts", value, &((struct member *)into)->server.accounts);
}

static bool server_pinned(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_flag(self, object, "pinned", value, &((struct member *)into)->server.pinned);
}

static const struct load_row server_rows[] = {
    {"listen", server_listen},
    {"pinned", server_pinned},
    {"accounts", server_accounts},
    {"config", server_config},
    {NULL, NULL},
};

static bool load_server(struct loader *self, const char *name, const json_t *value)
{
    struct member *member = load_member(self, MEMBER_SERVER, name);

    member->server.listeners = 1U << TRANSPORT_TCP4;
    return load_object(self, value, server_rows, member);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static bool handler_type(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct member *member = into;

    return load_text(self, object, "type", value, &member->handler.type);
}

static bool handler_protocol(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct member *member = into;
    const char *text = json_string_value(value);

    if (!text || (strcmp(text, "stream") != 0 && strcmp(text, "oneshot") != 0))
        return load_fail_member(
            self, object, "protocol", "\"protocol\" wants \"oneshot\" or \"stream\"");
    member->handler.stream = strcmp(text, "stream") == 0;
    return true;
}

static bool handler_run(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_run(self, object, value, &((struct member *)into)->handler.run);
}

static bool handler_started_by(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct member *member = into;
    const char *text = json_string_value(value);

    if (!text || (strcmp(text, "server") != 0 && strcmp(text, "harness") != 0))
        return load_fail_member(
            self, object, "startedBy", "\"startedBy\" wants \"harness\" or \"server\"");
    member->handler.by_server = strcmp(text, "server") == 0;
    return true;
}

static bool handler_absent(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_flag(self, object, "absent", value, &((struct member *)into)->handler.absent);
}

static bool handler_config(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return read_object(self, object, "config", value, &((struct member *)into)->handler.config);
}

static const struct load_row handler_rows[] = {
    {"on", NULL},
    {"type", handler_type},
    {"protocol", handler_protocol},
    {"run", handler_run},
    {"startedBy", handler_started_by},
    {"absent", handler_absent},
    {"config", handler_config},
    {"rules", NULL},
    {NULL, NULL},
};

static bool load_handler_on(
    struct loader *self, const char *name, const json_t *value, const json_t *on)
{
    int server = -1;

    if (!load_server_name(self, value, "on", on, &server))
        return false;
    if (scenario_find(self->scenario, name, server) >= 0)
        return load_fail_member(
            self, value, "on", "\"%s\" is on \"%s\" already", name, json_string_value(on));

    struct member *member = load_member(self, MEMBER_HANDLER, name);
    const json_t *rules = json_object_get(value, "rules");
    member->on = server;
    if (!load_object(self, value, handler_rows, member))
        return false;
    if (!member->handler.type)
        member->handler.type = must_copy(name);
    if (rules && !member_is_played(member))
        return load_fail_member(
            self, value, "rules", "a real program answers by itself: no \"rules\" beside \"run\"");
    if (member->handler.by_server && !member->handler.run)
        return load_fail_member(self, value, "startedBy", "there is no \"run\" to start");
    return !rules || load_rules(self, rules, member);
}

static bool load_handler(struct loader *self, const char *name, const json_t *value)
{
    const json_t *on = json_object_get(value, "on");

    if (!on || (json_is_array(on) && json_array_size(on) == 0))
        return load_fail(self, source_where(&self->scenario->source, value),
            "the handler \"%s\" is \"on\" no server", name);
    if (!json_is_array(on))
        return load_handler_on(self, name, value, on);
    for (size_t i = 0; i < json_array_size(on); i++)
        if (!load_handler_on(self, name, value, json_array_get(on, i)))
            return false;
    return true;
}

/* ---- the cast -------------------------------------------------------------------------------- */

static const struct section {
    const char *name;
    enum member_kind kind;
    bool text_allowed;
    bool (*load)(struct loader *self, const char *name, const json_t *value);
} sections[] = {
    {"servers", MEMBER_SERVER, false, load_server},
    {"peers", MEMBER_PEER, false, load_peer},
    {"handlers", MEMBER_HANDLER, false, load_handler},
    {"clients", MEMBER_CLIENT, true, load_client},
};

static bool load_section(struct loader *self, const struct section *section, const json_t *members)
{
    struct scenario *scenario = self->scenario;
    const char *name;
    json_t *value;

    if (!json_is_object(members))
        return load_fail_member(self, scenario->source.root, section->name,
            "\"%s\" wants an object: a name and what it is", section->name);
    json_object_foreach ((json_t *)members, name, value) {
        if (strcmp(name, "note") == 0)
            continue;
        if (!check_name(self, members, name, section->kind))
            return false;
        if (!json_is_object(value) && !(section->text_allowed && json_is_string(value)))
            return load_fail_member(self, members, name, "\"%s\" wants an object", name);
        size_t before = scenario->member_count;
        if (!section->load(self, name, value))
            return false;
        for (size_t i = before; i < scenario->member_count; i++)
            scenario->members[i].at = source_where_member(&scenario->source, members, name);
    }
    return true;
}

/* After all names are known. */
static bool check_configs(struct loader *self)
{
    for (size_t i = 0; i < self->scenario->member_count; i++) {
        const struct member *member = &self->scenario->members[i];
        const json_t *values[] = {
            member->server.config, member->handler.config, member_run(member)};

        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
            if (values[k] && !load_check_value(self, values[k], member->at))
                return false;
    }
    return true;
}

bool load_cast(struct loader *self)
{
    const json_t *root = self->scenario->source.root;

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const json_t *members = json_object_get(root, sections[i].name);

        if (members && !load_section(self, &sections[i], members))
            return false;
    }
    if (self->scenario->member_count == 0)
        return load_fail(self, (struct where){1, 1}, "the play has no cast");
    return check_configs(self);
}
