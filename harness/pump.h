/*
 * pump: one direction of a connection that the harness relays: bytes from a
 * source to a target, read as frames on their way.
 *
 * Bytes pass unchanged and as they come, until a disturbance is in force on the
 * edge; then frame by frame. What waits is a queue of pieces, each with what it
 * waits for. An end of input is passed on as one, behind all that came before.
 * Reads on only when the target takes what it read. Owns the queue and the
 * buffers, not the descriptors.
 */
#ifndef HARNESS_PUMP_H
#define HARNESS_PUMP_H

#include "harness/setting.h"

struct pump;

struct pump_callbacks {
    /* A frame has come from the source. */
    void (*on_frame)(struct pump *pump, struct span payload, void *user);
    /* The end of input was passed on. May free the pump. */
    void (*on_passed)(struct pump *pump, void *user);
    /* The connection can't go on. May free the pump. */
    void (*on_broken)(struct pump *pump, const char *how, void *user);
};

/* sealed: no frames can be seen (TLS); disturbances then meet whatever bytes come
 * together. */
struct pump *pump_new(const struct setting *setting, int from, int to, int source, int target,
    bool sealed, const struct pump_callbacks *callbacks, void *user);
void pump_free(struct pump *self);
/* The end of input was passed on. */
bool pump_has_passed(const struct pump *self);
/* What is cut off now never comes: whole frames are dropped. */
void pump_forget(struct pump *self);
/* The disturbances have changed. May call on_passed or on_broken. */
void pump_look_again(struct pump *self);

#endif
