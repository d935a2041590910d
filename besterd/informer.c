#include "besterd/informer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "libbester/acceptor.h"
#include "libbester/frame.h"
#include "libbester/json_text.h"

enum {
    QUESTION_BYTES_MAX = 64 * 1024,
    QUEUED_BYTES_MAX = 64 << 20, /* one list of a million names */
    UNREAD_BYTES = 64 * 1024,    /* while more waits, no further question is read */
    CONNECTIONS_MAX = 256,
    DETAIL_BYTES = 300
};

struct asker {
    struct informer *informer;
    struct stream *stream;
    struct asker *next, *prev;
};

struct informer {
    struct streams *streams;
    struct acceptor *acceptor;
    const struct informer_facts *facts;
    void *server;
    struct asker *askers; /* a list; who was heard last stands last */
    size_t asker_count;
};

struct informer_list {
    json_t *names;
    bool failed;
};

void informer_list_add(struct informer_list *list, const char *username)
{
    if (json_array_append_new(list->names, json_string(username)) != 0)
        list->failed = true;
}

/* ---- what is answered: each returns the data, or NULL and a sentence ---- */

static json_t *tell_clients(struct informer *self, const json_t *command, const char **why)
{
    (void)command;
    struct informer_list list = {.names = json_array()};
    if (list.names != NULL)
        self->facts->list_clients(self->server, &list);
    if (list.names == NULL || list.failed) {
        json_decref(list.names);
        *why = "out of memory";
        return NULL;
    }
    return list.names;
}

static json_t *tell_is_client(struct informer *self, const json_t *command, const char **why)
{
    const char *name = json_string_value(json_object_get(command, "data"));
    if (name == NULL) {
        *why = "isClient: data must be a username";
        return NULL;
    }
    return json_boolean(self->facts->is_client(self->server, name));
}

static json_t *tell_listeners(struct informer *self)
{
    json_t *listeners = json_object();
    size_t count = self->facts->listener_count(self->server);
    for (size_t i = 0; listeners != NULL && i < count; i++) {
        char name[32];
        char text[ADDRESS_TEXT_MAX];
        struct address address;
        self->facts->listener_address(self->server, i, &address);
        snprintf(name, sizeof name, "listener%zu", i);
        json_t *listener =
            json_pack("{s:s}", "address", address_format(&address, text, sizeof text));
        if (json_object_set_new(listeners, name, listener) != 0) {
            json_decref(listeners);
            return NULL;
        }
    }
    return listeners;
}

static json_t *tell_server(struct informer *self, const json_t *command, const char **why)
{
    (void)command;
    char count[24];
    snprintf(count, sizeof count, "%zu", self->facts->client_count(self->server));
    json_t *listeners = tell_listeners(self);
    json_t *info = self->facts->admin_info(self->server);
    json_t *data =
        listeners == NULL
            ? NULL
            : json_pack("{s:s, s:O, s:o, s:o, s:o, s:o, s:o, s:o}", "clientCount", count,
                  "adminInfo", info, "listeners", listeners, "handlers",
                  self->facts->handlers(self->server), "identity",
                  self->facts->identity(self->server), "peers", self->facts->peers(self->server),
                  "unknownPeers", self->facts->strangers(self->server), "sandbox",
                  self->facts->sandbox(self->server));
    if (data == NULL)
        *why = "out of memory";
    return data;
}

static json_t *tell_quit(struct informer *self, const json_t *command, const char **why)
{
    (void)self;
    (void)command;
    (void)why;
    return json_null();
}

static const struct question {
    const char *name;
    json_t *(*tell)(struct informer *self, const json_t *command, const char **why);
    bool ends; /* the connection, after the answer */
} questions[] = {
    {"isClient", tell_is_client, false},
    {"listClients", tell_clients, false},
    {"quit", tell_quit, true},
    {"serverInfo", tell_server, false},
};

/* ---- answering ---- */

static struct blob *frame_of_json(json_t *json)
{
    char *text = json_text(json, 0);
    struct blob *frame = text != NULL ? frame_of(span_of(text)) : NULL;
    free(text);
    json_decref(json);
    return frame;
}

static struct blob *refusal(const char *why)
{
    return frame_of_json(json_pack("{s:s, s:n, s:s}", "status", "1", "data", "detail", why));
}

