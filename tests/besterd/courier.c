#include "tests/besterd/courier.h"

#include "besterd/log.h"

static enum status exists(struct accounts *accounts, const char *username, uint64_t number)
{
    struct courier *self = accounts->user;
    if (self->accounts_status != STATUS_OK)
        return self->accounts_status;
    snprintf(self->asked[self->asked_count], sizeof self->asked[0], "%s", username);
    self->asked_number[self->asked_count++] = number;
    return STATUS_OK;
}

static const struct accounts_kind played = {.name = "played", .exists = exists};

static void on_leave(struct session *session, void *user)
{
    struct courier *self = user;
    roster_leave(&self->roster, session);
}

static void on_gone(struct session *session, void *user)
{
    struct courier *self = user;
    roster_remove(&self->roster, session);
}

static void on_sent(uint64_t tag, enum status status, void *user)
{
    struct courier *self = user;
    delivery_took(&self->deliveries, tag, status, NULL);
}

static const struct session_callbacks callbacks = {
    .on_leave = on_leave, .on_gone = on_gone, .on_sent = on_sent};

static void on_resolved(struct ticket *ticket, void *user)
{
    struct courier *self = user;
    assert_ptr_equal(ticket, self->ticket);
    self->resolved++;
}

static struct ticket *find_ticket(uint64_t number, void *user)
{
    struct courier *self = user;
    return self->ticket && number == self->ticket->number ? self->ticket : NULL;
}

void courier_new_ticket(struct courier *self, const char *id_token)
{
    ticket_free(self->ticket);
    self->ticket = ticket_new(1, self->origin, span_of(id_token));
    self->ticket->number = 5;
    self->resolved = 0;
}

int courier_set_up(void **state)
{
    struct courier *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    self->config = config_of(
        "{\"server\":{\"name\":\"S1\"},\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":"
        "\"/nowhere\"}},\"database\":{\"type\":\"open\"},"
        "\"limits\":{\"recipients\":1000,\"queuedBytesPerSession\":%d}}",
        QUEUE);
    self->accounts = (struct accounts){.kind = &played, .user = self};
    self->context = (struct session_context){
        .config = self->config, .streams = self->streams, .callbacks = &callbacks, .server = self};
    roster_init(&self->roster);
    self->deliveries = (struct deliveries){.roster = &self->roster,
        .accounts = &self->accounts,
        .config = self->config,
        .loop = self->loop,
        .on_resolved = on_resolved,
        .find_ticket = find_ticket,
        .pipeline = self};
    deliveries_init(&self->deliveries);
    self->origin = origin_new_client("T", "S1");
    courier_new_ticket(self, "\"m1\"");
    *state = self;
    return 0;
}

int courier_tear_down(void **state)
{
    struct courier *self = *state;
    roster_release(&self->roster);
    streams_free(self->streams);
    deliveries_release(&self->deliveries);
    for (size_t i = 0; i < self->session_count; i++)
        wire_close(&self->far[i]);
    ticket_free(self->ticket);
    origin_unref(self->origin);
    config_unref(self->config);
    free(self);
    return 0;
}

size_t courier_log_in(struct courier *self, const char *user)
{
    int ends[2];
    size_t i = self->session_count++;
    ev_now_update(self->loop); /* the time to log in counts from now */
    unix_pair(ends);
    self->sessions[i] = session_new(ends[0], NULL, NULL, &self->context);
    assert_int_equal(roster_enter(&self->roster, self->sessions[i]), STATUS_OK);
    self->sessions[i]->user = strdup(user);
    assert_int_equal(roster_log_in(&self->roster, self->sessions[i]), STATUS_OK);
    wire_open(&self->far[i], self->loop, ends[1]);
    return i;
}

void courier_deliver(struct courier *self, const char *targets, const char *message)
{
    static const struct config_handler chat = {.type = (char *)"chat", .may_command = MAY_ALL};
    struct command command = {
        .kind = COMMAND_SEND_CLIENTS, .targets = span_of(targets), .message = span_of(message)};
    unsigned before = self->resolved;
    deliver_to_clients(&self->deliveries, self->ticket, &command, &chat, SPAN_LITERAL("\"chat\""));
    assert_int_equal(self->resolved, before); /* never from within */
}

void courier_expect_report(struct courier *self, const char *pattern)
{
    assert_int_equal(self->ticket->open, 0);
    assert_int_equal(self->deliveries.drops.count, 0);
    struct blob *report = delivery_report(self->ticket);
    assert_non_null(report);
    json_t *json = json_loadb(report->data + 4, report->len - 4, JSON_REJECT_DUPLICATES, NULL);
    json_must_cover(json, pattern);
    json_decref(json);
    blob_unref(report);
}

void courier_account_says(struct courier *self, size_t question, enum status status)
{
    delivery_took(&self->deliveries, self->asked_number[question], status, NULL);
}

void courier_clog_up(struct courier *self, size_t i)
{
    char *much = calloc(1, 1000000);
    struct blob *frame = frame_of((struct span){much, 1000000});
    assert_int_equal(stream_send(self->sessions[i]->stream, frame, 0), STATUS_OK);
    blob_unref(frame);
    free(much);
    streams_flush(self->streams);
    assert_true(stream_queued_bytes(self->sessions[i]->stream) > 0);
}
