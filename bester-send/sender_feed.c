/* From the input to the connection. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bester-send/sender_internal.h"

static void stop_input(struct sender *self)
{
    self->input_over = true;
    ev_io_stop(self->loop, &self->readable);
}

static void refuse_record(struct sender *self, uint64_t number, const char *why)
{
    ledger_add_invalid(&self->ledger, number, why);
    if (!self->settings->keep_going)
        stop_input(self);
}

static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && text.at[i] != '\t' && text.at[i] != '\r')
            return false;
    return true;
}

/* Takes the next record; false: there is none now. */
static bool take_record(struct sender *self, struct span *record, uint64_t *number)
{
    if (!source_is_stdin(self->settings->source)) {
        self->input_over = true;
        *record = SPAN_LITERAL("");
        *number = 1;
        return true;
    }
    enum pull pull;
    while ((pull = records_next(&self->input, record, number)) == PULL_READY &&
           self->settings->source == SOURCE_NDJSON && is_blank(*record))
        continue;
    if (pull == PULL_BAD) {
        char why[100];
        snprintf(
            why, sizeof why, "longer than %zu bytes, which is the limit", self->input.max_record);
        refuse_record(self, *number, why);
    } else if (pull == PULL_MORE && self->input.ended) {
        stop_input(self);
    } else if (pull == PULL_MORE) {
        ev_io_start(self->loop, &self->readable);
    }
    return pull == PULL_READY;
}

/* Makes the next record into a message to be sent; false: there is none now. A
 * record that is refused is not the last word: the loop in pump goes on. */
static bool compose_next(struct sender *self)
{
    struct span record;
    struct fault fault = {0};
    uint64_t number = 0;
    if (!take_record(self, &record, &number))
        return false;
    enum status status = compose_data(&self->compose, record, &self->data, &fault);
    self->number = number;
    self->has_record = status == STATUS_OK;
    if (status == STATUS_NO_MEMORY)
        sender_note(self, EXIT_INTERNAL);
    if (status != STATUS_OK)
        refuse_record(self, number, fault.text);
    return true;
}

/* false: it has to wait. */
static bool send_record(struct sender *self)
{
    const struct settings *settings = self->settings;
    char id[CLIENT_ID_MAX + 32];
    struct fault fault = {0};
    uint64_t ticket = 0;
    if (settings->id != NULL && source_is_stdin(settings->source) &&
        settings->source != SOURCE_WHOLE)
        snprintf(id, sizeof id, "%s-%llu", settings->id, (unsigned long long)self->number);
    else if (settings->id != NULL)
        snprintf(id, sizeof id, "%s", settings->id);
    enum status status = client_send(self->client, settings->type, self->data,
        settings->id == NULL ? NULL : id, &ticket, &fault);
    if (status == STATUS_OVERLOADED)
        return false;
    self->has_record = false;
    if (status == STATUS_OK)
        ledger_add(&self->ledger, self->number, ticket);
    else
        refuse_record(self, self->number, fault.text);
    return true;
}

static bool may_send(const struct sender *self)
{
    return self->sending && !self->ended && !ledger_is_full(&self->ledger) &&
           !outlet_is_full(&self->outlet);
}

/* Sends while there is something and room for it; ends when all is done. */
void sender_pump(struct sender *self)
{
    while (may_send(self)) {
        if (!self->has_record && (self->input_over || !compose_next(self))) {
            /* a record that is too long was refused, and behind it may be more */
            if (!self->input_over && !ev_is_active(&self->readable))
                continue;
            break;
        }
        if (self->has_record && !send_record(self))
            break;
    }
    if (self->sending && !self->ended && self->input_over && !self->has_record &&
        ledger_is_empty(&self->ledger))
        sender_end(self);
}

void sender_on_input(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct sender *self = watcher->data;
    char *room = NULL;
    (void)events;
    ev_io_stop(loop, watcher); /* until the pump wants more */
    if (records_room(&self->input, &room) != STATUS_OK) {
        sender_complain(self, "out of memory");
        sender_note(self, EXIT_INTERNAL);
        stop_input(self);
        sender_pump(self);
        return;
    }
    ssize_t n = read(watcher->fd, room, RECORDS_READ_BYTES);
    if (n > 0) {
        records_put(&self->input, (size_t)n);
    } else if (n == 0) {
        records_end(&self->input);
    } else if (errno != EINTR && errno != EAGAIN) {
        sender_complain(self, "standard input: %s", strerror(errno));
        sender_note(self, EXIT_LOCAL_IO);
        stop_input(self);
    }
    sender_pump(self);
}
