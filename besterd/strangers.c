#include "besterd/strangers.h"

#include <stdio.h>
#include <string.h>

static const double LOG_EVERY_S = 10;

static struct stranger *find(struct strangers *self, const struct tls_pin *pin)
{
    for (size_t i = 0; i < self->count; i++)
        if (tls_pin_equal(&self->at[i].pin, pin))
            return &self->at[i];
    return NULL;
}

static struct stranger *make_room(struct strangers *self)
{
    struct stranger *oldest = &self->at[0];

    if (self->count < STRANGERS_MAX)
        return &self->at[self->count++];
    for (size_t i = 1; i < self->count; i++)
        if (self->at[i].seen_s < oldest->seen_s)
            oldest = &self->at[i];
    return oldest;
}

bool strangers_add(
    struct strangers *self, const struct tls_pin *pin, const char *address, double now_s)
{
    struct stranger *stranger = find(self, pin);

    if (!stranger) {
        stranger = make_room(self);
        *stranger = (struct stranger){.pin = *pin};
    }
    snprintf(stranger->address, sizeof(stranger->address), "%s", address);
    stranger->seen_s = now_s;
    stranger->count++;
    self->seen_count++;
    if (self->logged_s > 0 && now_s - self->logged_s < LOG_EVERY_S) {
        self->unlogged++;
        return false;
    }
    self->logged_s = now_s;
    return true;
}

void strangers_forget(struct strangers *self, const struct tls_pin *pin)
{
    struct stranger *stranger = find(self, pin);

    if (stranger)
        *stranger = self->at[--self->count];
}
