#include "besterd/server_facts.h"

#include "besterd/sandbox.h"
#include "libbester/clock.h"

static void add_client(const char *user, void *list)
{
    informer_list_add(list, user);
}

static void list_clients(void *facts, struct informer_list *list)
{
    const struct server_facts *self = facts;

    roster_each_user(self->roster, add_client, list);
}

static bool is_client(void *facts, const char *username)
{
    const struct server_facts *self = facts;

    return roster_sessions(self->roster, username) != NULL;
}

static size_t client_count(void *facts)
{
    const struct server_facts *self = facts;

    return self->roster->clients;
}

static size_t listener_count(void *facts)
{
    const struct server_facts *self = facts;

    return self->listeners->count;
}

static void listener_address(void *facts, size_t index, struct address *out)
{
    const struct server_facts *self = facts;

    if (listeners_address(self->listeners, index, out) != STATUS_OK)
        *out = self->config->listeners[index].address;
}

static json_t *admin_info(void *facts)
{
    const struct server_facts *self = facts;

    return self->config->admin_info;
}

static bool set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *moment(double unix_s)
{
    char text[CLOCK_TEXT_MAX];

    return json_string(clock_format(unix_s, text));
}

/* ---- handlers ---- */

static json_t *tell_breaker(const struct breaker *breaker)
{
    json_t *json =
        json_pack("{s:b, s:I}", "open", breaker->open, "failures", (json_int_t)breaker->failures);

    if (json && breaker->open && !set(json, "since", moment(breaker->since_s))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *tell_handler(const struct handler_condition *condition)
{
    json_t *json = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "state",
        metrics_state_text(condition->state), "since", moment(condition->since_s), "restarts",
        (json_int_t)condition->restarts, "connections", (json_int_t)condition->connections, "asked",
        (json_int_t)condition->questions[QUESTION_SENT], "waiting",
        (json_int_t)condition->questions[QUESTION_UNSENT], "unsentBytes",
        (json_int_t)condition->unsent_bytes, "breaker", tell_breaker(condition->breaker),
        "lastFailure", json_null());

    if (json && condition->failed_why &&
        !set(json, "lastFailure",
            json_pack("{s:o, s:s}", "time", moment(condition->failed_s), "reason",
                condition->failed_why))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* *list is NULL once there was no memory. */
static void add_handler(struct handler *handler, void *user)
{
    json_t **list = user;
    struct handler_condition condition = handler_condition(handler);

    if (!*list || set(*list, handler_config(handler)->type, tell_handler(&condition)))
        return;
    json_decref(*list);
    *list = NULL;
}

static json_t *handlers(void *facts)
{
    const struct server_facts *self = facts;
    json_t *list = json_object();

    route_each_current(self->route, add_handler, &list);
    return list;
}

/* ---- other servers ---- */

static json_t *tell_link(const struct link_condition *condition)
{
    json_t *json =
        json_pack("{s:s, s:b, s:I, s:I, s:I}", "state", link_state_text(condition->state), "legacy",
            0, "waiting", (json_int_t)condition->waiting, "waitingBytes",
            (json_int_t)condition->waiting_bytes, "working", (json_int_t)condition->working);
    bool ok = json != NULL;

    if (ok && condition->state == LINK_UP)
        ok = set(json, "since", moment(condition->since_s)) &&
             set(json, "address", json_string(condition->address));
    if (ok && condition->trouble[0])
        ok = set(json, "trouble", json_string(condition->trouble));
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *peers(void *facts)
{
    const struct server_facts *self = facts;
    json_t *json = json_object();
    bool ok = json != NULL;

    for (size_t i = 0; ok && i < links_count(self->links); i++) {
        struct link_condition condition = links_condition(self->links, i);

        ok = set(json, condition.name, tell_link(&condition));
    }
    for (size_t i = 0; ok && i < self->config->peer_count; i++)
        if (self->config->peers[i].legacy)
            ok = set(json, self->config->peers[i].name, json_pack("{s:b}", "legacy", 1));
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *tell_stranger(const struct stranger *stranger)
{
    char pin[TLS_PIN_TEXT];
    char seen[CLOCK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s, s:I}", "pin", tls_pin_format(&stranger->pin, pin), "address",
        stranger->address, "lastSeen", clock_format(stranger->seen_s, seen), "count",
        (json_int_t)stranger->count);
}

static json_t *strangers(void *facts)
{
    const struct server_facts *self = facts;
    const struct strangers *all = links_strangers(self->links);
    json_t *json = json_array();
    bool ok = json != NULL;

    for (size_t i = 0; ok && i < all->count; i++)
        ok = json_array_append_new(json, tell_stranger(&all->at[i])) == 0;
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *identity(void *facts)
{
    const struct server_facts *self = facts;
    const struct tls_pin *pin = links_pin(self->links);
    char text[TLS_PIN_TEXT];

    return pin ? json_string(tls_pin_format(pin, text)) : json_null();
}

static json_t *tell_sandbox(void *facts)
{
    const struct sandbox_state state = sandbox_state();

    (void)facts;
    return json_pack("{s:I, s:b, s:I}", "landlock", (json_int_t)state.landlock, "systemCalls",
        state.system_calls, "refused", (json_int_t)state.refused);
}

const struct informer_facts server_facts_for_informer = {
    .list_clients = list_clients,
    .is_client = is_client,
    .client_count = client_count,
    .listener_count = listener_count,
    .listener_address = listener_address,
    .admin_info = admin_info,
    .handlers = handlers,
    .peers = peers,
    .strangers = strangers,
    .identity = identity,
    .sandbox = tell_sandbox,
};
