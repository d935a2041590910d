#include "besterd/server_facts.h"

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

const struct informer_facts server_facts_for_informer = {
    .list_clients = list_clients,
    .is_client = is_client,
    .client_count = client_count,
    .listener_count = listener_count,
    .listener_address = listener_address,
    .admin_info = admin_info,
};
