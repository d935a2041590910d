/* The set of links: birth, reload, the end, and what is told about them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "besterd/identity.h"
#include "besterd/link_internal.h"

const char *link_state_text(enum link_state state)
{
    static const char *const texts[] = {
#define X(name, text) [name] = text,
        LINK_STATE_TABLE(X)
#undef X
    };
    return texts[state];
}

/* ---- finding ---- */

struct link *links_find(const struct links *self, const char *name)
{
    struct address address;
    const struct config_peer *peer = NULL;

    for (struct link *link = self->first; link; link = link->next)
        if (strcmp(link->peer->name, name) == 0)
            return link;
    if (address_parse(&address, span_of(name), NULL) == STATUS_OK && address.kind != ADDRESS_UNIX)
        peer = config_find_peer_at(self->context->config, &address);
    for (struct link *link = self->first; peer && link; link = link->next)
        if (link->peer == peer)
            return link;
    return NULL;
}

bool link_has_pin(const struct link *self, const struct tls_pin *pin)
{
    for (size_t i = 0; i < self->peer->pin_count; i++)
        if (tls_pin_equal(&self->peer->pins[i], pin))
            return true;
    return false;
}

struct link *links_find_pin(const struct links *self, const struct tls_pin *pin)
{
    for (struct link *link = self->first; link; link = link->next)
        if (link_has_pin(link, pin))
            return link;
    return NULL;
}

/* ---- one link ---- */

static struct link *link_new(struct links *links, const struct config_peer *peer)
{
    struct link *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->links = links;
    self->peer = peer;
    link_call_init(self);
    outbox_init(self);
    return self;
}

/* What waits must have been told its end, unless nobody is told any more. */
static void link_free(struct link *self)
{
    link_call_release(self);
    outbox_release(self);
    inbox_reset(self);
    free(self);
}

/* ---- plans ---- */

struct links_plan {
    struct tls_context *server;
    struct tls_context *client;
    struct tls_pin pin;
    struct link *fresh; /* a list: of peers that are new */
};

static enum status open_identity(
    struct links_plan *self, const struct config *config, struct fault *fault)
{
    enum status status = identity_make(config, IDENTITY_NOW, &self->pin, fault);
    struct tls_options options = {.server = true,
        .certificate_file = config->identity_path,
        .key_file = config->identity_path,
        .trust = TLS_TRUST_PIN};

    if (status == STATUS_OK) {
        identity_watch_over(config->identity_path);
        status = tls_context_new(&self->server, &options, fault);
    }
    options.server = false;
    if (status == STATUS_OK)
        status = tls_context_new(&self->client, &options, fault);
    return status;
}

static enum status add_fresh(
    struct links_plan *self, struct links *links, const struct config *config, struct fault *fault)
{
    for (size_t i = config->peer_count; i > 0; i--) {
        const struct config_peer *peer = &config->peers[i - 1];
        bool known = false;

        for (struct link *link = links->first; link; link = link->next)
            known = known || strcmp(link->peer->name, peer->name) == 0;
        if (peer->legacy || known)
            continue;
        struct link *link = link_new(links, peer);
        if (!link)
            return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
        link->next = self->fresh;
        self->fresh = link;
    }
    return STATUS_OK;
}

enum status links_plan(
    struct links *self, const struct config *config, struct links_plan **out, struct fault *fault)
{
    struct links_plan *plan = calloc(1, sizeof(*plan));
    enum status status = STATUS_OK;

    if (!plan)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    if (config_has_pinned(config))
        status = open_identity(plan, config, fault);
    for (size_t i = 0; status == STATUS_OK && plan->server && i < config->peer_count; i++)
        for (size_t j = 0; j < config->peers[i].pin_count; j++)
            if (tls_pin_equal(&config->peers[i].pins[j], &plan->pin))
                status = fault_set(fault, STATUS_INVALID, 0,
                    "peers.%.100s is pinned by the key of this server itself",
                    config->peers[i].name);
    if (status == STATUS_OK)
        status = add_fresh(plan, self, config, fault);
    if (status == STATUS_OK)
        *out = plan;
    else
        links_cancel(plan);
    return status;
}

