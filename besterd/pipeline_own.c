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
    session_report_frame(session, message_dummy_answer(message->id));
}

static void run_builtin(
    struct pipeline *self, struct session *session, const struct message *message)
{
    struct builtin_answer answer = {0};
    struct fault fault;
    enum status status;

    if (!session->user) {
        pipeline_refuse(self, session, message, STATUS_NOT_ALLOWED, "built-ins are for clients");
        return;
    }
    status = builtin_run(&(struct builtin_context){.user = session->user,
                             .server = self->config->server_name,
                             .types = blob_span(self->types),
                             .now_s = ev_now(self->loop)},
        message->data, message->id, &answer, &fault);
    if (status != STATUS_OK) {
        pipeline_refuse(
            self, session, message, status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
        return;
    }
    metrics_count(self->metrics, METRIC_MESSAGES, TYPE_BUILTIN, STATUS_OK);
    if (answer.frame)
        session_report_frame(session, answer.frame);
    if (answer.close)
        session_end(session);
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
