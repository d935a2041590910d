/* The metrics that nobody counts on the way: they are looked up when somebody
 * asks, and the time of the loop's turns. */
#include <time.h>

#include "besterd/log.h"
#include "besterd/sandbox.h"
#include "besterd/server_internal.h"
#include "libbester/last_resort.h"

/* ---- how long the loop is busy ---- */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* libev calls the one right before it waits for events and the other right
 * after: what lies between is a turn. */
static void on_wait(struct ev_loop *loop) EV_NOEXCEPT
{
    struct server *self = ev_userdata(loop);

    last_resort_look(loop);
    if (self->turn_began_s > 0)
        metrics_observe(self->metrics, METRIC_LOOP_TURN, 0, now_s() - self->turn_began_s);
}

static void on_woken(struct ev_loop *loop) EV_NOEXCEPT
{
    struct server *self = ev_userdata(loop);

    self->turn_began_s = now_s();
}

/* ---- what is looked up ---- */

static void measure_handler(struct handler *handler, void *metrics)
{
    struct handler_condition condition = handler_condition(handler);
    size_t label = handler_label(handler);

    for (size_t i = 0; i < HANDLER_STATE_COUNT; i++)
        metrics_set(metrics, METRIC_HANDLER_STATE, label, i, i == condition.state);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        metrics_set(metrics, METRIC_HANDLER_QUESTIONS, label, i, 0);
    metrics_set(metrics, METRIC_HANDLER_BYTES, label, 0, 0);
    metrics_set(metrics, METRIC_BREAKER, label, 0, condition.breaker->open);
}

/* Those that a reload has retired have questions too. */
static void measure_questions(struct handler *handler, void *metrics)
{
    struct handler_condition condition = handler_condition(handler);
    size_t label = handler_label(handler);

    for (size_t i = 0; i < QUESTION_COUNT; i++)
        metrics_add(metrics, METRIC_HANDLER_QUESTIONS, label, i, (double)condition.questions[i]);
    metrics_add(metrics, METRIC_HANDLER_BYTES, label, 0, (double)condition.unsent_bytes);
}

static double queued_bytes(const struct server *self)
{
    uint32_t cursor = 0;
    const struct session *session;
    double bytes = 0;

    while ((session = roster_next(&self->roster, &cursor)) != NULL)
        bytes += session->stream ? (double)stream_queued_bytes(session->stream) : 0;
    return bytes;
}

static void measure(void *server)
{
    struct server *self = server;
    struct metrics *metrics = self->metrics;
    const struct sandbox_state sandbox = sandbox_state();

    metrics_set(metrics, METRIC_CONNECTIONS_OPEN, 0, 0,
        (double)(self->roster.numbers.count - links_lodgers(self->links)));
    metrics_set(metrics, METRIC_SESSIONS, 0, 0, (double)self->roster.clients);
    metrics_set(metrics, METRIC_IN_FLIGHT, 0, 0, (double)pipeline_in_flight(&self->pipeline));
    metrics_set(metrics, METRIC_QUEUED_BYTES, 0, 0, queued_bytes(self));
    metrics_set(metrics, METRIC_HELD_BYTES, 0, 0, (double)*streams_held(self->streams));
    metrics_set(metrics, METRIC_SANDBOX, SANDBOX_FILES, 0, sandbox.landlock > 0);
    metrics_set(metrics, METRIC_SANDBOX, SANDBOX_CALLS, 0, sandbox.system_calls);
    metrics_set(metrics, METRIC_REFUSED_CALLS, 0, 0, (double)sandbox.refused);
    metrics_set(metrics, METRIC_LOG_LOST, 0, 0, (double)log_dropped());
    if (self->listeners.count > 0)
        metrics_set(
            metrics, METRIC_ACCEPT_PAUSES, 0, 0, (double)listeners_shortages(&self->listeners));
    route_each_current(&self->route, measure_handler, metrics);
    route_each(&self->route, measure_questions, metrics);
    peers_measure(self->peers);
    links_measure(self->links);
}

static const char *not_ready(void *server)
{
    static const char *const reasons[] = {
        [SERVER_STARTING] = "starting",
        [SERVER_RUNNING] = NULL,
        [SERVER_DRAINING] = "draining",
        [SERVER_LEAVING] = "leaving",
        [SERVER_OVER] = "over",
    };
    const struct server *self = server;

    return reasons[self->phase];
}

static const struct metrics_http_facts facts = {.measure = measure, .not_ready = not_ready};

enum status server_measure_open(struct server *self, struct fault *fault)
{
    last_resort_watch(self->loop);
    ev_set_userdata(self->loop, self);
    ev_set_loop_release_cb(self->loop, on_wait, on_woken);
    if (!self->config->has_metrics)
        return STATUS_OK;
    return metrics_http_new(&self->metrics_http, self->loop, &self->config->metrics_address,
        self->metrics, &facts, self, fault);
}

void server_measure_close(struct server *self)
{
    metrics_http_free(self->metrics_http);
    self->metrics_http = NULL;
    if (ev_userdata(self->loop) != self)
        return;
    last_resort_unwatch(self->loop);
    ev_set_userdata(self->loop, NULL);
}
