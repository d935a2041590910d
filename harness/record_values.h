/*
 * record_values: how values of a recording stand in its play.
 *
 * What differs from one run to the next (times, UUIDs, ids of messages, addresses)
 * becomes a capture where a server or program says it, and a fixed value where the
 * harness is to say it; the same text becomes the same thing everywhere. Passwords
 * become password-1 and so on. All else is quoted, so that the play means what was
 * said.
 *
 * For record*.c alone. Owns its list.
 */
#ifndef HARNESS_RECORD_VALUES_H
#define HARNESS_RECORD_VALUES_H

#include "harness/topology.h"

struct known {
    char *text;
    json_t *shown;
};

struct values {
    const struct topology *topology; /* NULL: no address is known */
    json_t *shown;                   /* texts, and what stands for each */
    struct known *secrets;
    size_t secret_count;
    unsigned times, uuids;
    double now_s;
};

/* Where a value stands in the play. */
struct value_place {
    bool said;     /* the harness says it */
    bool builtin;  /* the server itself made it up */
    int seen_from; /* the member from whose side ${S2} is understood */
};

void values_init(struct values *self, const struct topology *topology);
void values_release(struct values *self);

/* What stands for a password, everywhere. Borrowed. */
const char *values_secret(struct values *self, const char *password);
/* From here on the text is that capture, unless it was said as it is before. */
void values_bind(struct values *self, const char *text, const char *capture);
/* A new value, as a play has it. */
json_t *values_show(struct values *self, const json_t *value, const struct value_place *place);
/* A text of bytes that are no JSON, likewise; NULL: no text. */
json_t *values_show_bytes(struct values *self, struct span bytes);
/* A copy of a configuration without any password. */
json_t *values_config(struct values *self, const json_t *config);

#endif
