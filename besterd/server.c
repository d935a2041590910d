#include <stdlib.h>

#include "besterd/builtin.h"
#include "besterd/log.h"
#include "besterd/privileges.h"
#include "besterd/server_internal.h"
#include "libbester/json.h"

enum { RESOLVER_THREADS = 4, RESOLVER_QUEUE = 1024, GOODBYE_MS = 2500 };

/* ---- the end ---- */

static void enter_phase(struct server *self, enum server_phase phase, double patience_s)
{
    self->phase = phase;
    ev_timer_stop(self->loop, &self->patience);
    ev_now_update(self->loop);
    ev_timer_set(&self->patience, patience_s, 0.);
    ev_timer_start(self->loop, &self->patience);
}

static void stop_handler(struct handler *handler, void *nothing)
{
    (void)nothing;
    handler_stop(handler);
}

static void leave(struct server *self)
{
    uint32_t cursor = 0;
    struct session *session;

    enter_phase(self, SERVER_LEAVING, GOODBYE_MS / 1000.0);
    while ((session = roster_next(&self->roster, &cursor)) != NULL)
        session_end(session);
    route_each(&self->route, stop_handler, NULL);
    links_leave(self->links);
    ev_feed_event(self->loop, &self->afterwards, EV_CUSTOM);
}

static void is_it_over(struct server *self)
{
    if (self->phase == SERVER_DRAINING && pipeline_in_flight(&self->pipeline) == 0)
        leave(self);
    if (self->phase != SERVER_LEAVING || self->roster.numbers.count > 0)
        return;
    if (route_any_running(&self->route) || !links_are_gone(self->links))
        return;
    self->phase = SERVER_OVER;
    ev_break(self->loop, EVBREAK_ALL);
}

static void on_afterwards(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct server *self = watcher->data;

    (void)loop, (void)events;
    roster_sweep(&self->roster);
    server_door_look(self);
    route_sweep(&self->route);
    is_it_over(self);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct server *self = watcher->data;

    (void)events;
    if (self->phase == SERVER_DRAINING) {
        log_line(LOG_LEVEL_WARNING, "", "%zu messages are still in flight; leaving all the same",
            pipeline_in_flight(&self->pipeline));
        pipeline_give_up(&self->pipeline);
        leave(self);
        return;
    }
    self->phase = SERVER_OVER;
    ev_break(loop, EVBREAK_ALL);
}

void server_stop(struct server *self)
{
    if (self->phase != SERVER_RUNNING) {
        log_line(LOG_LEVEL_INFO, "", "asked again: leaving at once");
        self->phase = SERVER_OVER;
        ev_break(self->loop, EVBREAK_ALL);
        return;
    }
    log_line(LOG_LEVEL_INFO, "", "stopping: %zu messages in flight",
        pipeline_in_flight(&self->pipeline));
    notify_send(&self->notify, "STOPPING=1\nSTATUS=finishing %zu messages",
        pipeline_in_flight(&self->pipeline));
    listeners_close(&self->listeners);
    informer_free(self->informer);
    self->informer = NULL;
    pipeline_drain(&self->pipeline);
    links_drain(self->links);
    enter_phase(self, SERVER_DRAINING, self->config->limits.drain_ms / 1000.0);
    is_it_over(self);
}

static void on_idle_pipeline(void *server)
{
    struct server *self = server;

    ev_feed_event(self->loop, &self->afterwards, EV_CUSTOM);
}

/* ---- what sessions tell ---- */

static enum status on_register(struct session *session, const struct message *message,
    const char *username, struct span password, struct fault *fault, void *server)
{
    struct server *self = server;

    if (self->config->registration != REGISTRATION_ANYBODY ||
        json_kind_of(message->type) != JSON_KIND_STRING ||
        !json_string_is(message->type, "builtin") || !builtin_is(message->data, "register"))
        return STATUS_NOT_FOUND;
    return administration_register(
        self->administration, session->number, username, password, fault);
}

static void on_message(struct session *session, const struct message *message, void *server)
{
    struct server *self = server;

    pipeline_take(&self->pipeline, session, message);
}

