#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bester-send/report.h"
#include "bester-send/sender_internal.h"
#include "libbester/visible.h"

enum { REPLY_S = 30 };

void sender_complain(struct sender *self, const char *format, ...)
{
    char text[2 * REPORT_LINE_MAX];
    char shown[2 * REPORT_LINE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    progress_hide(&self->progress);
    fprintf(self->err, "bester-send: %s\n", visible_into(shown, sizeof shown, span_of(text)));
}

void sender_note(struct sender *self, enum client_exit exit_status)
{
    if (self->exit_status == EXIT_ALL_GOOD)
        self->exit_status = exit_status;
}

void sender_fail(struct sender *self, enum client_exit exit_status, const char *text)
{
    sender_complain(self, "%s", text);
    sender_note(self, exit_status);
    sender_end(self);
}

static void tell(const struct told *told, void *user)
{
    struct sender *self = user;
    char line[REPORT_LINE_MAX];
    bool less = !told->good && told->result != NULL && told->result->fate == CLIENT_GOOD;
    if (!told->good || self->settings->verbose)
        sender_complain(self, "%s%s",
            report_text(told, source_is_stdin(self->settings->source), line),
            less ? ", and --ack asks for delivered" : "");
    if (!told->good)
        leftover_put(&self->leftover, told->raw, told->result == NULL ? "" : told->result->id);
    if (!self->settings->report_json)
        return;
    struct bytes json;
    bytes_init(&json, SENDER_RECEIVE_BYTES);
    if (report_json(told, &json) == STATUS_OK)
        outlet_put(&self->outlet, bytes_span(&json));
    else
        sender_note(self, EXIT_INTERNAL);
    bytes_release(&json);
}

static struct progress_counts count(void *user)
{
    const struct sender *self = user;
    struct progress_counts counts = {
        .sent = self->sent, .good = self->ledger.tally.good, .bad = self->ledger.invalid};
    for (size_t i = 0; i < sizeof self->ledger.tally.by_exit / sizeof self->ledger.tally.by_exit[0];
         i++)
        counts.bad += self->ledger.tally.by_exit[i];
    return counts;
}

/* ---- what comes from outside -------------------------------------------------------------------
 */

/* The run has taken too long: what has no report by now is told so. */
static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct sender *self = timer->data;
    (void)loop, (void)events;
    if (self->salvaging) {
        sender_complain(self, "the time is up, and not all of standard input is in %s",
            self->settings->failed_file);
        sender_end_salvage(self);
        return;
    }
    sender_complain(self, "the time is up");
    sender_note(
        self, self->sending || self->types_ticket != 0 ? EXIT_REPORT_TIMEOUT : EXIT_NO_CONNECTION);
    self->sending = false;
    self->hurry = true;
    sender_end(self);
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    sender_go_on(timer->data);
}

