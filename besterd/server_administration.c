/* What administrators can see of the server, and have done to it. */
#include <string.h>
#include <sys/socket.h>

#include "besterd/mistakes.h"
#include "besterd/server_internal.h"
#include "libbester/clock.h"

enum { SESSIONS_MAX = 1000 }; /* in one answer: it must fit into a frame */

static void tell_answer(
    uint64_t ticket, enum status status, struct span data, const char *detail, void *server)
{
    struct server *self = server;

    pipeline_administered(&self->pipeline, ticket, status, data, detail);
}

static void tell_registered(uint64_t number, enum status status, const char *detail, void *server)
{
    struct server *self = server;
    struct session *session = roster_find(&self->roster, number);

    if (session)
        session_registered(session, status, detail);
}

/* ---- sessions ---- */

static size_t end_sessions(void *server, const char *user, uint64_t only, uint64_t except,
    enum status reason, const char *detail)
{
    struct server *self = server;
    uint32_t cursor = 0;
    struct session *session;
    size_t count = 0;

    while ((session = roster_next(&self->roster, &cursor)) != NULL) {
        if (session->state != SESSION_CLIENT || session->number == except)
            continue;
        if ((user && strcmp(session->user, user) != 0) || (only && session->number != only))
            continue;
        session_dismiss(session, reason, detail);
        count++;
    }
    return count;
}

static const char *peer_address(const struct session *session, char text[ADDRESS_TEXT_MAX])
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(from);
    struct address address;

    if (getpeername(stream_fd(session->stream), (struct sockaddr *)&from, &len) != 0)
        return "";
    if (from.ss_family == AF_UNIX)
        return "unix";
    if (address_from_sockaddr(&address, (struct sockaddr *)&from, len) != STATUS_OK)
        return "";
    return address_format(&address, text, ADDRESS_TEXT_MAX);
}

static json_t *session_facts(const struct session *session)
{
    char address[ADDRESS_TEXT_MAX];
    char since[CLOCK_TEXT_MAX];

    return json_pack("{s:I,s:s,s:s,s:s,s:I,s:I}", "session", (json_int_t)session->number, "user",
        session->user, "address", peer_address(session, address), "since",
        clock_format(session->since_s, since), "inFlight", (json_int_t)session->in_flight,
        "queuedBytes", (json_int_t)stream_queued_bytes(session->stream));
}

static json_t *sessions(void *server, const char *user, uint64_t from)
{
    const struct server *self = server;
    json_t *list = json_array();
    uint32_t cursor = 0;
    const struct session *session;
    size_t left = 0;

    while ((session = roster_next(&self->roster, &cursor)) != NULL) {
        if (session->state != SESSION_CLIENT || !session->stream || session->number < from)
            continue;
        if (user && strcmp(session->user, user) != 0)
            continue;
        if (json_array_size(list) == SESSIONS_MAX)
            left++;
        else if (json_array_append_new(list, session_facts(session)) != 0)
            break;
    }
    return json_pack("{s:o,s:I}", "sessions", list, "more", (json_int_t)left);
}

/* ---- what waits ---- */

static void add_handler(struct handler *handler, void *handlers)
{
    struct handler_condition condition = handler_condition(handler);

    json_object_set_new(handlers, handler_config(handler)->type,
        json_pack("{s:s,s:b,s:I,s:I,s:I}", "state", metrics_state_text(condition.state),
            "breakerOpen", condition.breaker->open, "asked",
            (json_int_t)condition.questions[QUESTION_SENT], "waiting",
            (json_int_t)condition.questions[QUESTION_UNSENT], "unsentBytes",
            (json_int_t)condition.unsent_bytes));
}

static void add_peer(const char *name, size_t messages, size_t bytes, void *servers)
{
    json_object_set_new(servers, name,
        json_pack("{s:I,s:I}", "messages", (json_int_t)messages, "bytes", (json_int_t)bytes));
}

static json_t *queue(void *server)
{
    const struct server *self = server;
    json_t *handlers = json_object();
    json_t *servers = json_object();
    uint32_t cursor = 0;
    const struct session *session;
    json_int_t bytes = 0;

    route_each_current(&self->route, add_handler, handlers);
    peers_each_waiting(self->peers, add_peer, servers);
    while ((session = roster_next(&self->roster, &cursor)) != NULL)
        bytes += session->stream ? (json_int_t)stream_queued_bytes(session->stream) : 0;
    return json_pack("{s:I,s:o,s:o,s:{s:I,s:I}}", "inFlight",
        (json_int_t)pipeline_in_flight(&self->pipeline), "handlers", handlers, "servers", servers,
        "sessions", "count", (json_int_t)self->roster.clients, "queuedBytes", bytes);
}

/* ---- the server itself ---- */

static json_t *list_of(const struct mistakes *mistakes)
{
    json_t *list = json_array();

    for (size_t i = 0; i < mistakes->kept; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "where", mistakes->at[i].where,
                                        "sentence", mistakes->at[i].sentence));
    return list;
}

static enum status reload(void *server, json_t **ignored_list, struct fault *fault)
{
    struct mistakes mistakes, ignored;

    mistakes_init(&mistakes);
    mistakes_init(&ignored);
    enum status status = server_reload(server, &mistakes, &ignored);
    if (status == STATUS_OK)
        *ignored_list = list_of(&ignored);
    else if (mistakes.kept > 0)
        (void)fault_set(fault, status, 0, "nothing was changed: %s: %s (%zu mistakes)",
            mistakes.at[0].where, mistakes.at[0].sentence, mistakes.count);
    mistakes_release(&mistakes);
    mistakes_release(&ignored);
    return status == STATUS_INVALID || status == STATUS_IO ? STATUS_MALFORMED : status;
}

static void shut_down(void *server)
{
    server_stop(server);
}

const struct administration_deeds server_deeds = {
    .answer = tell_answer,
    .registered = tell_registered,
    .end_sessions = end_sessions,
    .sessions = sessions,
    .queue = queue,
    .reload = reload,
    .shutdown = shut_down,
};
