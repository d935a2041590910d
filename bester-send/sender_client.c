/* What the connection says, and what is done when it ends. */
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "bester-send/received.h"
#include "bester-send/report.h"
#include "bester-send/sender_internal.h"

enum { QUEUED_BYTES = 1 << 20, HEARTBEAT_S = 30 };

/* ---- the template ---------------------------------------------------------------------------- */

/* The template of our type out of the answer to `types`. */
static enum status adopt_from_answer(
    struct sender *self, const struct message *answer, struct fault *fault)
{
    struct json_cursor cursor;
    struct span text;
    char type[TEMPLATE_NAME_MAX];
    if (template_types_begin(&cursor, answer->data) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "the server's list of types makes no sense");
    while (template_types_next(&cursor, type, &text) == PULL_READY) {
        struct type_template *sheet = NULL;
        if (strcmp(type, self->settings->type) != 0 || text.at == NULL)
            continue;
        enum status status = template_parse(&sheet, text, TEMPLATE_LENIENT, fault);
        return status == STATUS_OK ? compose_adopt(&self->compose, sheet, fault) : status;
    }
    return fault_set(fault, STATUS_NOT_FOUND, 0,
        "the server has no template for %s; give one with --template, or JSON with --data",
        self->settings->type);
}

static void begin_sending(struct sender *self)
{
    uint64_t limit = client_server(self->client)->max_frame;
    if (source_is_stdin(self->settings->source))
        self->input.max_record = limit == 0 ? SENDER_RECORD_BYTES : (size_t)limit;
    self->sending = true;
    if (source_is_stdin(self->settings->source))
        progress_start(&self->progress);
    sender_pump(self);
}

static void on_types(struct sender *self, const struct client_result *result)
{
    struct fault fault = {0};
    char text[REPORT_LINE_MAX];
    bool ends = result->fate == CLIENT_UNKNOWN || result->fate == CLIENT_UNSENT;
    if (ends && self->attempts < self->settings->retry)
        return; /* asking twice does no harm: on_end */
    if (result->fate == CLIENT_ANSWERED) {
        if (adopt_from_answer(self, result->answer, &fault) == STATUS_OK)
            begin_sending(self);
        else
            sender_fail(self, EXIT_BAD_INPUT, fault.text);
        return;
    }
    sender_complain(
        self, "asking for the template: %s", client_result_text(result, text, sizeof text));
    sender_note(self, client_result_exit(result));
    sender_end(self);
}

/* ---- trying again ---------------------------------------------------------------------------- */

/* The server may say otherwise in a while. */
static bool is_transient(enum status reason)
{
    return reason == STATUS_RATE_LIMITED || reason == STATUS_OVERLOADED ||
           reason == STATUS_SHUTTING_DOWN;
}

/* Whether nothing has come of the message and nothing will. */
static bool is_harmless(const struct client_result *result)
{
    return result->fate == CLIENT_UNSENT ||
           (result->fate == CLIENT_BAD && is_transient(result->reason) &&
               result->recipients.at == NULL && result->servers.at == NULL);
}

/* 100 ms, doubled each time up to 5 s, and jittered, so that many do not come at once. */
static void pause_before(struct sender *self, unsigned attempt)
{
    unsigned char byte = 128;
    double pause_s = 0.1 * exp2(attempt < 6 ? attempt : 6);
    if (ev_is_active(&self->pause))
        return;
    (void)!getrandom(&byte, 1, 0); /* without it just no jitter */
    pause_s = (pause_s < 5 ? pause_s : 5) * (0.75 + byte / 512.0);
    ev_timer_set(&self->pause, pause_s, 0.);
    ev_timer_start(self->loop, &self->pause);
}

void sender_go_on(struct sender *self)
{
    if (self->client != NULL)
        sender_pump(self);
    else if (sender_connect(self) != STATUS_OK)
        sender_fail(self, EXIT_INTERNAL, "out of memory");
}

/* ---- messages that arrive -------------------------------------------------------------------- */

static bool is_wanted(const struct sender *self, const struct message *message, struct span json)
{
    const struct settings *settings = self->settings;
    unsigned awaited = settings_awaited(settings);
    if (!settings_prints(settings) || self->ended || (awaited > 0 && self->received >= awaited))
        return false;
    if (settings->source == SOURCE_LISTEN && settings->type != NULL &&
        (message->type.at == NULL || !json_string_is(message->type, settings->type)))
        return false;
    return received_matches(settings, json);
}

static enum status print(struct sender *self, const struct message *message)
{
    struct bytes json;
    struct bytes line;
    bytes_init(&json, SENDER_RECEIVE_BYTES * (size_t)2);
    bytes_init(&line, SENDER_RECEIVE_BYTES * (size_t)8);
    enum status status = received_json(message, &json);
    if (status == STATUS_OK && is_wanted(self, message, bytes_span(&json))) {
        status = received_line(self->settings, bytes_span(&json), self->visible, &line);
        if (status == STATUS_OK)
            outlet_put(&self->outlet, bytes_span(&line));
        self->received++;
        if (ev_is_active(&self->replies))
            ev_timer_again(self->loop, &self->replies);
    }
    bytes_release(&json);
    bytes_release(&line);
    return status;
}

