/* When memory runs out: who holds most of it must go. */
#include "besterd/log.h"
#include "besterd/server_internal.h"

/* Of the total: who holds less than this is not what is the matter, unless sessions
 * together hold most. Otherwise it is questions to handlers and messages to other
 * servers, which all have a deadline. */
enum { BLAME_SHARE = 64 };

static struct session *heaviest_stranger(const struct server *self)
{
    struct session *session, *heaviest = NULL;
    uint32_t cursor = 0;
    size_t most = 0;

    while ((session = roster_next(&self->roster, &cursor)) != NULL) {
        size_t bytes = session_held_bytes(session);

        if (session->state == SESSION_NEW && bytes > most) {
            most = bytes;
            heaviest = session;
        }
    }
    return heaviest;
}

static bool turn_out(struct session *session, enum limit limit)
{
    if (session)
        session_turn_out(session, limit);
    return session != NULL;
}

static bool on_full(void *server)
{
    struct server *self = server;
    size_t max = self->config->limits.total_bytes;
    size_t of_user, of_all;

    if (self->strangers.bytes > self->strangers.max)
        return turn_out(heaviest_stranger(self), LIMIT_STRANGERS);
    if (*streams_held(self->streams) <= max)
        return false;
    struct session *session = roster_heaviest(&self->roster, &of_user, &of_all);
    if (of_user < max / BLAME_SHARE && of_all < max / 2)
        return false;
    return turn_out(session, LIMIT_TOTAL);
}

void server_memory_limit(struct server *self)
{
    self->strangers.max = self->config->limits.strangers_bytes;
    streams_limit(self->streams, self->config->limits.total_bytes, on_full, self);
}
