#include "besterd/handler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "besterd/handler_internal.h"
#include "besterd/log.h"

static const double RETRY_FIRST_S = 0.001;
static const double RETRY_MAX_S = 0.05;    /* while our own program starts */
static const double RECONNECT_MAX_S = 5.0; /* to one that others start */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct ev_loop *handler_loop(const struct handler *self)
{
    return streams_loop(self->context->streams);
}

/* ---- the list of questions ---- */

static void ask_append(struct handler *self, struct ask *ask)
{
    ask->previous = self->last;
    if (self->last)
        self->last->next = ask;
    else
        self->first = ask;
    self->last = ask;
    if (!self->unsent)
        self->unsent = ask;
    self->ask_count++;
}

void handler_drop_frame(struct ask *ask)
{
    if (!ask->frame)
        return;
    ask->handler->unsent_bytes -= ask->frame->len;
    blob_unref(ask->frame);
    ask->frame = NULL;
}

static void ask_free(struct ask *ask)
{
    struct handler *self = ask->handler;

    if (self->unsent == ask)
        self->unsent = ask->next;
    if (ask->previous)
        ask->previous->next = ask->next;
    else
        self->first = ask->next;
    if (ask->next)
        ask->next->previous = ask->previous;
    else
        self->last = ask->previous;
    self->ask_count--;
    slots_remove(&self->numbers, ask->number);
    handler_drop_frame(ask);
    free(ask);
}

void handler_answered(
    struct handler *self, struct ask *ask, const struct message *answer, struct span payload)
{
    uint64_t ticket = ask->ticket;

    self->retry_s = RETRY_FIRST_S;
    self->protocol->abandon(self, ask);
    ask_free(ask);
    self->context->callbacks->on_answer(ticket, self, answer, payload, self->context->server);
}

void handler_failed(
    struct handler *self, struct ask *ask, enum status reason, const char *format, ...)
{
    uint64_t ticket = ask->ticket;
    char detail[200];
    va_list arguments;
    int used = snprintf(detail, sizeof(detail), "%s: ", self->config->type);

    va_start(arguments, format);
    if (used > 0 && (size_t)used < sizeof(detail))
        vsnprintf(detail + used, sizeof(detail) - (size_t)used, format, arguments);
    va_end(arguments);
    self->protocol->abandon(self, ask);
    ask_free(ask);
    self->context->callbacks->on_failure(ticket, reason, detail, self->context->server);
}

/* ---- deadlines ---- */

/* All questions of a handler have the same time, so the first of the list is
 * always the next to run out: one timer serves them all, and is set anew only
 * when it fires. */
