#include "harness/load_client.h"

#include <stdlib.h>

#include "harness/must.h"

/* Since when a message is counted. Tickets count from 1, one for each message. */
struct slot {
    uint64_t ticket; /* 0: free */
    uint64_t from_ns;
};

struct load_client {
    struct client *client;
    const struct load_client_callbacks *callbacks;
    void *user;
    char *name;
    struct slot *slots; /* mask + 1 of them; a ticket's lowest bits say which */
    uint64_t mask;
    size_t number;
    unsigned window;
    unsigned in_flight;
    uint64_t next; /* the next message's ticket */
    bool ready;
};

/* ---- what comes ------------------------------------------------------------------------------ */

static void on_ready(struct client *client, void *user)
{
    struct load_client *self = user;

    (void)client;
    self->ready = true;
    self->callbacks->on_ready(self, self->user);
}

static void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    struct load_client *self = user;

    (void)client, (void)message;
    self->callbacks->on_received(self, text.len, self->user);
}

static void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct load_client *self = user;
    struct slot *slot = &self->slots[result->ticket & self->mask];

    (void)client;
    if (result->ticket == 0 || slot->ticket != result->ticket)
        return; /* a further report of one that had its result */
    slot->ticket = 0;
    self->in_flight--;
    self->callbacks->on_result(self, result, slot->from_ns, self->user);
}

static void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct load_client *self = user;

    (void)client;
    self->ready = false;
    self->callbacks->on_end(self, why, fault->text, self->user);
}

static const struct client_callbacks callbacks = {
    .on_ready = on_ready, .on_message = on_message, .on_result = on_result, .on_end = on_end};

/* ---- life ------------------------------------------------------------------------------------ */

struct load_client *load_client_new(struct streams *streams, struct worker *resolver,
    const struct client_options *options, unsigned window, size_t number,
    const struct load_client_callbacks *wanted, void *user)
{
    struct load_client *self = must_alloc(sizeof(*self));
    uint64_t room = 1;

    while (room < window)
        room *= 2;
    *self = (struct load_client){.callbacks = wanted,
        .user = user,
        .name = must_copy(options->user),
        .slots = must_alloc(room * sizeof(struct slot)),
        .mask = room - 1,
        .number = number,
        .window = window,
        .next = 1};
    self->client = client_new(streams, resolver, options, &callbacks, self);
    if (self->client)
        return self;
    load_client_free(self);
    return NULL;
}

void load_client_free(struct load_client *self)
{
    if (!self)
        return;
    client_free(self->client);
    free(self->slots);
    free(self->name);
    free(self);
}

/* ---- what goes ------------------------------------------------------------------------------- */

size_t load_client_number(const struct load_client *self)
{
    return self->number;
}

const char *load_client_server(const struct load_client *self)
{
    return client_server(self->client)->name;
}

const char *load_client_user(const struct load_client *self)
{
    return self->name;
}

bool load_client_is_ready(const struct load_client *self)
{
    return self->ready;
}

int load_client_fd(const struct load_client *self)
{
    return client_fd(self->client);
}

/* Reports may come in another order: the slot of the next may still be taken. */
bool load_client_has_room(const struct load_client *self)
{
    return self->ready && self->in_flight < self->window &&
           self->slots[self->next & self->mask].ticket == 0;
}

size_t load_client_in_flight(const struct load_client *self)
{
    return self->in_flight;
}

enum status load_client_send(struct load_client *self, const char *type, struct span data,
    uint64_t from_ns, struct fault *fault)
{
    uint64_t ticket;
    enum status status = client_send(self->client, type, data, NULL, &ticket, fault);

    if (status != STATUS_OK)
        return status;
    self->slots[ticket & self->mask] = (struct slot){.ticket = ticket, .from_ns = from_ns};
    self->next = ticket + 1;
    self->in_flight++;
    return STATUS_OK;
}

void load_client_expire(struct load_client *self)
{
    client_expire(self->client);
}
