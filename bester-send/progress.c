#include "bester-send/progress.h"

#include <inttypes.h>
#include <unistd.h>

enum { FIRST_S = 2, AGAIN_S = 1 };

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct progress *self = timer->data;
    struct progress_counts counts = self->counts(self->user);
    double elapsed_s = ev_now(loop) - self->began_s;
    (void)events;
    fprintf(self->err,
        "\r\033[K%" PRIu64 " sent, %" PRIu64 " good, %" PRIu64 " not, %" PRIu64 "/s, %.0f s",
        counts.sent, counts.good, counts.bad,
        (counts.sent - self->sent_before) / (self->shown ? AGAIN_S : FIRST_S), elapsed_s);
    fflush(self->err);
    self->sent_before = counts.sent;
    self->shown = true;
}

void progress_init(struct progress *self, struct ev_loop *loop, FILE *err,
    struct progress_counts (*counts)(void *user), void *user)
{
    *self = (struct progress){.loop = loop, .err = err, .counts = counts, .user = user};
    ev_timer_init(&self->timer, on_timer, FIRST_S, AGAIN_S);
    self->timer.data = self;
}

void progress_start(struct progress *self)
{
    if (!isatty(fileno(self->err)) || ev_is_active(&self->timer))
        return;
    self->began_s = ev_now(self->loop);
    ev_timer_start(self->loop, &self->timer);
}

void progress_hide(struct progress *self)
{
    if (self->shown)
        fputs("\r\033[K", self->err);
    self->shown = false;
}

void progress_stop(struct progress *self)
{
    ev_timer_stop(self->loop, &self->timer);
    progress_hide(self);
}
