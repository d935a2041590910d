#include "harness/timeline.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "harness/must.h"

struct edge {
    int from;
    int to;
    struct event *pending;
};

struct timeline {
    struct ev_loop *loop;
    const struct scenario *scenario;
    timeline_on_event *on_event;
    timeline_on_turn *on_turn;
    void *user;
    ev_timer turn; /* never started: fed, at the lowest priority, to end a turn */
    struct event *events;
    size_t count;
    uint64_t happened; /* events so far, kept or not */
    size_t keep;
    struct event *fresh;
    struct edge *edges;
    size_t edge_count;
    bool *heard; /* by member */
    double born_ms;
    unsigned line; /* of the play, whose doing it is */
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- edges ----------------------------------------------------------------------------------- */

/* NULL: nothing ever came on it. */
static struct edge *edge_find(const struct timeline *self, int from, int to)
{
    for (size_t i = 0; i < self->edge_count; i++)
        if (self->edges[i].from == from && self->edges[i].to == to)
            return &self->edges[i];
    return NULL;
}

static struct edge *edge_of(struct timeline *self, const struct event *event)
{
    struct edge *edge = edge_find(self, event->from, event->to);

    if (edge)
        return edge;
    must_grow(self->edges, self->edge_count);
    self->edges[self->edge_count] = (struct edge){.from = event->from, .to = event->to};
    return &self->edges[self->edge_count++];
}

struct event *timeline_oldest(const struct timeline *self, int from, int to, bool with_optional)
{
    struct edge *edge = edge_find(self, from, to);
    struct event *event = edge ? edge->pending : NULL;

