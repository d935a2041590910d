#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bester-send/report.h"
#include "bester-send/sender_internal.h"
#include "libbester/visible.h"

enum {
    ANY_RECORD_BYTES = 64 << 20, /* when the server tells no limit */
    RECEIVE_BYTES = 64 << 20,
    QUEUED_BYTES = 1 << 20
};

void sender_complain(struct sender *self, const char *format, ...)
{
    char text[2 * REPORT_LINE_MAX];
    char shown[2 * REPORT_LINE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fprintf(self->err, "bester-send: %s\n", visible_into(shown, sizeof shown, span_of(text)));
}

/* The worst thing that was not a message's own fate; the first one stays. */
void sender_note(struct sender *self, enum client_exit exit_status)
{
    if (self->exit_status == EXIT_ALL_GOOD)
        self->exit_status = exit_status;
}

void sender_end(struct sender *self)
{
    self->ended = true;
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->deadline);
    client_free(self->client);
    self->client = NULL;
    if (outlet_is_empty(&self->outlet))
        ev_break(self->loop, EVBREAK_ALL);
}

static void tell(const struct told *told, void *user)
{
    struct sender *self = user;
    char line[REPORT_LINE_MAX];
    bool good = told->result != NULL && client_result_exit(told->result) == EXIT_ALL_GOOD;
    if (!good || self->settings->verbose)
        sender_complain(
            self, "%s", report_text(told, source_is_stdin(self->settings->source), line));
    if (!self->settings->report_json)
        return;
    struct bytes json;
    bytes_init(&json, RECEIVE_BYTES);
    if (report_json(told, &json) == STATUS_OK)
        outlet_put(&self->outlet, bytes_span(&json));
    else
        sender_note(self, EXIT_INTERNAL);
    bytes_release(&json);
}

/* ---- the template ---------------------------------------------------------------------------- */

static enum client_exit file_exit(enum status status)
{
    return status == STATUS_NOT_FOUND || status == STATUS_IO ? EXIT_LOCAL_IO
           : status == STATUS_NO_MEMORY                      ? EXIT_INTERNAL
                                                             : EXIT_BAD_INPUT;
}

static void fail(struct sender *self, enum client_exit exit_status, const char *text)
{
    sender_complain(self, "%s", text);
    sender_note(self, exit_status);
    sender_end(self);
}

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
        self->input.max_record = limit == 0 ? ANY_RECORD_BYTES : (size_t)limit;
    self->sending = true;
    sender_pump(self);
}

static void on_types(struct sender *self, const struct client_result *result)
{
    struct fault fault = {0};
    char text[REPORT_LINE_MAX];
    if (result->fate == CLIENT_ANSWERED) {
        if (adopt_from_answer(self, result->answer, &fault) == STATUS_OK)
            begin_sending(self);
        else
            fail(self, EXIT_BAD_INPUT, fault.text);
        return;
    }
    sender_complain(
        self, "asking for the template: %s", client_result_text(result, text, sizeof text));
    sender_note(self, client_result_exit(result));
    sender_end(self);
}

/* ---- the client ------------------------------------------------------------------------------ */

static void on_ready(struct client *client, void *user)
{
    struct sender *self = user;
    struct fault fault = {0};
    const struct client_server *server = client_server(client);
    if (!compose_lacks_template(&self->compose)) {
        begin_sending(self);
    } else if (server->name[0] == '\0') { /* a server of Part I may never answer */
        fail(self, EXIT_BAD_INPUT,
            "this server gives no templates; give one with --template, or JSON with --data");
    } else if (client_ask(client, "types", (struct span){0}, &self->types_ticket, &fault) !=
               STATUS_OK) {
        fail(self, EXIT_INTERNAL, fault.text);
    }
}

static void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    (void)client, (void)message, (void)text, (void)user; /* we only send */
}

static void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct sender *self = user;
    char text[REPORT_LINE_MAX];
    (void)client;
    if (result->ticket == 0 && result->id[0] == '\0') {
        sender_complain(self, "the server says: %s", client_result_text(result, text, sizeof text));
        return;
    }
    if (result->ticket != 0 && result->ticket == self->types_ticket) {
        on_types(self, result);
        return;
    }
    ledger_settle(&self->ledger, result);
    /* While the connection ends every message gets its result; nothing is sent then. */
    if (result->fate != CLIENT_UNKNOWN && result->fate != CLIENT_UNSENT)
        sender_pump(self);
}

static void on_noise(struct client *client, const struct fault *fault, void *user)
{
    (void)client;
    sender_complain(user, "%s", fault->text);
}

static void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct sender *self = user;
    (void)client;
    if (why == CLIENT_END_LOST)
        sender_complain(self, "the connection was lost: %s%s", fault->text,
            self->input_over && !self->has_record ? "" : "; the rest was not sent");
    else if (why == CLIENT_END_TLS)
        sender_complain(self, "%s", fault->text);
    else
        sender_complain(
            self, "%s: %s", why == CLIENT_END_REFUSED ? "login" : "no connection", fault->text);
    sender_note(self, client_end_exit(why));
    sender_end(self);
}

