#include "libbester/handler_sdk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "libbester/acceptor.h"
#include "libbester/descriptors.h"
#include "libbester/handler_sdk_reply.h"
#include "libbester/stream.h"

enum { MAX_FRAME = 64 << 20, QUEUED_BYTES_MAX = 256 << 20 };

struct connection {
    uint64_t id;
    struct handler_sdk *sdk;
    struct stream *stream;
    size_t unanswered; /* questions, the one being handled included */
    bool ended;        /* the server asks no more: close after the last answer */
    UT_hash_handle hh;
};

struct handler_sdk {
    struct handler_sdk_options options;
    struct streams *streams;
    struct acceptor *acceptor;
    struct connection *connections; /* by id */
    uint64_t last_id;
    struct handler_reply *kept; /* list */
};

/* ---- connections ---- */

static void connection_free(struct connection *self)
{
    HASH_DEL(self->sdk->connections, self);
    free(self);
}

static struct connection *find_connection(struct handler_sdk *self, uint64_t id)
{
    struct connection *found = NULL;
    HASH_FIND(hh, self->connections, &id, sizeof id, found);
    return found;
}

/* A reply that does not fit in the queue would leave the server waiting for it:
 * better it sees the connection go. */
static void send_reply(struct handler_sdk *self, const struct handler_reply *reply)
{
    struct connection *connection = find_connection(self, reply->connection);
    if (connection == NULL)
        return;
    connection->unanswered--;
    if (stream_send_adopt(connection->stream, reply_blob(reply, true), 0) != STATUS_OK) {
        stream_close(connection->stream);
        connection_free(connection);
    } else if (connection->ended && connection->unanswered == 0) {
        stream_finish(connection->stream);
    }
}

static void unlink_kept(struct handler_sdk *self, struct handler_reply *reply)
{
    if (reply->prev != NULL)
        reply->prev->next = reply->next;
    else
        self->kept = reply->next;
    if (reply->next != NULL)
        reply->next->prev = reply->prev;
}

/* ---- replies ---- */

const struct handler_request *reply_keep(struct handler_reply *self)
{
    if (self->kept)
        return &self->request;
    /* A test's reply has no place where it could wait. */
    if (self->sdk == NULL || reply_hold(self) != STATUS_OK) {
        reply_refuse(self, "1", "the handler has no memory to answer later");
        return NULL;
    }
    self->kept = true;
    self->prev = NULL;
    self->next = self->sdk->kept;
    if (self->next != NULL)
        self->next->prev = self;
    self->sdk->kept = self;
    return &self->request;
}

static void reply_end(struct handler_reply *self)
{
    if (self->kept && self->sdk != NULL)
        unlink_kept(self->sdk, self);
    reply_free(self);
}

void reply_send(struct handler_reply *self)
{
    if (!self->sent && self->sdk != NULL)
        send_reply(self->sdk, self);
    self->sent = true;
    if (!self->running)
        reply_end(self);
}

/* ---- questions ---- */

static void ask(
    struct handler_sdk *self, struct connection *connection, struct handler_reply *reply)
{
    reply->sdk = self;
    reply->connection = connection->id;
    connection->unanswered++;
    reply->running = true;
    if (!reply->broken)
        self->options.handle(&reply->request, reply, self->options.user);
    reply->running = false;
    if (reply->sent)
        reply_end(reply);
    else if (!reply->kept)
        reply_send(reply);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct connection *connection = user;
    struct handler_sdk *self = connection->sdk;
    bool is_stream = self->options.protocol == HANDLER_SDK_STREAM;
    struct handler_reply *reply =
        is_stream ? reply_new_stream(payload) : reply_new_oneshot(payload);
    if (reply != NULL && (!is_stream || reply->exchange.at != NULL)) {
        ask(self, connection, reply);
        return;
    }
    /* Out of memory, or no exchange: no answer could find its way. */
    if (reply != NULL)
        reply_free(reply);
    stream_close(stream);
    connection_free(connection);
}

static void on_end(struct stream *stream, void *user)
{
    struct connection *connection = user;
    connection->ended = true;
    if (connection->unanswered == 0)
        stream_finish(stream);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    (void)detail;
    if (why == STATUS_TOO_LARGE)
        stream_close(stream); /* where the next frame would start is not known */
    connection_free(user);
}

static const struct stream_callbacks callbacks = {
    .on_frame = on_frame, .on_end = on_end, .on_closed = on_closed};

static void on_accepted(int fd, void *user)
{
    struct handler_sdk *self = user;
    const struct stream_options options = {
        .max_frame = self->options.max_frame, .max_queued_bytes = QUEUED_BYTES_MAX, .stall_s = 0.};
    struct connection *connection = calloc(1, sizeof *connection);
    struct stream *stream = stream_adopt(self->streams, fd, &options, &callbacks, connection);
    if (connection == NULL || stream == NULL) {
        if (stream != NULL)
            stream_close(stream);
        free(connection);
        return;
    }
    *connection = (struct connection){.id = ++self->last_id, .sdk = self, .stream = stream};
    HASH_ADD(hh, self->connections, id, sizeof connection->id, connection);
}

