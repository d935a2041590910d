/* Turns, so that one stream does not keep the others waiting, and memory. */
#include <stdint.h>

#include "libbester/stream_internal.h"

/* ---- turns ---- */

/* Before anything that has come meanwhile: those that wait have come earlier. Each has
 * one more share, and goes to the end of the list if that was not enough. */
static void on_next_turn(struct ev_loop *loop, ev_idle *watcher, int events)
{
    struct streams *self = watcher->data;
    size_t count = 0;

    (void)events;
    for (const struct stream *stream = self->waiting; stream; stream = stream->next_waiting)
        count++;
    for (; count > 0 && self->waiting; count--) {
        struct stream *stream = self->waiting;

        stream_leave_waiting(stream);
        if (stream_is_receptive(stream))
            stream_go_on(stream);
    }
    if (!self->waiting)
        ev_idle_stop(loop, watcher);
}

void streams_init_turns(struct streams *self)
{
    self->max_held = SIZE_MAX;
    ev_idle_init(&self->next_turn, on_next_turn);
    ev_set_priority(&self->next_turn, EV_MAXPRI);
    self->next_turn.data = self;
}

void stream_await_turn(struct stream *self)
{
    struct streams *streams = self->streams;

    self->has_had_its_turn = true;
    self->next_waiting = NULL;
    self->previous_waiting = streams->last_waiting;
    if (streams->last_waiting)
        streams->last_waiting->next_waiting = self;
    else
        streams->waiting = self;
    streams->last_waiting = self;
    ev_io_stop(streams->loop, &self->readable);
    ev_idle_start(streams->loop, &streams->next_turn);
}

void stream_leave_waiting(struct stream *self)
{
    struct streams *streams = self->streams;

    if (!self->has_had_its_turn)
        return;
    self->has_had_its_turn = false;
    *(self->previous_waiting ? &self->previous_waiting->next_waiting : &streams->waiting) =
        self->next_waiting;
    *(self->next_waiting ? &self->next_waiting->previous_waiting : &streams->last_waiting) =
        self->previous_waiting;
}

/* ---- memory ---- */

size_t *streams_held(struct streams *self)
{
    return &self->held;
}

void streams_limit(struct streams *self, size_t max_bytes, bool (*on_full)(void *user), void *user)
{
    self->max_held = max_bytes;
    self->on_full = on_full;
    self->on_full_user = user;
}

bool streams_are_full(const struct streams *self)
{
    return self->held > self->max_held;
}

void streams_notice_growth(struct streams *self)
{
    if (self->held <= self->max_held || !self->on_full)
        return;
    self->ran_out = true;
    streams_have_work(self);
}

static void pool_notice_growth(struct stream_pool *self, struct streams *streams)
{
    if (self->bytes <= self->max || self->ran_out || !streams->on_full)
        return;
    self->ran_out = true;
    self->next = streams->pools;
    streams->pools = self;
    streams_have_work(streams);
}

void stream_count_input(struct stream *self)
{
    size_t before = self->input_bytes;
    size_t now = self->partial.allocated + self->encrypted.allocated;

    if (now == before)
        return;
    self->input_bytes = now;
    self->streams->held += now - before;
    if (self->pool)
        self->pool->bytes += now - before;
    if (now < before)
        return;
    streams_notice_growth(self->streams);
    if (self->pool)
        pool_notice_growth(self->pool, self->streams);
}

void stream_set_pool(struct stream *self, struct stream_pool *pool)
{
    if (self->pool)
        self->pool->bytes -= self->input_bytes;
    self->pool = pool;
    if (pool)
        pool->bytes += self->input_bytes;
}

size_t stream_input_bytes(const struct stream *self)
{
    return self->input_bytes;
}

void streams_make_room(struct streams *self)
{
    bool due = self->ran_out || self->pools;

    self->ran_out = false;
    for (; self->pools; self->pools = self->pools->next)
        self->pools->ran_out = false;
    while (due && self->on_full(self->on_full_user))
        streams_flush(self);
}
