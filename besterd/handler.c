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
#include <utlist.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"

/* ---- the lists of questions ---- */

static void ask_append(struct handler *self, struct ask *ask)
{
    DL_APPEND2(self->first, ask, previous, next);
    DL_APPEND2(self->waiting, ask, before, after);
    self->ask_count++;
    turns_add(flow_turns(ask->flow), ask->flow, &ask->turn, ask->frame->len);
}

static void ask_remove(struct handler *self, struct ask *ask)
{
    DL_DELETE2(self->first, ask, previous, next);
    self->ask_count--;
    if (ask->line) {
        DL_DELETE2(ask->line->sent, ask, before, after);
        ask->line->sent_count--;
    } else {
        DL_DELETE2(self->waiting, ask, before, after);
        turns_withdraw(flow_turns(ask->flow), &ask->turn);
    }
    flows_leave(&self->flows, ask->flow);
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

bool handler_is_full(struct handler *self, uint64_t asker)
{
    if (self->ask_count >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes > HANDLER_UNSENT_MAX / 2)
        self->full = true;
    return self->full &&
           flows_under_way(&self->flows, asker) * flows_count(&self->flows) >= self->ask_count;
}

void handler_forget(struct ask *ask)
{
    struct handler *self = ask->handler;

    ask_remove(self, ask);
    slots_remove(&self->numbers, ask->number);
    handler_drop_frame(ask);
    free(ask);
    tell_room(self);
    if (self->retired && self->ask_count == 0)
        self->context->callbacks->on_ended(self->context->server);
}

void handler_answered(struct ask *ask, const struct message *answer, struct span payload)
{
    struct handler *self = ask->handler;
    struct line *line = ask->line;
    uint64_t ticket = ask->ticket;
    const struct breaker_failure failure = {
        .who = ask->who, .was_probe = ask->probe, .why = "an answer that made no sense"};

    metrics_observe(
        self->context->metrics, METRIC_EXCHANGE, self->label, handler_now_s() - ask->asked_s);
    line->retry_s = HANDLER_RETRY_FIRST_S;
    self->protocol->abandon(ask);
    handler_forget(ask);
    if (self->context->callbacks->on_answer(ticket, self, answer, payload, self->context->server))
        handler_note_answer(self);
    else
        handler_note_failure(self, &failure);
}

void handler_failed(struct ask *ask, enum status reason, const char *format, ...)
{
    struct handler *self = ask->handler;
    uint64_t ticket = ask->ticket;
    char why[BREAKER_TEXT_MAX];
    char detail[BREAKER_TEXT_MAX + 80];
    bool counts = !ask->told && (ask->probe || ask->late || reason != STATUS_HANDLER_DOWN);
    const struct breaker_failure failure = {.who = ask->who, .was_probe = ask->probe, .why = why};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    snprintf(detail, sizeof(detail), "%.75s: %s", self->config->type, why);
    self->protocol->abandon(ask);
    handler_forget(ask);
    self->context->callbacks->on_failure(ticket, reason, detail, self->context->server);
    if (counts)
        handler_note_failure(self, &failure);
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

static void fail_late(struct ask *ask)
{
    unsigned ms = (unsigned)((ask->deadline_s - ask->asked_s) * 1000 + 0.5);
    const struct line *line = ask->line ? NULL : handler_line_of(ask);

    ask->late = line && !ask->handler->held;
    if (ask->suspect)
        handler_failed(ask, STATUS_BAD_REPLY, "garbage instead of an answer");
    else if (!line)
        handler_failed(ask, STATUS_HANDLER_TIMEOUT, "no reply in %u ms", ms);
    else if (line->busy)
        handler_failed(ask, STATUS_HANDLER_TIMEOUT, "too busy to be asked in %u ms", ms);
    else
        handler_failed(ask, STATUS_HANDLER_DOWN, "could not be asked in %u ms", ms);
}

void handler_on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct handler *self = watcher->data;
    double now = handler_now_s();

    (void)loop, (void)events;
    while (self->first && self->first->deadline_s <= now)
        fail_late(self->first);
    arm_deadline(self);
    handler_pump_all(self);
}

/* ---- asking ---- */

/* Enters it among the others. False: out of memory. */
static bool enter(struct handler *self, struct ask *ask, const struct handler_question *question)
{
    ask->number = slots_add(&self->numbers, ask);
    ask->frame = ask->number ? self->protocol->frame(self, ask, question) : NULL;
    ask->flow = ask->frame ? flows_enter(&self->flows, question->asker) : NULL;
    if (!ask->flow) {
        blob_unref(ask->frame);
        slots_remove(&self->numbers, ask->number);
        return false;
    }
    if (!flow_turns(ask->flow))
        flow_join(ask->flow, &handler_choose_line(self)->turns);
    self->unsent_count++;
    self->unsent_bytes += ask->frame->len;
    blob_wait(ask->frame, streams_held(self->context->streams));
    ask_append(self, ask);
    return true;
}

/* Alone in the queue: send at once if somebody is there. Anything else is found out
 * from the loop, so that no failure is told from in here. */
static void send_now(struct line *line, struct ask *ask)
{
    if (line->turns.count > 1 || !handler_line_has_room(line) || ask->handler->held) {
        line->busy = line->busy || line->sent_count > 0;
        return;
    }
    if (handler_send(line, ask) == STATUS_OK)
        return;
    ev_timer_stop(handler_loop(ask->handler), &line->retry);
    handler_retry(line, 0);
}

static enum status refuse(const struct handler *self, struct fault *fault, enum status status)
{
    return fault_set(fault, status, 0, "%.80s: %s", self->config->type, status_help(status));
}

enum status handler_ask(
    struct handler *self, const struct handler_question *question, struct fault *fault)
{
    uint64_t who = handler_who(question);
    bool probe;

    if (self->ask_count / 2 >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes >= HANDLER_UNSENT_MAX)
        return refuse(self, fault, STATUS_OVERLOADED);
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        return refuse(self, fault, STATUS_NO_MEMORY);
    if (!handler_lets(self, who, &probe, fault)) {
        free(ask);
        return STATUS_HANDLER_DOWN;
    }
    ask->who = who;
    ask->probe = probe;
    ask->handler = self;
    ask->ticket = question->ticket;
    ask->asked_s = handler_now_s();
    ask->deadline_s = ask->asked_s + self->config->timeout_ms / 1000.0;
    /* A reload may have made the time shorter: none is late before an older one. */
    if (self->first && self->first->previous->deadline_s > ask->deadline_s)
        ask->deadline_s = self->first->previous->deadline_s;
    if (!enter(self, ask, question)) {
        handler_blame(ask, status_help(STATUS_NO_MEMORY));
        free(ask);
        return refuse(self, fault, STATUS_NO_MEMORY);
    }
    arm_deadline(self);
    send_now(handler_line_of(ask), ask);
    return STATUS_OK;
}