static void on_leave(struct session *session, void *server)
{
    struct server *self = server;

    roster_leave(&self->roster, session);
}

static void on_gone(struct session *session, void *server)
{
    struct server *self = server;

    lanes_orphan(&session->own_lanes);
    roster_remove(&self->roster, session);
    ev_feed_event(self->loop, &self->afterwards, EV_CUSTOM);
}

static void on_sent(uint64_t tag, enum status status, void *server)
{
    struct server *self = server;

    delivery_took(&self->pipeline.deliveries, tag, status, NULL);
}

static const struct session_callbacks session_callbacks = {
    .on_login = server_door_log_in,
    .on_register = on_register,
    .on_message = on_message,
    .on_leave = on_leave,
    .on_gone = on_gone,
    .on_sent = on_sent,
};

/* ---- what accounts, handlers and peers tell ---- */

static enum status on_admit(uint64_t ticket, void *server)
{
    struct server *self = server;
    struct session *session = roster_find(&self->roster, ticket);

    return session ? session_guess(session) : STATUS_CLOSED;
}

static void on_verified(uint64_t ticket, enum status status, void *server)
{
    struct server *self = server;
    struct session *session = roster_find(&self->roster, ticket);

    if (session)
        session_verified(session, status);
}

static void on_exists(uint64_t ticket, enum status status, void *server)
{
    struct server *self = server;

    /* There is such a user, but he is not here. */
    delivery_took(
        &self->pipeline.deliveries, ticket, status == STATUS_OK ? STATUS_OFFLINE : status, NULL);
}

static const struct accounts_callbacks accounts_callbacks = {
    .admit = on_admit, .verified = on_verified, .exists = on_exists};

static bool on_answer(uint64_t ticket, struct handler *handler, const struct message *answer,
    struct span payload, void *server)
{
    struct server *self = server;

    return pipeline_answered(&self->pipeline, ticket, handler, answer, payload);
}

static void on_failure(uint64_t ticket, enum status reason, const char *detail, void *server)
{
    struct server *self = server;

    pipeline_not_answered(&self->pipeline, ticket, reason, detail);
}

static void on_word(struct handler *handler, const struct message *word, void *server)
{
    struct server *self = server;

    pipeline_handler_speaks(&self->pipeline, handler, word);
}

static void on_room(void *server)
{
    struct server *self = server;

    pipeline_has_room(&self->pipeline);
}

static void on_ended(void *server)
{
    struct server *self = server;

    ev_feed_event(self->loop, &self->afterwards, EV_CUSTOM);
}

static const struct handler_callbacks handler_callbacks = {
    .on_answer = on_answer,
    .on_failure = on_failure,
    .on_word = on_word,
    .on_room = on_room,
    .on_ended = on_ended,
};

/* ---- the start ---- */

static void connect_parts(struct server *self)
{
    self->session_context = (struct session_context){
        .config = self->config,
        .streams = self->streams,
        .accounts = self->accounts,
        .callbacks = &session_callbacks,
        .server = self,
        .metrics = self->metrics,
        .limits = self->limits,
        .strangers = &self->strangers,
    };
    self->facts = (struct server_facts){.roster = &self->roster,
        .route = &self->route,
        .links = self->links,
        .listeners = &self->listeners,
        .config = self->config};
    self->pipeline.config = self->config;
    self->pipeline.loop = self->loop;
    self->pipeline.roster = &self->roster;
    self->pipeline.route = &self->route;
    self->pipeline.metrics = self->metrics;
    self->pipeline.limits = self->limits;
    self->pipeline.streams = self->streams;
    self->pipeline.on_idle = on_idle_pipeline;
    self->pipeline.server = self;
    self->pipeline.deliveries.roster = &self->roster;
    self->pipeline.deliveries.peers = self->peers;
    self->pipeline.deliveries.links = self->links;
    self->pipeline.deliveries.accounts = self->accounts;
    self->pipeline.deliveries.config = self->config;
    self->pipeline.deliveries.loop = self->loop;
    self->pipeline.deliveries.metrics = self->metrics;
    self->pipeline.deliveries.limits = self->limits;
    server_memory_limit(self);
}