/* The answer to one frame. *ends: close after it. */
static struct blob *answer(struct informer *self, struct span payload, bool *ends)
{
    json_error_t error;
    const char *why = "the frame must be {\"command\": {\"type\": ...}}";
    char detail[DETAIL_BYTES];
    json_t *root = json_loadb(payload.at, payload.len, JSON_REJECT_DUPLICATES, &error);
    json_t *command = json_object_get(root, "command");
    const char *type = json_string_value(json_object_get(command, "type"));
    struct blob *frame = NULL;
    if (root == NULL) {
        snprintf(detail, sizeof detail, "not JSON: %s", error.text);
        why = detail;
    }
    if (type != NULL)
        why = "there is no such command";
    for (size_t i = 0; type != NULL && i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(questions[i].name, type) != 0)
            continue;
        json_t *data = questions[i].tell(self, command, &why);
        if (data != NULL)
            frame = frame_of_json(json_pack("{s:s, s:o}", "status", "0", "data", data));
        *ends = frame != NULL && questions[i].ends;
        break;
    }
    json_decref(root);
    return frame != NULL ? frame : refusal(why);
}

/* ---- connections ---- */

static void asker_free(struct asker *self)
{
    DL_DELETE(self->informer->askers, self);
    self->informer->asker_count--;
    free(self);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct asker *self = user;
    bool ends = false;
    struct blob *frame = answer(self->informer, payload, &ends);
    DL_DELETE(self->informer->askers, self);
    DL_APPEND(self->informer->askers, self);
    if (stream_send_adopt(stream, frame, 0) != STATUS_OK) {
        /* It asks and does not read, or there is no memory: its own loss. */
        stream_close(stream);
        asker_free(self);
    } else if (ends) {
        stream_finish(stream);
    }
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    (void)detail;
    struct asker *self = user;
    if (why == STATUS_TOO_LARGE &&
        stream_send_adopt(stream, refusal("the frame is too large"), 0) == STATUS_OK) {
        stream_finish(stream); /* comes back here when it is done */
        return;
    }
    if (why == STATUS_TOO_LARGE)
        stream_close(stream);
    asker_free(self);
}

/* Who says that he will ask no more still gets what he asked for. */
static void on_end(struct stream *stream, void *user)
{
    (void)user;
    stream_finish(stream);
}

static const struct stream_callbacks callbacks = {
    .on_frame = on_frame, .on_end = on_end, .on_closed = on_closed};

static void on_accepted(int fd, void *user)
{
    static const struct stream_options options = {.max_frame = QUESTION_BYTES_MAX,
        .max_queued_bytes = QUEUED_BYTES_MAX,
        .throttle_bytes = UNREAD_BYTES,
        /* takes no byte of an answer */ .stall_s = 10.};
    struct informer *self = user;
    struct asker *asker = calloc(1, sizeof *asker);
    struct stream *stream = stream_adopt(self->streams, fd, &options, &callbacks, asker);
    if (asker == NULL || stream == NULL) {
        if (stream != NULL)
            stream_close(stream);
        free(asker);
        return;
    }
    *asker = (struct asker){.informer = self, .stream = stream};
    DL_APPEND(self->askers, asker);
    /* Whoever has been silent for longest makes room: a program that forgets its connections
     * must not keep out the others. */
    if (++self->asker_count > CONNECTIONS_MAX) {
        stream_close(self->askers->stream);
        asker_free(self->askers);
    }
}

/* ---- birth and end ---- */

enum status informer_new(struct informer **out, struct streams *streams, const char *path,
    const struct informer_facts *facts, void *server, struct fault *fault)
{
    struct address address = {.kind = ADDRESS_UNIX};
    if (strlen(path) >= sizeof address.path)
        return fault_set(fault, STATUS_INVALID, 0, "%s: too long for a UNIX socket", path);
    memcpy(address.path, path, strlen(path) + 1);
    struct informer *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    *self = (struct informer){.streams = streams, .facts = facts, .server = server};
    int fd = -1;
    enum status status = acceptor_open(&address, &fd, fault);
    if (status == STATUS_OK) {
        self->acceptor = acceptor_adopt(streams_loop(streams), fd, on_accepted, self);
        status = self->acceptor != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK)
        *out = self;
    else
        free(self);
    return status;
}

void informer_free(struct informer *self)
{
    if (self == NULL)
        return;
    struct asker *asker;
    struct asker *next;
    DL_FOREACH_SAFE (self->askers, asker, next) {
        stream_close(asker->stream);
        DL_DELETE(self->askers, asker);
        free(asker);
    }
    acceptor_free(self->acceptor);
    free(self);
}
