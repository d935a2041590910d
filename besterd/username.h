/*
 * username: what a username may be. The one place that knows. Pure.
 *
 * White space around it is stripped (Unicode's White_Space, as the reference
 * does). The rest must be 1 to USERNAME_MAX bytes of UTF-8, without '@', which
 * separates user and server, and without control, bidi and line characters,
 * which would let one user look like another.
 */
#ifndef BESTERD_USERNAME_H
#define BESTERD_USERNAME_H

#include "libbester/status.h"

enum { USERNAME_MAX = 64, USERNAME_CAP = USERNAME_MAX + 1 };

/* Writes the name as it is stored and compared, zero byte behind it.
 * STATUS_INVALID: out is untouched and *fault (may be NULL) tells the rule. */
MUST_CHECK enum status username_normalise(
    struct span given, char out[USERNAME_CAP], struct fault *fault);

#endif
