/* Birth, reload and death of a handler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/handler_internal.h"

struct handler *handler_new(
    const struct config_handler *config, const struct handler_context *context)
{
    struct handler *self = calloc(1, sizeof(*self));
    size_t token_size = 6 * strlen(config->type) + 3;

    if (!self)
        return NULL;
    self->config = config;
    self->context = context;
    self->refs = 1;
    self->label = metrics_label(context->metrics, AXIS_TYPE, config->type);
    self->protocol =
        config->protocol == CONFIG_STREAM ? &handler_protocol_stream : &handler_protocol_oneshot;
    slots_init(&self->numbers);
    ev_init(&self->deadline, handler_on_deadline);
    self->deadline.data = self;
    handler_lines_init(self);
    handler_words_init(self);
    snprintf(self->subject, sizeof(self->subject), "handler %s", config->type);
    self->type_token = malloc(token_size);
    if (!self->type_token || !handler_prepare_program(self)) {
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
    self->retired = self->full = false; /* nobody is told any more */
    self->gone = true;
    ev_timer_stop(handler_loop(self), &self->deadline);
    while (self->first) {
        self->protocol->abandon(self->first);
        handler_forget(self->first);
    }
    handler_lines_close(self);
    handler_words_close(self);
    spawned_free(self->program);
    free(self->type_token);
    slots_release(&self->numbers);
    handler_unref(self);
}

struct handler *handler_ref(struct handler *self)
{
    self->refs++;
    return self;
}

void handler_unref(struct handler *self)
{
    if (--self->refs == 0)
        free(self);
    else if (self->refs == 1 && self->retired)
        self->context->callbacks->on_ended(self->context->server);
}

/* One-shot has no probe: a connection without a message would be news to a
 * handler written for Part I. A file that is not there needs no probe. */
void handler_start(struct handler *self)
{
    self->held = false;
    for (unsigned i = 0; i < self->line_count; i++)
        if (self->config->protocol == CONFIG_STREAM || self->lines[i].turns.count > 0)
            handler_retry(&self->lines[i], 0);
    if (self->config->protocol == CONFIG_ONESHOT && self->program &&
        access(self->config->path, F_OK) != 0)
        spawned_ensure(self->program);
}

void handler_stop(struct handler *self)
{
    self->stopping = true;
    if (self->program)
        spawned_stop(self->program);
}

bool handler_is_running(const struct handler *self)
{
    return self->program && spawned_is_running(self->program);
}

/* ---- a reload ---- */

static bool same_words(char *const *a, char *const *b)
{
    size_t i = 0;

    if (!a || !b)
        return a == b || !(a ? a : b)[0];
    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return !a[i] && !b[i];
}

bool handler_is_same(const struct config_handler *a, const struct config_handler *b)
{
    bool same_program =
        a->binary && b->binary ? strcmp(a->binary, b->binary) == 0 : a->binary == b->binary;

    return same_program && strcmp(a->type, b->type) == 0 && strcmp(a->path, b->path) == 0 &&
           a->protocol == b->protocol && same_words(a->arguments, b->arguments) &&
           same_words(a->environment, b->environment) && a->memory_bytes == b->memory_bytes &&
           a->cpu_s == b->cpu_s && a->files == b->files && a->processes == b->processes;
}

void handler_reconfigure(struct handler *self, const struct config_handler *config)
{
    self->config = config;
    handler_lines_count(self);
}

void handler_hold(struct handler *self)
{
    self->held = true;
}

void handler_retire(struct handler *self)
{
    self->retired = true;
    self->context->callbacks->on_ended(self->context->server);
}

bool handler_is_idle(const struct handler *self)
{
    return self->ask_count == 0 && self->refs == 1 && !handler_is_running(self);
}

size_t handler_questions(const struct handler *self)
{
    return self->ask_count;
}

/* ---- what it is ---- */

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
