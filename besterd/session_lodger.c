/* A message of a pinned server, which has no connection of its own. */
#include <stdlib.h>

#include "besterd/session.h"

struct session *session_new_lodger(const struct session_context *context,
    const struct session_host *host, void *place, struct origin *origin, struct lane **lanes)
{
    struct session *self = calloc(1, sizeof(*self));

    if (!self) {
        origin_unref(origin);
        return NULL;
    }
    self->context = context;
    self->state = SESSION_PEER;
    self->host = host;
    self->place = place;
    self->origin = origin;
    self->lanes = lanes;
    ev_init(&self->timer, NULL); /* never started: it has logged in */
    return self;
}
