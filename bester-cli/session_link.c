/* The connection: it may be lost, and made again. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bester-cli/session_internal.h"
#include "libbester/visible.h"

static double chance(void)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = 0; /* never with so few bytes, says getrandom(2) */
    return random / 4294967296.0;
}

static void wait_for_next(struct session *self)
{
    double pause_s = backoff_next(&self->backoff, chance());
    self->link = LINK_WAITING;
    self->retry_at = time(NULL) + (time_t)(pause_s + 0.5);
    ev_timer_set(&self->retry, pause_s, 0.);
    ev_timer_start(self->loop, &self->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct session *self = timer->data;
    (void)loop, (void)events;
    if (session_dial(self) != STATUS_OK)
        wait_for_next(self);
    self->callbacks->on_settled(self->user);
}

enum status session_dial(struct session *self)
{
    /* numbers of questions to the connection before would fit those of this one */
    self->types_ticket = self->whoami_ticket = 0;
    ev_init(&self->retry, on_retry);
    self->retry.data = self;
    self->client = client_new(
        self->streams, self->resolver, &self->client_options, &session_client_callbacks, self);
    if (self->client == NULL)
        return STATUS_NO_MEMORY;
    self->link = LINK_CONNECTING;
    return STATUS_OK;
}

void session_link_up(struct session *self)
{
    self->link = LINK_UP;
    self->up_at_s = ev_now(self->loop);
    self->trouble[0] = '\0';
}

static const char *const what[] = {
    [CLIENT_END_UNREACHABLE] = "no connection",
    [CLIENT_END_TLS] = "no connection",
    [CLIENT_END_REFUSED] = "login",
    [CLIENT_END_LOST] = "the connection was lost",
    [CLIENT_END_FINISHED] = "finished",
};

/* The same trouble of attempt after attempt is told once. */
static void tell(struct session *self, enum client_end why, const struct fault *fault)
{
    char detail[200];
    char text[sizeof self->trouble];
    visible_into(detail, sizeof detail, span_of(fault->text));
    snprintf(text, sizeof text, "%s: %s", what[why], detail);
    if (strcmp(text, self->trouble) != 0)
        screen_say(self->screen, STYLE_BAD, "%s", text);
    snprintf(self->trouble, sizeof self->trouble, "%s", text);
}

/* Refused with these, it would be refused again. */
static bool is_final(enum client_end why, const struct fault *fault)
{
    return why == CLIENT_END_REFUSED &&
           (fault->status == STATUS_AUTH_FAILED || fault->status == STATUS_AUTH_REQUIRED ||
               fault->status == STATUS_NOT_ALLOWED);
}

/* What is not sent yet will not be sent. */
static void give_up_queued(struct session *self)
{
    unsigned long number;
    while ((number = outbox_first(&self->outbox, LINE_QUEUED)) > 0)
        session_fate(self,
            &(struct client_result){
                .ticket = 1, .fate = CLIENT_UNSENT, .reason_text = "", .detail = "", .id = ""},
            number);
}

void session_link_down(struct session *self, enum client_end why, const struct fault *fault)
{
    bool was_up = self->link == LINK_UP;
    bool hopeless = self->finishing && is_final(why, fault);
    if (self->is_script)
        give_up_queued(self);
    self->screen->line = 0;
    tell(self, why, fault);
    if (hopeless)
        give_up_queued(self);
    if (self->is_script || hopeless || !self->ready ||
        (self->finishing && session_waiting(self) == 0)) {
        session_end(self, client_end_exit(why));
        return;
    }
    if (was_up)
        backoff_was_up(&self->backoff, ev_now(self->loop) - self->up_at_s);
    if (is_final(why, fault)) {
        self->link = LINK_REFUSED;
        screen_say(self->screen, STYLE_NOTE, "/connect tries again");
    } else {
        wait_for_next(self);
        if (was_up)
            screen_say(self->screen, STYLE_NOTE,
                "trying to connect again; what you write is kept and sent then");
    }
    self->callbacks->on_settled(self->user);
}

void session_connect(struct session *self)
{
    if (self->link == LINK_UP || self->link == LINK_CONNECTING) {
        if (self->link == LINK_UP)
            screen_say(self->screen, STYLE_NOTE, "the connection is up");
        self->trouble[0] = '\0'; /* who asks is told again */
        return;
    }
    ev_timer_stop(self->loop, &self->retry);
    self->trouble[0] = '\0'; /* who asks is told again */
    if (session_dial(self) != STATUS_OK)
        wait_for_next(self);
}

const char *session_link_text(const struct session *self, char *out, size_t cap)
{
    struct tm at;
    char clock[16] = "soon";
    switch (self->link) {
    case LINK_UP:
        out[0] = '\0';
        break;
    case LINK_CONNECTING:
        snprintf(out, cap, "[connecting] ");
        break;
    case LINK_WAITING:
        if (localtime_r(&self->retry_at, &at) != NULL)
            strftime(clock, sizeof clock, "%H:%M:%S", &at);
        snprintf(out, cap, "[offline, retry %s] ", clock);
        break;
    case LINK_REFUSED:
        snprintf(out, cap, "[offline, login refused] ");
        break;
    }
    return out;
}
