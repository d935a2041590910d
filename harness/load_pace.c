#include "harness/load_pace.h"

#include <math.h>

static uint64_t due_ns(const struct load_pace *self, uint64_t number)
{
    return (uint64_t)((double)number / self->rate * 1e9);
}

/* How many there are in all until that moment. */
static uint64_t due_until(const struct load_pace *self, uint64_t ns)
{
    if (ns >= self->until_ns)
        ns = self->until_ns ? self->until_ns - 1 : 0;
    double due = floor((double)ns / 1e9 * self->rate) + 1;

    return due < (double)self->count ? (uint64_t)due : self->count;
}

uint64_t load_pace_due(const struct load_pace *self, uint64_t now_ns)
{
    if (self->until_ns == 0)
        return 0;
    if (self->rate > 0) {
        uint64_t all = due_until(self, now_ns);
        return all > self->taken ? all - self->taken : 0;
    }
    return now_ns < self->until_ns ? self->count - self->taken : 0;
}

uint64_t load_pace_take(struct load_pace *self, uint64_t now_ns)
{
    uint64_t due = self->rate > 0 ? due_ns(self, self->taken) : now_ns;

    self->taken++;
    return due < now_ns ? due : now_ns;
}

uint64_t load_pace_next_ns(const struct load_pace *self)
{
    if (self->rate <= 0 || self->taken >= self->count)
        return UINT64_MAX;
    uint64_t due = due_ns(self, self->taken);

    return due < self->until_ns ? due : UINT64_MAX;
}
