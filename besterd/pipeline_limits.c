/* What happens at limits. */
#include "besterd/pipeline_internal.h"

bool pipeline_keep_answer(
    struct pipeline *self, struct ticket *ticket, struct handler *handler, struct span payload)
{
    size_t *tally = self->streams ? streams_held(self->streams) : NULL;

    if (ticket->lane->kept_bytes + payload.len > self->config->limits.kept_bytes) {
        limits_hit(self->limits, LIMIT_KEPT, "pipeline",
            "an answer that came before its turn was thrown away: %zu bytes wait already",
            ticket->lane->kept_bytes);
        ticket_fail(ticket, STATUS_OVERLOADED, "too much waits for what was sent before");
        return false;
    }
    if (ticket_keep_answer(ticket, handler, payload, tally) == STATUS_OK)
        return true;
    ticket_fail(ticket, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
    return false;
}

void pipeline_refuse_for_memory(struct pipeline *self, struct ticket *ticket)
{
    limits_hit(self->limits, LIMIT_TOTAL, "pipeline", "a message was refused");
    ticket_fail(ticket, STATUS_OVERLOADED, "the server is short of memory");
}

void pipeline_wait_for_room(
    struct pipeline *self, struct session *session, const struct handler *handler)
{
    if (session->holds & HOLD_HANDLER)
        return;
    limits_hit(self->limits, LIMIT_HANDLER, "pipeline", "reading from who asks %s pauses",
        handler_config(handler)->type);
    session_hold(session, HOLD_HANDLER);
}

void pipeline_has_room(struct pipeline *self)
{
    uint32_t cursor = 0;
    struct session *session;

    while ((session = roster_next(self->roster, &cursor)) != NULL)
        if (session->holds & HOLD_HANDLER)
            session_let_go(session, HOLD_HANDLER);
}
