/*
 * route: which handler a type belongs to.
 *
 * Owns the handlers, and keeps the configuration that they look at. A reload of it
 * keeps each handler that means the same process, whatever else changed about it;
 * others are retired: they finish what they were asked, then end. One that takes
 * the place of a process of ours (the same socket) waits until that has ended.
 */
#ifndef BESTERD_ROUTE_H
#define BESTERD_ROUTE_H

#include "besterd/handler.h"

struct route_row;

struct route {
    struct route_row *rows;    /* a hash table by type */
    struct route_row *retired; /* a list, oldest first */
    const struct config *config;
    const struct handler_context *context;
};

/* A handler for each type of config. STATUS_NO_MEMORY. context must outlive the
 * route. */
MUST_CHECK enum status route_init(
    struct route *self, const struct config *config, const struct handler_context *context);
void route_release(struct route *self);

/* The rows of another configuration, made and not yet in force. STATUS_NO_MEMORY:
 * nothing has changed. */
MUST_CHECK enum status route_plan(
    struct route *self, const struct config *config, struct route_row **plan);
/* Puts a plan in force; cannot fail. The context's limits must be the new ones.
 * replaced is told of each handler that is retired, and of the one of the same
 * type that comes after it, or NULL. */
void route_commit(struct route *self, const struct config *config, struct route_row *plan,
    void (*replaced)(struct handler *old, struct handler *now, void *user), void *user);
/* Throws one away. NULL is legal. */
void route_cancel(struct route_row *plan);
/* Sees to those that are retired: to be called after on_ended. */
void route_sweep(struct route *self);

/* type_token: a JSON string. NULL: no handler for it. */
struct handler *route_find(const struct route *self, struct span type_token);
/* Calls each for every handler, the retired ones too. */
void route_each(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user);
/* The same without those. */
void route_each_current(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user);
/* Whether a process of ours still runs. */
bool route_any_running(const struct route *self);

#endif
