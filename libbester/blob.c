#include "libbester/blob.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

struct blob *blob_new(size_t len)
{
    if (len > SIZE_MAX - sizeof(struct blob))
        return NULL;
    struct blob *self = malloc(sizeof *self + len);
    if (self == NULL)
        return NULL;
    self->refs = 1;
    self->len = len;
    self->queues = 0;
    return self;
}

struct blob *blob_ref(struct blob *self)
{
    assert(self->refs > 0);
    self->refs++;
    return self;
}

void blob_unref(struct blob *self)
{
    if (self == NULL)
        return;
    assert(self->refs > 0);
    if (--self->refs == 0)
        free(self);
}

struct span blob_span(const struct blob *self)
{
    return (struct span){.at = self->data, .len = self->len};
}

void blob_wait(struct blob *self, size_t *tally)
{
    if (self->queues++ == 0)
        *tally += self->len;
}

void blob_wait_over(struct blob *self, size_t *tally)
{
    assert(self->queues > 0);
    if (--self->queues > 0)
        return;
    assert(*tally >= self->len);
    *tally -= self->len;
}
