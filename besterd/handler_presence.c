/* Whether somebody is there to be asked: connecting, trying again, and the
 * program that we start ourselves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
        *fd = made;
        return STATUS_OK;
    }
    if (!is_passing(errno))
        return STATUS_HANDLER_DOWN;
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

/* A socket file on which nobody listens would make our program's bind fail. */
static void remove_stale_socket(const struct handler *self)
{
    struct stat status;

    if (lstat(self->config->path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        !child_is_running(self->child))
        unlink(self->config->path);
}

/* Sees to our own program. */
static void start_again(struct line *line, int error)
{
    struct handler *self = line->handler;
    char why[160];

    if (error == ECONNREFUSED)
        remove_stale_socket(self);
    child_ensure(self->child);
    if (child_is_running(self->child)) {
        line->retry_s = grown(line->retry_s, RETRY_MAX_S);
        handler_retry(line, line->retry_s);
    } /* else: on_started or the next question wakes us */
    snprintf(why, sizeof(why), "starts again in %.1f s", child_pause_left(self->child));
    fail_hopeless(self, child_pause_left(self->child), why);
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
    if (self->child && !self->stopping) {
        start_again(line, error);
        return;
    }
    snprintf(why, sizeof(why), "nobody answers on %.96s: %s", self->config->path, strerror(error));
    fail_hopeless(self, 1e9, why);
    if (self->config->protocol == CONFIG_STREAM)
        handler_reconnect(line);
}

static void on_started(struct child *child, void *user)
{
    struct handler *self = user;

    (void)child;
    if (self->starts++ > 0)
        metrics_count(self->context->metrics, METRIC_HANDLER_RESTARTS, self->label, 0);
    for (unsigned i = 0; i < self->line_count; i++) {
        self->lines[i].retry_s = HANDLER_RETRY_FIRST_S;
        handler_retry(&self->lines[i], HANDLER_RETRY_FIRST_S);
    }
}

static void on_ended(struct child *child, double pause_s, void *user)
{
    struct handler *self = user;
    char why[64];

    (void)child;
    self->contact = CONTACT_MISSED;
    if (self->stopping) {
        self->context->callbacks->on_ended(self->context->server);
        return;
    }
    for (unsigned i = 0; i < self->line_count; i++)
        ev_timer_stop(handler_loop(self), &self->lines[i].retry);
    snprintf(why, sizeof(why), "has ended, starts again in %.1f s", pause_s);
    fail_hopeless(self, pause_s, why);
}

static const struct child_callbacks child_callbacks = {
    .on_started = on_started, .on_ended = on_ended};

/* ---- our own program ---- */

static char *environment_entry(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *entry = malloc(size);

    if (entry)
        snprintf(entry, size, "%s=%s", name, value);
    return entry;
}

void handler_renew_words(struct handler *self)
{
    const struct config_handler *config = self->config;

    self->argv[0] = config->binary;
    self->argv[1] = config->path;
    for (size_t i = 0; config->arguments && config->arguments[i]; i++)
        self->argv[i + 2] = config->arguments[i];
}

bool handler_prepare_child(struct handler *self)
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
    handler_renew_words(self);
    self->child = child_new(handler_loop(self),
        &(struct child_options){.subject = self->subject,
            .argv = self->argv,
            .environ = (const char *const *)self->environment,
            .pass = (const char *const *)config->environment,
            .limits = {config->memory_bytes, config->cpu_s, config->files, config->processes}},
        &child_callbacks, self);
    return self->child != NULL;
}