    while (event && event->optional && !with_optional)
        event = event->next_pending;
    return event;
}

static void stop_pending(struct edge *edge, struct event *event)
{
    DL_DELETE2(edge->pending, event, prev_pending, next_pending);
    event->pending = false;
}

void timeline_take(struct timeline *self, struct event *event)
{
    struct edge *edge = edge_find(self, event->from, event->to);

    if (!edge || !event->pending)
        return;
    for (struct event *at = edge->pending; at && at != event && at->optional; at = edge->pending)
        stop_pending(edge, at);
    stop_pending(edge, event);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void event_free(struct event *self)
{
    json_decref(self->json);
    free(self->bytes);
    free(self);
}

/* The oldest that nobody waits for goes first. */
static void timeline_trim(struct timeline *self)
{
    struct event *event = self->events;

    while (self->keep && self->count > self->keep && event) {
        struct event *next = event->next;

        if (!event->pending) {
            DL_DELETE(self->events, event);
            event_free(event);
            self->count--;
        }
        event = next;
    }
}

static struct event *timeline_add(struct timeline *self, enum event_kind kind, int from, int to,
    enum edge_kind edge, struct span bytes)
{
    struct event *event = must_alloc(sizeof(*event));

    timeline_trim(self);
    *event = (struct event){.kind = kind,
        .number = ++self->happened,
        .from = from,
        .to = to,
        .edge = edge,
        .at_ms = now_ms() - self->born_ms,
        .line = kind == EVENT_SAID || kind == EVENT_FAULT ? self->line : 0,
        .bytes = must_copy_bytes(bytes.at, bytes.len),
        .len = bytes.len};
    if (kind == EVENT_FRAME)
        self->heard[from] = true;
    DL_APPEND(self->events, event);
    self->count++;
    return event;
}

static void timeline_queue(struct timeline *self, struct event *event)
{
    event->pending = true; /* among the fresh; keeps it from being trimmed */
    DL_APPEND2(self->fresh, event, prev_pending, next_pending);
    ev_feed_event(self->loop, &self->turn, EV_CUSTOM);
}

static void decode(struct event *event)
{
    event->json = json_loadb(
        event->bytes, event->len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
}

struct event *timeline_frame(struct timeline *self, int from, int to, enum edge_kind edge,
    struct span payload, unsigned order)
{
    struct event *event = timeline_add(self, EVENT_FRAME, from, to, edge, payload);

    event->order = order;
    decode(event);
    timeline_queue(self, event);
    return event;
}

struct event *timeline_end(
    struct timeline *self, int from, int to, enum edge_kind edge, const char *how, unsigned order)
{
    struct event *event = timeline_add(self, EVENT_END, from, to, edge, span_of(how));

    event->order = order;
    timeline_queue(self, event);
    return event;
}

struct event *timeline_seen(
    struct timeline *self, int from, int to, enum edge_kind edge, struct span payload)
{
    struct event *event = timeline_add(self, EVENT_FRAME, from, to, edge, payload);

    event->aside = true;
    decode(event);
    ev_feed_event(self->loop, &self->turn, EV_CUSTOM); /* somebody may watch */
    return event;
}

struct event *timeline_said(
    struct timeline *self, int from, int to, enum edge_kind edge, struct span payload)
{
    struct event *event = timeline_add(self, EVENT_SAID, from, to, edge, payload);

    decode(event);
    return event;
}

struct event *timeline_said_text(
    struct timeline *self, int from, int to, enum edge_kind edge, const char *text)
{
    return timeline_add(self, EVENT_SAID, from, to, edge, span_of(text));
}

void timeline_log(struct timeline *self, int member, const char *text)
{
    timeline_add(self, EVENT_LOG, member, -1, EDGE_KIND_COUNT, span_of(text));
    ev_feed_event(self->loop, &self->turn, EV_CUSTOM); /* somebody may wait for it */
}

void timeline_note(struct timeline *self, int member, const char *format, ...)
{
    char text[500];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    timeline_add(self, EVENT_NOTE, member, -1, EDGE_KIND_COUNT, span_of(text));
}

void timeline_fault(struct timeline *self, int from, int to, const char *format, ...)
{
    char text[500];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    timeline_add(self, EVENT_FAULT, from, to, EDGE_KIND_COUNT, span_of(text));
}

void timeline_set_line(struct timeline *self, unsigned line)
{
    self->line = line;
}

const struct event *timeline_first(const struct timeline *self)
{
    return self->events;
}

const struct event *timeline_last(const struct timeline *self)
{
    return self->events ? self->events->prev : NULL;
}

bool timeline_has_heard(const struct timeline *self, int member)
{
    return self->heard[member];
}

const struct scenario *timeline_scenario(const struct timeline *self)
{
    return self->scenario;
}

void timeline_keep(struct timeline *self, size_t events)
{
    self->keep = events;
}

/* ---- the end of a turn ----------------------------------------------------------------------- */

/* Sorting is stable: what came on one connection keeps its order. */
static int event_compare(struct event *a, struct event *b)
{
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    if (a->to != b->to)
        return a->to < b->to ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static void on_turn_end(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct timeline *self = watcher->data;
    struct event *after;

    (void)loop, (void)events;
    struct event *event = self->fresh;
    self->fresh = NULL;
    // cppcheck-suppress nullPointer ; the macro looks whether there is a list
    DL_SORT2(event, event_compare, prev_pending, next_pending);
    for (; event; event = after) {
        struct edge *edge = edge_of(self, event);

        after = event->next_pending;
        DL_APPEND2(edge->pending, event, prev_pending, next_pending);
        self->on_event(event, self->user);
    }
    self->on_turn(self->user);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct timeline *timeline_new(struct ev_loop *loop, const struct scenario *scenario,
    timeline_on_event *on_event, timeline_on_turn *on_turn, void *user)
{
    struct timeline *self = must_alloc(sizeof(*self));

    *self = (struct timeline){.loop = loop,
        .scenario = scenario,
        .on_event = on_event,
        .on_turn = on_turn,
        .user = user,
        .born_ms = now_ms()};
    self->heard = must_alloc(scenario->member_count * sizeof(*self->heard));
    ev_init(&self->turn, on_turn_end);
    ev_set_priority(&self->turn, EV_MINPRI);
    self->turn.data = self;
    return self;
}

void timeline_close(struct timeline *self)
{
    if (self->loop)
        ev_clear_pending(self->loop, &self->turn);
    self->loop = NULL;
}

void timeline_free(struct timeline *self)
{
    struct event *event;
    struct event *after;

    if (!self)
        return;
    timeline_close(self);
    DL_FOREACH_SAFE (self->events, event, after)
        event_free(event);
    free(self->edges);
    free(self->heard);
    free(self);
}
