/*
 * trace: what one message is called in the logs of every handler and server it
 * passes. Made by the first server, 16 hexadecimal digits; taken from another
 * server if it looks like one.
 */
#ifndef BESTERD_TRACE_H
#define BESTERD_TRACE_H

#include <stdint.h>

#include "libbester/status.h"

/* Bytes of a trace: letters, digits, '-', '_', '.'. */
enum { TRACE_MAX = 32 };

struct trace {
    char text[TRACE_MAX + 1]; /* "": none */
};

/* Where traces come from: never the same twice, and not to be guessed by who has
 * seen others of another server. */
struct trace_source {
    uint64_t key;
    uint64_t count;
};

void trace_source_init(struct trace_source *self);
void trace_make(struct trace *self, struct trace_source *source);

/* token: a JSON string, or absent. False, and nothing changes, if it is no trace. */
bool trace_take(struct trace *self, struct span token);

#endif
