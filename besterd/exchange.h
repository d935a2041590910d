/*
 * exchange: asking a handler about a ticket, and putting the answers back in the
 * order of the lane. Knows nothing of what answers command.
 */
#ifndef BESTERD_EXCHANGE_H
#define BESTERD_EXCHANGE_H

#include "besterd/command.h"
#include "besterd/handler.h"
#include "besterd/lane.h"

/* Who takes turns with others at a handler: one session's messages of a type; what the
 * handler of one type says first. */
uint64_t exchange_asker(const struct ticket *ticket);
/* Asks; if that cannot even be tried, the ticket fails. */
void exchange_ask(struct ticket *ticket, struct handler *handler, struct span data);

/* An answer has come in, or was kept, and its turn has come:
 * EXCHANGE_RUN: *commands is what to carry out now. EXCHANGE_WAIT: it is not its
 * turn. EXCHANGE_FAILED: it is worthless; the ticket has been told why.
 * EXCHANGE_NONSENSE: the same, and no handler should say such a thing. */
enum exchange_turn { EXCHANGE_RUN, EXCHANGE_WAIT, EXCHANGE_FAILED, EXCHANGE_NONSENSE };
enum exchange_turn exchange_decode(struct ticket *ticket, const struct handler *handler,
    const struct message *answer, struct commands *commands);

#endif
