/*
 * strangers: servers that came to the listener for pinned ones and are not in the
 * configuration, so that an administrator can see them and paste their pins.
 *
 * Bounded: who was not seen for longest makes room. Owns nothing else.
 */
#ifndef BESTERD_STRANGERS_H
#define BESTERD_STRANGERS_H

#include <stdint.h>

#include "libbester/address.h"
#include "libbester/tls.h"

enum { STRANGERS_MAX = 32 };

struct stranger {
    struct tls_pin pin; /* shown, not proved: whoever is let in must prove it */
    char address[ADDRESS_TEXT_MAX];
    double seen_s; /* since 1970 */
    uint64_t count;
};

struct strangers {
    struct stranger at[STRANGERS_MAX];
    size_t count;
    double logged_s;     /* when a line of the log was last written */
    uint64_t unlogged;   /* since then */
    uint64_t seen_count; /* of all, ever */
};

/* One came. Whether a line of the log is due: they are few, however many come. */
bool strangers_add(
    struct strangers *self, const struct tls_pin *pin, const char *address, double now_s);
/* He is one no more. */
void strangers_forget(struct strangers *self, const struct tls_pin *pin);

#endif
