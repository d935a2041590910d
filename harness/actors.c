#include "harness/actors.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/actor_client.h"
#include "harness/actor_database.h"
#include "harness/actor_host.h"
#include "harness/actor_link.h"
#include "harness/actor_peer.h"
#include "harness/actor_process.h"
#include "harness/desk.h"
#include "harness/must.h"
#include "harness/wire.h"

/* What a member is, while it plays: one of these, or none (absent, by_server). */
struct actor {
    struct actor_process *process;
    struct actor_client *client;
    struct actor_peer *peer;
    struct actor_database *database; /* beside the process of a foreign server */
    struct actor_host *host;         /* of a client: the peer that it is on, as it sees it */
    struct desk *desk;
};

struct link_item {
    struct link_item *next;
    struct actor_link *link;
};

struct actors {
    const struct setting *setting;
    struct actor *items; /* by member */
    struct link_item *links;
};

static size_t member_count(const struct actors *self)
{
    return self->setting->scenario->member_count;
}

static const struct member *member_at(const struct actors *self, size_t index)
{
    return &self->setting->scenario->members[index];
}

/* ---- the start ------------------------------------------------------------------------------- */

static void add_link(struct actors *self, int from, int to, const struct place *back,
    enum edge_kind forth, enum edge_kind reply)
{
    struct link_item *item = must_alloc(sizeof(*item));

    item->link = actor_link_new(self->setting, from, to,
        topology_front(self->setting->topology, from, to), back, forth, reply);
    LL_PREPEND(self->links, item);
}

static const struct place *first_home(const struct actors *self, int server)
{
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        const struct place *home =
            topology_home(self->setting->topology, server, (enum transport)i);

        if (home->text[0])
            return home;
    }
    return topology_home(self->setting->topology, server, TRANSPORT_TCP4);
}

/* Where one server listens for the other. */
static const struct place *home_for(const struct actors *self, int from, int to)
{
    return members_are_pinned(member_at(self, (size_t)from), member_at(self, (size_t)to))
               ? topology_home(self->setting->topology, to, TRANSPORT_PEER)
               : first_home(self, to);
}

static void start_server(struct actors *self, int index)
{
    if (self->setting->topology->programs->foreign)
        self->items[index].database = actor_database_new(self->setting, index);
    for (int i = 0; i < (int)member_count(self); i++)
        if (i != index && member_at(self, (size_t)i)->kind == MEMBER_SERVER)
            add_link(
                self, i, index, home_for(self, i, index), EDGE_SERVER_SERVER, EDGE_SERVER_SERVER);
    if (!member_at(self, (size_t)index)->starts_later)
        actors_start_one(self, index);
}

static void start_handler(struct actors *self, int index)
{
    const struct member *member = member_at(self, (size_t)index);
    enum edge_kind asks = member->handler.stream ? EDGE_SERVER_STREAM : EDGE_SERVER_ONESHOT;
    enum edge_kind answers = member->handler.stream ? EDGE_STREAM_SERVER : EDGE_ONESHOT_SERVER;

    if (member->handler.absent || member->handler.by_server)
        return;
    if (member->handler.run) {
        add_link(
            self, member->on, index, topology_back(self->setting->topology, index), asks, answers);
        if (!member->starts_later)
            actors_start_one(self, index);
        return;
    }
    self->items[index].desk = desk_new(self->setting, index, member->on,
        topology_desk(self->setting->topology, member->on, index), asks, answers);
    if (scenario_disturbs(self->setting->scenario, index, member->on))
        add_link(self, member->on, index, topology_desk(self->setting->topology, member->on, index),
            asks, answers);
}

static void start_peer(struct actors *self, int index)
{
    self->items[index].peer = actor_peer_new(self->setting, index);
    for (int i = 0; i < (int)member_count(self); i++) {
        if (member_at(self, (size_t)i)->kind != MEMBER_SERVER ||
            !scenario_disturbs(self->setting->scenario, index, i))
            continue;
        add_link(self, i, index, topology_desk(self->setting->topology, i, index),
            EDGE_SERVER_SERVER, EDGE_SERVER_SERVER);
        add_link(self, index, i, first_home(self, i), EDGE_SERVER_SERVER, EDGE_SERVER_SERVER);
    }
}

