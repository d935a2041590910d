/*
 * received: a message that came from the server, as a line for standard output:
 * JSON, or what --format makes of it; and whether --match wants it. Pure.
 *
 * Paths name members of the JSON line: type, from, id, time, data.text.
 */
#ifndef BESTER_SEND_RECEIVED_H
#define BESTER_SEND_RECEIVED_H

#include "bester-send/settings.h"
#include "libbester/message.h"

/* Appends {"type", "from", "id", "time", "data"} without a line end; what the
 * server did not tell is left out. */
MUST_CHECK enum status received_json(const struct message *message, struct bytes *out);
/* Whether every --match of the settings agrees with that line. */
bool received_matches(const struct settings *settings, struct span json);
/* Appends the line with its end: the JSON itself, or by settings->format. visible:
 * for a terminal, which must obey none of it. */
MUST_CHECK enum status received_line(
    const struct settings *settings, struct span json, bool visible, struct bytes *out);

#endif
