#include "harness/actor_peer.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/wire.h"

struct call {
    struct call *prev, *next;
    struct actor_peer *peer;
    struct stream *stream;
    int server;
    unsigned order;
};

struct actor_peer {
    const struct setting *setting;
    int member;
    struct desk **desks; /* by member; NULL but for servers */
    struct call *calls;
    unsigned called;
};

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct call *call = user;
    struct actor_peer *self = call->peer;

    (void)stream;
    timeline_frame(self->setting->timeline, call->server, self->member, EDGE_SERVER_SERVER, payload,
        call->order);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct call *call = user;
    struct actor_peer *self = call->peer;
    char *how = must_print("(%s: %s)", status_text(why), detail ? detail : "");

    timeline_end(self->setting->timeline, call->server, self->member, EDGE_SERVER_SERVER,
        why == STATUS_CLOSED ? "(closed the connection)" : how, call->order)
        ->optional = true;
    stream_close(stream);
    DL_DELETE(self->calls, call);
    free(call);
    free(how);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

/* A reference server listens on TCP; any listener will do. */
static const struct place *home_of(const struct actor_peer *self, int server)
{
    const struct place *front = topology_front(self->setting->topology, self->member, server);

    if (front->text[0]) /* the play disturbs what we say to it */
        return front;
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        const struct place *home =
            topology_home(self->setting->topology, server, (enum transport)i);

        if (home->text[0])
            return home;
    }
    return topology_home(self->setting->topology, server, TRANSPORT_TCP4);
}

static struct call *call_new(struct actor_peer *self, int server, struct fault *fault)
{
    int fd = wire_connect(home_of(self, server), fault);

    if (fd < 0)
        return NULL;
    struct call *call = must_alloc(sizeof(*call));
    /* Numbered behind the desk's own connections, which count from 1. */
    *call = (struct call){.peer = self, .server = server, .order = (1U << 31) + ++self->called};
    call->stream = stream_adopt(self->setting->streams, fd, &wire_options, &callbacks, call);
    if (!call->stream) {
        fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
        free(call);
        return NULL;
    }
    DL_APPEND(self->calls, call);
    return call;
}

static enum status call_say(
    struct actor_peer *self, int server, const struct utterance *utterance, struct fault *fault)
{
    struct call *call = call_new(self, server, fault);

    if (!call)
        return STATUS_IO;
    if (utterance->body == BODY_SILENT) {
        timeline_said_text(self->setting->timeline, self->member, server, EDGE_SERVER_SERVER,
            "{\"silent\": true}");
        return STATUS_OK;
    }
    return wire_say(
        self->setting, call->stream, self->member, server, EDGE_SERVER_SERVER, utterance, fault);
}

/* The connection to that server that was opened last. */
static enum status call_close(struct actor_peer *self, int server, struct fault *fault)
{
    struct call *last = NULL;
    struct call *call;

    DL_FOREACH (self->calls, call)
        if (call->server == server)
            last = call;
    if (!last)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "there is no connection to close");
    timeline_said_text(
        self->setting->timeline, self->member, server, EDGE_SERVER_SERVER, "{\"close\": true}");
    /* Out of the list first: flushing may end it by itself. */
    streams_flush(self->setting->streams);
    DL_FOREACH (self->calls, call)
        if (call == last) {
            stream_close(call->stream);
            DL_DELETE(self->calls, call);
            free(call);
            break;
        }
    return STATUS_OK;
}

static bool is_report(const json_t *wire)
{
    const json_t *type = json_object_get(json_object_get(wire, "header"), "messageType");

    return json_is_string(type) && strcmp(json_string_value(type), "statusReport") == 0;
}

enum status actor_peer_say(
    struct actor_peer *self, int server, const struct utterance *utterance, struct fault *fault)
{
    struct desk *desk = self->desks[server];
    bool answer = utterance->label || (utterance->body == BODY_JSON ? is_report(utterance->wire)
                                                                    : desk && desk_is_asked(desk));

    if (answer && desk)
        return desk_say(desk, utterance, fault);
    if (utterance->body == BODY_CLOSE)
        return call_close(self, server, fault);
    return call_say(self, server, utterance, fault);
}

struct desk *actor_peer_desk(const struct actor_peer *self, int server)
{
    return self->desks[server];
}

struct actor_peer *actor_peer_new(const struct setting *setting, int member)
{
    const struct scenario *scenario = setting->scenario;
    struct actor_peer *self = must_alloc(sizeof(*self));

    *self = (struct actor_peer){.setting = setting, .member = member};
    self->desks = must_alloc(scenario->member_count * sizeof(struct desk *));
    for (int i = 0; i < (int)scenario->member_count; i++)
        if (scenario->members[i].kind == MEMBER_SERVER && !scenario->members[member].peer.refuses)
            self->desks[i] =
                desk_new(setting, member, i, topology_desk(setting->topology, i, member),
                    EDGE_SERVER_SERVER, EDGE_SERVER_SERVER);
    return self;
}

void actor_peer_free(struct actor_peer *self)
{
    struct call *call;
    struct call *after;

    if (!self)
        return;
    for (size_t i = 0; i < self->setting->scenario->member_count; i++)
        desk_free(self->desks[i]);
    DL_FOREACH_SAFE (self->calls, call, after) {
        stream_close(call->stream);
        free(call);
    }
    free(self->desks);
    free(self);
}
