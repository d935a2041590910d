/*
 * load_client: one client of a load: its connection, and since when each message
 * in flight is counted. Bounded by its window.
 *
 * Callbacks come from the loop, never from within a call of this header.
 */
#ifndef HARNESS_LOAD_CLIENT_H
#define HARNESS_LOAD_CLIENT_H

#include "libbester/client.h"

struct load_client;

struct load_client_callbacks {
    void (*on_ready)(struct load_client *client, void *user);
    /* from_ns: as load_client_send was told. */
    void (*on_result)(struct load_client *client, const struct client_result *result,
        uint64_t from_ns, void *user);
    void (*on_received)(struct load_client *client, size_t bytes, void *user);
    void (*on_end)(struct load_client *client, enum client_end why, const char *text, void *user);
};

/* options->user is copied. */
struct load_client *load_client_new(struct streams *streams, struct worker *resolver,
    const struct client_options *options, unsigned window, size_t number,
    const struct load_client_callbacks *wanted, void *user);
void load_client_free(struct load_client *self);

size_t load_client_number(const struct load_client *self);
/* What the server calls itself. */
const char *load_client_server(const struct load_client *self);
const char *load_client_user(const struct load_client *self);
bool load_client_is_ready(const struct load_client *self);
/* The descriptor of its connection, or -1. */
int load_client_fd(const struct load_client *self);
/* Whether one more may be in flight. */
bool load_client_has_room(const struct load_client *self);
size_t load_client_in_flight(const struct load_client *self);
/* There is room. STATUS_TOO_LARGE: the server takes no such size; else the
 * connection is at its end. */
MUST_CHECK enum status load_client_send(struct load_client *self, const char *type,
    struct span data, uint64_t from_ns, struct fault *fault);
/* Waits no longer: what is in flight has CLIENT_TIMEOUT as its result, now. */
void load_client_expire(struct load_client *self);

#endif
