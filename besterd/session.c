#include "besterd/session_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"
#include "libbester/filter.h"
#include "libbester/json.h"

/* A message that comes from another server is larger than the client's own by
 * what that server wrote into the envelope. */
enum { ENVELOPE_SLACK = 64 * 1024, ENVELOPE_VALUES = 64 };
/* A client that does not take what it is told is not read from any more, long
 * before its queue is full. */
enum { THROTTLE_SHARE = 8 };
/* Messages of one session before it is the turn of the others: few enough that a
 * flood is hardly noticed, and so many that a turn is worth its system calls. */
enum { TURN_FRAMES = 32 };

const char *session_subject(const struct session *self, char subject[32])
{
    snprintf(subject, 32, "session %llu", (unsigned long long)self->number);
    return subject;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

enum status session_send(struct session *self, struct blob *frame, uint64_t tag)
{
    if (self->stream)
        return stream_send_adopt(self->stream, frame, tag);
    blob_unref(frame);
    return STATUS_CLOSED;
}

void session_report_frame(struct session *self, struct blob *frame)
{
    if (self->host) {
        self->host->report(self, frame);
        return;
    }
    enum status status = session_send(self, frame, 0);

    if (status == STATUS_OK || status == STATUS_CLOSED)
        return;
    session_hit(
        self, LIMIT_QUEUED, "disconnected: a report could not be queued: %s", status_help(status));
    session_drop(self);
}

void session_report(struct session *self, const struct report *report)
{
    struct report whole = *report;

    whole.exchange = self->exchange;
    metrics_count(self->context->metrics, METRIC_REPORTS,
        metrics_result(report->good ? STATUS_OK : report->reason), 0);
    session_report_frame(self, message_report(&whole));
}

/* ---- whether it is read from ---- */

void session_hold(struct session *self, enum session_hold why)
{
    self->holds |= why;
    if (self->stream)
        stream_pause(self->stream);
}

void session_let_go(struct session *self, enum session_hold why)
{
    self->holds &= ~(unsigned)why;
    if (self->stream && self->holds == 0 && !self->closing)
        stream_resume(self->stream);
}

/* Counts a message; who sends too fast is left alone for a while. */
static void session_pace(struct session *self)
{
    double pause_s = limits_message(self->context->limits, self->guest, self->limits_user);

    if (pause_s <= 0 || self->holds & HOLD_RATE)
        return;
    session_hold(self, HOLD_RATE);
    ev_timer_set(&self->timer, pause_s, 0.);
    ev_timer_start(streams_loop(self->context->streams), &self->timer);
}

/* ---- ending ------------------------------------------------------------------------------------
 */

static void session_leave(struct session *self)
{
    if (self->left)
        return;
    self->left = true;
    self->context->callbacks->on_leave(self, self->context->server);
}

static void session_gone(struct session *self)
{
    if (self->host)
        self->host->leave(self);
    self->gone = true;
    ev_timer_stop(streams_loop(self->context->streams), &self->timer);
    self->stream = NULL;
    limits_leave(self->context->limits, self->guest);
    self->guest = NULL;
    self->state = SESSION_ENDING;
    session_leave(self);
    self->context->callbacks->on_gone(self, self->context->server);
}

void session_drop(struct session *self)
{
    if (!self->stream)
        return;
    stream_close(self->stream);
    session_gone(self);
}

size_t session_held_bytes(const struct session *self)
{
    return self->stream ? stream_queued_bytes(self->stream) + stream_input_bytes(self->stream) : 0;
}

void session_turn_out(struct session *self, enum limit limit)
{
    session_hit(self, limit, "memory runs out, and this one of %s holds most: %zu bytes",
        self->state == SESSION_CLIENT ? self->user : "a stranger", session_held_bytes(self));
    if (self->state == SESSION_NEW)
        session_refuse(self, AUTH_ID, STATUS_OVERLOADED, "the server is short of memory");
    else
        session_drop(self);
}

void session_end(struct session *self)
{
    if (self->state != SESSION_ENDING) {
        ev_timer_stop(streams_loop(self->context->streams), &self->timer);
        self->state = SESSION_ENDING;
        session_leave(self);
    }
    self->closing = true;
    if (self->host && self->in_flight == 0 && !self->gone)
        session_gone(self);
    if (!self->stream)
        return;
    if (self->in_flight == 0)
        stream_finish(self->stream);
    else
        stream_pause(self->stream);
}

void session_reconfigure(struct session *self)
{
    const struct config_limits *limits = &self->context->config->limits;

    if (!self->stream)
        return;
    stream_set_max_queued_bytes(self->stream, limits->queued_bytes_per_session);
    if (self->state == SESSION_CLIENT && limits->max_frame_bytes > self->max_frame) {
        self->max_frame = limits->max_frame_bytes;
        stream_set_max_frame(self->stream, self->max_frame);
    }
}

void session_enter_flight(struct session *self)
{
    self->in_flight++;
    if (self->in_flight >= self->context->config->limits.in_flight_per_session)
        session_hold(self, HOLD_FLIGHT);
}

void session_leave_flight(struct session *self)
{
    unsigned limit = self->context->config->limits.in_flight_per_session;

    self->in_flight--;
    if (self->closing && self->in_flight == 0)
        session_end(self);
    else if (self->in_flight <= limit / 2)
        session_let_go(self, HOLD_FLIGHT);
}

void session_refuse(
    struct session *self, struct span id_token, enum status reason, const char *detail)
{
    if (span_equal(id_token, AUTH_ID))
        metrics_count(self->context->metrics, METRIC_LOGINS, metrics_result(reason), 0);
    session_log_bounded(self, LOG_LEVEL_INFO, "refused: %s: %s", status_text(reason), detail);
    session_report(
        self, &(struct report){.id_token = id_token, .reason = reason, .detail = detail});
    session_end(self);
}

void session_dismiss(struct session *self, enum status reason, const char *detail)
{
    session_refuse(self, (struct span){0}, reason, detail);
}

/* ---- messages ----------------------------------------------------------------------------------
 */

/* The id that a report may carry back: a string or none. */
static struct span id_of(const struct message *message)
{
    return json_kind_of(message->id) == JSON_KIND_STRING ? message->id : (struct span){0};
}

/* One message, then the end: Part I has no login between servers. */
static void session_take_peer(struct session *self, const struct message *message)
{
    const struct config *config = self->context->config;
    struct fault fault;
    uint64_t hops = 0;
    enum status status = STATUS_OK;

    if (!config_takes_legacy(config))
        status = fault_set(&fault, STATUS_NOT_ALLOWED, 0,
            "other servers are heard only over TLS, and only those that the configuration names");
    if (status == STATUS_OK && message->hops.at && json_u64(message->hops, &hops) != STATUS_OK)
        status = fault_set(&fault, STATUS_MALFORMED, 0, "header.hops: must be a count");
    if (status == STATUS_OK && hops > config->limits.hops)
        status = fault_set(&fault, STATUS_LOOP, 0, "through %llu servers, the limit is %u",
            (unsigned long long)hops, config->limits.hops);
    if (status == STATUS_OK)
        status = origin_new_legacy(&self->origin, message->origin, config, &fault);
    if (status != STATUS_OK) {
        session_refuse(
            self, id_of(message), status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
        return;
    }
    self->state = SESSION_PEER;
    self->hops = (unsigned)hops;
    ev_timer_stop(streams_loop(self->context->streams), &self->timer);
    self->context->callbacks->on_message(self, message, self->context->server);
    session_end(self);
}

static void session_take_first(struct session *self, const struct message *message)
{
    if (!message->scope.at || json_string_is(message->scope, "client"))
        session_log_in(self, message);
    else if (json_string_is(message->scope, "server"))
        session_take_peer(self, message);
    else
        session_refuse(
            self, AUTH_ID, STATUS_MALFORMED, "header.scope: must be \"client\" or \"server\"");
}

/* ---- the stream's callbacks ---- */

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct session *self = user;
    const struct config_limits *limits = &self->context->config->limits;
    struct message message;
    struct fault fault;
    enum status status = message_parse_bounded(&message, payload, limits->json_depth,
        limits->json_values + (self->state == SESSION_CLIENT ? 0 : ENVELOPE_VALUES), &fault);

    (void)stream;
    if (self->state == SESSION_CLIENT)
        session_pace(self);
    if (status != STATUS_OK && self->state == SESSION_NEW) {
        session_refuse(self, AUTH_ID, status, fault.text);
    } else if (status != STATUS_OK) {
        /* The frame's length was right, so what follows can be trusted again. */
        session_log_bounded(self, LOG_LEVEL_INFO, "a bad message: %s", fault.text);
        metrics_count(self->context->metrics, METRIC_MESSAGES, TYPE_OTHER, metrics_result(status));
        session_report(self,
            &(struct report){.id_token = id_of(&message), .reason = status, .detail = fault.text});
    } else if (self->state == SESSION_NEW) {
        session_take_first(self, &message);
    } else {
        self->context->callbacks->on_message(self, &message, self->context->server);
    }
}

static void on_end(struct stream *stream, void *user)
{
    (void)stream;
    session_end(user);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct session *self = user;

    if (why == STATUS_TOO_LARGE) {
        session_refuse(self, self->state == SESSION_NEW ? AUTH_ID : (struct span){0},
            STATUS_TOO_LARGE, detail);
        return;
    }
    if (why == STATUS_TIMEOUT)
        session_hit(self, LIMIT_STALL, "disconnected: %s; %zu bytes were left", detail,
            stream_queued_bytes(stream));
    else
        session_log(self, LOG_LEVEL_DEBUG, "gone: %s", detail);
    session_gone(self);
}

static void on_tls(struct stream *stream, void *user)
{
    (void)stream;
    session_refuse(user, AUTH_ID, STATUS_MALFORMED, "this is TLS, which this port does not speak");
}

static void on_sent(uint64_t tag, enum status status, void *user)
{
    const struct session_context *context = user;

    context->callbacks->on_sent(tag, status, context->server);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct session *self = watcher->data;

    (void)loop, (void)events;
    if (self->state == SESSION_CLIENT)
        session_let_go(self, HOLD_RATE);
    else if (self->state == SESSION_VERIFYING)
        session_refuse(self, AUTH_ID, STATUS_OVERLOADED, "the accounts did not answer in time");
    else
        session_refuse(self, AUTH_ID, STATUS_AUTH_REQUIRED, "no login in time");
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame,
    .on_tls = on_tls,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_sent = on_sent};

/* The first message of another server is its only one. */
static size_t first_frame_bytes(const struct config *config)
{
    size_t of_peer = config->limits.max_frame_bytes + ENVELOPE_SLACK;
    size_t of_client = config->limits.login_frame_bytes;

    return config->peer_count > 0 && config_takes_legacy(config) && of_peer > of_client ? of_peer
                                                                                        : of_client;
}

struct session *session_new(
    int fd, struct filter *filter, struct guest *guest, const struct session_context *context)
{
    const struct config_limits *limits = &context->config->limits;
    struct ev_loop *loop = streams_loop(context->streams);
    struct session *self = calloc(1, sizeof(*self));

    if (!self) {
        limits_leave(context->limits, guest);
        filter_free(filter);
        close(fd);
        return NULL;
    }
    self->context = context;
    self->guest = guest;
    self->lanes = &self->own_lanes;
    self->stream = stream_adopt(context->streams, fd,
        &(struct stream_options){.max_frame = first_frame_bytes(context->config),
            .max_queued_bytes = limits->queued_bytes_per_session,
            .throttle_bytes = limits->queued_bytes_per_session / THROTTLE_SHARE,
            .stall_s = limits->stall_ms / 1000.0,
            .stall_bytes = limits->stall_bytes,
            .turn_frames = TURN_FRAMES,
            .pool = context->strangers,
            .sent_user = (void *)context,
            .filter = filter},
        &callbacks, self);
    if (!self->stream) {
        limits_leave(context->limits, guest);
        free(self);
        return NULL;
    }
    ev_timer_init(&self->timer, on_timer, limits->login_ms / 1000.0, 0.);
    self->timer.data = self;
    ev_timer_start(loop, &self->timer);
    return self;
}

void session_free(struct session *self)
{
    if (!self)
        return;
    ev_timer_stop(streams_loop(self->context->streams), &self->timer);
    if (self->stream)
        stream_close(self->stream);
    limits_leave(self->context->limits, self->guest);
    origin_unref(self->origin);
    free(self->user);
    free(self);
}