static void take(struct sender *self, const struct message *message)
{
    if (!settings_prints(self->settings) || self->ended)
        return;
    if (print(self, message) != STATUS_OK) {
        sender_fail(self, EXIT_INTERNAL, "out of memory");
        return;
    }
    if (outlet_is_full(&self->outlet))
        client_pause(self->client);
    sender_end_if_done(self);
}

static void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    (void)client;
    (void)text;
    take(user, message);
}

void sender_on_reply_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct sender *self = timer->data;
    (void)loop, (void)events;
    if (self->settings->source == SOURCE_LISTEN)
        sender_fail(self, EXIT_REPLY_TIMEOUT, "no message in time");
    else
        sender_fail(self, EXIT_REPLY_TIMEOUT, "no reply in time");
}

/* ---- the client ------------------------------------------------------------------------------ */

static void on_ready(struct client *client, void *user)
{
    struct sender *self = user;
    struct fault fault = {0};
    const struct client_server *server = client_server(client);
    if (self->settings->source == SOURCE_LISTEN && self->settings->wait_s > 0)
        ev_timer_again(self->loop, &self->replies);
    if (!compose_lacks_template(&self->compose)) {
        begin_sending(self);
    } else if (server->name[0] == '\0') { /* a server of Part I may never answer */
        sender_fail(self, EXIT_BAD_INPUT,
            "this server gives no templates; give one with --template, or JSON with --data");
    } else if (client_ask(client, "types", (struct span){0}, &self->types_ticket, &fault) !=
               STATUS_OK) {
        sender_fail(self, EXIT_INTERNAL, fault.text);
    }
}

static void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct sender *self = user;
    char text[REPORT_LINE_MAX];
    bool ends = result->fate == CLIENT_UNKNOWN || result->fate == CLIENT_UNSENT;
    (void)client;
    if (result->ticket == 0 && result->id[0] == '\0') {
        sender_complain(self, "the server says: %s", client_result_text(result, text, sizeof text));
        return;
    }
    if (result->ticket != 0 && result->ticket == self->types_ticket) {
        on_types(self, result);
        return;
    }
    if (!self->ended && is_harmless(result) &&
        ledger_recall(&self->ledger, result, self->settings->retry)) {
        if (!ends)
            pause_before(self, ledger_first_again(&self->ledger)->cargo->tries - 1);
        return;
    }
    if (result->fate == CLIENT_UNKNOWN && self->settings->ack != ACK_NONE)
        self->unknown = true;
    if (result->fate == CLIENT_GOOD)
        self->attempts = 0;
    ledger_settle(&self->ledger, result);
    /* What the server itself answers is report and reply in one. */
    if (result->fate == CLIENT_ANSWERED && json_string_is(result->answer->type, "builtin"))
        take(self, result->answer);
    /* While the connection ends every message gets its result; nothing is sent then. */
    if (!ends && !self->ended)
        sender_pump(self);
}

static void on_noise(struct client *client, const struct fault *fault, void *user)
{
    (void)client;
    sender_complain(user, "%s", fault->text);
}

static void complain_of_end(struct sender *self, enum client_end why, const char *text)
{
    bool lost = why == CLIENT_END_LOST;
    bool rest = lost && !(self->input_over && !self->has_record && self->ledger.again == 0);
    static const char *const what[] = {
        [CLIENT_END_UNREACHABLE] = "no connection: ",
        [CLIENT_END_TLS] = "",
        [CLIENT_END_REFUSED] = "login: ",
        [CLIENT_END_LOST] = "the connection was lost: ",
        [CLIENT_END_FINISHED] = "",
    };
    sender_complain(self, "%s%s%s", what[why], text, rest ? "; the rest was not sent" : "");
}

/* Whether another connection could be better than this one was, and do anything for
 * the job. */
static bool is_worth_it(const struct sender *self, enum client_end why, const struct fault *fault)
{
    if (why != CLIENT_END_LOST && why != CLIENT_END_UNREACHABLE &&
        !(why == CLIENT_END_REFUSED && is_transient(fault->status)))
        return false;
    bool unsent = !self->input_over || self->has_record || self->ledger.again > 0;
    bool awaits = settings_prints(self->settings) && !self->unknown;
    return unsent || awaits || self->sent == 0;
}

static void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct sender *self = user;
    (void)client;
    if (why == CLIENT_END_FINISHED) {
        sender_end(self);
        return;
    }
    if (self->attempts < self->settings->retry && !self->ended && is_worth_it(self, why, fault)) {
        if (self->settings->verbose)
            sender_complain(self, "%s; trying again", fault->text);
        client_free(self->client);
        self->client = NULL;
        self->sending = false;
        self->types_ticket = 0;
        pause_before(self, self->attempts++);
        return;
    }
    complain_of_end(self, why, fault->text);
    sender_note(self, client_end_exit(why));
    sender_end(self);
}

static const struct client_callbacks callbacks = {.on_ready = on_ready,
    .on_message = on_message,
    .on_result = on_result,
    .on_noise = on_noise,
    .on_end = on_end};

enum status sender_connect(struct sender *self)
{
    struct client_options options = {.report_s = self->settings->report_s,
        .heartbeat_s = settings_prints(self->settings) ? HEARTBEAT_S : 0,
        .max_frame = SENDER_RECEIVE_BYTES,
        .max_queued_bytes = QUEUED_BYTES};
    login_options(&self->login, &options);
    self->client = client_new(self->streams, self->resolver, &options, &callbacks, self);
    return self->client == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}