void links_cancel(struct links_plan *plan)
{
    if (!plan)
        return;
    while (plan->fresh) {
        struct link *link = plan->fresh;

        plan->fresh = link->next;
        link_free(link);
    }
    tls_context_unref(plan->server);
    tls_context_unref(plan->client);
    free(plan);
}

/* ---- putting it in force ---- */

/* Takes a link of that name out of a list. */
static struct link *take(struct link **list, const char *name)
{
    for (; *list; list = &(*list)->next)
        if (strcmp((*list)->peer->name, name) == 0) {
            struct link *found = *list;

            *list = found->next;
            found->next = NULL;
            return found;
        }
    return NULL;
}

static bool same_place(const struct config_peer *a, const struct config_peer *b)
{
    return a->has_address == b->has_address && a->address.port == b->address.port &&
           strcmp(a->address.host, b->address.host) == 0 &&
           strcmp(a->address.path, b->address.path) == 0;
}

/* What it means now. Calls that would not be made, or not be taken, any more end. */
static void link_follow(struct link *self, const struct config_peer *peer)
{
    bool moved = !same_place(self->peer, peer);
    struct call *call, *next;

    self->peer = peer;
    if (moved)
        link_stop_dialling(self);
    DL_FOREACH_SAFE (self->links->calls, call, next) {
        bool unpinned = call->secured && !link_has_pin(self, &call->pin);

        if (call->link != self || (!unpinned && !(moved && call->dialled)))
            continue;
        if (call != self->call)
            call_free(call);
        else
            link_hang_up(self, unpinned ? "it must show a key of the new configuration"
                                        : "it is somewhere else now");
    }
}

static void retire(struct link *self)
{
    if (self->call)
        link_hang_up(self, "it is no peer any more");
    link_stop_dialling(self);
    outbox_fail(self, STATUS_UNKNOWN_SERVER, "it is no peer any more");
    link_free(self);
}

static void use_identity(struct links *self, struct links_plan *plan)
{
    tls_context_unref(self->server);
    tls_context_unref(self->client);
    self->server = plan->server;
    self->client = plan->client;
    self->pin = plan->pin;
    plan->server = plan->client = NULL;
}

/* NULL: it is a legacy one. */
static struct link *place(
    struct links *self, struct links_plan *plan, struct link **old, const struct config_peer *peer)
{
    struct link *link = peer->legacy ? NULL : take(old, peer->name);

    if (link) {
        link_follow(link, peer);
        return link;
    }
    link = peer->legacy ? NULL : take(&plan->fresh, peer->name);
    if (link)
        link->label = metrics_label(self->context->metrics, AXIS_PEER, peer->name);
    return link;
}

void links_commit(struct links *self, struct links_plan *plan)
{
    const struct config *config = self->context->config;
    struct link *old = self->first;
    struct link **end = &self->first;

    use_identity(self, plan);
    self->first = NULL;
    self->count = 0;
    for (size_t i = 0; i < config->peer_count; i++) {
        *end = place(self, plan, &old, &config->peers[i]);
        if (!*end)
            continue;
        end = &(*end)->next;
        self->count++;
        for (size_t j = 0; j < config->peers[i].pin_count; j++)
            strangers_forget(&self->strangers, &config->peers[i].pins[j]);
    }
    while (old) {
        struct link *link = old;

        old = link->next;
        retire(link);
    }
    links_cancel(plan);
    links_start(self);
}

/* Who reloads wants it now. */
void links_start(struct links *self)
{
    for (struct link *link = self->first; link; link = link->next) {
        if (link->call)
            continue;
        ev_timer_stop(links_loop(self), &link->retry);
        link_dial(link);
    }
}

/* ---- birth and end ---- */

