/* Lines on their way, and their fates. */
#include <stdio.h>
#include <string.h>

#include "bester-cli/session_internal.h"
#include "libbester/visible.h"

static enum status try_send(struct session *self, struct line *line, struct fault *fault)
{
    char id[CLIENT_ID_MAX];
    if (self->link != LINK_UP)
        return fault_set(fault, STATUS_CLOSED, 0, "there is no connection");
    enum status status =
        client_send(self->client, line->type, (struct span){line->data, line->data_len},
            outbox_id(&self->outbox, line->number, id), NULL, fault);
    if (status == STATUS_OK)
        outbox_set(&self->outbox, line, LINE_SENT, "");
    return status;
}

static bool is_for_later(enum status status)
{
    return status == STATUS_CLOSED || status == STATUS_OVERLOADED;
}

/* A person is told what a script only counts. */
static void tell_state(struct session *self, const struct line *line)
{
    if (!self->is_script)
        screen_say(self->screen, STYLE_NOTE, "#%lu %s", line->number, line_state_text(line));
}

void session_submit(struct session *self, const char *type, struct span data, const char *text)
{
    struct fault fault = {0};
    bool must_wait = self->outbox.counts[LINE_QUEUED] > 0; /* for those before it */
    struct line *line = outbox_add(&self->outbox, type, data, text, &fault);
    if (line == NULL) {
        session_refuse(self, "not sent: %s", fault.text);
        return;
    }
    line->script_line = self->screen->line;
    enum status status = must_wait ? STATUS_CLOSED : try_send(self, line, &fault);
    if (is_for_later(status)) {
        tell_state(self, line);
    } else if (status != STATUS_OK) {
        outbox_withdraw(&self->outbox, line);
        session_refuse(self, "not sent: %s", fault.text);
        return;
    }
    session_log_sent(self, line);
}

static void fail(struct session *self, struct line *line, const struct fault *fault)
{
    char fate[LINE_FATE_MAX];
    unsigned long before = self->screen->line;
    snprintf(fate, sizeof fate, "failed: %s", fault->text);
    outbox_set(&self->outbox, line, LINE_FAILED, fate);
    self->screen->line = line->script_line;
    screen_say(self->screen, STYLE_BAD, "#%lu %s", line->number, fate);
    self->screen->line = before;
    session_log_fate(self, line->number, fate);
    self->tally.by_exit[status_exit(fault->status)]++;
}

void session_flush(struct session *self)
{
    unsigned long number;
    while (self->link == LINK_UP && !self->ended &&
           (number = outbox_first(&self->outbox, LINE_QUEUED)) > 0) {
        struct line *line = outbox_find(&self->outbox, number);
        struct fault fault = {0};
        enum status status = try_send(self, line, &fault);
        if (is_for_later(status))
            return;
        if (status == STATUS_OK)
            tell_state(self, line);
        else
            fail(self, line, &fault);
    }
}

static enum line_state state_of(const struct client_result *result)
{
    switch (result->fate) {
    case CLIENT_GOOD:
    case CLIENT_ANSWERED:
        return LINE_GOOD;
    case CLIENT_TIMEOUT:
        return LINE_LATE;
    case CLIENT_UNKNOWN:
        return LINE_UNKNOWN;
    default:
        return LINE_FAILED;
    }
}

/* "#3 delivered" */
void session_fate(struct session *self, const struct client_result *result, unsigned long number)
{
    char text[1000];
    char hint[60] = "";
    unsigned long before = self->screen->line;
    struct line *line = outbox_find(&self->outbox, number);
    bool good = client_result_exit(result) == EXIT_ALL_GOOD;
    if (line != NULL && result->fate == CLIENT_UNSENT && !self->is_script &&
        line->state == LINE_SENT) {
        outbox_set(&self->outbox, line, LINE_QUEUED, ""); /* nobody has got it */
        tell_state(self, line);
        return;
    }
    client_result_text(result, text, sizeof text);
    if (line != NULL)
        outbox_set(&self->outbox, line, state_of(result), text);
    if (line != NULL && result->fate == CLIENT_UNKNOWN && !self->is_script)
        snprintf(hint, sizeof hint, "; /resend %lu sends it again", number);
    self->screen->line = line == NULL ? 0 : line->script_line;
    screen_say(self->screen, good ? STYLE_GOOD : STYLE_BAD, "#%lu %s%s", number, text, hint);
    self->screen->line = before;
    session_log_fate(self, number, text);
    if (result->ticket != 0) /* a later report is news, but not another message */
        client_tally_add(&self->tally, result);
}

