/* What a handler says without being asked, and how much of it. */
#include "besterd/handler_internal.h"

static const double QUIET_LEAST_S = 0.005; /* so that not each word has its pause */

static void hold(struct line *line, enum line_hold why)
{
    struct handler *self = line->handler;

    if (!line->stream || line->holds & why)
        return;
    if (line->holds == 0)
        stream_pause(line->stream);
    line->holds |= why;
    metrics_count(self->context->metrics, METRIC_WORD_PAUSES, self->label, 0);
    handler_log(self, &self->noise, LOG_LEVEL_WARNING,
        "it says too much unasked (%s): it has to wait",
        why == HOLD_WORDS ? "wordsInFlight" : "wordsPerSecond");
}

static void let_go(struct handler *self, enum line_hold why)
{
    for (size_t i = 0; i < CONFIG_CONNECTIONS_MAX; i++) {
        struct line *line = &self->lines[i];

        if (!(line->holds & why))
            continue;
        line->holds &= ~(unsigned)why;
        if (line->holds == 0 && line->stream)
            stream_resume(line->stream);
    }
}

static void on_quiet(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    let_go(watcher->data, HOLD_WORD_RATE);
}

void handler_words_init(struct handler *self)
{
    ev_init(&self->quiet, on_quiet);
    self->quiet.data = self;
}

void handler_words_close(struct handler *self)
{
    ev_timer_stop(handler_loop(self), &self->quiet);
}

/* One word more than the rate allows: the line waits for it. */
static void look_at_rate(struct line *line)
{
    struct handler *self = line->handler;
    const struct rate rate = {self->config->words_per_s, self->config->word_burst};
    double pause_s = bucket_take(&self->words, &rate, handler_now_s());

    if (pause_s <= 0)
        return;
    hold(line, HOLD_WORD_RATE);
    if (ev_is_active(&self->quiet))
        return;
    ev_now_update(handler_loop(self));
    ev_timer_set(&self->quiet, pause_s > QUIET_LEAST_S ? pause_s : QUIET_LEAST_S, 0.);
    ev_timer_start(handler_loop(self), &self->quiet);
}

void handler_take_word(struct line *line, const struct message *word)
{
    struct handler *self = line->handler;

    metrics_count(self->context->metrics, METRIC_WORDS, self->label, 0);
    self->context->callbacks->on_word(self, word, self->context->server);
    look_at_rate(line);
    if (self->words_under_way >= self->config->words_in_flight)
        hold(line, HOLD_WORDS);
}

void handler_word_begins(struct handler *self)
{
    handler_ref(self);
    self->words_under_way++;
}

void handler_word_ends(struct handler *self)
{
    self->words_under_way--;
    if (!self->gone && self->words_under_way < self->config->words_in_flight)
        let_go(self, HOLD_WORDS);
    handler_unref(self);
}
