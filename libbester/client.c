#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "libbester/client_internal.h"

/* Timers and ev_now do not round alike. */
#define HEART_SLACK_S 0.0005

/* ---- callbacks upward: the client may be freed in any of them ---- */

void client_enter(struct client *self)
{
    self->depth++;
}

static void client_destroy(struct client *self)
{
    flights_release(&self->flights);
    bytes_release(&self->detail);
    blob_unref(self->login);
    tls_context_unref(self->options.tls);
    free(self);
}

void client_leave(struct client *self)
{
    if (--self->depth == 0 && self->doomed)
        client_destroy(self);
}

static void client_stop(struct client *self)
{
    ev_timer_stop(self->loop, &self->connect_timer);
    ev_timer_stop(self->loop, &self->report_timer);
    ev_timer_stop(self->loop, &self->heart);
    dial_free(self->dial);
    self->dial = NULL;
    if (self->stream != NULL)
        stream_close(self->stream);
    self->stream = NULL;
    self->tls = NULL;
    self->state = STATE_OVER;
}

void client_free(struct client *self)
{
    if (self == NULL)
        return;
    client_stop(self);
    self->doomed = true;
    if (self->depth == 0)
        client_destroy(self);
}

/* The stream still has its own reference until the frame has left; then ours is
 * the last and the password in it can be overwritten. */
void client_forget_login(struct client *self)
{
    if (self->login != NULL && self->login->refs == 1)
        explicit_bzero(self->login->data, self->login->len);
    blob_unref(self->login);
    self->login = NULL;
}

/* Gives the flight its result and frees it. */
void client_land(struct client *self, struct flight *flight, struct client_result *result)
{
    flights_take(&self->flights, flight);
    result->ticket = flight->ticket;
    result->id = flight->id;
    result->rtt_s = ev_now(self->loop) - flight->sent_s;
    self->callbacks->on_result(self, result, self->user);
    flight_free(flight);
}

void client_end(struct client *self, enum client_end why, const struct fault *fault)
{
    if (self->stream != NULL)
        self->frames_out = stream_counts(self->stream).frames_out;
    client_stop(self);
    client_forget_login(self);
    struct flight *flight;
    while (!self->doomed && (flight = flights_oldest(&self->flights)) != NULL) {
        bool left = flight->frame < self->frames_out;
        client_land(self, flight,
            &(struct client_result){.fate = left ? CLIENT_UNKNOWN : CLIENT_UNSENT,
                .reason_text = "",
                .detail = fault->text});
    }
    if (!self->doomed)
        self->callbacks->on_end(self, why, fault, self->user);
}

void client_end_text(struct client *self, enum client_end why, enum status status, const char *text,
    const char *detail)
{
    struct fault fault = {0};
    fault_set(&fault, status, 0, "%s%s%s", text, detail[0] == '\0' ? "" : ": ", detail);
    client_end(self, why, &fault);
}

/* ---- timers ---- */

static void on_connect_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct client *self = timer->data;
    (void)loop, (void)events;
    client_enter(self);
    if (self->state == STATE_FINISHING)
        client_end_text(self, CLIENT_END_FINISHED, STATUS_OK, "finished", "");
    else if (self->state == STATE_SECURING) /* a port without TLS waits for a frame */
        client_end_text(self, CLIENT_END_TLS, STATUS_TIMEOUT,
            "the server did not agree on TLS in time; without TLS it is bester://", "");
    else
        client_end_text(self, CLIENT_END_UNREACHABLE, STATUS_TIMEOUT,
            self->state == STATE_LOGIN ? "no answer to the login in time" : "no connection in time",
            "");
    client_leave(self);
}

static void report_timer_arm(struct client *self)
{
    const struct flight *oldest = flights_oldest(&self->flights);
    if (oldest == NULL || self->options.report_s <= 0 || self->state != STATE_READY ||
        ev_is_active(&self->report_timer))
        return;
    double left_s = oldest->sent_s + self->options.report_s - ev_now(self->loop);
    ev_timer_set(&self->report_timer, left_s > 0 ? left_s : 0., 0.);
    ev_timer_start(self->loop, &self->report_timer);
}

