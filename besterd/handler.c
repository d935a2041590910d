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
    blob_wait_over(ask->frame, streams_held(ask->handler->context->streams));
    blob_unref(ask->frame);
    ask->frame = NULL;
}

static void tell_room(struct handler *self)
{
    unsigned limit = self->context->limits->in_flight_per_handler;

    if (!self->full || self->ask_count > limit - (limit + 3) / 4 ||
        self->unsent_bytes > HANDLER_UNSENT_MAX / 2)
        return;
    self->full = false;
    if (self->context->callbacks->on_room)
        self->context->callbacks->on_room(self->context->server);
}

bool handler_is_full(struct handler *self)
{
    if (self->ask_count >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes > HANDLER_UNSENT_MAX / 2)
        self->full = true;
    return self->full;
}

void handler_forget(struct ask *ask)
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
    tell_room(self);
    if (self->retired && self->ask_count == 0)
        self->context->callbacks->on_ended(self->context->server);
}

void handler_answered(
    struct handler *self, struct ask *ask, const struct message *answer, struct span payload)
{
    uint64_t ticket = ask->ticket;

    metrics_observe(
        self->context->metrics, METRIC_EXCHANGE, self->label, handler_now_s() - ask->asked_s);
    self->retry_s = HANDLER_RETRY_FIRST_S;
    self->protocol->abandon(self, ask);
    handler_forget(ask);
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
    handler_forget(ask);
    self->context->callbacks->on_failure(ticket, reason, detail, self->context->server);
}

/* ---- deadlines ---- */

/* The first of the list is always the next to run out: one timer serves them all, and is set anew
 * only when it fires. */
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

void handler_on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct handler *self = watcher->data;
    double now = handler_now_s();

    (void)loop, (void)events;
    while (self->first && self->first->deadline_s <= now) {
        struct ask *ask = self->first;
        unsigned ms = (unsigned)((ask->deadline_s - ask->asked_s) * 1000 + 0.5);

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
    if (self->ask_count / 2 >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes >= HANDLER_UNSENT_MAX)
        return STATUS_OVERLOADED;
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        return STATUS_NO_MEMORY;
    ask->handler = self;
    ask->ticket = question->ticket;
    ask->asked_s = handler_now_s();
    ask->deadline_s = ask->asked_s + self->config->timeout_ms / 1000.0;
    /* A reload may have made the time shorter: none is late before an older one. */
    if (self->last && self->last->deadline_s > ask->deadline_s)
        ask->deadline_s = self->last->deadline_s;
    ask->number = slots_add(&self->numbers, ask);
    ask->frame = ask->number ? self->protocol->frame(self, ask, question) : NULL;
    if (!ask->frame) {
        slots_remove(&self->numbers, ask->number);
        free(ask);
        return STATUS_NO_MEMORY;
    }
    self->unsent_count++;
    self->unsent_bytes += ask->frame->len;
    blob_wait(ask->frame, streams_held(self->context->streams));
    bool others_wait = self->unsent != NULL;
    ask_append(self, ask);
    arm_deadline(self);
    if (others_wait || self->held)
        return STATUS_OK;
    /* Alone in the queue: send at once if somebody is there. Anything else is
     * found out from the loop, so that no failure is told from in here. */
    if (handler_send(self, ask) != STATUS_OK) {
        ev_timer_stop(handler_loop(self), &self->retry);
        handler_retry(self, 0);
    }
    return STATUS_OK;
}
