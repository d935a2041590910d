#include "besterd/handler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"

/* ---- the list of questions ---- */

static void ask_append(struct handler *self, struct ask *ask)
{
    ask->previous = self->last;
    if (self->last)
        self->last->next = ask;
    else
        self->first = ask;
    self->last = ask;
    if (!self->unsent)
        self->unsent = ask;
    self->ask_count++;
}

void handler_drop_frame(struct ask *ask)
{
    if (!ask->frame)
        return;
    ask->handler->unsent_count--;
    ask->handler->unsent_bytes -= ask->frame->len;
    blob_unref(ask->frame);
    ask->frame = NULL;
}

static void ask_free(struct ask *ask)
{
    struct handler *self = ask->handler;

    if (self->unsent == ask)
        self->unsent = ask->next;
    if (ask->previous)
        ask->previous->next = ask->next;
    else
        self->first = ask->next;
    if (ask->next)
        ask->next->previous = ask->previous;
    else
        self->last = ask->previous;
    self->ask_count--;
    slots_remove(&self->numbers, ask->number);
    handler_drop_frame(ask);
    free(ask);
}

void handler_answered(
    struct handler *self, struct ask *ask, const struct message *answer, struct span payload)
{
    uint64_t ticket = ask->ticket;

    metrics_observe(
        self->context->metrics, METRIC_EXCHANGE, self->label, handler_now_s() - ask->asked_s);
    self->retry_s = HANDLER_RETRY_FIRST_S;
    self->protocol->abandon(self, ask);
    ask_free(ask);
    self->context->callbacks->on_answer(ticket, self, answer, payload, self->context->server);
}

void handler_failed(
    struct handler *self, struct ask *ask, enum status reason, const char *format, ...)
{
    uint64_t ticket = ask->ticket;
    char detail[200];
    va_list arguments;
    int used = snprintf(detail, sizeof(detail), "%s: ", self->config->type);

    va_start(arguments, format);
    if (used > 0 && (size_t)used < sizeof(detail))
        vsnprintf(detail + used, sizeof(detail) - (size_t)used, format, arguments);
    va_end(arguments);
    self->protocol->abandon(self, ask);
    ask_free(ask);
    self->context->callbacks->on_failure(ticket, reason, detail, self->context->server);
}

/* ---- deadlines ---- */

/* All questions of a handler have the same time, so the first of the list is
 * always the next to run out: one timer serves them all, and is set anew only
 * when it fires. */
static void arm_deadline(struct handler *self)
{
    double left;

    if (!self->first || ev_is_active(&self->deadline))
        return;
    left = self->first->deadline_s - handler_now_s();
    ev_now_update(handler_loop(self));
    ev_timer_set(&self->deadline, left > 0 ? left : 0, 0.);
    ev_timer_start(handler_loop(self), &self->deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct handler *self = watcher->data;
    double now = handler_now_s();

    (void)loop, (void)events;
    while (self->first && self->first->deadline_s <= now) {
        struct ask *ask = self->first;
        unsigned ms = self->config->timeout_ms;

        if (ask->suspect)
            handler_failed(self, ask, STATUS_BAD_REPLY, "garbage instead of an answer");
        else if (ask->sent)
            handler_failed(self, ask, STATUS_HANDLER_TIMEOUT, "no reply in %u ms", ms);
        else if (self->busy)
            handler_failed(self, ask, STATUS_HANDLER_TIMEOUT, "took no question in %u ms", ms);
        else
            handler_failed(self, ask, STATUS_HANDLER_DOWN, "could not be asked in %u ms", ms);
    }
    arm_deadline(self);
    handler_pump(self);
}

/* ---- asking ---- */

enum status handler_ask(struct handler *self, const struct handler_question *question)
{
    if (self->ask_count >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes >= HANDLER_UNSENT_MAX)
        return STATUS_OVERLOADED;
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        return STATUS_NO_MEMORY;
    ask->handler = self;
    ask->ticket = question->ticket;
    ask->asked_s = handler_now_s();
    ask->deadline_s = ask->asked_s + self->config->timeout_ms / 1000.0;
    ask->number = slots_add(&self->numbers, ask);
    ask->frame = ask->number ? self->protocol->frame(self, ask, question) : NULL;
    if (!ask->frame) {
        slots_remove(&self->numbers, ask->number);
        free(ask);
        return STATUS_NO_MEMORY;
    }
    self->unsent_count++;
    self->unsent_bytes += ask->frame->len;
    bool others_wait = self->unsent != NULL;
    ask_append(self, ask);
    arm_deadline(self);
    if (others_wait)
        return STATUS_OK;
    /* Alone in the queue: send at once if somebody is there. Anything else is
     * found out from the loop, so that no failure is told from in here. */
    if (handler_send(self, ask) != STATUS_OK) {
        ev_timer_stop(handler_loop(self), &self->retry);
        handler_retry(self, 0);
    }
    return STATUS_OK;
}

/* ---- birth and death ---- */

struct handler *handler_new(
    const struct config_handler *config, const struct handler_context *context)
{
    struct handler *self = calloc(1, sizeof(*self));
    size_t token_size = 6 * strlen(config->type) + 3;

    if (!self)
        return NULL;
    self->config = config;
    self->context = context;
    self->label = metrics_label(context->metrics, AXIS_TYPE, config->type);
    self->protocol =
        config->protocol == CONFIG_STREAM ? &handler_protocol_stream : &handler_protocol_oneshot;
    self->retry_s = HANDLER_RETRY_FIRST_S;
    slots_init(&self->numbers);
    ev_init(&self->deadline, on_deadline);
    ev_init(&self->retry, handler_on_retry);
    self->deadline.data = self->retry.data = self;
    snprintf(self->subject, sizeof(self->subject), "handler %s", config->type);
    self->type_token = malloc(token_size);
    if (!self->type_token || (config->binary && !handler_prepare_child(self))) {
        handler_free(self);
        return NULL;
    }
    json_quote_into(self->type_token, token_size, span_of(config->type));
    return self;
}

void handler_free(struct handler *self)
{
    if (!self)
        return;
    ev_timer_stop(handler_loop(self), &self->deadline);
    ev_timer_stop(handler_loop(self), &self->retry);
    while (self->first) {
        self->protocol->abandon(self, self->first);
        ask_free(self->first);
    }
    self->protocol->close(self);
    child_free(self->child);
    for (size_t i = 0; i < sizeof(self->environment) / sizeof(self->environment[0]); i++)
        free(self->environment[i]);
    free(self->argv);
    free(self->type_token);
    slots_release(&self->numbers);
    free(self);
}

/* One-shot has no probe: a connection without a message would be news to a
 * handler written for Part I. A file that is not there needs no probe. */
void handler_start(struct handler *self)
{
    if (self->config->protocol == CONFIG_STREAM)
        handler_retry(self, 0);
    else if (self->child && access(self->config->path, F_OK) != 0)
        child_ensure(self->child);
}

void handler_stop(struct handler *self)
{
    self->stopping = true;
    if (self->child)
        child_stop(self->child);
}

bool handler_is_running(const struct handler *self)
{
    return self->child && child_is_running(self->child);
}

size_t handler_label(const struct handler *self)
{
    return self->label;
}

const struct config_handler *handler_config(const struct handler *self)
{
    return self->config;
}

struct span handler_type_token(const struct handler *self)
{
    return span_of(self->type_token);
}