static void on_report_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct client *self = timer->data;
    struct flight *oldest;
    (void)events;
    client_enter(self);
    /* half a millisecond: the timer and ev_now do not round alike */
    while (self->state == STATE_READY && (oldest = flights_oldest(&self->flights)) != NULL &&
           oldest->sent_s + self->options.report_s <= ev_now(loop) + 0.0005)
        client_land(self, oldest,
            &(struct client_result){.fate = CLIENT_TIMEOUT, .reason_text = "", .detail = ""});
    if (!self->doomed)
        report_timer_arm(self);
    client_leave(self);
}

static void heart_arm(struct client *self, double after_s)
{
    ev_timer_stop(self->loop, &self->heart);
    ev_timer_set(&self->heart, after_s > 0 ? after_s : 0., 0.);
    ev_timer_start(self->loop, &self->heart);
}

void client_heart_start(struct client *self)
{
    self->heard_s = ev_now(self->loop);
    if (self->options.heartbeat_s > 0)
        heart_arm(self, self->options.heartbeat_s);
}

/* Silence for one heartbeat: we ask for a sign of life; for one more: that was it.
 * Frames only note when they came, and the timer looks when it is due. */
static void on_heart(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct client *self = timer->data;
    double beat_s = self->options.heartbeat_s;
    if (stream_is_paused(self->stream)) /* it is we who do not listen */
        self->heard_s = ev_now(loop);
    double left_s = self->heard_s + beat_s - ev_now(loop);
    (void)events;
    client_enter(self);
    if (left_s > HEART_SLACK_S) {
        self->asked = false;
        heart_arm(self, left_s);
    } else if (self->asked) {
        client_end_text(
            self, CLIENT_END_LOST, STATUS_TIMEOUT, "no sign of life from the server", "");
    } else {
        self->asked = true;
        if (stream_send_adopt(self->stream,
                message_from_client("dummy", (struct span){0}, SPAN_LITERAL("\"beat\"")),
                0) == STATUS_OK)
            self->frames++;
        heart_arm(self, beat_s);
    }
    client_leave(self);
}

void client_expire(struct client *self)
{
    struct flight *oldest;
    client_enter(self);
    while (!self->doomed && (oldest = flights_oldest(&self->flights)) != NULL)
        client_land(self, oldest,
            &(struct client_result){.fate = CLIENT_TIMEOUT, .reason_text = "", .detail = ""});
    client_leave(self);
}

/* ---- the public rest ---- */

static void prefix_make(char out[16])
{
    unsigned char random[6];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random); /* never with so few bytes, says getrandom(2) */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

struct client *client_new(struct streams *streams, struct worker *resolver,
    const struct client_options *options, const struct client_callbacks *callbacks, void *user)
{
    struct client *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->streams = streams;
    self->loop = streams_loop(streams);
    self->callbacks = callbacks;
    self->user = user;
    self->options = *options;
    if (options->tls != NULL)
        tls_context_ref(options->tls);
    if (options->pin != NULL) {
        self->pin = *options->pin;
        self->options.pin = &self->pin;
    }
    flights_init(&self->flights);
    bytes_init(&self->detail, options->max_frame + 1);
    prefix_make(self->prefix);
    ev_timer_init(&self->connect_timer, on_connect_timer, options->connect_s, 0.);
    ev_init(&self->report_timer, on_report_timer);
    ev_init(&self->heart, on_heart);
    /* what has come is read first: we may have slept */
    ev_set_priority(&self->connect_timer, EV_MINPRI);
    ev_set_priority(&self->report_timer, EV_MINPRI);
    ev_set_priority(&self->heart, EV_MINPRI);
    self->connect_timer.data = self->report_timer.data = self->heart.data = self;
    self->login = message_login(options->user, options->password, options->features);
    if (self->login != NULL)
        self->dial = dial_new(
            self->loop, resolver, &options->address, options->connect_s, client_on_dialled, self);
    if (self->dial == NULL) {
        client_destroy(self);
        return NULL;
    }
    ev_timer_start(self->loop, &self->connect_timer);
    return self;
}

void client_finish(struct client *self)
{
    if (self->state == STATE_OVER || self->state == STATE_FINISHING)
        return;
    self->state = STATE_FINISHING;
    ev_timer_stop(self->loop, &self->heart);
    ev_timer_stop(self->loop, &self->report_timer);
    ev_timer_stop(self->loop, &self->connect_timer);
    if (self->stream != NULL) {
        stream_finish(self->stream);
        return;
    }
    dial_free(self->dial);
    self->dial = NULL;
    ev_timer_set(&self->connect_timer, 0., 0.);
    ev_timer_start(self->loop, &self->connect_timer);
}

