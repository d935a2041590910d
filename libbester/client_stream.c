/* The connection: dialling, TLS, what comes, the end. */
#include <unistd.h>

#include "libbester/client_internal.h"

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct client *self = user;
    (void)stream;
    client_enter(self);
    self->heard_s = ev_now(self->loop);
    self->asked = false;
    client_receive(self, payload);
    client_leave(self);
}

/* TLS failed: says what helps. */
static void end_insecure(struct client *self, enum status why, const char *detail)
{
    struct tls_pin seen;
    char pin[TLS_PIN_TEXT];
    struct fault fault = {0};
    if (why == STATUS_CLOSED) /* as a server of Part I does */
        fault_set(&fault, STATUS_IO, 0,
            "the server closed the connection instead of agreeing on TLS; without TLS it is "
            "bester://");
    else if (tls_peer_pin(self->tls, &seen) == STATUS_OK)
        fault_set(&fault, STATUS_IO, 0, "%s; if this is the server you mean, say --pin %s", detail,
            tls_pin_format(&seen, pin));
    else
        fault_set(&fault, STATUS_IO, 0, "%s; without TLS it is bester://", detail);
    client_end(self, CLIENT_END_TLS, &fault);
}

/* Nothing has been sent yet, above all not the password. */
static void on_secured(struct stream *stream, void *user)
{
    struct client *self = user;
    struct tls_pin seen = {0};
    char pin[TLS_PIN_TEXT];
    struct fault fault = {0};
    (void)stream;
    client_enter(self);
    if (self->options.pin == NULL ||
        (tls_peer_pin(self->tls, &seen) == STATUS_OK && tls_pin_equal(&seen, self->options.pin))) {
        self->state = STATE_LOGIN;
    } else {
        fault_set(&fault, STATUS_IO, 0,
            "TLS: this is not the server you know: its key is %s. If it has a new one, say so "
            "with --pin",
            tls_pin_format(&seen, pin));
        client_end(self, CLIENT_END_TLS, &fault);
    }
    client_leave(self);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct client *self = user;
    client_enter(self);
    if (self->state == STATE_FINISHING)
        client_end_text(self, CLIENT_END_FINISHED, STATUS_OK, "finished", "");
    else if (self->state == STATE_SECURING)
        end_insecure(self, why, detail);
    else if (self->state == STATE_LOGIN && why == STATUS_CLOSED)
        client_end_text(self, CLIENT_END_REFUSED, STATUS_CLOSED,
            "the server closed the connection without an answer to the login", "");
    else if (self->state == STATE_LOGIN)
        client_end_text(self, CLIENT_END_UNREACHABLE, why, "no login", detail);
    else
        client_end_text(self, CLIENT_END_LOST, why, detail, "");
    (void)stream;
    client_leave(self);
}

/* What a port with TLS answers to our login: an alert. */
static void on_tls(struct stream *stream, void *user)
{
    struct client *self = user;
    (void)stream;
    client_enter(self);
    client_end_text(self, CLIENT_END_TLS, STATUS_IO,
        "the server expects TLS there: besters:// instead of bester://", "");
    client_leave(self);
}

static const struct stream_callbacks stream_callbacks = {
    .on_secured = on_secured, .on_frame = on_frame, .on_tls = on_tls, .on_closed = on_closed};

/* A message of the server's maximum must fit whatever is queued, so our own cap
 * is kept in client_send, and the stream has none. */
static void client_connect(struct client *self, int fd)
{
    struct stream_options options = {
        .max_frame = self->options.max_frame, .max_queued_bytes = SIZE_MAX / 2};
    const struct address *address = &self->options.address;
    if (self->options.tls != NULL) {
        self->tls =
            tls_new(self->options.tls, address->kind == ADDRESS_UNIX ? NULL : address->host);
        if (self->tls == NULL) {
            close(fd);
            client_end_text(self, CLIENT_END_UNREACHABLE, STATUS_NO_MEMORY, "out of memory", "");
            return;
        }
        options.filter = tls_filter(self->tls);
    }
    self->stream = stream_adopt(self->streams, fd, &options, &stream_callbacks, self);
    if (self->stream == NULL || stream_send(self->stream, self->login, 0) != STATUS_OK) {
        client_end_text(self, CLIENT_END_UNREACHABLE, STATUS_NO_MEMORY, "out of memory", "");
        return;
    }
    self->frames = 1;
    self->state = self->tls == NULL ? STATE_LOGIN : STATE_SECURING;
}

void client_on_dialled(int fd, const struct fault *fault, void *user)
{
    struct client *self = user;
    self->dial = NULL;
    client_enter(self);
    if (fd < 0)
        client_end(self, CLIENT_END_UNREACHABLE, fault);
    else
        client_connect(self, fd);
    client_leave(self);
}
