/* Connections to pinned servers: calling and being called, who it is, and the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "besterd/link_internal.h"

enum {
    UNKNOWN_CALLS_MAX = 64, /* connections that have not said hello */
    HELLO_MAX = 16 * 1024,  /* bytes of the first frame */
    QUEUED_BYTES_MAX = 64 << 20
};

static const double PAUSE_MOST_S = 60;

/* ---- the end of a connection ---- */

void call_free(struct call *self)
{
    struct links *links = self->links;

    ev_timer_stop(links_loop(links), &self->timer);
    if (self->stream)
        stream_close(self->stream);
    if (!self->link || self->link->call != self)
        links->unknown_calls--;
    else
        self->link->call = NULL;
    DL_DELETE(links->calls, self);
    free(self);
    if (links->leaving && !links->calls)
        links->context->on_quiet(links->context->server);
}

void link_set_trouble(struct link *self, const char *trouble)
{
    bool news = strcmp(self->trouble, trouble) != 0;

    if (trouble != self->trouble)
        snprintf(self->trouble, sizeof(self->trouble), "%s", trouble);
    log_line(news ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "peers", "%.100s: %s", self->peer->name,
        self->trouble);
}

void link_hang_up(struct link *self, const char *trouble)
{
    if (!self->call)
        return;
    link_set_trouble(self, trouble);
    call_free(self->call);
    outbox_down(self);
    link_dial_later(self);
}

/* Over, whatever it was; trouble is the link's, if there is one. */
static void call_end(struct call *self, const char *trouble)
{
    struct link *link = self->link;
    bool dialled = self->dialled;

    if (link && link->call == self) {
        link_hang_up(link, trouble);
        return;
    }
    call_free(self);
    if (!link || link->call)
        return;
    link_set_trouble(link, trouble);
    if (dialled)
        link_dial_later(link);
}

void call_fail(struct call *self, const char *why)
{
    char trouble[TROUBLE_MAX];

    snprintf(trouble, sizeof(trouble), "hung up on it: %.200s", why);
    if (!self->link)
        log_sparingly(&self->links->nobodies, LOG_LEVEL_INFO, "peers", NULL, "%s: %s",
            self->address, trouble);
    call_end(self, trouble);
}

bool call_say(struct call *self, struct blob *frame)
{
    enum status status = stream_send_adopt(self->stream, frame, 0);

    if (status == STATUS_OK)
        return true;
    call_end(self,
        status == STATUS_OVERLOADED ? "it does not take what it is sent" : status_help(status));
    return false;
}

/* ---- who it is ---- */

static bool knows(const struct tls_pin *pin, void *user)
{
    const struct call *self = user;

    return self->link ? link_has_pin(self->link, pin) : links_find_pin(self->links, pin) != NULL;
}

static void note_stranger(struct call *self, const struct tls_pin *pin)
{
    struct links *links = self->links;
    struct strangers *strangers = &links->strangers;
    char text[TLS_PIN_TEXT];
    uint64_t unlogged = strangers->unlogged;

    metrics_count(links->context->metrics, METRIC_PEER_STRANGERS, 0, 0);
    if (!strangers_add(strangers, pin, self->address, ev_now(links_loop(links))))
        return;
    strangers->unlogged = 0;
    log_line(LOG_LEVEL_WARNING, "peers",
        "%s: refused: an unknown server; whoever knows it can add \"NAME\": {\"pin\": \"%s\"} to "
        "the peers",
        self->address, tls_pin_format(pin, text));
    if (unlogged > 0)
        log_line(LOG_LEVEL_WARNING, "peers", "and %llu more since the last such line",
            (unsigned long long)unlogged);
}

/* The handshake has failed, or the other end did not take ours. */
static void explain(struct call *self, const char *detail, char trouble[TROUBLE_MAX])
{
    struct tls_pin pin;
    char text[TLS_PIN_TEXT];
    bool shown = tls_peer_pin(self->tls, &pin) == STATUS_OK;

    snprintf(trouble, TROUBLE_MAX, "%s", detail);
    if (!self->secured && shown && self->link && !link_has_pin(self->link, &pin))
        snprintf(trouble, TROUBLE_MAX, "it shows another key than it is known by: %s",
            tls_pin_format(&pin, text));
    else if (self->secured && self->dialled && strstr(detail, "alert"))
        snprintf(trouble, TROUBLE_MAX, "it does not know the key of this server: %.120s", detail);
    else if (!self->secured && shown && !self->link && !links_find_pin(self->links, &pin))
        note_stranger(self, &pin);
    else if (!self->link)
        log_line(LOG_LEVEL_DEBUG, "peers", "%s: %s", self->address, detail);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    (void)stream;
    call_hear(user, payload);
}

static void on_secured(struct stream *stream, void *user)
{
    struct call *self = user;

    (void)stream;
    self->secured = true;
    if (tls_peer_pin(self->tls, &self->pin) != STATUS_OK)
        call_fail(self, "it shows no key");
    else if (!self->link && !(self->link = links_find_pin(self->links, &self->pin)))
        call_fail(self, "it is not known any more");
    else if (call_say_hello(self) && self->links->draining)
        (void)call_say_word(self, "bye");
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct call *self = user;
    char trouble[TROUBLE_MAX];

    (void)stream;
    if (why == STATUS_TOO_LARGE) {
        call_fail(self, detail);
        return;
    }
    self->stream = NULL;
    if (self->links->leaving) {
        call_free(self);
        return;
    }
    explain(self, detail, trouble);
    call_end(self, trouble);
}