enum status links_new(struct links **out, const struct links_context *context, struct fault *fault)
{
    struct links *self = calloc(1, sizeof(*self));
    struct links_plan *plan = NULL;
    unsigned char random[16];

    if (!self)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    self->context = context;
    /* Of another instance nobody may be the same by chance. */
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
        getrandom(&self->secret, sizeof(self->secret), 0) != (ssize_t)sizeof(self->secret)) {
        free(self);
        return fault_set(fault, STATUS_IO, 0, "no random numbers");
    }
    self->dice = self->secret ^ 0x9e3779b97f4a7c15U;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(self->instance + 2 * i, 3, "%02x", random[i]);
    enum status status = links_plan(self, context->config, &plan, fault);
    if (status != STATUS_OK) {
        free(self);
        return status;
    }
    self->draining = true; /* nobody is called yet */
    links_commit(self, plan);
    self->draining = false;
    *out = self;
    return STATUS_OK;
}

void links_free(struct links *self)
{
    struct call *call, *next;

    if (!self)
        return;
    self->leaving = false; /* nobody is told any more */
    self->draining = true;
    while (self->first) {
        struct link *link = self->first;

        self->first = link->next;
        link_free(link);
    }
    DL_FOREACH_SAFE (self->calls, call, next)
        call_free(call);
    while (self->stale)
        strand_free(self->stale);
    tls_context_unref(self->server);
    tls_context_unref(self->client);
    free(self);
}

void links_accept(struct links *self, int fd)
{
    call_accept(self, fd);
}

/* To whoever has our hello, and may have sent a message since, though his own hello is
 * still on its way. */
void links_drain(struct links *self)
{
    struct call *call, *next;

    self->draining = true;
    for (struct link *link = self->first; link; link = link->next)
        link_stop_dialling(link);
    DL_FOREACH_SAFE (self->calls, call, next)
        if (call->secured)
            (void)call_say_word(call, "bye");
}

void links_leave(struct links *self)
{
    struct call *call, *next;

    self->leaving = true;
    DL_FOREACH_SAFE (self->calls, call, next)
        if (!call->secured)
            call_free(call);
        else if (call_say_word(call, "end"))
            stream_finish(call->stream);
}

bool links_are_gone(const struct links *self)
{
    return !self->calls;
}

/* ---- what is told ---- */

size_t links_lodgers(const struct links *self)
{
    return self->lodgers;
}

const struct strangers *links_strangers(const struct links *self)
{
    return &self->strangers;
}

const struct tls_pin *links_pin(const struct links *self)
{
    return self->server ? &self->pin : NULL;
}

size_t links_count(const struct links *self)
{
    return self->count;
}

static enum link_state state_of(const struct link *self)
{
    const struct call *call;

    if (self->call)
        return LINK_UP;
    DL_FOREACH (self->links->calls, call)
        if (call->link == self)
            return LINK_CALLING;
    return self->dial ? LINK_CALLING : self->peer->has_address ? LINK_WAITING : LINK_LISTENING;
}

struct link_condition links_condition(const struct links *self, size_t index)
{
    const struct link *link = self->first;

    while (index-- > 0)
        link = link->next;
    return (struct link_condition){
        .name = link->peer->name,
        .label = link->label,
        .state = state_of(link),
        .since_s = link->call ? link->call->since_s : 0,
        .address = link->call ? link->call->address : "",
        .trouble = link->trouble,
        .waiting = link->out.count,
        .waiting_bytes = link->out.bytes,
        .working = link->in.lodgers,
    };
}

void links_measure(const struct links *self)
{
    struct metrics *metrics = self->context->metrics;

    for (const struct link *link = self->first; link; link = link->next) {
        metrics_set(metrics, METRIC_PEER_UP, link->label, 0, link->call != NULL);
        metrics_add(metrics, METRIC_PEER_WAITING, link->label, 0, (double)link->out.count);
        metrics_set(metrics, METRIC_PEER_WORKING, link->label, 0, (double)link->in.lodgers);
    }
}
