#include "besterd/pipeline_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "besterd/builtin.h"
#include "besterd/exchange.h"

/* ---- the sentence: route -> exchange -> command -> delivery -> report ---- */

static void report_done(struct pipeline *self, struct ticket *ticket);
static void carry_out(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct commands *commands);

void pipeline_take(struct pipeline *self, struct session *session, const struct message *message)
{
    if (pipeline_answers_itself(self, session, message))
        return;
    struct handler *handler = route_find(self->route, message->type);
    if (!handler) {
        pipeline_refuse(self, session, message, STATUS_NO_HANDLER, status_help(STATUS_NO_HANDLER));
        return;
    }
    struct ticket *ticket = pipeline_open_ticket(self, session, handler, message);
    if (!ticket) {
        pipeline_refuse(self, session, message, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return;
    }
    if (self->draining)
        ticket_fail(ticket, STATUS_SHUTTING_DOWN, status_help(STATUS_SHUTTING_DOWN));
    else if (self->streams && streams_are_full(self->streams))
        pipeline_refuse_for_memory(self, ticket);
    else
        exchange_ask(ticket, handler, message->data);
    ticket->running = false;
    if (handler_is_full(handler, exchange_asker(ticket)))
        pipeline_wait_for_room(self, session, handler);
    pipeline_advance(self, ticket);
}

bool pipeline_answered(struct pipeline *self, uint64_t number, struct handler *handler,
    const struct message *answer, struct span payload)
{
    struct ticket *ticket = slots_find(&self->tickets, number);
    struct commands commands;

    if (!ticket)
        return true; /* it was given up */
    assert(ticket->asking > 0);
    ticket->asking--;
    ticket->running = true;
    ticket_log(ticket, "%s has answered", handler_config(handler)->type);
    enum exchange_turn turn = exchange_decode(ticket, handler, answer, &commands);
    if (turn == EXCHANGE_RUN)
        carry_out(self, ticket, handler, &commands);
    else if (turn == EXCHANGE_WAIT && pipeline_keep_answer(self, ticket, handler, payload))
        handler_ref(handler); /* a reload may take it away meanwhile */
    ticket->running = false;
    pipeline_advance(self, ticket);
    return turn != EXCHANGE_NONSENSE;
}

void pipeline_not_answered(
    struct pipeline *self, uint64_t number, enum status reason, const char *detail)
{
    struct ticket *ticket = slots_find(&self->tickets, number);

    if (!ticket)
        return;
    assert(ticket->asking > 0);
    ticket->asking--;
    ticket_log(ticket, "no answer: %s: %s", status_text(reason), detail);
    ticket_fail(ticket, reason, detail);
    pipeline_advance(self, ticket);
}

void pipeline_handler_speaks(
    struct pipeline *self, struct handler *handler, const struct message *word)
{
    struct ticket *ticket = pipeline_open_ticket(self, NULL, handler, word);
    struct commands commands;

    if (!ticket)
        return;
    ticket->speaker = handler;
    handler_word_begins(handler);
    if (exchange_decode(ticket, handler, word, &commands) == EXCHANGE_RUN)
        carry_out(self, ticket, handler, &commands);
    ticket->running = false;
    pipeline_advance(self, ticket);
}

/* ---- commands ---- */

typedef void command_runner(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct command *command);

static void run_send_clients(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct command *command)
{
    deliver_to_clients(
        &self->deliveries, ticket, command, handler_config(handler), handler_type_token(handler));
}

static void run_send_servers(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct command *command)
{
    deliver_to_servers(
        &self->deliveries, ticket, command, handler_config(handler), handler_type_token(handler));
}

static void run_send_handler(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct command *command)
{
    struct handler *next = route_find(self->route, command->targets);
    char detail[160];

    if (ticket->handler_hops >= self->config->limits.hops) {
        snprintf(detail, sizeof(detail), "through %u handlers, the limit is %u",
            ticket->handler_hops, self->config->limits.hops);
        ticket_fail(ticket, STATUS_LOOP, detail);
    } else if (!next) {
        snprintf(detail, sizeof(detail), "sendHandler: no handler for the type %.*s",
            command->targets.len < 80 ? (int)command->targets.len : 80, command->targets.at);
        ticket_fail(ticket, STATUS_NO_HANDLER, detail);
    } else if (!command_may_name(
                   COMMAND_SEND_HANDLER, handler_config(handler), handler_config(next)->type)) {
        snprintf(detail, sizeof(detail), "%.50s may not pass a message on to %.50s (mayCommand)",
            handler_config(handler)->type, handler_config(next)->type);
        ticket_fail(ticket, STATUS_NOT_ALLOWED, detail);
    } else {
        ticket->handler_hops++;
        exchange_ask(ticket, next, command->message);
    }
}

static command_runner *const runners[COMMAND_KINDS] = {
    [COMMAND_SEND_CLIENTS] = run_send_clients,
    [COMMAND_SEND_SERVERS] = run_send_servers,
    [COMMAND_SEND_HANDLER] = run_send_handler,
};

static void carry_out(struct pipeline *self, struct ticket *ticket, struct handler *handler,
    const struct commands *commands)
{
    for (size_t i = 0; i < commands->count; i++)
        runners[commands->at[i].kind](self, ticket, handler, &commands->at[i]);
}

/* ---- tickets ---- */

static void close_ticket(struct pipeline *self, struct ticket *ticket)
{
    struct answer *answer;

    while ((answer = ticket_take_answer(ticket)) != NULL) {
        handler_unref(answer->handler);
        answer_free(answer);
    }
    if (ticket->speaker)
        handler_word_ends(ticket->speaker);
    slots_remove(&self->tickets, ticket->number);
    ticket_free(ticket);
    if (self->draining && self->tickets.count == 0 && self->on_idle)
        self->on_idle(self->server);
}

/* The first server names the message; from another server it comes with its name. */
static void name_ticket(struct pipeline *self, struct ticket *ticket, const struct session *session,
    const struct message *message)
{
    bool from_peer = session && session->state == SESSION_PEER;

    if (!from_peer || !trace_take(&ticket->trace, message->trace))
        trace_make(&ticket->trace, &self->traces);
    if (session)
        ticket_log(ticket, "a message from %s, session %llu, id %.*s",
            from_peer ? "another server" : "a client", (unsigned long long)session->number,
            ticket->id_token.at ? (int)ticket->id_token.len : 4,
            ticket->id_token.at ? ticket->id_token.at : "none");
    else
        ticket_log(ticket, "the handler speaks first");
}

/* session: NULL where a handler speaks first. */
struct ticket *pipeline_open_ticket(struct pipeline *self, struct session *session,
    struct handler *handler, const struct message *message)
{
    struct ticket *ticket = ticket_new(session ? session->number : 0,
        session ? session->origin : self->handler_origin, session ? message->id : (struct span){0});
    struct lane *lane = NULL;

    if (!ticket)
        return NULL;
    ticket->number = slots_add(&self->tickets, ticket);
    if (session)
        lane = lane_get(session->lanes, handler ? (const void *)handler : self);
    if (!ticket->number || (session && !lane)) {
        close_ticket(self, ticket);
        return NULL;
    }
    name_ticket(self, ticket, session, message);
    ticket->type = handler ? handler_label(handler) : TYPE_BUILTIN;
    ticket->running = true;
    if (session) {
        ticket->server_hops = session->hops;
        ticket->exchange = session->exchange;
        lane_append(lane, ticket);
        session_enter_flight(session);
    }
    return ticket;
}

static void run_kept_builtin(struct pipeline *self, struct ticket *ticket)
{
    struct answer *taken = ticket_take_answer(ticket);

    ticket->running = true;
    pipeline_run_builtin(self, ticket, blob_span(taken->payload));
    ticket->running = false;
    answer_free(taken);
}

/* Carries out kept answers whose turn has come. Whether any was. */
static bool run_kept_answers(struct pipeline *self, struct ticket *ticket)
{
    bool any = false;

    while (ticket->waiting) {
        struct handler *handler = ticket->waiting->handler;
        struct message answer;
        struct commands commands;

        if (!lane_may_run(ticket->lane, ticket, handler != NULL))
            break;
        if (!handler) {
            run_kept_builtin(self, ticket);
            any = true;
            continue;
        }
        if (message_parse(&answer, blob_span(ticket->waiting->payload), JSON_DEPTH_MAX, NULL) !=
            STATUS_OK)
            abort(); /* it was parsed when it came */
        enum exchange_turn turn = exchange_decode(ticket, handler, &answer, &commands);
        if (turn == EXCHANGE_WAIT)
            break;
        struct answer *taken = ticket_take_answer(ticket);
        ticket->running = true;
        if (turn == EXCHANGE_RUN)
            carry_out(self, ticket, handler, &commands);
        ticket->running = false;
        handler_unref(handler);
        answer_free(taken);
        any = true;
    }
    return any;
}

static void send_report(struct pipeline *self, struct session *session, struct ticket *ticket)
{
    struct blob *own = ticket->failure == STATUS_OK ? ticket->own : NULL;

    if (own) {
        session_report_frame(session, blob_ref(own));
        return;
    }
    metrics_count(self->metrics, METRIC_REPORTS, metrics_result(ticket->failure), 0);
    session_report_frame(session, delivery_report(ticket));
}

/* Its report, if anybody is there to read it; then it is gone. Whether its lane
 * is still there. */
static bool finish(struct pipeline *self, struct lane *lane, struct ticket *ticket)
{
    uint64_t number = ticket->session;
    struct session *session = roster_find(self->roster, number);

    if (ticket->failure == STATUS_OK)
        ticket_log(ticket, "reported good");
    else
        ticket_log(ticket, "reported bad: %s: %s", status_text(ticket->failure),
            ticket->detail ? ticket->detail : "");
    metrics_count(self->metrics, METRIC_MESSAGES, ticket->type, metrics_result(ticket->failure));
    if (session) {
        send_report(self, session, ticket);
        session_leave_flight(session);
    }
    bool lane_stays = lane_pop(lane, ticket);
    close_ticket(self, ticket);
    return lane_stays;
}

/* Reports go out for as long as the first of the lane is done. */
static void report_done(struct pipeline *self, struct ticket *ticket)
{
    struct lane *lane = ticket->lane;

    if (lane) {
        while (lane->first && ticket_is_done(lane->first))
            if (!finish(self, lane, lane->first))
                return;
        return;
    }
    if (!ticket_is_done(ticket))
        return;
    /* A handler spoke first: nobody waits. */
    if (ticket->failure != STATUS_OK)
        log_sparingly(&self->said_first, LOG_LEVEL_WARNING, "pipeline", ticket->trace.text,
            "what a handler said first failed: %s: %s", status_text(ticket->failure),
            ticket->detail ? ticket->detail : "");
    close_ticket(self, ticket);
}

/* ticket has come further, so the answers behind it that waited may have their
 * turn: up to the first that is stuck for a reason of its own. */
void pipeline_advance(struct pipeline *self, struct ticket *ticket)
{
    for (struct ticket *next = ticket->next; next; next = next->next)
        if (!run_kept_answers(self, next) && !ticket_is_settled(next))
            break;
    report_done(self, ticket);
}

/* ---- birth, the end, and the way back from deliveries ---- */

static struct ticket *find_ticket(uint64_t number, void *pipeline)
{
    struct pipeline *self = pipeline;

    return slots_find(&self->tickets, number);
}

static void on_resolved(struct ticket *ticket, void *pipeline)
{
    report_done(pipeline, ticket);
}

enum status pipeline_init(struct pipeline *self)
{
    slots_init(&self->tickets);
    trace_source_init(&self->traces);
    self->deliveries.find_ticket = find_ticket;
    self->deliveries.on_resolved = on_resolved;
    self->deliveries.pipeline = self;
    deliveries_init(&self->deliveries);
    self->types = builtin_types_new(self->config);
    self->handler_origin = origin_new_handler(self->config->server_name);
    return self->types && self->handler_origin ? STATUS_OK : STATUS_NO_MEMORY;
}

/* A ticket leaves its lane as the first only, so those before it go too. */
static void end_all(
    struct pipeline *self, void (*end)(struct pipeline *self, struct ticket *ticket))
{
    uint32_t cursor = 0;
    struct ticket *ticket, *first;

    while ((ticket = slots_next(&self->tickets, &cursor)) != NULL)
        do {
            first = ticket->lane ? ticket->lane->first : ticket;
            end(self, first);
        } while (first != ticket);
}

static void throw_away(struct pipeline *self, struct ticket *ticket)
{
    if (ticket->lane)
        (void)lane_pop(ticket->lane, ticket);
    close_ticket(self, ticket);
}

static void give_up(struct pipeline *self, struct ticket *ticket)
{
    for (size_t i = 0; i < ticket->target_count; i++)
        if (ticket->targets[i].open > 0 && ticket->targets[i].status == STATUS_OK)
            ticket->targets[i].status = STATUS_SHUTTING_DOWN;
    ticket_fail(ticket, STATUS_SHUTTING_DOWN, status_help(STATUS_SHUTTING_DOWN));
    if (ticket->lane)
        (void)finish(self, ticket->lane, ticket);
    else
        close_ticket(self, ticket);
}

void pipeline_give_up(struct pipeline *self)
{
    end_all(self, give_up);
}

void pipeline_forget(struct pipeline *self)
{
    self->on_idle = NULL;
    end_all(self, throw_away);
}

void pipeline_release(struct pipeline *self)
{
    pipeline_forget(self);
    slots_release(&self->tickets);
    deliveries_release(&self->deliveries);
    blob_unref(self->types);
    origin_unref(self->handler_origin);
}

void pipeline_reconfigure(struct pipeline *self, const struct config *config, struct blob *types)
{
    self->config = config;
    self->deliveries.config = config;
    blob_unref(self->types);
    self->types = types;
}

void pipeline_drain(struct pipeline *self)
{
    self->draining = true;
}

size_t pipeline_in_flight(const struct pipeline *self)
{
    return self->tickets.count;
}