/* Checks what can be checked before anything is changed. */
static enum status send_check(
    const struct client *self, const struct blob *frame, struct fault *fault)
{
    size_t payload = frame->len - FRAME_HEADER_BYTES;
    size_t queued = stream_queued_bytes(self->stream);
    if (self->server.max_frame > 0 && payload > self->server.max_frame)
        return fault_set(fault, STATUS_TOO_LARGE, 0, "%zu bytes, the server takes %llu", payload,
            (unsigned long long)self->server.max_frame);
    if (queued > 0 && queued + frame->len > self->options.max_queued_bytes)
        return fault_set(fault, STATUS_OVERLOADED, 0, "%zu bytes wait to be sent", queued);
    return STATUS_OK;
}

static bool answered_by_server(const char *type)
{
    return strcmp(type, "builtin") == 0 || strcmp(type, "dummy") == 0;
}

static enum status send_frame(struct client *self, struct blob *frame, const char *type,
    const char *id, uint64_t *ticket, struct fault *fault)
{
    struct flight *flight = NULL;
    enum status status = send_check(self, frame, fault);
    if (status != STATUS_OK)
        return status;
    status = flights_add(&self->flights, id, &flight);
    if (status != STATUS_OK)
        return fault_set(fault, status, 0, "%s",
            status == STATUS_INVALID ? "a message of this id waits for its report"
                                     : "out of memory");
    flight->ticket = ++self->tickets;
    flight->frame = self->frames;
    flight->sent_s = ev_now(self->loop);
    flight->self_answered = answered_by_server(type);
    status = stream_send(self->stream, frame, 0);
    if (status != STATUS_OK) {
        flight_free(flights_take(&self->flights, flight));
        return fault_set(fault, status, 0, "%s", status_help(status));
    }
    self->frames++;
    if (ticket != NULL)
        *ticket = flight->ticket;
    report_timer_arm(self);
    return STATUS_OK;
}

enum status client_send(struct client *self, const char *type, struct span data, const char *id,
    uint64_t *ticket, struct fault *fault)
{
    char made[CLIENT_ID_MAX];
    char token[CLIENT_ID_MAX * 6 + 3];
    if (self->state != STATE_READY)
        return fault_set(fault, STATUS_CLOSED, 0, "there is no connection");
    if (id == NULL)
        snprintf(made, sizeof made, "%s-%llu", self->prefix, (unsigned long long)self->tickets + 1);
    else if (strlen(id) >= CLIENT_ID_MAX)
        return fault_set(
            fault, STATUS_INVALID, 0, "the id is longer than %d bytes", CLIENT_ID_MAX - 1);
    if (id == NULL)
        id = made;
    struct blob *frame =
        message_from_client(type, data, json_quote_into(token, sizeof token, span_of(id)));
    if (frame == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
    enum status status = send_frame(self, frame, type, id, ticket, fault);
    blob_unref(frame);
    return status;
}

enum status client_ask(struct client *self, const char *command, struct span args, uint64_t *ticket,
    struct fault *fault)
{
    struct bytes data;
    bytes_init(&data, args.len + 256);
    enum status status = bytes_append_text(&data, "{\"command\":{\"type\":");
    if (status == STATUS_OK)
        status = json_quote(&data, span_of(command));
    if (status == STATUS_OK)
        status = bytes_append_text(&data, ",\"args\":");
    if (status == STATUS_OK)
        status = bytes_append_span(&data, args.at == NULL ? SPAN_LITERAL("null") : args);
    if (status == STATUS_OK)
        status = bytes_append_text(&data, "}}");
    if (status == STATUS_OK)
        status = client_send(self, "builtin", bytes_span(&data), NULL, ticket, fault);
    else
        fault_set(fault, status, 0, "%s", status_help(status));
    bytes_release(&data);
    return status;
}

void client_pause(struct client *self)
{
    if (self->stream != NULL)
        stream_pause(self->stream);
}

void client_resume(struct client *self)
{
    if (self->stream != NULL)
        stream_resume(self->stream);
}

const struct client_server *client_server(const struct client *self)
{
    return &self->server;
}

int client_fd(const struct client *self)
{
    return self->stream != NULL ? stream_fd(self->stream) : -1;
}

size_t client_in_flight(const struct client *self)
{
    return flights_count(&self->flights);
}
