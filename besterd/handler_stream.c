/* Handlers that stay connected (Part II): one connection, many questions. */
#include <errno.h>
#include <string.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"
#include "libbester/json.h"

static struct blob *stream_frame(
    struct handler *self, const struct ask *ask, const struct handler_question *question)
{
    return message_question(&(struct question){
        .exchange = ask->number,
        .origin = blob_span(question->origin->question),
        .id_token = question->id_token,
        .trace = question->trace,
        .deadline_ms = self->config->timeout_ms,
        .type_token = handler_type_token(self),
        .data = question->data,
    });
}

/* Bytes that are no answer. If they tell whose answer they were to be, that
 * question fails now; otherwise every question that is with the handler is under
 * suspicion, and those that get no answer will say so. */
static void take_garbage(struct handler *self, const struct message *message, const char *why)
{
    uint64_t number;
    struct ask *ask = NULL;

    log_line(LOG_LEVEL_WARNING, self->subject, "sent garbage: %s", why);
    if (json_u64(message->exchange, &number) == STATUS_OK)
        ask = slots_find(&self->numbers, number);
    if (!ask && self->first && self->first->sent &&
        (!self->first->next || !self->first->next->sent))
        ask = self->first; /* the only one it can be */
    if (ask && ask->sent) {
        handler_failed(self, ask, STATUS_BAD_REPLY, "%s", why);
        return;
    }
    for (ask = self->first; ask && ask->sent; ask = ask->next)
        ask->suspect = true;
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct handler *self = user;
    struct message message;
    struct fault fault;
    uint64_t number;

    (void)stream;
    if (message_parse(&message, payload, self->context->limits->json_depth, &fault) != STATUS_OK) {
        take_garbage(self, &message, fault.text);
    } else if (!message.exchange.at) {
        if (message.command.at || message.commands.at)
            self->context->callbacks->on_word(self, &message, self->context->server);
        else
            take_garbage(self, &message, "neither header.exchange nor a command");
    } else if (json_u64(message.exchange, &number) != STATUS_OK) {
        take_garbage(self, &message, "header.exchange must be a number as it was given");
    } else {
        struct ask *ask = slots_find(&self->numbers, number);

        if (ask && ask->sent)
            handler_answered(self, ask, &message, payload);
        else
            log_line(LOG_LEVEL_INFO, self->subject,
                "an answer to exchange %llu, which is over: late, or given twice",
                (unsigned long long)number);
    }
}

/* Those that are with it fail. Whoever is told may ask anew, over the next
 * connection: such a question is none of those. */
static void connection_lost(struct handler *self, enum status reason, const char *detail)
{
    self->stream = NULL;
    log_line(LOG_LEVEL_INFO, self->subject, "connection lost: %s", detail);
    for (struct ask *ask = self->first; ask && ask->sent; ask = ask->next)
        ask->lost = true;
    while (self->first && self->first->lost)
        handler_failed(self, self->first, reason, "%s", detail);
    handler_reconnect(self);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct handler *self = user;

    if (why == STATUS_TOO_LARGE) {
        stream_close(stream);
        connection_lost(self, STATUS_BAD_REPLY, detail);
    } else {
        connection_lost(self, STATUS_HANDLER_DOWN,
            why == STATUS_CLOSED ? "the handler closed the connection" : detail);
    }
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static enum status stream_connect(struct handler *self)
{
    struct stream_options options = handler_stream_options(self);
    int fd;

    if (self->stream)
        return STATUS_OK;
    enum status status = handler_connect(self, &fd);
    if (status != STATUS_OK)
        return status;
    self->stream = stream_adopt(self->context->streams, fd, &options, &callbacks, self);
    if (!self->stream) {
        errno = ENOMEM;
        return STATUS_HANDLER_DOWN;
    }
    log_line(LOG_LEVEL_INFO, self->subject, "connected to %s", self->config->path);
    return STATUS_OK;
}

static enum status stream_send_ask(struct handler *self, struct ask *ask)
{
    enum status status = stream_connect(self);

    if (status == STATUS_OK)
        status = stream_send(self->stream, ask->frame, 0);
    if (status == STATUS_OVERLOADED || status == STATUS_NO_MEMORY) {
        handler_retry(self, 0.01); /* it reads slowly: wait for room, up to the deadline */
        return STATUS_OVERLOADED;
    }
    /* It has gone; what it said before is read first, then connection_lost comes. */
    return status == STATUS_CLOSED ? STATUS_OVERLOADED : status;
}

static void stream_abandon(struct handler *self, struct ask *ask)
{
    (void)self, (void)ask; /* an answer that comes all the same finds no question */
}

static void stream_close_all(struct handler *self)
{
    if (self->stream)
        stream_close(self->stream);
    self->stream = NULL;
}

const struct handler_protocol handler_protocol_stream = {
    .frame = stream_frame,
    .send = stream_send_ask,
    .connect = stream_connect,
    .abandon = stream_abandon,
    .close = stream_close_all,
};