/* A client of a peer comes to us. */
static void start_host(struct actors *self, int index)
{
    const struct topology *topology = self->setting->topology;
    int peer = member_at(self, (size_t)index)->on;
    struct place *place = topology_desk(topology, index, peer);

    if (member_at(self, (size_t)peer)->peer.refuses)
        return;
    self->items[index].host = actor_host_new(self->setting, peer, index, place);
    if (scenario_disturbs(self->setting->scenario, index, peer))
        add_link(self, index, peer, place, EDGE_CLIENT_SERVER, EDGE_SERVER_CLIENT);
}

static void start_client(struct actors *self, int index)
{
    const struct member *member = member_at(self, (size_t)index);
    bool outside = member->client.run || member->client.guest;

    if (member_at(self, (size_t)member->on)->kind == MEMBER_PEER) {
        start_host(self, index);
        return;
    }
    if (member->client.informer)
        add_link(self, index, member->on, topology_back(self->setting->topology, index),
            EDGE_CLIENT_INFORMER, EDGE_INFORMER_CLIENT);
    else if (outside || scenario_disturbs(self->setting->scenario, index, member->on))
        add_link(self, index, member->on,
            topology_home(self->setting->topology, member->on, member->client.via),
            EDGE_CLIENT_SERVER, EDGE_SERVER_CLIENT);
    if (outside)
        return;
    self->items[index].client = actor_client_new(self->setting, index);
    if (member_at(self, (size_t)index)->client.logs_in)
        actor_client_log_in(self->items[index].client);
}

/* Who is talked to stands before who talks; clients come when servers serve. */
static const struct {
    enum member_kind kind;
    void (*start)(struct actors *self, int index);
} start_order[] = {
    {MEMBER_HANDLER, start_handler},
    {MEMBER_PEER, start_peer},
    {MEMBER_SERVER, start_server},
};

void actors_start(struct actors *self)
{
    for (size_t k = 0; k < sizeof(start_order) / sizeof(start_order[0]); k++)
        for (size_t i = 0; i < member_count(self); i++)
            if (member_at(self, i)->kind == start_order[k].kind)
                start_order[k].start(self, (int)i);
}

bool actors_serve(const struct actors *self)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (self->items[i].process && !actor_process_has_started(self->items[i].process))
            return false;
    return true;
}

void actors_start_clients(struct actors *self)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (member_at(self, i)->kind == MEMBER_CLIENT)
            start_client(self, (int)i);
}

void actors_start_programs(struct actors *self)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (member_at(self, i)->client.run && !member_at(self, i)->starts_later)
            actors_start_one(self, (int)i);
}

void actors_start_one(struct actors *self, int member)
{
    bool again = self->items[member].process != NULL;
    struct fault fault;

    actor_process_free(self->items[member].process);
    self->items[member].process = NULL;
    if (again && topology_listen_again(self->setting->topology, member, &fault) != STATUS_OK)
        self->setting->on_trouble(member, CAUSE_NOT_STARTED, fault.text, self->setting->user);
    self->items[member].process = actor_process_new(self->setting, member, again);
}

/* ---- their state ----------------------------------------------------------------------------- */

bool actors_are_in(const struct actors *self)
{
    for (size_t i = 0; i < member_count(self); i++) {
        const struct member *member = member_at(self, i);
        if (member->kind == MEMBER_CLIENT && member->client.logs_in &&
            !actor_client_is_in(self->items[i].client))
            return false;
    }
    return true;
}

bool actors_run(const struct actors *self, enum member_kind kind)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (self->items[i].process && member_at(self, i)->kind == kind &&
            actor_process_runs(self->items[i].process))
            return true;
    return false;
}

void actors_ask_to_end(struct actors *self, enum member_kind kind)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (self->items[i].process && member_at(self, i)->kind == kind)
            actor_process_ask_to_end(self->items[i].process);
}

