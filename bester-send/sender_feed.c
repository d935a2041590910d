/* From the input to the connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bester-send/sender_internal.h"
#include "libbester/frame.h"
#include "libbester/json.h"

static void stop_input(struct sender *self)
{
    self->input_over = true;
    ev_io_stop(self->loop, &self->readable);
}

/* What --failed and --retry need of the record that was taken last. NULL: nothing,
 * or out of memory. */
static struct cargo *keep_cargo(struct sender *self, struct span data)
{
    bool wanted = self->leftover.path != NULL || self->settings->retry > 0;
    if (!wanted)
        return NULL;
    struct span raw =
        source_is_stdin(self->settings->source) ? records_raw(&self->input) : (struct span){"", 0};
    struct cargo *cargo = malloc(sizeof *cargo + raw.len + data.len);
    if (cargo == NULL) {
        self->leftover.failed = true;
        return NULL;
    }
    *cargo = (struct cargo){.raw_len = raw.len, .data_len = data.len};
    if (raw.len > 0)
        memcpy(cargo->bytes, raw.at, raw.len);
    if (data.len > 0)
        memcpy(cargo->bytes + raw.len, data.at, data.len);
    return cargo;
}

static void refuse_record(
    struct sender *self, uint64_t number, const char *why, struct cargo *cargo)
{
    ledger_add_invalid(&self->ledger, number, why, cargo);
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
        refuse_record(self, *number, why, NULL); /* its bytes are there already */
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
        refuse_record(self, number, fault.text, keep_cargo(self, (struct span){0}));
    return true;
}

/* The id that the person, or the run before, wants; NULL: any. */
static const char *choose_id(struct sender *self, char out[CLIENT_ID_MAX + 32])
{
    const struct settings *settings = self->settings;
    if (self->leftover.known != NULL)
        return leftover_known_id(&self->leftover, self->number, records_raw(&self->input), out)
                   ? out
                   : NULL;
    if (settings->id == NULL)
        return NULL;
    if (source_is_stdin(settings->source) && settings->source != SOURCE_WHOLE)
        snprintf(out, CLIENT_ID_MAX + 32, "%.*s-%llu", CLIENT_ID_MAX, settings->id,
            (unsigned long long)self->number);
    else
        snprintf(out, CLIENT_ID_MAX + 32, "%.*s", CLIENT_ID_MAX, settings->id);
    return out;
}

/* --dry-run: as client_send would build it. */
static enum status print_frame(struct sender *self, const char *id, struct fault *fault)
{
    char made[CLIENT_ID_MAX];
    char token[CLIENT_ID_MAX * 6 + 3];
    struct bytes line;
    if (id == NULL)
        snprintf(made, sizeof made, "dry-run-%llu", (unsigned long long)self->number);
    struct blob *frame = message_from_client(self->settings->type, self->data,
        json_quote_into(token, sizeof token, span_of(id == NULL ? made : id)));
    if (frame == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
    bytes_init(&line, SIZE_MAX / 2);
    const char *at = frame->data;
    enum status status = STATUS_OK;
    if (self->settings->dry == DRY_BYTES) {
        status = bytes_append(&line, at, frame->len);
    } else {
        for (size_t i = 0; i < FRAME_HEADER_BYTES && status == STATUS_OK; i++)
            status = bytes_printf(&line, "%02x ", (unsigned char)at[i]);
        if (status == STATUS_OK)
            status = bytes_append(&line, at + FRAME_HEADER_BYTES, frame->len - FRAME_HEADER_BYTES);
        if (status == STATUS_OK)
            status = bytes_append_text(&line, "\n");
    }
    if (status == STATUS_OK)
        outlet_put(&self->outlet, bytes_span(&line));
    bytes_release(&line);
    blob_unref(frame);
    return status == STATUS_OK ? status : fault_set(fault, status, 0, "%s", status_help(status));
}

/* false: it has to wait. */
static bool send_record(struct sender *self)
{
    char room[CLIENT_ID_MAX + 32];
    const char *id = choose_id(self, room);
    struct fault fault = {0};
    uint64_t ticket = 0;
    bool dry = self->settings->dry != DRY_NO;
    enum status status =
        dry ? print_frame(self, id, &fault)
            : client_send(self->client, self->settings->type, self->data, id, &ticket, &fault);
    if (status == STATUS_OVERLOADED)
        return false;
    self->has_record = false;
    self->sent += status == STATUS_OK;
    if (status == STATUS_OK && !dry)
        ledger_add(&self->ledger, self->number, ticket, keep_cargo(self, self->data));
    else if (status != STATUS_OK)
        refuse_record(self, self->number, fault.text, keep_cargo(self, (struct span){0}));
    return true;
}

/* What is to be sent once more goes before what is new. false: it has to wait. */
static bool send_again(struct sender *self)
{
    struct ledger_entry *entry = ledger_first_again(&self->ledger);
    const struct cargo *cargo = entry->cargo;
    struct fault fault = {0};
    uint64_t ticket = 0;
    enum status status = client_send(self->client, self->settings->type,
        (struct span){cargo->bytes + cargo->raw_len, cargo->data_len}, cargo->id, &ticket, &fault);
    if (status == STATUS_OVERLOADED)
        return false;
    if (status == STATUS_OK)
        ledger_sent_again(&self->ledger, entry, ticket);
    else
        ledger_abandon(&self->ledger, fault.text);
    return true;
}

static bool may_send(const struct sender *self)
{
    bool room = self->ledger.again > 0 ||
                (!ledger_is_full(&self->ledger) && self->ledger.cargo_bytes < SENDER_CARGO_BYTES);
    return self->sending && !self->ended && !self->finishing && room &&
           !ev_is_active(&self->pause) && !outlet_is_full(&self->outlet);
}

void sender_pump(struct sender *self)
{
    while (may_send(self)) {
        if (self->ledger.again > 0) {
            if (!send_again(self))
                break;
            continue;
        }
        if (!self->has_record && (self->input_over || !compose_next(self))) {
            /* a record that is too long was refused, and behind it may be more */
            if (!self->input_over && !ev_is_active(&self->readable))
                continue;
            break;
        }
        if (self->has_record && !send_record(self))
            break;
    }
    sender_end_if_done(self);
}

void sender_on_input(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct sender *self = watcher->data;
    char *room = NULL;
    ev_io_stop(loop, watcher); /* until the pump wants more */
    /* The kernel has no memory to watch it. What it holds is still to be saved (--failed), for
     * which libev must ask it anew: else it takes for watched what it has just started to watch. */
    if (events & EV_ERROR)
        ev_io_set(watcher, watcher->fd, EV_READ);
    if (events & EV_ERROR || records_room(&self->input, &room) != STATUS_OK) {
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
