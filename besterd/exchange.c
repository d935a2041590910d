#include "besterd/exchange.h"

#include <stdio.h>

static enum status reason_of(enum status status)
{
    return status_on_wire(status) ? status : STATUS_INTERNAL;
}

uint64_t exchange_asker(const struct ticket *ticket)
{
    return ticket->lane ? (uint64_t)(uintptr_t)ticket->lane : (uint64_t)ticket->type << 1 | 1;
}

void exchange_ask(struct ticket *ticket, struct handler *handler, struct span data)
{
    struct fault fault;
    enum status status = handler_ask(handler,
        &(struct handler_question){
            .ticket = ticket->number,
            .asker = exchange_asker(ticket),
            .origin = ticket->origin,
            .id_token = ticket->id_token,
            .trace = ticket->trace.text,
            .data = data,
        },
        &fault);

    if (status == STATUS_OK) {
        ticket->asking++;
        ticket_log(ticket, "%s is asked", handler_config(handler)->type);
        return;
    }
    ticket_fail(ticket, reason_of(status), fault.text);
}

enum exchange_turn exchange_decode(struct ticket *ticket, const struct handler *handler,
    const struct message *answer, struct commands *commands)
{
    struct fault fault;
    char detail[300];
    enum status status = commands_decode(commands, answer, handler_config(handler), &fault);

    if (status == STATUS_OK)
        return !ticket->lane || lane_may_run(ticket->lane, ticket, commands_are_hops(commands))
                   ? EXCHANGE_RUN
                   : EXCHANGE_WAIT;
    snprintf(detail, sizeof(detail), "%.50s: %s", handler_config(handler)->type, fault.text);
    ticket_fail(ticket, reason_of(status), detail);
    return status == STATUS_BAD_REPLY ? EXCHANGE_NONSENSE : EXCHANGE_FAILED;
}
