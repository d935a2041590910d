/* The ways to a handler: who waits for which, and what is sent next. */
#include <errno.h>
#include <utlist.h>

#include "besterd/handler_internal.h"

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    handler_pump(watcher->data);
}

void handler_lines_init(struct handler *self)
{
    for (size_t i = 0; i < CONFIG_CONNECTIONS_MAX; i++) {
        struct line *line = &self->lines[i];

        line->handler = self;
        line->retry_s = HANDLER_RETRY_FIRST_S;
        ev_init(&line->retry, on_retry);
        line->retry.data = line;
    }
    self->line_count = self->config->protocol == CONFIG_STREAM ? self->config->connections : 1;
}

void handler_lines_close(struct handler *self)
{
    for (size_t i = 0; i < CONFIG_CONNECTIONS_MAX; i++) {
        ev_timer_stop(handler_loop(self), &self->lines[i].retry);
        self->protocol->close(&self->lines[i]);
    }
}

/* ---- who waits for which ---- */

struct line *handler_line_of(const struct ask *ask)
{
    return (struct line *)((char *)flow_turns(ask->flow) - offsetof(struct line, turns));
}

/* Connected before not; then with the least to do; then the first. */
static bool is_better(const struct line *a, const struct line *b)
{
    if ((a->stream != NULL) != (b->stream != NULL))
        return a->stream != NULL;
    return a->sent_count + a->turns.count < b->sent_count + b->turns.count;
}

struct line *handler_choose_line(struct handler *self)
{
    struct line *best = &self->lines[0];

    for (unsigned i = 1; i < self->line_count; i++)
        if (is_better(&self->lines[i], best))
            best = &self->lines[i];
    return best;
}

struct line *handler_other_line(const struct line *line)
{
    struct line *other = handler_choose_line(line->handler);

    return other != line && other->stream ? other : NULL;
}

void handler_line_hand_over(struct line *line, struct line *to)
{
    turns_move(&line->turns, &to->turns);
    handler_pump(to);
}

/* It is one too many, and nothing that was sent over it is under way any more. */
static void line_ends(struct line *line)
{
    struct handler *self = line->handler;

    ev_timer_stop(handler_loop(self), &line->retry);
    self->protocol->close(line);
    if (line->turns.count > 0)
        handler_line_hand_over(line, handler_choose_line(self));
}

void handler_lines_count(struct handler *self)
{
    struct stream_options options = handler_stream_options(self);

    self->line_count = self->config->protocol == CONFIG_STREAM ? self->config->connections : 1;
    for (unsigned i = 0; i < CONFIG_CONNECTIONS_MAX; i++) {
        struct line *line = &self->lines[i];

        if (line->stream) {
            stream_set_max_frame(line->stream, options.max_frame);
            stream_set_max_queued_bytes(line->stream, options.max_queued_bytes);
        }
        if (i < self->line_count ? !self->held : line->stream != NULL)
            handler_retry(line, 0);
    }
}

/* ---- what is sent next ---- */

static bool is_too_many(const struct line *line)
{
    return line - line->handler->lines >= line->handler->line_count;
}

bool handler_line_has_room(const struct line *line)
{
    return !is_too_many(line) && line->sent_count < line->handler->protocol->room(line->handler);
}

enum status handler_send(struct line *line, struct ask *ask)
{
    struct handler *self = line->handler;
    enum status status = self->protocol->send(line, ask);

    line->busy = status == STATUS_OVERLOADED;
    if (status != STATUS_OK)
        return status;
    turns_take(&line->turns, &ask->turn);
    DL_DELETE2(self->waiting, ask, before, after);
    DL_APPEND2(line->sent, ask, before, after);
    line->sent_count++;
    ask->line = line;
    handler_drop_frame(ask);
    return STATUS_OK;
}

static struct ask *next_of(struct line *line)
{
    struct turn *turn = turns_next(&line->turns);

    return turn ? (struct ask *)((char *)turn - offsetof(struct ask, turn)) : NULL;
}

void handler_pump(struct line *line)
{
    struct handler *self = line->handler;
    enum status status = STATUS_OK;
    struct ask *ask = NULL;

    if (self->held)
        return;
    if (is_too_many(line)) {
        if (line->sent_count == 0)
            line_ends(line);
        return;
    }
    if (line->turns.count == 0 && !self->stopping && !self->retired)
        status = self->protocol->connect(line);
    while (status == STATUS_OK && handler_line_has_room(line) && (ask = next_of(line)) != NULL)
        status = handler_send(line, ask);
    if (line->turns.count > 0 && line->sent_count > 0)
        line->busy = true;
    if (status == STATUS_HANDLER_DOWN)
        handler_nobody_is_there(line, errno);
}

void handler_pump_all(struct handler *self)
{
    for (unsigned i = 0; i < CONFIG_CONNECTIONS_MAX; i++)
        if (i < self->line_count || self->lines[i].stream || self->lines[i].turns.count > 0)
            handler_pump(&self->lines[i]);
}

/* ---- how it is ---- */

bool handler_is_connected(const struct handler *self)
{
    for (unsigned i = 0; i < self->line_count; i++)
        if (self->lines[i].stream)
            return true;
    return false;
}
