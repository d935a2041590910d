#include "harness/actor_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/wire.h"

struct actor_client {
    const struct setting *setting;
    int member;
    int server;
    struct stream *stream; /* NULL: not connected */
    unsigned connections;
    bool logging_in; /* by itself: the next frame is the answer */
    bool is_in;
    bool fencing; /* the answer to the fence has not come */
    unsigned fences;
    unsigned asked; /* of an informer: frames said, and heard on this connection */
    unsigned heard;
    bool uncounted; /* bytes were said that are no frame */
};

static const struct cast_client *cast_of(const struct actor_client *self)
{
    return &self->setting->scenario->members[self->member].client;
}

static enum edge_kind incoming(const struct actor_client *self)
{
    return cast_of(self)->informer ? EDGE_INFORMER_CLIENT : EDGE_SERVER_CLIENT;
}

static enum edge_kind outgoing(const struct actor_client *self)
{
    return cast_of(self)->informer ? EDGE_CLIENT_INFORMER : EDGE_CLIENT_SERVER;
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void fence_id(const struct actor_client *self, char *out, size_t cap)
{
    snprintf(out, cap, "the harness's fence %u", self->fences);
}

static void fence_passed(struct actor_client *self)
{
    self->fencing = false;
    self->setting->on_change(self->member, self->setting->user);
}

/* The dummy's answer to our fence is nobody else's business. */
static bool is_fence(const struct actor_client *self, struct span payload)
{
    char wanted[64];

    if (!self->fencing)
        return false;
    if (cast_of(self)->informer) /* each question has one answer, in order */
        return self->heard == self->asked;
    json_t *json = json_loadb(payload.at, payload.len, 0, NULL);
    const char *id = json_string_value(json_object_get(json_object_get(json, "payload"), "id"));
    fence_id(self, wanted, sizeof(wanted));
    bool found = id && strcmp(id, wanted) == 0;
    json_decref(json);
    return found;
}

static void take_login_answer(struct actor_client *self, struct span payload)
{
    struct event *event =
        timeline_seen(self->setting->timeline, self->server, self->member, incoming(self), payload);
    json_t *body = json_object_get(event->json, "payload");
    const char *id = json_string_value(json_object_get(body, "id"));
    const char *status =
        json_string_value(json_object_get(json_object_get(event->json, "header"), "status"));

    self->logging_in = false;
    if (status && strcmp(status, "good") == 0 && id && strcmp(id, "auth_special") == 0) {
        self->is_in = true;
        self->setting->on_change(self->member, self->setting->user);
        return;
    }
    char *shown = event_body_text(event, 400);
    char *text = must_print("the answer to the login was %s", shown);
    self->setting->on_trouble(self->member, CAUSE_LOGIN_REFUSED, text, self->setting->user);
    free(text);
    free(shown);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct actor_client *self = user;

    (void)stream;
    self->heard++;
    if (is_fence(self, payload))
        fence_passed(self);
    else if (self->logging_in)
        take_login_answer(self, payload);
    else
        timeline_frame(self->setting->timeline, self->server, self->member, incoming(self), payload,
            self->connections);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct actor_client *self = user;
    char *how = must_print("(%s: %s)", status_text(why), detail ? detail : "");

    stream_close(stream);
    self->stream = NULL;
    self->is_in = false;
    timeline_end(self->setting->timeline, self->server, self->member, incoming(self),
        why == STATUS_CLOSED ? "(closed the connection)" : how, self->connections);
    free(how);
    if (self->logging_in) {
        self->logging_in = false;
        self->setting->on_trouble(self->member, CAUSE_LOGIN_REFUSED,
            "the connection was closed during the login", self->setting->user);
    }
    if (self->fencing)
        fence_passed(self);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

/* ---- what goes ------------------------------------------------------------------------------- */

static enum status connect_now(struct actor_client *self, struct fault *fault)
{
    const struct place *home =
        topology_home(self->setting->topology, self->server, cast_of(self)->via);
    const struct place *front = topology_front(self->setting->topology, self->member, self->server);
    int fd = wire_connect(front->text[0] ? front : home, fault);

    if (fd < 0)
        return STATUS_IO;
    self->stream = stream_adopt(self->setting->streams, fd, &wire_options, &callbacks, self);
    self->connections++;
    self->asked = self->heard = 0;
    self->uncounted = false;
    return self->stream ? STATUS_OK : fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
}

void actor_client_log_in(struct actor_client *self)
{
    const struct cast_client *cast = cast_of(self);
    struct utterance login = {
        .body = BODY_JSON, .wire = form_login(NULL, cast->user, cast->password)};
    struct fault fault;

    self->logging_in = true;
    if (actor_client_say(self, &login, &fault) != STATUS_OK) {
        self->logging_in = false;
        self->setting->on_trouble(
            self->member, CAUSE_LOGIN_REFUSED, fault.text, self->setting->user);
    }
    json_decref(login.wire);
}

static void hang_up(struct actor_client *self)
{
    timeline_said_text(
        self->setting->timeline, self->member, self->server, outgoing(self), "{\"close\": true}");
    streams_flush(self->setting->streams);
    if (self->stream)
        stream_close(self->stream);
    self->stream = NULL;
    self->is_in = false;
}

enum status actor_client_say(
    struct actor_client *self, const struct utterance *utterance, struct fault *fault)
{
    if (utterance->body == BODY_CLOSE && !self->stream)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "there is no connection to close");
    if (utterance->body == BODY_CLOSE) {
        hang_up(self);
        return STATUS_OK;
    }
    if (!self->stream && connect_now(self, fault) != STATUS_OK)
        return fault->status;
    if (utterance->body == BODY_SILENT) {
        timeline_said_text(self->setting->timeline, self->member, self->server, outgoing(self),
            "{\"silent\": true}");
        return STATUS_OK;
    }
    self->asked++;
    self->uncounted =
        self->uncounted || utterance->body == BODY_TEXT || utterance->body == BODY_HEX;
    return wire_say(
        self->setting, self->stream, self->member, self->server, outgoing(self), utterance, fault);
}

static json_t *fence_wire(const struct actor_client *self)
{
    char id[64];

    if (cast_of(self)->informer)
        return must_json(json_pack("{s:{s:s}}", "command", "type", "serverInfo"));
    fence_id(self, id, sizeof(id));
    return must_json(json_pack(
        "{s:{}, s:{s:s, s:n, s:s}}", "header", "payload", "type", "dummy", "data", "id", id));
}

void actor_client_fence(struct actor_client *self)
{
    /* Behind half a frame of the play nothing would be understood. */
    if (!self->stream || (cast_of(self)->informer && self->uncounted)) {
        fence_passed(self);
        return;
    }
    self->fences++;
    self->asked++;
    json_t *wire = fence_wire(self);
    struct utterance dummy = {.body = BODY_JSON, .wire = wire};
    struct fault fault;

    self->fencing = true;
    if (wire_say_hidden(self->stream, &dummy, &fault) != STATUS_OK)
        fence_passed(self);
    json_decref(wire);
}

bool actor_client_is_in(const struct actor_client *self)
{
    return self->is_in;
}

bool actor_client_is_fenced(const struct actor_client *self)
{
    return !self->fencing;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_client *actor_client_new(const struct setting *setting, int member)
{
    struct actor_client *self = must_alloc(sizeof(*self));

    *self = (struct actor_client){
        .setting = setting, .member = member, .server = setting->scenario->members[member].on};
    return self;
}

void actor_client_free(struct actor_client *self)
{
    if (!self)
        return;
    if (self->stream)
        stream_close(self->stream);
    free(self);
}
