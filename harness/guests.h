/*
 * guests: what those are called who come from outside: the name with which each has
 * logged in on its connection.
 *
 * Owns the names.
 */
#ifndef HARNESS_GUESTS_H
#define HARNESS_GUESTS_H

#include "harness/timeline.h"

struct guest {
    int member; /* of the cast: who stands for all that come there */
    unsigned order;
    char *name; /* fit for a terminal */
};

struct guests {
    struct guest *items;
    size_t count;
};

void guests_release(struct guests *self);
/* Looks whether it is somebody who logs in. */
void guests_note(struct guests *self, const struct scenario *scenario, const struct event *event);
/* The name of a member; of a guest, on that connection. Borrowed until the next
 * guests_note. */
const char *guests_name(
    const struct guests *self, const struct scenario *scenario, int member, unsigned order);

#endif
