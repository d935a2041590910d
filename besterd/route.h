/*
 * route: which handler a type belongs to.
 *
 * Owns the handlers.
 */
#ifndef BESTERD_ROUTE_H
#define BESTERD_ROUTE_H

#include "besterd/handler.h"

struct route_row;

struct route {
    struct route_row *rows; /* a hash table by type */
};

/* A handler for each type of config. STATUS_NO_MEMORY. context must outlive the
 * route. */
MUST_CHECK enum status route_init(
    struct route *self, const struct config *config, const struct handler_context *context);
void route_release(struct route *self);

/* type_token: a JSON string. NULL: no handler for it. */
struct handler *route_find(const struct route *self, struct span type_token);
void route_each(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user);
/* Whether a process of ours still runs. */
bool route_any_running(const struct route *self);

#endif
