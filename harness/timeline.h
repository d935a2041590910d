/*
 * timeline: everything that was seen while a cast played, in the order in which
 * it was seen, and for each edge what has come and nobody has asked for yet.
 *
 * Owns its events. Invariants: an event is pending on at most one edge; pending
 * events of an edge stand in the order of their connections, then of their
 * coming. Frames are handed to on_event at the end of the turn of the loop in
 * which they came, so that two connections read in one turn can't be told in
 * the wrong order.
 *
 * A line of the timeline names times in milliseconds since timeline_new.
 */
#ifndef HARNESS_TIMELINE_H
#define HARNESS_TIMELINE_H

#include <ev.h>
#include <stdint.h>

#include "harness/scenario.h"
#include "libbester/bytes.h"

enum event_kind {
    EVENT_FRAME, /* a frame that the harness received, or saw pass by */
    EVENT_END,   /* the end of a connection; its text says how */
    EVENT_SAID,  /* what the harness said itself */
    EVENT_LOG,   /* a line that a process wrote */
    EVENT_NOTE,  /* what happened to a process */
    EVENT_FAULT  /* what the play did to somebody, or to an edge */
};
/* The word for it in reports. */
const char *event_kind_text(enum event_kind kind);

struct event {
    struct event *prev, *next;                 /* in the timeline */
    struct event *prev_pending, *next_pending; /* on the edge, or among the fresh */
    enum event_kind kind;
    uint64_t number; /* counts from 1 */
    double at_ms;
    int from;
    int to; /* -1: LOG and NOTE; FAULT that is not of an edge */
    enum edge_kind edge;
    char *bytes; /* FRAME: the payload; else a text */
    size_t len;
    json_t *json; /* FRAME: what it holds, or NULL: not JSON */
    bool pending;
    bool optional;     /* nobody needs to ask for it */
    bool aside;        /* the harness dealt with it itself; no line could have asked for it */
    unsigned order;    /* of its connection on the edge */
    unsigned exchange; /* whom an answer would answer, or SAID does; 0: nobody, or not told */
    unsigned line;     /* of the play, that said, did or took it; 0: none did */
};

struct timeline;

typedef void timeline_on_event(struct event *event, void *user);
/* After on_event has been called for all of a turn. */
typedef void timeline_on_turn(void *user);

struct timeline *timeline_new(struct ev_loop *loop, const struct scenario *scenario,
    timeline_on_event *on_event, timeline_on_turn *on_turn, void *user);
void timeline_free(struct timeline *self);
/* The cast goes, the timeline stays to be read: nothing is told any more, and the
 * loop may go as well. */
void timeline_close(struct timeline *self);

/* From here on what is said and done is so because of that line of the play; 0:
 * of none. */
void timeline_set_line(struct timeline *self, unsigned line);

/* Each returns the event, whose exchange and flags the caller may set before it
 * returns to the loop. */
struct event *timeline_frame(struct timeline *self, int from, int to, enum edge_kind edge,
    struct span payload, unsigned order);
struct event *timeline_end(
    struct timeline *self, int from, int to, enum edge_kind edge, const char *how, unsigned order);
/* A frame that the harness has dealt with itself: shows, is never pending. */
struct event *timeline_seen(
    struct timeline *self, int from, int to, enum edge_kind edge, struct span payload);
struct event *timeline_said(
    struct timeline *self, int from, int to, enum edge_kind edge, struct span payload);
/* What was said in bytes that are no frame, or without any: shown as it is. */
struct event *timeline_said_text(
    struct timeline *self, int from, int to, enum edge_kind edge, const char *text);
void timeline_log(struct timeline *self, int member, const char *text);
void timeline_note(struct timeline *self, int member, const char *format, ...) PRINTF_LIKE(3, 4);
/* to -1: done to a member. */
void timeline_fault(struct timeline *self, int from, int to, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The event is asked for: no longer pending, as are optional ones before it. */
void timeline_take(struct timeline *self, struct event *event);
/* The oldest pending event of an edge that is not optional; with_optional: of
 * any kind. */
struct event *timeline_oldest(const struct timeline *self, int from, int to, bool with_optional);
const struct event *timeline_first(const struct timeline *self);
/* NULL: nothing has happened yet. */
const struct event *timeline_last(const struct timeline *self);
/* Whether a frame has ever come from that member. */
bool timeline_has_heard(const struct timeline *self, int member);
const struct scenario *timeline_scenario(const struct timeline *self);
/* Keeps only the youngest events (and those that are pending): for casts that
 * run for days. 0: keep all. */
void timeline_keep(struct timeline *self, size_t events);

/* "T > S1 {…}", or "S1 | the text of a log line"; * for a note, ! for a fault.
 * malloc'd. max_bytes 0: whole. */
char *event_text(const struct timeline *self, const struct event *event, size_t max_bytes);
/* What stands behind the arrow alone. malloc'd. */
char *event_body_text(const struct event *event, size_t max_bytes);
/* The frame as on the wire, but without any password, as JSON; flags are those of
 * json_dumps. malloc'd. NULL: the event is no frame of JSON. */
char *event_wire(const struct event *event, size_t flags);
/* The last of it, a line each, with times, for people; says how much came before.
 * got and nearest (each may be NULL) are pointed at. malloc'd. */
char *timeline_text(
    const struct timeline *self, const struct event *got, const struct event *nearest);

#endif