/* Only with --failed: what was not delivered is written first, then the signal
 * does what it does. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct sender *self = watcher->data;
    (void)events;
    self->signal = watcher->signum;
    self->hurry = true;
    if (self->salvaging)
        ev_break(loop, EVBREAK_ALL);
    else
        sender_end(self);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum client_exit file_exit(enum status status)
{
    return status == STATUS_NOT_FOUND || status == STATUS_IO ? EXIT_LOCAL_IO
           : status == STATUS_NO_MEMORY                      ? EXIT_INTERNAL
                                                             : EXIT_BAD_INPUT;
}

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
    if (status == STATUS_OK && self->settings->dry != DRY_NO &&
        compose_lacks_template(&self->compose))
        status = fault_set(&fault, STATUS_INVALID, 0,
            "--dry-run asks no server; give the template with --template, or JSON with --data");
    if (status == STATUS_OK && !source_is_stdin(self->settings->source) &&
        self->settings->source != SOURCE_LISTEN && !compose_lacks_template(&self->compose))
        status = compose_data(&self->compose, SPAN_LITERAL(""), &self->data, &fault);
    if (status == STATUS_OK)
        status = leftover_init(&self->leftover, self->settings->failed_file, &fault);
    if (status == STATUS_OK)
        return EXIT_ALL_GOOD;
    sender_complain(self, "%s", fault.text);
    return file_exit(status);
}

static void on_skipped(struct span piece, bool begins, void *user)
{
    struct sender *self = user;
    leftover_put_too_long(&self->leftover, piece, begins);
}

static void init_watchers(struct sender *self, int in_fd)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    double reply_s = self->settings->wait_s > 0 ? self->settings->wait_s : REPLY_S;
    ev_io_init(&self->readable, sender_on_input, in_fd, EV_READ);
    ev_timer_init(&self->deadline, on_deadline, self->settings->timeout_s, 0.);
    ev_init(&self->pause, on_pause);
    ev_timer_init(&self->replies, sender_on_reply_timer, 0., reply_s);
    self->readable.data = self->deadline.data = self->pause.data = self->replies.data = self;
    for (size_t i = 0; i < 2; i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
    }
}

struct sender *sender_new(struct ev_loop *loop, const struct settings *settings,
    const struct sender_files *files, enum client_exit *exit_status)
{
    struct sender *self = calloc(1, sizeof *self);
    *exit_status = EXIT_INTERNAL;
    if (self == NULL) {
        fprintf(files->err, "bester-send: %s\n", status_help(STATUS_NO_MEMORY));
        return NULL;
    }
    self->loop = loop;
    self->settings = settings;
    self->err = files->err;
    self->visible = isatty(files->out_fd);
    self->input_over = settings->source == SOURCE_LISTEN;
    compose_init(&self->compose, settings);
    records_init(&self->input, input_form_of(settings->source), SENDER_RECORD_BYTES);
    self->input.on_skipped = on_skipped;
    self->input.user = self;
    outlet_init(&self->outlet, loop, files->out_fd, sender_on_outlet_room, self);
    progress_init(&self->progress, loop, files->err, count, self);
    init_watchers(self, files->in_fd);
    self->streams = streams_new(loop);
    if (self->streams != NULL &&
        ledger_init(&self->ledger, settings->inflight, settings->ack, tell, self) == STATUS_OK)
        *exit_status = prepare(self);
    else
        fprintf(files->err, "bester-send: %s\n", status_help(STATUS_NO_MEMORY));
    if (*exit_status == EXIT_ALL_GOOD)
        return self;
    sender_free(self);
    return NULL;
}

static enum status begin(struct sender *self)
{
    struct sockaddr_storage known;
    socklen_t len = sizeof known;
    if (self->settings->dry != DRY_NO) {
        self->sending = true;
        sender_pump(self);
        return STATUS_OK;
    }
    if (address_to_sockaddr(&self->login.address, &known, &len) != STATUS_OK) {
        self->resolver = worker_new(self->loop, 1, 4); /* a thread only for a name */
        if (self->resolver == NULL)
            return STATUS_NO_MEMORY;
    }
    return sender_connect(self);
}

enum status sender_start(struct sender *self, struct login *login)
{
    if (login != NULL) {
        self->login = *login;
        explicit_bzero(login, sizeof *login);
    }
    if (self->settings->timeout_s > 0)
        ev_timer_start(self->loop, &self->deadline);
    for (size_t i = 0; i < 2 && self->leftover.path != NULL; i++) {
        ev_signal_start(self->loop, &self->signals[i]);
        ev_unref(self->loop); /* it does not keep the loop going */
    }
    enum status status = begin(self);
    if (self->settings->retry == 0)
        login_wipe(&self->login);
    return status;
}

static void stop_watchers(struct sender *self)
{
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->deadline);
    ev_timer_stop(self->loop, &self->pause);
    ev_timer_stop(self->loop, &self->replies);
    for (size_t i = 0; i < 2; i++) {
        if (ev_is_active(&self->signals[i]))
            ev_ref(self->loop);
        ev_signal_stop(self->loop, &self->signals[i]);
    }
    progress_stop(&self->progress);
}

void sender_free(struct sender *self)
{
    if (self == NULL)
        return;
    client_free(self->client);
    stop_watchers(self);
    if (self->streams != NULL)
        streams_flush(self->streams);
    streams_free(self->streams);
    worker_free(self->resolver);
    login_release(&self->login);
    outlet_release(&self->outlet);
    ledger_release(&self->ledger);
    records_release(&self->input);
    compose_release(&self->compose);
    leftover_release(&self->leftover);
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
    return self->unknown ? EXIT_CONNECTION_LOST : self->exit_status;
}

int sender_signal(const struct sender *self)
{
    return self->signal;
}