void actors_retry_links(struct actors *self)
{
    struct link_item *item;

    LL_FOREACH (self->links, item) {
        int to = actor_link_to(item->link);
        struct actor_process *process = self->items[to].process;

        if (actor_link_waits(item->link))
            actor_link_retry(item->link, process && actor_process_runs(process));
    }
}

void actors_disturb(struct actors *self)
{
    struct link_item *item;

    LL_FOREACH (self->links, item)
        actor_link_disturb(item->link);
}

void actors_forget(struct actors *self)
{
    struct link_item *item;

    LL_FOREACH (self->links, item)
        actor_link_forget(item->link);
}

int actors_any_running(const struct actors *self)
{
    for (size_t i = 0; i < member_count(self); i++)
        if (self->items[i].process && actor_process_runs(self->items[i].process))
            return (int)i;
    return -1;
}

struct actor_client *actors_client(const struct actors *self, int member)
{
    return self->items[member].client;
}

struct actor_process *actors_process(const struct actors *self, int member)
{
    return self->items[member].process;
}

/* ---- in the play ----------------------------------------------------------------------------- */

enum status actors_say(
    struct actors *self, int from, int to, const struct utterance *utterance, struct fault *fault)
{
    struct actor *actor = &self->items[from];

    if (member_at(self, (size_t)from)->kind == MEMBER_STDIO && self->items[to].process)
        return actor_process_say(self->items[to].process, from, utterance, fault);
    if (self->items[to].host)
        return actor_host_say(self->items[to].host, utterance, fault);
    if (actor->client)
        return actor_client_say(actor->client, utterance, fault);
    if (actor->peer)
        return actor_peer_say(actor->peer, to, utterance, fault);
    if (actor->desk)
        return desk_say(actor->desk, utterance, fault);
    return fault_set(fault, STATUS_NOT_FOUND, 0, "it is absent");
}

static struct desk *desk_of(const struct actors *self, const struct event *event)
{
    const struct actor *actor = &self->items[event->to];

    if (actor->peer && event->from >= 0)
        return actor_peer_desk(actor->peer, event->from);
    return actor->desk;
}

void actors_take(struct actors *self, struct event *event, const char *label)
{
    struct desk *desk = desk_of(self, event);

    timeline_take(self->setting->timeline, event);
    if (desk && event->exchange)
        desk_take(desk, event->exchange, label);
}

enum status actors_signal(struct actors *self, int member, int number, struct fault *fault)
{
    const struct member *cast = member_at(self, (size_t)member);
    struct actor_process *process = self->items[member].process;

    if (process && actor_process_runs(process)) {
        actor_process_signal(process, number);
        return STATUS_OK;
    }
    pid_t pid = cast->handler.by_server
                    ? wire_listener_pid(topology_front(self->setting->topology, cast->on, member))
                    : 0;
    if (pid <= 0 || pid == getpid())
        return fault_set(fault, STATUS_NOT_FOUND, 0, "\"%s\" has no process now", cast->name);
    timeline_fault(
        self->setting->timeline, member, -1, "signal %d (%s)", number, strsignal(number));
    kill(pid, number);
    return STATUS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actors *actors_new(const struct setting *setting)
{
    struct actors *self = must_alloc(sizeof(*self));

    self->setting = setting;
    self->items = must_alloc(setting->scenario->member_count * sizeof(*self->items));
    return self;
}

void actors_free(struct actors *self)
{
    struct link_item *item;
    struct link_item *after;

    if (!self)
        return;
    for (size_t i = 0; i < member_count(self); i++) {
        actor_process_free(self->items[i].process);
        actor_client_free(self->items[i].client);
        actor_peer_free(self->items[i].peer);
        actor_database_free(self->items[i].database);
        actor_host_free(self->items[i].host);
        desk_free(self->items[i].desk);
    }
    LL_FOREACH_SAFE (self->links, item, after) {
        actor_link_free(item->link);
        free(item);
    }
    free(self->items);
    free(self);
}
