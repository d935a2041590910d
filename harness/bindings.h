/*
 * bindings: what the captures of a play stand for at this moment.
 *
 * A list that grows at its end; a mark is its length, and rolling back to a mark
 * forgets what was bound since. Owns names and values. Invariant: a name occurs
 * once.
 */
#ifndef HARNESS_BINDINGS_H
#define HARNESS_BINDINGS_H

#include <jansson.h>
#include <stddef.h>

#include "libbester/status.h"

struct binding {
    char *name;
    json_t *value;
};

struct bindings {
    struct binding *items;
    size_t count;
};

void bindings_release(struct bindings *self);
/* Borrowed, or NULL. */
json_t *bindings_get(const struct bindings *self, const char *name);
/* Takes a reference of its own. The name must not be bound yet. */
void bindings_add(struct bindings *self, const char *name, json_t *value);
void bindings_roll_back(struct bindings *self, size_t mark);

/* How texts of a play are understood at one moment. */
struct scope {
    struct bindings bindings;
    /* What ${name} stands for where no capture has the name: malloc'd, or NULL. */
    char *(*expand)(const char *name, void *user);
    void *user;
    unsigned fresh; /* ids given so far */
};

#endif
