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
 * question fails now; otherwise every question that is with the handler on this
 * connection is under suspicion, and those that get no answer will say so. */
static void take_garbage(struct line *line, const struct message *message, const char *why)
{
    struct handler *self = line->handler;
    uint64_t number;
    struct ask *ask = NULL;

    handler_log(self, &self->noise, LOG_LEVEL_WARNING, "sent garbage: %s", why);
    if (json_u64(message->exchange, &number) == STATUS_OK)
        ask = slots_find(&self->numbers, number);
    if (!ask && line->sent_count == 1)
        ask = line->sent; /* the only one it can be */
    if (ask && ask->line == line) {
        handler_failed(ask, STATUS_BAD_REPLY, "%s", why);
        return;
    }
    for (ask = line->sent; ask; ask = ask->after)
        ask->suspect = true;
}

static void take_answer(struct line *line, const struct message *message, struct span payload)
{
    struct handler *self = line->handler;
    uint64_t number;

    if (json_u64(message->exchange, &number) != STATUS_OK) {
        take_garbage(line, message, "header.exchange must be a number as it was given");
        return;
    }
    struct ask *ask = slots_find(&self->numbers, number);
    if (ask && ask->line == line)
        handler_answered(ask, message, payload);
    else
        handler_log(self, &self->noise, LOG_LEVEL_INFO,
            "an answer to exchange %llu, which is over: late, or given twice",
            (unsigned long long)number);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct line *line = user;
    struct handler *self = line->handler;
    struct message message;
    struct fault fault;

    (void)stream;
    if (message_parse(&message, payload, self->context->limits->json_depth, &fault) != STATUS_OK)
        take_garbage(line, &message, fault.text);
    else if (message.exchange.at)
        take_answer(line, &message, payload);
    else if (message.command.at || message.commands.at)
        handler_take_word(line, &message);
    else
        take_garbage(line, &message, "neither header.exchange nor a command");
    handler_pump(line);
}

/* Those that are with it fail. Whoever is told may ask anew, over the next
 * connection: such a question is none of those. What waits goes another way, if there
 * is one. */
static void connection_lost(struct line *line, enum status reason, const char *detail)
{
    struct handler *self = line->handler;
    struct line *other;
    struct ask *ask;

    line->stream = NULL;
    line->holds = 0;
    handler_look(self);
    handler_log(self, &self->noise, LOG_LEVEL_INFO, "connection lost: %s", detail);
    for (ask = line->sent; ask; ask = ask->after)
        ask->lost = true;
    handler_blame_sent(line, detail);
    while (line->sent && line->sent->lost)
        handler_failed(line->sent, reason, "%s", detail);
    handler_reconnect(line);
    other = handler_other_line(line);
    if (other)
        handler_line_hand_over(line, other);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct line *line = user;

    if (why == STATUS_TOO_LARGE) {
        stream_close(stream);
        connection_lost(line, STATUS_BAD_REPLY, detail);
    } else {
        connection_lost(line, STATUS_HANDLER_DOWN,
            why == STATUS_CLOSED ? "the handler closed the connection" : detail);
    }
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static enum status stream_connect(struct line *line)
{
    struct handler *self = line->handler;
    struct stream_options options = handler_stream_options(self);
    int fd;

    if (line->stream)
        return STATUS_OK;
    enum status status = handler_connect(line, &fd);
    if (status != STATUS_OK)
        return status;
    line->stream = stream_adopt(self->context->streams, fd, &options, &callbacks, line);
    if (!line->stream) {
        errno = ENOMEM;
        return STATUS_HANDLER_DOWN;
    }
    handler_log(self, &self->noise, LOG_LEVEL_INFO, "connected to %s", self->config->path);
    handler_look(self);
    handler_note_connection(self);
    return STATUS_OK;
}

static enum status stream_send_ask(struct line *line, struct ask *ask)
{
    enum status status = stream_connect(line);

    if (status == STATUS_OK)
        status = stream_send(line->stream, ask->frame, 0);
    if (status == STATUS_OVERLOADED || status == STATUS_NO_MEMORY) {
        handler_retry(line, 0.01); /* it reads slowly: wait for room, up to the deadline */
        return STATUS_OVERLOADED;
    }
    /* It has gone; what it said before is read first, then connection_lost comes. */
    return status == STATUS_CLOSED ? STATUS_OVERLOADED : status;
}

static void stream_abandon(struct ask *ask)
{
    (void)ask; /* an answer that comes all the same finds no question */
}

static void stream_close_line(struct line *line)
{
    if (line->stream)
        stream_close(line->stream);
    line->stream = NULL;
    line->holds = 0;
}

static unsigned stream_room(const struct handler *self)
{
    return self->config->pipelined;
}

const struct handler_protocol handler_protocol_stream = {
    .frame = stream_frame,
    .send = stream_send_ask,
    .connect = stream_connect,
    .abandon = stream_abandon,
    .close = stream_close_line,
    .room = stream_room,
};
