#include "harness/desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/wire.h"

enum { OVER_KEPT = 64 };

enum exchange_state { EXCHANGE_NEW, EXCHANGE_ASKED, EXCHANGE_ANSWERED };

struct caller {
    struct caller *prev, *next;
    struct desk *desk;
    struct stream *stream;
    unsigned order;
};

struct exchange {
    struct exchange *prev, *next;
    struct caller *caller; /* NULL: it has hung up */
    enum exchange_state state;
    unsigned number;
    json_t *token; /* header.exchange of a stream's question; or NULL */
    char *label;
};

struct desk {
    const struct setting *setting;
    int owner;
    int server;
    enum edge_kind incoming;
    enum edge_kind outgoing;
    ev_io acceptable;
    struct caller *callers;
    struct exchange *exchanges;
    unsigned calls;
    unsigned questions;
};

/* ---- exchanges ------------------------------------------------------------------------------- */

static void exchange_free(struct desk *self, struct exchange *exchange)
{
    DL_DELETE(self->exchanges, exchange);
    json_decref(exchange->token);
    free(exchange->label);
    free(exchange);
}

/* Answered, or nobody there to be answered. */
static bool is_over(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_ANSWERED ||
           (exchange->state == EXCHANGE_ASKED && !exchange->caller);
}

/* Some are kept when they are over, so that a play can answer twice or too late. */
static void exchanges_trim(struct desk *self)
{
    struct exchange *exchange;
    struct exchange *after;
    size_t over = 0;

    DL_FOREACH (self->exchanges, exchange)
        over += is_over(exchange);
    DL_FOREACH_SAFE (self->exchanges, exchange, after) {
        if (over <= OVER_KEPT)
            return;
        if (is_over(exchange)) {
            exchange_free(self, exchange);
            over--;
        }
    }
}

static bool is_meant(const struct exchange *exchange, const struct utterance *utterance)
{
    if (utterance->exchange)
        return exchange->number == utterance->exchange;
    if (utterance->label)
        return exchange->label && strcmp(exchange->label, utterance->label) == 0;
    return exchange->state == EXCHANGE_ASKED;
}

/* The oldest that is meant; one whose asker has gone only if there is no other. */
static struct exchange *exchange_find(const struct desk *self, const struct utterance *utterance)
{
    struct exchange *exchange = NULL;
    struct exchange *gone = NULL;

    DL_FOREACH (self->exchanges, exchange) {
        if (!is_meant(exchange, utterance))
            continue;
        if (exchange->caller)
            return exchange;
        if (!gone)
            gone = exchange;
    }
    return gone;
}

void desk_take(struct desk *self, unsigned number, const char *label)
{
    struct utterance wanted = {.exchange = number};
    struct exchange *exchange = number ? exchange_find(self, &wanted) : NULL;

    if (!exchange)
        return;
    if (exchange->state == EXCHANGE_NEW)
        exchange->state = EXCHANGE_ASKED;
    free(exchange->label);
    exchange->label = label ? must_copy(label) : NULL;
}

bool desk_is_asked(const struct desk *self)
{
    struct utterance any = {.exchange = 0};

    return exchange_find(self, &any) != NULL;
}

/* ---- callers --------------------------------------------------------------------------------- */

static void caller_gone(struct caller *caller, const char *how)
{
    struct desk *self = caller->desk;
    struct exchange *exchange;

    DL_FOREACH (self->exchanges, exchange)
        if (exchange->caller == caller)
            exchange->caller = NULL;
    exchanges_trim(self);
    timeline_end(
        self->setting->timeline, self->server, self->owner, self->incoming, how, caller->order)
        ->optional = true;
    DL_DELETE(self->callers, caller);
    free(caller);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct caller *caller = user;
    struct desk *self = caller->desk;
    struct exchange *exchange = must_alloc(sizeof(*exchange));
    struct event *event = timeline_frame(
        self->setting->timeline, self->server, self->owner, self->incoming, payload, caller->order);

    (void)stream;
    exchange->caller = caller;
    exchange->number = ++self->questions;
    exchange->token =
        json_incref(json_object_get(json_object_get(event->json, "header"), "exchange"));
    exchanges_trim(self);
    DL_APPEND(self->exchanges, exchange);
    event->exchange = exchange->number;
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct caller *caller = user;
    char *how = must_print("(%s: %s)", status_text(why), detail ? detail : "");

    stream_close(stream);
    caller_gone(caller, why == STATUS_CLOSED ? "(closed the connection)" : how);
    free(how);
}