/* ---- what a person can do about them ---------------------------------------------------------
 */

/* NULL: told why. */
static struct line *kept_line(struct session *self, unsigned long number)
{
    if (number == 0)
        number = self->outbox.next - 1;
    struct line *line = outbox_find(&self->outbox, number);
    if (line == NULL && number == 0)
        session_refuse(self, "nothing was sent yet");
    else if (line == NULL)
        session_refuse(self, "there is no #%lu", number);
    return line;
}

void session_again(struct session *self, unsigned long number)
{
    const struct line *line = kept_line(self, number);
    if (line != NULL && line->data == NULL)
        session_refuse(self, "#%lu is not kept any more", line->number);
    else if (line != NULL)
        session_submit(self, line->type, (struct span){line->data, line->data_len}, line->text);
}

void session_resend(struct session *self, unsigned long number)
{
    struct line *line = kept_line(self, number);
    if (line == NULL)
        return;
    if (line->state == LINE_QUEUED || line->state == LINE_SENT) {
        session_refuse(self, "#%lu is %s; wait for its fate", line->number, line_state_text(line));
    } else if (line->state == LINE_GOOD) {
        session_refuse(self, "#%lu was %s; /again %lu sends the same as a new line", line->number,
            line->fate, line->number);
    } else if (line->data == NULL) {
        session_refuse(self, "#%lu is not kept any more", line->number);
    } else {
        outbox_set(&self->outbox, line, LINE_QUEUED, "");
        if (self->link == LINK_UP)
            session_flush(self);
        else
            tell_state(self, line);
    }
}

static void show(struct session *self, const struct line *line)
{
    struct tm at;
    char clock[16] = "";
    char type[80];
    if (localtime_r(&line->written, &at) != NULL)
        strftime(clock, sizeof clock, "%H:%M", &at);
    screen_say(self->screen, STYLE_PLAIN, "  #%lu %s %s: %s (%s)", line->number, clock,
        visible_into(type, sizeof type, span_of(line->type)), line->text, line_state_text(line));
}

void session_show_line(struct session *self, unsigned long number)
{
    char id[CLIENT_ID_MAX];
    const struct line *line = kept_line(self, number);
    if (line == NULL)
        return;
    show(self, line);
    screen_say(
        self->screen, STYLE_PLAIN, "    its id is %s", outbox_id(&self->outbox, line->number, id));
}

void session_show_pending(struct session *self)
{
    size_t shown = 0;
    for (unsigned long i = 0; i <= OUTBOX_MAX; i++) {
        unsigned long number =
            self->outbox.next > OUTBOX_MAX ? self->outbox.next - OUTBOX_MAX + i : i;
        const struct line *line = outbox_find(&self->outbox, number);
        if (line == NULL || line->state == LINE_GOOD || line->state == LINE_FAILED)
            continue;
        show(self, line);
        shown++;
    }
    if (shown == 0)
        screen_say(self->screen, STYLE_PLAIN, "every line has its fate");
}

void session_show_status(struct session *self)
{
    char name[160];
    char link[100];
    const size_t *counts = self->outbox.counts;
    session_link_text(self, link, sizeof link);
    if (self->link == LINK_UP)
        screen_say(self->screen, STYLE_PLAIN, "connected to %s",
            visible_into(name, sizeof name,
                span_of(client_server(self->client)->name[0] == '\0'
                            ? "the server"
                            : client_server(self->client)->name)));
    else
        screen_say(self->screen, STYLE_PLAIN, "%s%s", link, self->trouble);
    screen_say(self->screen, STYLE_PLAIN,
        "lines: %zu queued, %zu sent, %zu good, %zu failed, %zu without a report, %zu of unknown "
        "fate",
        counts[LINE_QUEUED], counts[LINE_SENT], counts[LINE_GOOD], counts[LINE_FAILED],
        counts[LINE_LATE], counts[LINE_UNKNOWN]);
}
