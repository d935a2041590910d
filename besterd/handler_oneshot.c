/* The reference's way (Part I): a connection for each message, data alone in,
 * one frame out. */
#include <errno.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"

static struct blob *oneshot_frame(
    struct handler *self, const struct ask *ask, const struct handler_question *question)
{
    (void)self, (void)ask;
    return frame_of(question->data);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct ask *ask = user;
    struct handler *self = ask->handler;
    struct message message;
    struct fault fault;

    (void)stream;
    if (message_parse(&message, payload, self->context->limits->json_depth, &fault) == STATUS_OK)
        handler_answered(ask, &message, payload);
    else
        handler_failed(ask, STATUS_BAD_REPLY, "%s", fault.text);
    handler_pump(&self->lines[0]);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct ask *ask = user;
    struct handler *self = ask->handler;

    if (why != STATUS_TOO_LARGE) /* then it is still open, and abandon closes it */
        ask->stream = NULL;
    (void)stream;
    if (why == STATUS_CLOSED)
        detail = "the handler closed the connection without an answer";
    if (why != STATUS_TOO_LARGE)
        handler_blame(ask, detail);
    handler_failed(
        ask, why == STATUS_TOO_LARGE ? STATUS_BAD_REPLY : STATUS_HANDLER_DOWN, "%s", detail);
    handler_pump(&self->lines[0]);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static enum status oneshot_send(struct line *line, struct ask *ask)
{
    struct handler *self = line->handler;
    struct stream_options options = handler_stream_options(self);
    int fd;
    enum status status = handler_connect(line, &fd);

    if (status != STATUS_OK)
        return status;
    ask->stream = stream_adopt(self->context->streams, fd, &options, &callbacks, ask);
    if (!ask->stream || stream_send(ask->stream, ask->frame, 0) != STATUS_OK) {
        if (ask->stream)
            stream_close(ask->stream);
        ask->stream = NULL;
        errno = ENOMEM;
        return STATUS_HANDLER_DOWN;
    }
    return STATUS_OK;
}

static enum status oneshot_connect(struct line *line)
{
    (void)line;
    return STATUS_OK;
}

static void oneshot_abandon(struct ask *ask)
{
    if (!ask->stream)
        return;
    stream_close(ask->stream);
    ask->stream = NULL;
}

static void oneshot_close(struct line *line)
{
    (void)line; /* each connection goes with its question */
}

static unsigned oneshot_room(const struct handler *self)
{
    return self->context->limits->oneshot_connections;
}

const struct handler_protocol handler_protocol_oneshot = {
    .frame = oneshot_frame,
    .send = oneshot_send,
    .connect = oneshot_connect,
    .abandon = oneshot_abandon,
    .close = oneshot_close,
    .room = oneshot_room,
};
