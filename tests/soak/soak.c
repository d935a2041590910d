#include "tests/soak/soak.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/progress.h"

static const double PATIENCE_S = 60;
static const double TURN_S = 0.02; /* what is asked for, and does not come by itself */

unsigned soak_size(const struct soak *self, unsigned full, unsigned least)
{
    unsigned size = full / self->part;

    return size > least ? size : least;
}

void soak_progress(struct soak *self, const char *format, ...)
{
    char text[300];
    va_list arguments;

    if (!self->line)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    progress_line_show(self->line, "%s", text);
}

void soak_hide_progress(struct soak *self)
{
    progress_line_hide(self->line);
}

void soak_say(struct soak *self, const char *name, const char *format, ...)
{
    va_list arguments;

    progress_line_hide(self->line);
    printf("    %-12s", name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void soak_fail(struct soak *self, const char *format, ...)
{
    va_list arguments;

    if (self->failed)
        return;
    self->failed = true;
    va_start(arguments, format);
    vsnprintf(self->why, sizeof(self->why), format, arguments);
    va_end(arguments);
    ev_break(self->loop, EVBREAK_ONE);
}

void soak_give_up(const char *what)
{
    fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t soak_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct wait {
    ev_timer timer;
    struct soak *soak;
    uint64_t events;
    double since; /* when the last of them was */
    const char *what;
};

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct wait *self = timer->data;

    (void)events;
    if (self->events != self->soak->events)
        self->since = ev_now(loop);
    self->events = self->soak->events;
    if (ev_now(loop) - self->since > PATIENCE_S)
        soak_fail(self->soak, "for %.0f s nothing has happened; it waits until %s", PATIENCE_S,
            self->what);
}

bool soak_until(struct soak *self, bool (*is_so)(void *user), void *user, const char *what)
{
    struct wait wait = {.soak = self, .events = self->events, .what = what};

    ev_now_update(self->loop);
    wait.since = ev_now(self->loop);
    ev_timer_init(&wait.timer, on_patience, TURN_S, TURN_S);
    wait.timer.data = &wait;
    ev_timer_start(self->loop, &wait.timer);
    while (!self->failed && !is_so(user))
        ev_run(self->loop, EVRUN_ONCE);
    ev_timer_stop(self->loop, &wait.timer);
    return !self->failed;
}

struct span_of_time {
    ev_timer timer;
    double until;
    unsigned passed;
    bool over;
    void (*on_second)(unsigned passed, void *user);
    void *user;
};

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct span_of_time *self = timer->data;
    double left;

    (void)events;
    if (self->on_second)
        self->on_second(++self->passed, self->user);
    left = self->until - ev_now(loop);
    self->over = left <= 0.001;
    ev_timer_set(timer, fmin(fmax(left, 0), 1), 0.);
    if (!self->over)
        ev_timer_start(loop, timer);
}

bool soak_for(
    struct soak *self, double seconds, void (*each)(unsigned passed, void *user), void *user)
{
    struct span_of_time span = {.on_second = each, .user = user};

    ev_now_update(self->loop);
    span.until = ev_now(self->loop) + seconds;
    ev_timer_init(&span.timer, on_second, fmin(seconds, 1), 0.);
    span.timer.data = &span;
    ev_timer_start(self->loop, &span.timer);
    while (!self->failed && !span.over)
        ev_run(self->loop, EVRUN_ONCE);
    ev_timer_stop(self->loop, &span.timer);
    return !self->failed;
}
