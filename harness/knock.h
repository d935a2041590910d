/*
 * knock: whether anybody tries to connect where nobody listens.
 *
 * Whoever is refused leaves no trace at the socket that refuses. For TCP the kernel
 * tells of each socket that ends, and to which address it was to go (sock_diag); of
 * a UNIX socket it notes when its file was last asked for. Where it does neither (no
 * such module, no access times), nobody can see it, and there is no knock.
 */
#ifndef HARNESS_KNOCK_H
#define HARNESS_KNOCK_H

#include <ev.h>

#include "harness/topology.h"

struct knock;

/* seen: somebody was refused; else so much happened that it can't be told. Once, from
 * the loop. */
typedef void knock_on_knock(bool seen, void *user);

/* place is bound and does not listen. NULL: nobody can see it. */
struct knock *knock_new(
    struct ev_loop *loop, const struct place *place, knock_on_knock *on_knock, void *user);
void knock_free(struct knock *self); /* NULL is legal */

#endif