static const struct stream_callbacks caller_callbacks = {
    .on_frame = on_frame, .on_closed = on_closed};

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct desk *self = watcher->data;
    int fd;

    (void)loop, (void)events;
    while ((fd = accept(watcher->fd, NULL, NULL)) >= 0) {
        struct caller *caller = must_alloc(sizeof(*caller));

        *caller = (struct caller){.desk = self, .order = ++self->calls};
        caller->stream =
            stream_adopt(self->setting->streams, fd, &wire_options, &caller_callbacks, caller);
        if (!caller->stream) {
            free(caller);
            continue;
        }
        DL_APPEND(self->callers, caller);
    }
}

/* ---- saying ---------------------------------------------------------------------------------- */

static void hang_up(struct desk *self, struct caller *caller)
{
    timeline_said_text(
        self->setting->timeline, self->owner, self->server, self->outgoing, "{\"close\": true}");
    streams_flush(self->setting->streams);
    /* The flush may have found it dead, and then it is gone. */
    struct caller *at;
    DL_FOREACH (self->callers, at) {
        if (at != caller)
            continue;
        stream_close(caller->stream);
        caller_gone(caller, "(the harness closed the connection)");
        return;
    }
}

static enum status say_close(struct desk *self, struct exchange *exchange, struct fault *fault)
{
    struct caller *caller = exchange ? exchange->caller : self->callers;

    if (!caller)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "there is no connection to close");
    if (exchange)
        exchange->state = EXCHANGE_ANSWERED;
    hang_up(self, caller);
    return STATUS_OK;
}

/* An answer on a lasting connection says which question it answers. */
static void add_token(const struct exchange *exchange, const struct utterance *utterance)
{
    json_t *header = json_object_get(utterance->wire, "header");

    if (exchange->token && header && utterance->body == BODY_JSON &&
        !json_object_get(header, "exchange"))
        json_object_set(header, "exchange", exchange->token);
}

enum status desk_say(struct desk *self, const struct utterance *utterance, struct fault *fault)
{
    struct exchange *exchange = exchange_find(self, utterance);
    enum status status = STATUS_OK;

    if (utterance->body == BODY_CLOSE && (exchange || !utterance->label))
        return say_close(self, exchange, fault);
    if (!exchange)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "there is no question %s%s",
            utterance->label ? utterance->label : "left to answer",
            utterance->label ? " that it could answer" : "");
    if (!exchange->caller)
        return fault_set(fault, STATUS_CLOSED, 0, "whoever asked has closed the connection");
    if (utterance->body == BODY_SILENT) {
        timeline_said_text(self->setting->timeline, self->owner, self->server, self->outgoing,
            "{\"silent\": true}");
    } else {
        add_token(exchange, utterance);
        status = wire_say(self->setting, exchange->caller->stream, self->owner, self->server,
            self->outgoing, utterance, fault);
    }
    if (status == STATUS_OK)
        exchange->state = EXCHANGE_ANSWERED;
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct desk *desk_new(const struct setting *setting, int owner, int server, struct place *place,
    enum edge_kind incoming, enum edge_kind outgoing)
{
    struct desk *self = must_alloc(sizeof(*self));

    *self = (struct desk){.setting = setting,
        .owner = owner,
        .server = server,
        .incoming = incoming,
        .outgoing = outgoing};
    ev_io_init(&self->acceptable, on_acceptable, place->fd, EV_READ);
    self->acceptable.data = self;
    place->fd = -1;
    ev_io_start(setting->loop, &self->acceptable);
    return self;
}

void desk_free(struct desk *self)
{
    struct caller *caller;
    struct caller *after;

    if (!self)
        return;
    ev_io_stop(self->setting->loop, &self->acceptable);
    close(self->acceptable.fd);
    while (self->exchanges)
        exchange_free(self, self->exchanges);
    DL_FOREACH_SAFE (self->callers, caller, after) {
        stream_close(caller->stream);
        free(caller);
    }
    free(self);
}