static const struct client_callbacks callbacks = {.on_ready = on_ready,
    .on_message = on_message,
    .on_result = on_result,
    .on_noise = on_noise,
    .on_end = on_end};

/* The run has taken too long: what has no report by now is told so. */
static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct sender *self = timer->data;
    (void)loop, (void)events;
    sender_complain(self, "the time is up");
    sender_note(
        self, self->sending || self->types_ticket != 0 ? EXIT_REPORT_TIMEOUT : EXIT_NO_CONNECTION);
    self->sending = false;
    client_expire(self->client);
    sender_end(self);
}

/* Room in the outlet: more may be made, or, at the end, all has been written. */
static void on_outlet_room(void *user)
{
    struct sender *self = user;
    if (!self->ended)
        sender_pump(self);
    else
        ev_break(self->loop, EVBREAK_ALL);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum records_form input_form_of(enum source source)
{
    return source == SOURCE_NULL    ? RECORDS_NULL
           : source == SOURCE_WHOLE ? RECORDS_WHOLE
                                    : RECORDS_LINES;
}

/* What the command line alone tells to be wrong. */
static enum client_exit prepare(struct sender *self)
{
    struct fault fault = {0};
    struct type_template *sheet = NULL;
    enum status status = STATUS_OK;
    if (compose_lacks_template(&self->compose)) {
        status = compose_find_template(self->settings, &sheet, &fault);
        if (status == STATUS_OK && sheet != NULL)
            status = compose_adopt(&self->compose, sheet, &fault);
    }
    if (status == STATUS_OK && !source_is_stdin(self->settings->source) &&
        !compose_lacks_template(&self->compose))
        status = compose_data(&self->compose, SPAN_LITERAL(""), &self->data, &fault);
    if (status == STATUS_OK)
        return EXIT_ALL_GOOD;
    sender_complain(self, "%s", fault.text);
    return file_exit(status);
}

struct sender *sender_new(struct ev_loop *loop, const struct settings *settings,
    const struct sender_files *files, enum client_exit *exit_status)
{
    struct sender *self = calloc(1, sizeof *self);
    *exit_status = EXIT_INTERNAL;
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->settings = settings;
    self->err = files->err;
    compose_init(&self->compose, settings);
    records_init(&self->input, input_form_of(settings->source), ANY_RECORD_BYTES);
    outlet_init(&self->outlet, loop, files->out_fd, on_outlet_room, self);
    ev_io_init(&self->readable, sender_on_input, files->in_fd, EV_READ);
    ev_timer_init(&self->deadline, on_deadline, settings->timeout_s, 0.);
    self->readable.data = self->deadline.data = self;
    self->streams = streams_new(loop);
    if (self->streams != NULL &&
        ledger_init(&self->ledger, settings->inflight, tell, self) == STATUS_OK)
        *exit_status = prepare(self);
    if (*exit_status == EXIT_ALL_GOOD)
        return self;
    sender_free(self);
    return NULL;
}

enum status sender_start(struct sender *self, const struct login *login)
{
    struct client_options options = {.report_s = self->settings->report_s,
        .max_frame = RECEIVE_BYTES,
        .max_queued_bytes = QUEUED_BYTES};
    login_options(login, &options);
    struct sockaddr_storage known;
    socklen_t len = sizeof known;
    if (address_to_sockaddr(&login->address, &known, &len) != STATUS_OK) {
        self->resolver = worker_new(self->loop, 1, 4); /* a thread only for a name */
        if (self->resolver == NULL)
            return STATUS_NO_MEMORY;
    }
    self->client = client_new(self->streams, self->resolver, &options, &callbacks, self);
    if (self->client == NULL)
        return STATUS_NO_MEMORY;
    if (self->settings->timeout_s > 0)
        ev_timer_start(self->loop, &self->deadline);
    return STATUS_OK;
}

void sender_free(struct sender *self)
{
    if (self == NULL)
        return;
    client_free(self->client);
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->deadline);
    if (self->streams != NULL)
        streams_flush(self->streams);
    streams_free(self->streams);
    worker_free(self->resolver);
    outlet_release(&self->outlet);
    ledger_release(&self->ledger);
    records_release(&self->input);
    compose_release(&self->compose);
    free(self);
}

enum client_exit sender_exit(const struct sender *self)
{
    if (self->exit_status == EXIT_INTERNAL || self->exit_status == EXIT_LOCAL_IO)
        return self->exit_status;
    if (outlet_status(&self->outlet) != STATUS_OK)
        return EXIT_LOCAL_IO;
    if (self->ledger.invalid > 0 || self->exit_status == EXIT_ALL_GOOD)
        return ledger_exit(&self->ledger);
    return self->exit_status;
}
