#include "harness/actor_host.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/wire.h"

struct guest {
    struct guest *prev, *next;
    struct actor_host *host;
    struct stream *stream;
    unsigned order;
    bool known; /* it has said something */
};

struct actor_host {
    const struct setting *setting;
    int peer;
    int client;
    ev_io acceptable;
    struct guest *guests;
    unsigned count; /* of those that have come */
};

/* ---- what comes ------------------------------------------------------------------------------ */

static bool is_login(struct span payload)
{
    json_t *json = json_loadb(payload.at, payload.len, 0, NULL);
    bool found = json_object_get(json_object_get(json, "header"), "authentication") != NULL;

    json_decref(json);
    return found;
}

/* As the reference does it. */
static void welcome(struct guest *guest)
{
    struct actor_host *self = guest->host;
    json_t *good = must_json(json_pack("{s:{s:s, s:s}, s:{s:s}}", "header", "messageType",
        "statusReport", "status", "good", "payload", "id", "auth_special"));
    struct utterance report = {.body = BODY_JSON, .wire = good};
    struct fault fault;

    if (wire_say(self->setting, guest->stream, self->peer, self->client, EDGE_SERVER_CLIENT,
            &report, &fault) != STATUS_OK)
        timeline_note(self->setting->timeline, self->peer, "no answer to a login: %s", fault.text);
    json_decref(good);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct guest *guest = user;
    struct actor_host *self = guest->host;
    const struct member *client = &self->setting->scenario->members[self->client];
    bool first = !guest->known;

    (void)stream;
    guest->known = true;
    if (first && client->client.welcome && is_login(payload)) {
        timeline_seen(
            self->setting->timeline, self->client, self->peer, EDGE_CLIENT_SERVER, payload);
        welcome(guest);
        self->setting->on_change(self->peer, self->setting->user);
        return;
    }
    timeline_frame(self->setting->timeline, self->client, self->peer, EDGE_CLIENT_SERVER, payload,
        guest->order);
}

static void guest_gone(struct guest *guest, const char *how)
{
    struct actor_host *self = guest->host;

    timeline_end(
        self->setting->timeline, self->client, self->peer, EDGE_CLIENT_SERVER, how, guest->order)
        ->optional = true;
    stream_close(guest->stream);
    DL_DELETE(self->guests, guest);
    free(guest);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    char *how = must_print("(%s: %s)", status_text(why), detail ? detail : "");

    (void)stream;
    guest_gone(user, why == STATUS_CLOSED ? "(closed the connection)" : how);
    free(how);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct actor_host *self = watcher->data;
    int fd;

    (void)loop, (void)events;
    while ((fd = accept(watcher->fd, NULL, NULL)) >= 0) {
        struct guest *guest = must_alloc(sizeof(*guest));

        *guest = (struct guest){.host = self, .order = ++self->count};
        guest->stream = stream_adopt(self->setting->streams, fd, &wire_options, &callbacks, guest);
        if (!guest->stream) {
            free(guest);
            continue;
        }
        DL_APPEND(self->guests, guest);
    }
    self->setting->on_change(self->peer, self->setting->user);
}

/* ---- what is said ---------------------------------------------------------------------------- */

static struct guest *last_guest(const struct actor_host *self)
{
    return self->guests ? self->guests->prev : NULL; /* utlist: of the head, the tail */
}

static void say_nothing(const struct actor_host *self, const char *text)
{
    timeline_said_text(self->setting->timeline, self->peer, self->client, EDGE_SERVER_CLIENT, text);
}

static void hang_up(struct actor_host *self, unsigned order)
{
    struct guest *guest;

    say_nothing(self, "{\"close\": true}");
    /* What was said before goes first; that may find it gone. */
    streams_flush(self->setting->streams);
    DL_FOREACH (self->guests, guest)
        if (guest->order == order) {
            guest_gone(guest, "(the harness closed the connection)");
            return;
        }
}

enum status actor_host_say(
    struct actor_host *self, const struct utterance *utterance, struct fault *fault)
{
    const struct member *client = &self->setting->scenario->members[self->client];
    struct guest *guest = last_guest(self);

    if (!guest || (client->client.welcome && !guest->known))
        return fault_set(fault, STATUS_NOT_FOUND, 0, "%s has %s", client->name,
            guest             ? "not logged in"
            : self->count > 0 ? "closed the connection and not come again"
                              : "not come");
    if (utterance->body == BODY_SILENT) {
        say_nothing(self, "{\"silent\": true}");
        return STATUS_OK;
    }
    if (utterance->body != BODY_CLOSE)
        return wire_say(self->setting, guest->stream, self->peer, self->client, EDGE_SERVER_CLIENT,
            utterance, fault);
    hang_up(self, guest->order);
    return STATUS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_host *actor_host_new(
    const struct setting *setting, int peer, int client, struct place *place)
{
    struct actor_host *self = must_alloc(sizeof(*self));

    *self = (struct actor_host){.setting = setting, .peer = peer, .client = client};
    ev_io_init(&self->acceptable, on_acceptable, place->fd, EV_READ);
    self->acceptable.data = self;
    place->fd = -1;
    ev_io_start(setting->loop, &self->acceptable);
    return self;
}

void actor_host_free(struct actor_host *self)
{
    struct guest *guest;
    struct guest *after;

    if (!self)
        return;
    ev_io_stop(self->setting->loop, &self->acceptable);
    close(self->acceptable.fd);
    DL_FOREACH_SAFE (self->guests, guest, after) {
        stream_close(guest->stream);
        free(guest);
    }
    free(self);
}