static const struct stream_callbacks callbacks = {
    .on_secured = on_secured, .on_frame = on_frame, .on_closed = on_closed};

static void on_hello_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    call_fail(watcher->data, "no hello in time");
}

/* ---- a connection ---- */

/* NULL: fd is closed, there is no memory. */
static struct call *call_new(struct links *links, struct link *link, int fd)
{
    const struct config_limits *limits = links_limits(links);
    struct ev_loop *loop = links_loop(links);
    struct call *self = calloc(1, sizeof(*self));

    if (!self) {
        close(fd);
        return NULL;
    }
    self->links = links;
    self->link = link;
    self->dialled = link != NULL;
    self->tls = tls_new(link ? links->client : links->server, NULL);
    if (!self->tls) {
        close(fd);
        free(self);
        return NULL;
    }
    tls_set_judge(self->tls, knows, self);
    self->stream = stream_adopt(links->context->streams, fd,
        &(struct stream_options){.max_frame = HELLO_MAX,
            .max_queued_bytes = QUEUED_BYTES_MAX,
            .stall_s = limits->stall_ms / 1000.0,
            .filter = tls_filter(self->tls)},
        &callbacks, self);
    if (!self->stream) {
        free(self);
        return NULL;
    }
    ev_timer_init(&self->timer, on_hello_deadline, limits->login_ms / 1000.0, 0.);
    self->timer.data = self;
    ev_timer_start(loop, &self->timer);
    DL_APPEND(links->calls, self);
    links->unknown_calls++;
    return self;
}

static void name_other_end(struct call *self, int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    struct address address;

    if (getpeername(fd, (struct sockaddr *)&name, &len) == 0 &&
        address_from_sockaddr(&address, (const struct sockaddr *)&name, len) == STATUS_OK)
        address_format_short(&address, self->address, sizeof(self->address));
}

/* Who has waited for longest without saying hello makes room. */
static void make_room(struct links *self)
{
    struct call *call, *next;

    DL_FOREACH_SAFE (self->calls, call, next) {
        if (self->unknown_calls < UNKNOWN_CALLS_MAX)
            return;
        if (!call->dialled && (!call->link || call->link->call != call))
            call_free(call);
    }
}

void call_accept(struct links *self, int fd)
{
    if (!self->server || self->leaving) {
        close(fd);
        return;
    }
    make_room(self);
    struct call *call = call_new(self, NULL, fd);
    if (call)
        name_other_end(call, fd);
    else
        log_line(LOG_LEVEL_ERROR, "peers", "a connection was refused: out of memory");
}

/* ---- calling ---- */

static bool is_calling(const struct link *self)
{
    const struct call *call;

    DL_FOREACH (self->links->calls, call)
        if (call->link == self && call->dialled)
            return true;
    return self->dial != NULL;
}

static bool may_call(const struct link *self)
{
    return self->peer->has_address && self->links->client && !self->links->draining &&
           !self->call && !is_calling(self);
}

static void on_dialled(int fd, const struct fault *fault, void *user)
{
    struct link *self = user;

    self->dial = NULL;
    if (fd < 0) {
        link_set_trouble(self, fault->text);
        link_dial_later(self);
        return;
    }
    struct call *call = call_new(self->links, self, fd);
    if (!call) {
        link_dial_later(self);
        return;
    }
    address_format_short(&self->peer->address, call->address, sizeof(call->address));
}

void link_dial(struct link *self)
{
    const struct links_context *context = self->links->context;

    if (!may_call(self))
        return;
    ev_timer_stop(links_loop(self->links), &self->retry);
    self->dial = dial_new(links_loop(self->links), context->resolver, &self->peer->address,
        links_limits(self->links)->peer_ms / 1000.0, on_dialled, self);
    if (!self->dial)
        link_dial_later(self);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    link_dial(watcher->data);
}

/* 0.75 to 1.25, so that not everybody calls at once after a server was away. */
static double jitter(struct links *self)
{
    self->dice = self->dice * 6364136223846793005U + 1442695040888963407U;
    return 0.75 + (double)(self->dice >> 40) / (double)(1 << 24) / 2;
}

void link_dial_later(struct link *self)
{
    if (!may_call(self) || ev_is_active(&self->retry))
        return;
    ev_timer_set(&self->retry, self->pause_s * jitter(self->links), 0.);
    ev_timer_start(links_loop(self->links), &self->retry);
    self->pause_s = self->pause_s * 2 < PAUSE_MOST_S ? self->pause_s * 2 : PAUSE_MOST_S;
}

/* A connection that the peer may have seen already is left to the rule about two. */
void link_stop_dialling(struct link *self)
{
    ev_timer_stop(links_loop(self->links), &self->retry);
    dial_free(self->dial);
    self->dial = NULL;
}

void link_call_init(struct link *self)
{
    ev_init(&self->retry, on_retry);
    self->retry.data = self;
    self->pause_s = LINK_PAUSE_FIRST_S;
}

void link_call_release(struct link *self)
{
    struct call *call, *next;

    link_stop_dialling(self);
    DL_FOREACH_SAFE (self->links->calls, call, next)
        if (call->link == self)
            call_free(call);
}
