/*
 * exposition: what a server says of itself in Prometheus' text format (0.0.4), and
 * questions to it.
 *
 * Owns its samples. Pure.
 */
#ifndef HARNESS_EXPOSITION_H
#define HARNESS_EXPOSITION_H

#include <jansson.h>

#include "libbester/status.h"

struct sample {
    char *name;
    json_t *labels; /* name: text; NULL: only its # TYPE was seen */
    double value;
};

struct exposition {
    struct sample *items;
    size_t count;
};

/* STATUS_INVALID: *fault names the line that is no sample. */
MUST_CHECK enum status exposition_read(
    struct exposition *self, struct span text, struct fault *fault);
void exposition_release(struct exposition *self);

/* name{label="text", …} as a metric and labels: both the caller's. STATUS_INVALID:
 * *fault says why. */
MUST_CHECK enum status selector_read(
    struct span text, char **name, json_t **labels, struct fault *fault);

/* Adds up the samples of that name that have all these labels; 0 where there are
 * none. false: nothing has that name. */
bool exposition_sum(
    const struct exposition *self, const char *name, const json_t *labels, double *out);
/* The name that is most like it, or NULL. Borrowed. */
const char *exposition_nearest(const struct exposition *self, const char *name);

#endif
