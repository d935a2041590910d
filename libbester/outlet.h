/*
 * outlet: lines for standard output, written when it takes them, so that a slow
 * reader never stops the loop (and with it reports and deadlines).
 *
 * The descriptor is not set non-blocking: it is shared with whoever started us.
 * At most as much is written at once as a pipe that is writable takes for sure.
 * When the reader is gone the rest is dropped quietly; outlet_status tells.
 */
#ifndef BESTER_OUTLET_H
#define BESTER_OUTLET_H

#include <ev.h>

#include "libbester/bytes.h"

struct outlet {
    struct ev_loop *loop;
    ev_io writable;
    struct bytes waiting;
    void (*on_room)(void *user); /* what waited has left */
    void *user;
    enum status status;
};

enum { OUTLET_FULL_BYTES = 256 * 1024 };

void outlet_init(
    struct outlet *self, struct ev_loop *loop, int fd, void (*on_room)(void *user), void *user);
void outlet_release(struct outlet *self);

/* Takes the text, whatever waits already. */
void outlet_put(struct outlet *self, struct span text);
/* Whoever makes more should wait for on_room. */
bool outlet_is_full(const struct outlet *self);
size_t outlet_bytes(const struct outlet *self);
bool outlet_is_empty(const struct outlet *self);
/* STATUS_OK; STATUS_CLOSED: the reader has gone; STATUS_IO, STATUS_NO_MEMORY. */
enum status outlet_status(const struct outlet *self);

#endif
