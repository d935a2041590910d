#include "harness/bindings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void bindings_release(struct bindings *self)
{
    bindings_roll_back(self, 0);
    free(self->items);
    *self = (struct bindings){0};
}

json_t *bindings_get(const struct bindings *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->items[i].name, name) == 0)
            return self->items[i].value;
    return NULL;
}

void bindings_add(struct bindings *self, const char *name, json_t *value)
{
    assert(!bindings_get(self, name));
    must_grow(self->items, self->count);
    self->items[self->count++] =
        (struct binding){.name = must_copy(name), .value = json_incref(value)};
}

void bindings_roll_back(struct bindings *self, size_t mark)
{
    /* Storage grows at powers of two and is kept: lengths below were full once. */
    while (self->count > mark) {
        struct binding *last = &self->items[--self->count];

        free(last->name);
        json_decref(last->value);
    }
}