static void arm_deadline(struct handler *self)
{
    double left;

    if (!self->first || ev_is_active(&self->deadline))
        return;
    left = self->first->deadline_s - now_s();
    ev_now_update(handler_loop(self));
    ev_timer_set(&self->deadline, left > 0 ? left : 0, 0.);
    ev_timer_start(handler_loop(self), &self->deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct handler *self = watcher->data;
    double now = now_s();

    (void)loop, (void)events;
    while (self->first && self->first->deadline_s <= now) {
        struct ask *ask = self->first;
        unsigned ms = self->config->timeout_ms;

        if (ask->suspect)
            handler_failed(self, ask, STATUS_BAD_REPLY, "garbage instead of an answer");
        else if (ask->sent)
            handler_failed(self, ask, STATUS_HANDLER_TIMEOUT, "no reply in %u ms", ms);
        else
            handler_failed(self, ask, STATUS_HANDLER_DOWN, "could not be asked in %u ms", ms);
    }
    arm_deadline(self);
    handler_pump(self);
}

/* ---- being there ---- */

int handler_connect(const struct handler *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(self->config->path);
    int fd;

    if (len >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, self->config->path, len);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

struct stream_options handler_stream_options(const struct handler *self)
{
    size_t frame = self->context->limits->max_frame_bytes + HANDLER_ENVELOPE_SLACK;

    return (struct stream_options){
        .max_frame = frame,
        .max_queued_bytes = (size_t)32 * frame,
    };
}

void handler_retry(struct handler *self, double after_s)
{
    if (ev_is_active(&self->retry))
        return;
    ev_now_update(handler_loop(self));
    ev_timer_set(&self->retry, after_s, 0.);
    ev_timer_start(handler_loop(self), &self->retry);
}

/* Fails what can't be asked before its deadline anyway, rather than let the
 * sender wait for nothing. */
static void fail_hopeless(struct handler *self, double up_in_s, const char *why)
{
    double up_at = now_s() + up_in_s;

    while (self->unsent && self->unsent->deadline_s <= up_at)
        handler_failed(self, self->unsent, STATUS_HANDLER_DOWN, "%s", why);
}

/* A socket file on which nobody listens would make our program's bind fail. */
static void remove_stale_socket(const struct handler *self)
{
    struct stat status;

    if (lstat(self->config->path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        !child_is_running(self->child))
        unlink(self->config->path);
}

static void nobody_is_there(struct handler *self, int error)
{
    char why[160];

    if (self->child && !self->stopping) {
        if (error == ECONNREFUSED)
            remove_stale_socket(self);
        child_ensure(self->child);
        if (child_is_running(self->child)) {
            self->retry_s = self->retry_s * 2 < RETRY_MAX_S ? self->retry_s * 2 : RETRY_MAX_S;
            handler_retry(self, self->retry_s);
        } /* else: on_started or the next question wakes us */
        snprintf(why, sizeof(why), "starts again in %.1f s", child_pause_left(self->child));
        fail_hopeless(self, child_pause_left(self->child), why);
        return;
    }
    snprintf(why, sizeof(why), "nobody answers on %.96s: %s", self->config->path, strerror(error));
    fail_hopeless(self, 1e9, why);
    if (self->config->protocol == CONFIG_STREAM && !self->stopping) {
        self->retry_s = self->retry_s * 2 < RECONNECT_MAX_S ? self->retry_s * 2 : RECONNECT_MAX_S;
        handler_retry(self, self->retry_s);
    }
}

void handler_pump(struct handler *self)
{
    enum status status = STATUS_OK;

    if (!self->unsent && !self->stopping)
        status = self->protocol->connect(self);
    while (self->unsent && status == STATUS_OK) {
        struct ask *ask = self->unsent;

        status = self->protocol->send(self, ask);
        if (status != STATUS_OK)
            break;
        ask->sent = true;
        self->unsent = ask->next;
        handler_drop_frame(ask);
    }
    if (status == STATUS_HANDLER_DOWN)
        nobody_is_there(self, errno);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    handler_pump(watcher->data);
}

static void on_started(struct child *child, void *user)
{
    struct handler *self = user;

    (void)child;
    self->retry_s = RETRY_FIRST_S;
    handler_retry(self, self->retry_s);
}

static void on_ended(struct child *child, double pause_s, void *user)
{
    struct handler *self = user;
    char why[64];

    (void)child;
    if (self->stopping) {
        self->context->callbacks->on_ended(self->context->server);
        return;
    }
    ev_timer_stop(handler_loop(self), &self->retry);
    snprintf(why, sizeof(why), "has ended, starts again in %.1f s", pause_s);
    fail_hopeless(self, pause_s, why);
}

static const struct child_callbacks child_callbacks = {
    .on_started = on_started, .on_ended = on_ended};

/* ---- asking ---- */

enum status handler_ask(struct handler *self, const struct handler_question *question)
{
    if (self->ask_count >= self->context->limits->in_flight_per_handler ||
        self->unsent_bytes >= HANDLER_UNSENT_MAX)
        return STATUS_OVERLOADED;
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        return STATUS_NO_MEMORY;
    ask->handler = self;
    ask->ticket = question->ticket;
    ask->deadline_s = now_s() + self->config->timeout_ms / 1000.0;
    ask->number = slots_add(&self->numbers, ask);
    ask->frame = ask->number ? self->protocol->frame(self, ask, question) : NULL;
    if (!ask->frame) {
        slots_remove(&self->numbers, ask->number);
        free(ask);
        return STATUS_NO_MEMORY;
    }
    self->unsent_bytes += ask->frame->len;
    bool others_wait = self->unsent != NULL;
    ask_append(self, ask);
    arm_deadline(self);
    if (others_wait)
        return STATUS_OK;
    /* Alone in the queue: send at once if somebody is there. Anything else is
     * found out from the loop, so that no failure is told from in here. */
    if (self->protocol->send(self, ask) == STATUS_OK) {
        ask->sent = true;
        self->unsent = NULL;
        handler_drop_frame(ask);
    } else {
        ev_timer_stop(handler_loop(self), &self->retry);
        handler_retry(self, 0);
    }
    return STATUS_OK;
}

/* ---- birth and death ---- */

static char *environment_entry(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *entry = malloc(size);

    if (entry)
        snprintf(entry, size, "%s=%s", name, value);
    return entry;
}

static bool prepare_child(struct handler *self)
{
    const struct config_handler *config = self->config;
    size_t count = 0;

    while (config->arguments && config->arguments[count])
        count++;
    self->argv = calloc(count + 3, sizeof(*self->argv));
    self->environment[0] = environment_entry("BESTER_SOCKET", config->path);
    self->environment[1] = environment_entry("BESTER_TYPE", config->type);
    self->environment[2] = environment_entry(
        "BESTER_PROTOCOL", config->protocol == CONFIG_STREAM ? "stream" : "oneshot");
    if (!self->argv || !self->environment[0] || !self->environment[1] || !self->environment[2])
        return false;
    self->argv[0] = config->binary;
    self->argv[1] = config->path;
    for (size_t i = 0; i < count; i++)
        self->argv[i + 2] = config->arguments[i];
    self->child = child_new(handler_loop(self),
        &(struct child_options){.subject = self->subject,
            .argv = self->argv,
            .environ = (const char *const *)self->environment},
        &child_callbacks, self);
    return self->child != NULL;
}

struct handler *handler_new(
    const struct config_handler *config, const struct handler_context *context)
{
    struct handler *self = calloc(1, sizeof(*self));
    size_t token_size = 6 * strlen(config->type) + 3;

    if (!self)
        return NULL;
    self->config = config;
    self->context = context;
    self->protocol =
        config->protocol == CONFIG_STREAM ? &handler_protocol_stream : &handler_protocol_oneshot;
    self->retry_s = RETRY_FIRST_S;
    slots_init(&self->numbers);
    ev_init(&self->deadline, on_deadline);
    ev_init(&self->retry, on_retry);
    self->deadline.data = self->retry.data = self;
    snprintf(self->subject, sizeof(self->subject), "handler %s", config->type);
    self->type_token = malloc(token_size);
    if (!self->type_token || (config->binary && !prepare_child(self))) {
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
    ev_timer_stop(handler_loop(self), &self->deadline);
    ev_timer_stop(handler_loop(self), &self->retry);
    while (self->first) {
        self->protocol->abandon(self, self->first);
        ask_free(self->first);
    }
    self->protocol->close(self);
    child_free(self->child);
    for (size_t i = 0; i < sizeof(self->environment) / sizeof(self->environment[0]); i++)
        free(self->environment[i]);
    free(self->argv);
    free(self->type_token);
    slots_release(&self->numbers);
    free(self);
}

/* One-shot has no probe: a connection without a message would be news to a
 * handler written for Part I. A file that is not there needs no probe. */
void handler_start(struct handler *self)
{
    if (self->config->protocol == CONFIG_STREAM)
        handler_retry(self, 0);
    else if (self->child && access(self->config->path, F_OK) != 0)
        child_ensure(self->child);
}

void handler_stop(struct handler *self)
{
    self->stopping = true;
    if (self->child)
        child_stop(self->child);
}

bool handler_is_running(const struct handler *self)
{
    return self->child && child_is_running(self->child);
}

const struct config_handler *handler_config(const struct handler *self)
{
    return self->config;
}

struct span handler_type_token(const struct handler *self)
{
    return span_of(self->type_token);
}
