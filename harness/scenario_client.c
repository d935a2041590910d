/* The clients and peers of a cast. */
#include <string.h>

#include "harness/must.h"
#include "harness/scenario_load.h"

/* ---- clients and peers ----------------------------------------------------------------------- */

static bool client_user(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_text(self, object, "user", value, &((struct member *)into)->client.user);
}

static bool client_password(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_text(self, object, "password", value, &((struct member *)into)->client.password);
}

static bool client_via(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct cast_client *client = &((struct member *)into)->client;

    client->informer = json_is_string(value) && strcmp(json_string_value(value), "informer") == 0;
    if (client->informer) {
        client->via = TRANSPORT_UNIX;
        client->logs_in = false;
        return true;
    }
    return load_transport(self, object, "via", value, &client->via);
}

static bool client_logs_in(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_flag(self, object, "logsIn", value, &((struct member *)into)->client.logs_in);
}

static bool client_run(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_run(self, object, value, &((struct member *)into)->client.run);
}

static const struct load_row client_rows[] = {
    {"on", NULL},
    {"user", client_user},
    {"password", client_password},
    {"via", client_via},
    {"logsIn", client_logs_in},
    {"run", client_run},
    {"rules", NULL},
    {NULL, NULL},
};

static char *default_password(const struct loader *self, const struct member *client)
{
    const json_t *accounts = self->scenario->members[client->on].server.accounts;
    const json_t *password = json_object_get(accounts, client->client.user);

    return must_copy(password ? json_string_value(password) : "any password");
}

/* A real program says and hears lines; these are who is at the other end. */
static bool add_stdio(struct loader *self, const json_t *object)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int there = scenario_find(self->scenario, names[i], -1);

        if (there < 0)
            load_member(self, MEMBER_STDIO, names[i]);
        else if (self->scenario->members[there].kind != MEMBER_STDIO)
            return load_fail_member(self, object, "run",
                "where a client is a real program, nobody else can have the name \"%s\"", names[i]);
    }
    return true;
}

static bool check_client_run(struct loader *self, const json_t *value, struct member *member)
{
    if (!member->client.run)
        return true;
    member->client.logs_in = false;
    if (json_object_get(value, "rules"))
        return load_fail_member(
            self, value, "rules", "a real program answers by itself: no \"rules\" beside \"run\"");
    if (json_object_get(value, "logsIn"))
        return load_fail_member(self, value, "logsIn", "a real program logs in as it likes");
    return add_stdio(self, value);
}

/* Who asks an informer is nobody, and answers nothing. */
static bool check_informer(struct loader *self, const json_t *value)
{
    static const char *const words[] = {"user", "password", "logsIn", "run", "rules"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (json_object_get(value, words[i]))
            return load_fail_member(self, value, words[i],
                "who asks an informer has no \"%s\": it asks, and the informer answers", words[i]);
    return true;
}

/* A server; or a peer, which is played to a program. */
static bool read_on(
    struct loader *self, const json_t *object, const char *at, const json_t *value, int *out)
{
    int peer =
        json_is_string(value) ? scenario_find(self->scenario, json_string_value(value), -1) : -1;

    if (peer < 0 || self->scenario->members[peer].kind != MEMBER_PEER)
        return load_server_name(self, object, at, value, out);
    *out = peer;
    return true;
}

static bool check_guest(struct loader *self, const json_t *value, const char *name)
{
    if (json_object_get(value, "run"))
        return true;
    return load_fail_member(self, json_object_get(self->scenario->source.root, "clients"), name,
        "a client of a peer is a real program, with \"run\": the harness would talk to itself");
}

bool load_client(struct loader *self, const char *name, const json_t *value)
{
    const json_t *clients = json_object_get(self->scenario->source.root, "clients");
    bool brief = json_is_string(value);
    const json_t *on = brief ? value : json_object_get(value, "on");
    const json_t *rules = json_object_get(value, "rules");
    struct member *member = load_member(self, MEMBER_CLIENT, name);

    member->client.via = TRANSPORT_TCP4;
    member->client.welcome = true;
    member->client.logs_in = true; /* unless its first line says otherwise */
    if (!read_on(self, brief ? clients : value, brief ? name : "on", on, &member->on))
        return false;
    if (!brief && !load_object(self, value, client_rows, member))
        return false;
    if (!member->client.user)
        member->client.user = must_copy(name);
    if (!member->client.password)
        member->client.password = default_password(self, member);
    if (self->scenario->members[member->on].kind == MEMBER_PEER && !check_guest(self, value, name))
        return false;
    if (member->client.informer)
        return check_informer(self, value);
    self->scenario->members[member->on].server.listeners |= 1U << member->client.via;
    if (!brief && member->client.run)
        return check_client_run(self, value, member);
    return !rules || load_rules(self, rules, member);
}

static bool peer_refuses(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_flag(self, object, "refuses", value, &((struct member *)into)->peer.refuses);
}

static bool peer_unknown(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_flag(self, object, "unknown", value, &((struct member *)into)->peer.unknown);
}

static const struct load_row peer_rows[] = {
    {"refuses", peer_refuses},
    {"unknown", peer_unknown},
    {NULL, NULL},
};

bool load_peer(struct loader *self, const char *name, const json_t *value)
{
    return load_object(self, value, peer_rows, load_member(self, MEMBER_PEER, name));
}
