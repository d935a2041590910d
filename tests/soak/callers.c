#include "tests/soak/callers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/message.h"

enum { ADDRESSES = 16, FRAME_BYTES = 2 << 20 };

struct caller {
    struct callers *owner;
    struct stream *stream; /* NULL: between two calls */
    unsigned index;
};

struct callers {
    struct soak *soak;
    const struct subject *subject;
    struct caller *items;
    unsigned count;
    uint64_t calls, begun;
    double pause_s; /* between two calls of all */
    bool over;
    ev_timer next;
};

static void begin_call(struct caller *self);

static void on_frame(struct stream *stream, struct span text, void *user)
{
    struct caller *self = user;
    struct callers *owner = self->owner;
    struct message message;
    struct fault fault;

    owner->soak->events++;
    if (message_parse(&message, text, JSON_DEPTH_MAX, &fault) != STATUS_OK) {
        soak_fail(owner->soak, "a caller got no message: %s", fault.text);
    } else if (json_string_is(message.id, "call")) {
        owner->calls++;
        stream_close(stream);
        self->stream = NULL;
        if (owner->pause_s <= 0)
            begin_call(self);
    } else if (!json_string_is(message.status, "good")) {
        soak_fail(owner->soak, "a caller was not let in: %.*s", (int)text.len, text.at);
    } else if (stream_send_adopt(stream,
                   message_from_client("dummy", SPAN_LITERAL("null"), SPAN_LITERAL("\"call\"")),
                   0) != STATUS_OK) {
        soak_fail(owner->soak, "a caller can send nothing");
    }
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct caller *self = user;

    (void)stream, (void)why;
    self->stream = NULL;
    soak_fail(self->owner->soak, "a caller's connection has ended: %s", detail);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static void begin_call(struct caller *self)
{
    struct callers *owner = self->owner;
    char name[32];

    if (owner->over || owner->soak->failed)
        return;
    uint64_t number = owner->begun++;
    int fd = number % 2 ? subject_connect_unix(owner->subject, "sock")
                        : subject_connect_tcp(owner->subject, 100 + number / 2 % ADDRESSES);
    if (fd < 0) {
        soak_fail(owner->soak, "a caller can't connect: %s", strerror(errno));
        return;
    }
    snprintf(name, sizeof(name), "caller%u", self->index);
    self->stream = stream_adopt(owner->soak->streams, fd,
        &(struct stream_options){.max_frame = FRAME_BYTES, .max_queued_bytes = FRAME_BYTES},
        &callbacks, self);
    if (!self->stream ||
        stream_send_adopt(self->stream, message_login(name, "p", NULL), 0) != STATUS_OK)
        soak_give_up("a caller");
}

/* The next who is not calling does. */
static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct callers *self = timer->data;

    (void)loop, (void)events;
    for (unsigned i = 0; i < self->count; i++)
        if (!self->items[i].stream) {
            begin_call(&self->items[i]);
            return;
        }
}

struct callers *callers_new(
    struct soak *soak, const struct subject *subject, unsigned count, double rate)
{
    struct callers *self = must_alloc(sizeof(*self));

    *self = (struct callers){.soak = soak,
        .subject = subject,
        .items = must_alloc(count * sizeof(struct caller)),
        .count = count,
        .pause_s = rate > 0 ? 1 / rate : 0};
    for (unsigned i = 0; i < count; i++) {
        self->items[i] = (struct caller){.owner = self, .index = i};
        if (rate <= 0)
            begin_call(&self->items[i]);
    }
    ev_timer_init(&self->next, on_next, self->pause_s, self->pause_s);
    self->next.data = self;
    if (rate > 0)
        ev_timer_start(soak->loop, &self->next);
    return self;
}

static bool nobody_calls(void *user)
{
    const struct callers *self = user;

    for (unsigned i = 0; i < self->count; i++)
        if (self->items[i].stream)
            return false;
    return true;
}

bool callers_settle(struct callers *self)
{
    self->over = true;
    ev_timer_stop(self->soak->loop, &self->next);
    return soak_until(self->soak, nobody_calls, self, "the last caller has been answered");
}

void callers_free(struct callers *self)
{
    if (!self)
        return;
    ev_timer_stop(self->soak->loop, &self->next);
    for (unsigned i = 0; i < self->count; i++)
        if (self->items[i].stream)
            stream_close(self->items[i].stream);
    free(self->items);
    free(self);
}

uint64_t callers_calls(const struct callers *self)
{
    return self->calls;
}
