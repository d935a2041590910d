/* What failures in a row do to a handler: whether it is asked (breaker.h). */
#include <stdio.h>
#include <string.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"

static const double PAUSE_MOST_S = 30;

/* Who is at fault if it is the question: a user, in whichever session. */
uint64_t handler_who(const struct handler_question *question)
{
    const struct blob *from = question->origin->from;
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; from && i < from->len; i++)
        hash = (hash ^ (unsigned char)from->data[i]) * 1099511628211u;
    return (from ? hash : question->asker) | 1;
}

/* Nobody is there, and to call costs next to nothing: each question may. With a program
 * of ours it is told when that is there. */
static bool may_be_called(const struct handler *self)
{
    if (self->program)
        return false;
    return self->config->protocol == CONFIG_STREAM ? !handler_is_connected(self)
                                                   : self->contact == CONTACT_MISSED;
}

bool handler_lets(struct handler *self, uint64_t who, bool *probe, struct fault *fault)
{
    char text[BREAKER_TEXT_MAX];
    double now_s = handler_now_s();

    *probe = false;
    if (!self->breaker.open || may_be_called(self))
        return true;
    enum breaker_answer answer = breaker_asks(&self->breaker, who, now_s);
    *probe = answer == BREAKER_PROBE;
    if (answer != BREAKER_NO)
        return true;
    (void)fault_set(fault, STATUS_HANDLER_DOWN, 0, "%s: %s", self->config->type,
        breaker_tell(&self->breaker, now_s, text));
    return false;
}

/* It is open: who waits is told. */
static void fail_waiting(struct handler *self)
{
    char text[BREAKER_TEXT_MAX];

    breaker_tell(&self->breaker, handler_now_s(), text);
    while (self->waiting && self->breaker.open && !self->breaker.who && !may_be_called(self))
        handler_failed(self->waiting, STATUS_HANDLER_DOWN, "%s", text);
}

void handler_note_failure(struct handler *self, const struct breaker_failure *failure)
{
    const struct config_handler *config = self->config;
    double pause_s = config->breaker_pause_ms / 1000.0;
    const struct breaker_limits limits = {.failures = config->breaker_failures,
        .pause_s = pause_s,
        .most_s = pause_s > PAUSE_MOST_S ? pause_s : PAUSE_MOST_S};

    handler_remember_failure(self, failure->why);
    if (!breaker_failed(&self->breaker, &limits, failure, handler_now_s(), handler_unix_s()))
        return;
    metrics_count(self->context->metrics, METRIC_BREAKER_OPENS, self->label, 0);
    handler_log(self, &self->changes, LOG_LEVEL_WARNING,
        "not asked any more%s: %u failures in a row, the last: %s",
        self->breaker.who ? " by one user" : "", self->breaker.failures, failure->why);
    fail_waiting(self);
}

void handler_note_answer(struct handler *self)
{
    if (breaker_succeeded(&self->breaker))
        handler_log(self, &self->changes, LOG_LEVEL_INFO, "it has answered, and is asked again");
}

void handler_note_connection(struct handler *self)
{
    if (breaker_connected(&self->breaker))
        handler_log(self, &self->changes, LOG_LEVEL_INFO, "it is there again, and asked again");
}

void handler_blame(struct ask *ask, const char *why)
{
    ask->told = true;
    handler_note_failure(ask->handler,
        &(struct breaker_failure){.who = ask->who, .was_probe = ask->probe, .why = why});
}

void handler_blame_sent(struct line *line, const char *why)
{
    struct breaker_failure failure = {.why = why};
    struct ask *ask;

    if (!line->sent)
        return; /* nobody is the worse for it */
    failure.who = line->sent->who;
    for (ask = line->sent; ask; ask = ask->after) {
        ask->told = true;
        failure.was_probe = failure.was_probe || ask->probe;
        if (failure.who != ask->who)
            failure.who = 0;
    }
    handler_note_failure(line->handler, &failure);
}
