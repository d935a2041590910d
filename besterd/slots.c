#include "besterd/slots.h"

#include <stdlib.h>

enum { SIZE_FIRST = 16 };

struct slot {
    void *thing;         /* NULL: free */
    uint32_t generation; /* counts the things that were here */
    uint32_t next_free;  /* as in struct slots */
};

void slots_init(struct slots *self)
{
    *self = (struct slots){0};
}

void slots_release(struct slots *self)
{
    free(self->at);
    slots_init(self);
}

static int slots_grow(struct slots *self)
{
    uint32_t size = self->size ? self->size * 2 : SIZE_FIRST;
    struct slot *at = size > self->size ? realloc(self->at, size * sizeof(*at)) : NULL;

    if (!at)
        return -1;
    for (uint32_t i = self->size; i < size; i++)
        at[i] = (struct slot){.generation = 0, .next_free = i + 1 < size ? i + 2 : 0};
    self->free = self->size + 1;
    self->at = at;
    self->size = size;
    return 0;
}

uint64_t slots_add(struct slots *self, void *thing)
{
    if (!self->free && slots_grow(self) != 0)
        return 0;
    uint32_t place = self->free;
    struct slot *slot = &self->at[place - 1];

    self->free = slot->next_free;
    slot->thing = thing;
    self->count++;
    return (uint64_t)slot->generation << 32 | place;
}

static struct slot *slots_at(const struct slots *self, uint64_t number)
{
    uint32_t place = (uint32_t)number;

    if (place == 0 || place > self->size)
        return NULL;
    struct slot *slot = &self->at[place - 1];
    return slot->thing && slot->generation == number >> 32 ? slot : NULL;
}

void *slots_find(const struct slots *self, uint64_t number)
{
    struct slot *slot = slots_at(self, number);

    return slot ? slot->thing : NULL;
}

void *slots_remove(struct slots *self, uint64_t number)
{
    struct slot *slot = slots_at(self, number);

    if (!slot)
        return NULL;
    void *thing = slot->thing;
    slot->thing = NULL;
    slot->generation++;
    slot->next_free = self->free;
    self->free = (uint32_t)number;
    self->count--;
    return thing;
}

void *slots_next(const struct slots *self, uint32_t *cursor)
{
    while (*cursor < self->size) {
        void *thing = self->at[(*cursor)++].thing;

        if (thing)
            return thing;
    }
    return NULL;
}
