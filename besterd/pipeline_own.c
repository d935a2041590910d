/* What the server answers itself: wrong messages, dummy, builtin. */
#include "besterd/builtin.h"
#include "besterd/pipeline_internal.h"

/* What a message that no handler sees is counted as. */
static size_t type_of(const struct pipeline *self, const struct message *message)
{
    const struct handler *handler = NULL;

    if (json_kind_of(message->type) != JSON_KIND_STRING)
        return TYPE_OTHER;
    if (json_string_is(message->type, "dummy"))
        return TYPE_DUMMY;
    if (json_string_is(message->type, "builtin"))
        return TYPE_BUILTIN;
    handler = route_find(self->route, message->type);
    return handler ? handler_label(handler) : TYPE_OTHER;
}

void pipeline_refuse(struct pipeline *self, struct session *session, const struct message *message,
    enum status reason, const char *detail)
{
    bool has_id = json_kind_of(message->id) == JSON_KIND_STRING;

    metrics_count(self->metrics, METRIC_MESSAGES, type_of(self, message), metrics_result(reason));
    session_report(session, &(struct report){.id_token = has_id ? message->id : (struct span){0},
                                .reason = reason,
                                .detail = detail});
}

static void run_dummy(struct pipeline *self, struct session *session, const struct message *message)
{
    metrics_count(self->metrics, METRIC_MESSAGES, TYPE_DUMMY, STATUS_OK);
    if (session->host) /* it waits for a report */
        session_report(session, &(struct report){.id_token = message->id, .good = true});
    else
        session_report_frame(session, message_dummy_answer(message->id));
}

/* ---- built-ins ---- */

static enum status decode_builtin(struct pipeline *self, const char *user, struct span data,
    struct span id_token, struct builtin_answer *answer, struct fault *fault)
{
    enum status status = builtin_run(&(struct builtin_context){.user = user,
                                         .server = self->config->server_name,
                                         .types = blob_span(self->types),
                                         .now_s = ev_now(self->loop)},
        data, id_token, answer, fault);

    if (status == STATUS_NO_MEMORY)
        (void)fault_set(fault, status, 0, "%s", status_help(status));
    return status == STATUS_OK || status_on_wire(status) ? status : STATUS_INTERNAL;
}

void pipeline_run_builtin(struct pipeline *self, struct ticket *ticket, struct span data)
{
    struct builtin_answer answer = {0};
    struct fault fault = {.text = ""};
    enum status status =
        decode_builtin(self, ticket->origin->user, data, ticket->id_token, &answer, &fault);

    if (status == STATUS_OK && answer.row && self->draining)
        status =
            fault_set(&fault, STATUS_SHUTTING_DOWN, 0, "%s", status_help(STATUS_SHUTTING_DOWN));
    else if (status == STATUS_OK && answer.row)
        status = administration_ask(self->administration,
            &(struct administration_question){.row = answer.row,
                .args = answer.args,
                .user = ticket->origin->user,
                .session = ticket->session,
                .ticket = ticket->number},
            &fault);
    if (status != STATUS_OK)
        ticket_fail(ticket, status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
    else if (answer.row)
        ticket->asking++;
    else
        ticket->own = answer.frame;
}

void pipeline_administered(struct pipeline *self, uint64_t number, enum status status,
    struct span data, const char *detail)
{
    struct ticket *ticket = slots_find(&self->tickets, number);

    if (!ticket)
        return;
    ticket->asking--;
    if (status == STATUS_OK) {
        ticket->own = builtin_answer_frame(data, ticket->id_token);
        if (!ticket->own)
            ticket_fail(ticket, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
    } else {
        ticket_fail(ticket, status, detail);
    }
    pipeline_advance(self, ticket);
}

/* In its turn: behind the built-ins of this session that are not answered yet. */
static void queue_builtin(
    struct pipeline *self, struct session *session, const struct message *message)
{
    struct ticket *ticket = pipeline_open_ticket(self, session, NULL, message);

    if (!ticket) {
        pipeline_refuse(self, session, message, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return;
    }
    if (lane_may_run(ticket->lane, ticket, false))
        pipeline_run_builtin(self, ticket, message->data);
    else
        (void)pipeline_keep_answer(self, ticket, NULL, message->data);
    ticket->running = false;
    pipeline_advance(self, ticket);
}

static void run_builtin(
    struct pipeline *self, struct session *session, const struct message *message)
{
    struct builtin_answer answer = {0};
    struct fault fault;

    if (!session->user) {
        pipeline_refuse(self, session, message, STATUS_NOT_ALLOWED, "built-ins are for clients");
        return;
    }
    const struct lane *lane = lane_find(*session->lanes, self);
    enum status status =
        decode_builtin(self, session->user, message->data, message->id, &answer, &fault);

    if (status == STATUS_OK && answer.close) {
        metrics_count(self->metrics, METRIC_MESSAGES, TYPE_BUILTIN, STATUS_OK);
        session_end(session);
    } else if (answer.row || (lane && lane->first)) {
        blob_unref(answer.frame);
        queue_builtin(self, session, message);
    } else if (status != STATUS_OK) {
        pipeline_refuse(self, session, message, status, fault.text);
    } else {
        metrics_count(self->metrics, METRIC_MESSAGES, TYPE_BUILTIN, STATUS_OK);
        session_report_frame(session, answer.frame);
    }
}

bool pipeline_answers_itself(
    struct pipeline *self, struct session *session, const struct message *message)
{
    if (json_kind_of(message->type) != JSON_KIND_STRING)
        pipeline_refuse(self, session, message, STATUS_MALFORMED, "payload.type: must be a string");
    else if (!message->data.at)
        pipeline_refuse(self, session, message, STATUS_MALFORMED, "payload.data: is missing");
    else if (message->id.at && json_kind_of(message->id) != JSON_KIND_STRING)
        pipeline_refuse(self, session, message, STATUS_MALFORMED, "payload.id: must be a string");
    else if (json_string_is(message->type, "dummy"))
        run_dummy(self, session, message);
    else if (json_string_is(message->type, "builtin"))
        run_builtin(self, session, message);
    else
        return false;
    return true;
}
