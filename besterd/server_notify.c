/* What the service manager is told: the phases of the server, and signs of life. */
#include "besterd/server_internal.h"

/* The loop turns, or this would not be called: that is all that a watchdog asks. */
static void on_alive(struct ev_loop *loop, ev_timer *watcher, int events)
{
    const struct server *self = watcher->data;

    (void)loop, (void)events;
    notify_alive(&self->notify);
}

void server_notify_open(struct server *self)
{
    notify_open(&self->notify);
    ev_init(&self->alive, on_alive);
    self->alive.data = self;
    if (self->notify.watchdog_s <= 0)
        return;
    /* Twice as often as wanted, so that one that is late is not too late. */
    self->alive.repeat = self->notify.watchdog_s / 2;
    ev_timer_again(self->loop, &self->alive);
}

void server_notify_close(struct server *self)
{
    ev_timer_stop(self->loop, &self->alive);
    notify_close(&self->notify);
}

void server_notify_ready(struct server *self)
{
    notify_send(&self->notify, "READY=1\nSTATUS=serves as %s", self->config->server_name);
}
