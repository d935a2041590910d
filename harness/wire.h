/*
 * wire: bytes out and connections, as every actor needs them.
 */
#ifndef HARNESS_WIRE_H
#define HARNESS_WIRE_H

#include <sys/types.h>

#include "harness/setting.h"

/* What the harness's own streams accept and queue: more than any server does. */
extern const struct stream_options wire_options;

/* A connected (or connecting) socket, or -1 and *fault. */
int wire_connect(const struct place *place, struct fault *fault);

/* Queues what the utterance says (JSON, raw, text, hex) on the stream and writes
 * it into the timeline. */
MUST_CHECK enum status wire_say(const struct setting *setting, struct stream *stream, int from,
    int to, enum edge_kind edge, const struct utterance *utterance, struct fault *fault);
/* The same, and leaves no trace: a device of the harness. */
MUST_CHECK enum status wire_say_hidden(
    struct stream *stream, const struct utterance *utterance, struct fault *fault);
/* Whether the other side of a connected socket has read all that was sent to it. */
bool wire_is_read(int fd);
/* Who listens at a UNIX place; 0: nobody. */
pid_t wire_listener_pid(const struct place *place);

#endif