static enum status make_parts(struct server *self)
{
    self->streams = streams_new(self->loop);
    self->resolver = worker_new(self->loop, RESOLVER_THREADS, RESOLVER_QUEUE);
    self->metrics = metrics_new();
    self->limits = limits_new(self->config, self->metrics, NULL);
    if (!self->streams || !self->resolver || !self->metrics || !self->limits)
        return STATUS_NO_MEMORY;
    self->handler_context = (struct handler_context){
        .streams = self->streams,
        .limits = &self->config->limits,
        .callbacks = &handler_callbacks,
        .server = self,
        .metrics = self->metrics,
        .spawner = self->spawner,
    };
    return route_init(&self->route, self->config, &self->handler_context);
}

static void start_handler(struct handler *handler, void *nothing)
{
    (void)nothing;
    handler_start(handler);
}

/* What the user that we are going to be may not be able to open. */
static enum status open_as_root(struct server *self, struct fault *fault)
{
    enum status status = server_open_peers(self, fault);

    if (status == STATUS_OK)
        status = server_open_tls(&self->tls, self->config, fault);
    return status == STATUS_OK ? server_door_open(self, fault) : status;
}

static enum status start(struct server *self, struct fault *fault)
{
    enum status status = make_parts(self);

    if (status != STATUS_OK)
        return fault_set(fault, status, 0, "%s", status_help(status));
    status = open_as_root(self, fault);
    if (status == STATUS_OK)
        status = privileges_drop(self->config, fault);
    if (status != STATUS_OK)
        return status;
    status =
        accounts_open(&self->accounts, self->config, self->loop, &accounts_callbacks, self, fault);
    if (status != STATUS_OK)
        return status;
    connect_parts(self);
    self->administration = administration_new(self->loop, self->config, &server_deeds, self);
    self->pipeline.administration = self->administration;
    status = self->administration ? pipeline_init(&self->pipeline) : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return fault_set(fault, status, 0, "%s", status_help(status));
    status = informer_new(&self->informer, self->streams, self->config->informer_path,
        &server_facts_for_informer, &self->facts, fault);
    if (status != STATUS_OK)
        return status;
    status = server_measure_open(self, fault);
    if (status != STATUS_OK)
        return status;
    route_each(&self->route, start_handler, NULL);
    links_start(self->links);
    return STATUS_OK;
}

enum status server_new(struct server **out, const struct config *config, struct spawner *spawner,
    struct ev_loop *loop, struct fault *fault)
{
    struct server *self = calloc(1, sizeof(*self));

    if (!self)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    self->config = config_ref(config);
    self->loop = loop;
    self->spawner = spawner;
    roster_init(&self->roster);
    ev_init(&self->patience, on_patience);
    ev_init(&self->afterwards, on_afterwards);
    self->patience.data = self->afterwards.data = self;
    server_notify_open(self);
    enum status status = start(self, fault);
    if (status != STATUS_OK) {
        notify_send(&self->notify, "STATUS=cannot start: %s", fault->text);
        server_free(self);
        return status;
    }
    self->phase = SERVER_RUNNING;
    server_notify_ready(self);
    *out = self;
    return STATUS_OK;
}

void server_free(struct server *self)
{
    uint32_t cursor = 0;
    struct session *session;

    if (!self)
        return;
    ev_timer_stop(self->loop, &self->patience);
    server_measure_close(self);
    server_notify_close(self);
    listeners_close(&self->listeners);
    informer_free(self->informer);
    administration_free(self->administration);
    while ((session = roster_next(&self->roster, &cursor)) != NULL)
        lanes_orphan(&session->own_lanes);
    roster_release(&self->roster);
    route_release(&self->route);
    peers_free(self->peers);
    links_free(self->links);
    accounts_free(self->accounts);
    tls_context_unref(self->tls);
    worker_free(self->resolver);
    pipeline_forget(&self->pipeline);
    /* The last words of closed streams still look for their deliveries. */
    streams_free(self->streams);
    pipeline_release(&self->pipeline);
    limits_free(self->limits);
    metrics_free(self->metrics);
    ev_clear_pending(self->loop, &self->afterwards);
    config_unref(self->config);
    free(self);
}
