#include "besterd/breaker.h"

#include <stdio.h>

#include "libbester/clock.h"

enum breaker_answer breaker_asks(struct breaker *self, uint64_t who, double now_s)
{
    if (!self->open || (self->who && self->who != who))
        return BREAKER_YES;
    if (self->probing || now_s < self->probe_s)
        return BREAKER_NO;
    self->probing = true;
    return BREAKER_PROBE;
}

static void pause_again(struct breaker *self, const struct breaker_limits *limits, double now_s)
{
    double pause_s = self->pause_s * 2;

    self->pause_s = pause_s < limits->most_s ? pause_s : limits->most_s;
    self->probe_s = now_s + self->pause_s;
}

static void note(struct breaker *self, const struct breaker_failure *failure)
{
    if (self->failures == 0)
        self->who = failure->who;
    else if (self->who != failure->who)
        self->who = 0;
    self->failures++;
    snprintf(self->why, sizeof(self->why), "%s", failure->why);
}

bool breaker_failed(struct breaker *self, const struct breaker_limits *limits,
    const struct breaker_failure *failure, double now_s, double unix_s)
{
    note(self, failure);
    if (self->open) {
        if (failure->was_probe) {
            self->probing = false;
            pause_again(self, limits, now_s);
        }
        return false;
    }
    if (limits->failures == 0 || (self->failures < limits->failures && !self->wary))
        return false;
    self->open = true;
    self->probing = false;
    self->since_s = unix_s;
    if (self->wary) {
        pause_again(self, limits, now_s);
    } else {
        self->pause_s = limits->pause_s;
        self->probe_s = now_s + self->pause_s;
    }
    return true;
}

bool breaker_succeeded(struct breaker *self)
{
    bool was_open = self->open;

    *self = (struct breaker){.open = false};
    return was_open;
}

bool breaker_connected(struct breaker *self)
{
    bool was_open = self->open;

    self->wary = self->wary || was_open;
    self->open = self->probing = false;
    return was_open;
}

void breaker_hurry(struct breaker *self)
{
    self->probe_s = 0;
}

const char *breaker_tell(const struct breaker *self, double now_s, char out[BREAKER_TEXT_MAX])
{
    char since[CLOCK_TEXT_MAX];
    double left_s = self->probe_s > now_s ? self->probe_s - now_s : 0;

    snprintf(out, BREAKER_TEXT_MAX,
        "not asked since %s, after %u failures in a row%s, the last: %s; asked again in %.1f s",
        clock_format(self->since_s, since), self->failures, self->who ? " at what you sent" : "",
        self->why, left_s);
    return out;
}