struct blob *handler_sdk_answer(const struct handler_request *request,
    enum handler_sdk_protocol protocol, handler_function *handle, void *user)
{
    struct handler_reply *reply = reply_new_of(request, protocol);
    if (reply == NULL)
        return NULL;
    reply->running = true;
    handle(&reply->request, reply, user);
    struct blob *text = reply_blob(reply, false);
    reply_free(reply);
    return text;
}

/* ---- birth and end ---- */

enum status handler_sdk_new(struct handler_sdk **out, struct ev_loop *loop,
    const struct handler_sdk_options *options, struct fault *fault)
{
    struct address address = {.kind = ADDRESS_UNIX};
    size_t len = strlen(options->path);
    if (len == 0 || len >= sizeof address.path)
        return fault_set(
            fault, STATUS_INVALID, 0, "\"%s\" cannot be the path of a UNIX socket", options->path);
    memcpy(address.path, options->path, len + 1);
    struct handler_sdk *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->options = *options;
    self->options.path = NULL; /* the caller's text may go */
    if (self->options.max_frame == 0)
        self->options.max_frame = MAX_FRAME;
    self->streams = streams_new(loop);
    int fd = -1;
    enum status status =
        self->streams != NULL ? acceptor_open(&address, &fd, fault) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        self->acceptor = acceptor_adopt(loop, fd, on_accepted, self);
        status = self->acceptor != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK)
        *out = self;
    else
        handler_sdk_free(self);
    return status;
}

void handler_sdk_free(struct handler_sdk *self)
{
    if (self == NULL)
        return;
    acceptor_free(self->acceptor);
    for (struct handler_reply *kept = self->kept; kept != NULL; kept = kept->next)
        kept->sdk = NULL;
    if (self->streams != NULL)
        streams_flush(self->streams);
    struct connection *connection;
    struct connection *next;
    HASH_ITER (hh, self->connections, connection, next) {
        stream_close(connection->stream);
        HASH_DEL(self->connections, connection);
        free(connection);
    }
    if (self->streams != NULL)
        streams_free(self->streams);
    free(self);
}

/* ---- a whole program ---- */

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)signal;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static enum status run(const struct handler_sdk_options *options, struct fault *fault)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct handler_sdk *sdk = NULL;
    ev_signal ended;
    ev_signal interrupted;
    if (loop == NULL)
        return fault_set(fault, STATUS_IO, 0, "libev found no way to wait for events");
    sigaction(SIGPIPE, &ignore, NULL);
    ev_signal_init(&ended, on_signal, SIGTERM);
    ev_signal_init(&interrupted, on_signal, SIGINT);
    ev_signal_start(loop, &ended);
    ev_signal_start(loop, &interrupted);
    enum status status = handler_sdk_new(&sdk, loop, options, fault);
    if (status == STATUS_OK)
        ev_run(loop, 0);
    /* A second signal must not turn the clean end into a death. */
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigprocmask(SIG_BLOCK, &both, NULL);
    handler_sdk_free(sdk);
    ev_signal_stop(loop, &ended);
    ev_signal_stop(loop, &interrupted);
    return status;
}

/* The value of "--protocol VALUE" or "--protocol=VALUE", or what the server put
 * into the environment. Other arguments are the handler's own. */
static const char *protocol_text(int argc, char **argv)
{
    static const char option[] = "--protocol";
    size_t len = sizeof option - 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(argv[i], option, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    }
    const char *given = getenv("BESTER_PROTOCOL");
    return given != NULL && given[0] != '\0' ? given : "stream";
}

static bool find_protocol(const char *text, enum handler_sdk_protocol *protocol)
{
    static const char *const names[] = {
        [HANDLER_SDK_STREAM] = "stream", [HANDLER_SDK_ONESHOT] = "oneshot"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *protocol = (enum handler_sdk_protocol)i;
            return true;
        }
    }
    return false;
}

int handler_sdk_main(int argc, char **argv, handler_function *handle, void *user)
{
    const char *name = argc > 0 ? argv[0] : "handler";
    struct handler_sdk_options options = {
        .path = argc > 1 && argv[1][0] != '-' ? argv[1] : getenv("BESTER_SOCKET"),
        .handle = handle,
        .user = user};
    struct fault fault = {.text = ""};
    descriptors_fill();
    if (options.path == NULL || !find_protocol(protocol_text(argc, argv), &options.protocol)) {
        fprintf(stderr, "usage: %s SOCKET [--protocol stream|oneshot]\n", name);
        return EXIT_USAGE;
    }
    enum status status = run(&options, &fault);
    if (status == STATUS_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", name, fault.text[0] != '\0' ? fault.text : status_help(status));
    return EXIT_LOCAL_IO;
}
