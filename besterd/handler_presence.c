/* Whether somebody is there to be asked: connecting, trying again, and the
 * program that we start ourselves. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "besterd/handler_internal.h"

const double HANDLER_RETRY_FIRST_S = 0.001;
static const double RETRY_MAX_S = 0.05;    /* while our own program starts */
static const double RECONNECT_MAX_S = 5.0; /* to one that others start */
static const double BUSY_PAUSE_S = 0.005;  /* until one that is busy is called again */

double handler_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct ev_loop *handler_loop(const struct handler *self)
{
    return streams_loop(self->context->streams);
}

/* Whoever is there may have no time for another connection, and we may be out
 * of descriptors for a moment: neither means that nobody is there. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Somebody else may have been quicker to listen where the handler should. */
static bool is_trusted(struct handler *self, int fd)
{
    const struct config_handler *config = self->config;
    struct ucred who;
    socklen_t len = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    if (who.uid == 0 || who.uid == geteuid() ||
        (config->socket_owner && who.uid == config->socket_uid)) {
        self->distrusted = false;
        return true;
    }
    log_line(self->distrusted ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, self->subject,
        "the user with the id %u listens on %s; socketOwner does not name him, so he is told "
        "nothing",
        (unsigned)who.uid, config->path);
    self->distrusted = true;
    return false;
}

enum status handler_connect(struct line *line, int *fd)
{
    struct handler *self = line->handler;
    int made = connect_to(self->config->path);

    if (made >= 0 && !is_trusted(self, made)) {
        close(made);
        made = -1;
        errno = EPERM;
    }

    self->contact = made >= 0 || is_passing(errno) ? CONTACT_MADE : CONTACT_MISSED;
    if (made >= 0) {
        handler_look(self);
        *fd = made;
        return STATUS_OK;
    }
    if (!is_passing(errno)) {
        int error = errno;

        handler_look(self);
        errno = error;
        return STATUS_HANDLER_DOWN;
    }
    handler_retry(line, BUSY_PAUSE_S);
    return STATUS_OVERLOADED;
}

struct stream_options handler_stream_options(const struct handler *self)
{
    size_t limit = self->context->limits->max_frame_bytes;
    size_t told = self->context->told_frame_bytes;
    size_t frame = (limit > told ? limit : told) + HANDLER_ENVELOPE_SLACK;

    return (struct stream_options){
        .max_frame = frame,
        .max_queued_bytes = (size_t)32 * frame,
    };
}

void handler_log(
    struct handler *self, struct log_valve *valve, enum log_level level, const char *format, ...)
{
    char text[400];
    va_list arguments;

    if (!log_enabled(level) || !log_valve_open(valve, handler_now_s(), level, self->subject))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_line(level, self->subject, "%s", text);
}

void handler_retry(struct line *line, double after_s)
{
    struct ev_loop *loop = handler_loop(line->handler);

    if (ev_is_active(&line->retry))
        return;
    ev_now_update(loop);
    ev_timer_set(&line->retry, after_s, 0.);
    ev_timer_start(loop, &line->retry);
}

static double grown(double pause_s, double most_s)
{
    return pause_s * 2 < most_s ? pause_s * 2 : most_s;
}

void handler_reconnect(struct line *line)
{
    const struct handler *self = line->handler;

    if (self->stopping || (self->retired && self->ask_count == 0))
        return;
    handler_retry(line, line->retry_s);
    line->retry_s = grown(line->retry_s, RECONNECT_MAX_S);
}

/* Fails what can't be asked before its deadline anyway, rather than let the
 * sender wait for nothing. */
static void fail_hopeless(struct handler *self, double up_in_s, const char *why)
{
    double up_at = handler_now_s() + up_in_s;

    while (self->waiting && self->waiting->deadline_s <= up_at)
        handler_failed(self->waiting, STATUS_HANDLER_DOWN, "%s", why);
}

/* Those that the program's next start comes too late for. */
static void fail_before_start(struct handler *self, const char *state)
{
    double left_s = spawned_pause_left(self->program);
    char why[80];

    if (isinf(left_s))
        snprintf(why, sizeof(why), "%sis not started any more", state);
    else
        snprintf(why, sizeof(why), "%sstarts again in %.1f s", state, left_s);
    fail_hopeless(self, left_s, why);
}

/* Sees to our own program. */
static void start_again(struct line *line, int error)
{
    struct handler *self = line->handler;

    if (error == ECONNREFUSED)
        spawned_clear(self->program);
    spawned_ensure(self->program);
    if (spawned_is_running(self->program)) {
        line->retry_s = grown(line->retry_s, RETRY_MAX_S);
        handler_retry(line, line->retry_s);
    } /* else: on_started or the next question wakes us */
    fail_before_start(self, "");
}

void handler_nobody_is_there(struct line *line, int error)
{
    struct handler *self = line->handler;
    struct line *other = handler_other_line(line);
    char why[160];

    if (other) {
        handler_reconnect(line);
        handler_line_hand_over(line, other);
        return;
    }
    if (self->program && !self->stopping) {
        start_again(line, error);
        return;
    }
    snprintf(why, sizeof(why), "nobody answers on %.96s: %s", self->config->path, strerror(error));
    if (line == self->lines)
        handler_note_failure(self, &(struct breaker_failure){.why = why});
    fail_hopeless(self, 1e9, why);
    if (self->config->protocol == CONFIG_STREAM)
        handler_reconnect(line);
}

static void on_started(void *user)
{
    struct handler *self = user;

    if (self->starts++ > 0)
        metrics_count(self->context->metrics, METRIC_HANDLER_RESTARTS, self->label, 0);
    breaker_hurry(&self->breaker);
    handler_look(self);
    for (unsigned i = 0; i < self->line_count; i++) {
        self->lines[i].retry_s = HANDLER_RETRY_FIRST_S;
        handler_retry(&self->lines[i], HANDLER_RETRY_FIRST_S);
    }
}

static void on_ended(double pause_s, void *user)
{
    struct handler *self = user;

    (void)pause_s;
    bool was_there = self->contact == CONTACT_MADE;
    self->contact = CONTACT_MISSED;
    handler_look(self);
    if (self->stopping) {
        self->context->callbacks->on_ended(self->context->server);
        return;
    }
    for (unsigned i = 0; i < self->line_count; i++)
        ev_timer_stop(handler_loop(self), &self->lines[i].retry);
    if (!was_there)
        handler_note_failure(
            self, &(struct breaker_failure){.why = "its program ended before it listened"});
    fail_before_start(self, "has ended, ");
}

bool handler_prepare_program(struct handler *self)
{
    static const struct spawned_callbacks callbacks = {
        .on_started = on_started, .on_ended = on_ended};

    if (!self->config->binary || !self->context->spawner)
        return true;
    self->program = spawned_new(self->context->spawner, self->config->type, &callbacks, self);
    return self->program != NULL;
}
