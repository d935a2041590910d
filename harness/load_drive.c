#include "harness/load_drive.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    AT_THE_DOOR_MAX = 64, /* logging in at once */
    QUEUED_BYTES = 8 << 20,
    FRAME_BYTES = 64 << 20
};
static const double TICK_S = 0.1;

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t now_ns(const struct load *self)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - self->began.tv_sec) * 1000000000U + (uint64_t)now.tv_nsec -
           (uint64_t)self->began.tv_nsec;
}

static double own_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void fail(struct load *self, int exit_status, const char *format, ...) PRINTF_LIKE(3, 4);

static void fail(struct load *self, int exit_status, const char *format, ...)
{
    va_list arguments;

    progress_line_hide(self->line);
    fputs("harness load: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    self->exit_status = exit_status;
    self->phase = LOAD_OVER;
    ev_break(self->loop, EVBREAK_ALL);
}

static void finish(struct load *self)
{
    self->phase = LOAD_OVER;
    ev_break(self->loop, EVBREAK_ALL);
}

/* Nothing more is sent; the reports of what was sent are waited for, for a while. */
static void stop_sending(struct load *self)
{
    if (self->phase != LOAD_SENDING)
        return;
    uint64_t now = now_ns(self);

    self->phase = LOAD_WAITING;
    self->result.sending_ns = now < self->pace.until_ns ? now : self->pace.until_ns;
    if (self->pace.rate > 0)
        self->result.figures.unsent = load_pace_due(&self->pace, now);
    ev_io_stop(self->loop, &self->due);
    ev_timer_stop(self->loop, &self->end);
    ev_timer_set(&self->end, self->options->patience_s, 0.);
    ev_timer_start(self->loop, &self->end);
    if (self->in_flight == 0)
        finish(self);
}

static void on_end_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct load *self = watcher->data;

    (void)loop, (void)events;
    if (self->phase == LOAD_SENDING) {
        stop_sending(self);
        return;
    }
    for (size_t i = 0; i < self->started; i++)
        load_client_expire(self->clients[i]);
    finish(self);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct load *self = watcher->data;

    (void)loop, (void)events;
    self->result.interrupted = true;
    stop_sending(self);
    finish(self);
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct load_client *next_with_room(struct load *self, size_t *index)
{
    for (size_t i = 0; i < self->client_count; i++) {
        *index = self->turn;
        self->turn = self->turn + 1 < self->client_count ? self->turn + 1 : 0;
        if (load_client_has_room(self->clients[*index]))
            return self->clients[*index];
    }
    return NULL;
}

static void note_size(struct load_result *result, size_t bytes)
{
    if (result->least_bytes == 0 || bytes < result->least_bytes)
        result->least_bytes = bytes;
    if (bytes > result->most_bytes)
        result->most_bytes = bytes;
}

/* false: not now. */
static bool send_one(struct load *self, struct load_client *client, size_t index, uint64_t now)
{
    uint64_t number = self->pace.taken;
    struct fault fault;
    struct span data = load_text_make(&self->text, load_client_user(client),
        load_users_to(&self->users, index, self->client_count, number), number + 1);
    struct load_pace pace = self->pace;
    enum status status =
        load_client_send(client, self->options->type, data, load_pace_take(&pace, now), &fault);

    if (status == STATUS_OK) {
        self->pace = pace;
        self->in_flight++;
        note_size(&self->result, data.len);
        load_figures_sent(&self->result.figures, data.len);
    } else if (status == STATUS_TOO_LARGE) {
        fail(self, EXIT_USAGE, "%s", fault.text);
    }
    return status == STATUS_OK;
}

static void wake_when_due(struct load *self)
{
    uint64_t next = load_pace_next_ns(&self->pace);
    struct itimerspec at = {.it_value = self->began};

    if (next == UINT64_MAX)
        return;
    at.it_value.tv_sec += (time_t)(next / 1000000000U);
    at.it_value.tv_nsec += (long)(next % 1000000000U);
    if (at.it_value.tv_nsec >= 1000000000L) {
        at.it_value.tv_sec++;
        at.it_value.tv_nsec -= 1000000000L;
    }
    timerfd_settime(self->due.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Sends what is due as far as there is room: with that client, or (NULL) with all in
 * turn. Where there is none, the next result calls this. */
static void pump(struct load *self, struct load_client *client, size_t index)
{
    uint64_t now = now_ns(self);

    while (self->phase == LOAD_SENDING && load_pace_due(&self->pace, now) > 0) {
        struct load_client *next = client ? client : next_with_room(self, &index);

        if (!next || !load_client_has_room(next) || !send_one(self, next, index, now))
            break;
    }
    if (self->phase == LOAD_SENDING && self->pace.taken == self->pace.count)
        stop_sending(self);
    else if (self->phase == LOAD_SENDING)
        wake_when_due(self);
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events)
{
    uint64_t times;

    (void)loop, (void)events;
    if (read(watcher->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        pump(watcher->data, NULL, 0);
}

/* ---- the load -------------------------------------------------------------------------------- */

static void start_sending(struct load *self)
{
    struct load_client *first = self->clients[0];
    const struct load_options *options = self->options;
    pid_t pid = options->pid ? (pid_t)options->pid : load_process_of(load_client_fd(first));

    if (load_process_usage(pid, &self->server_before))
        self->result.pid = pid;
    else if (options->pid)
        fprintf(stderr, "harness load: process %u can't be seen\n", options->pid);
    self->result.memory_bytes = self->server_before.memory_bytes;
    self->own_before_s = own_s();
    self->result.started = time(NULL);
    snprintf(self->result.name, sizeof(self->result.name), "%s", load_client_server(first));
    clock_gettime(CLOCK_MONOTONIC, &self->began);
    load_figures_init(&self->result.figures, (uint64_t)(TICK_S * 1e9));
    self->phase = LOAD_SENDING;
    ev_now_update(self->loop);
    ev_timer_set(&self->end, options->duration_s, 0.);
    ev_timer_start(self->loop, &self->end);
    ev_timer_start(self->loop, &self->tick);
    ev_io_start(self->loop, &self->due);
    pump(self, NULL, 0);
}

static void show_progress(struct load *self, uint64_t now)
{
    const struct load_figures *figures = &self->result.figures;
    const struct load_interval *last =
        figures->interval_count ? &figures->intervals[figures->interval_count - 1] : NULL;
    char p99[32];

    if (last)
        progress_line_show(self->line, "%.1f of %.1f s, %.0f/s, p99 %s, %llu good, %llu bad",
            (double)now / 1e9, self->options->duration_s,
            (double)(last->good + last->bad) * 1e9 / (double)figures->interval_ns,
            load_duration_text(last->p99_ns, p99), (unsigned long long)figures->good,
            (unsigned long long)figures->bad);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct load *self = watcher->data;
    struct load_usage usage = {0};
    uint64_t now = now_ns(self);

    (void)loop, (void)events;
    if (load_process_usage(self->result.pid, &usage))
        self->server_after = usage;
    if (usage.memory_bytes > self->result.memory_bytes)
        self->result.memory_bytes = usage.memory_bytes;
    if (load_figures_tick(&self->result.figures, now, usage.memory_bytes))
        show_progress(self, now);
}

/* ---- what clients tell ----------------------------------------------------------------------- */

static void start_clients(struct load *self);

static void on_ready(struct load_client *client, void *user)
{
    struct load *self = user;

    (void)client;
    self->ready++;
    start_clients(self);
    if (self->phase == LOAD_CONNECTING && self->ready == self->client_count)
        start_sending(self);
}

static void on_result(
    struct load_client *client, const struct client_result *result, uint64_t from_ns, void *user)
{
    struct load *self = user;

    self->in_flight--;
    load_figures_result(&self->result.figures, result, from_ns, now_ns(self));
    if (self->phase == LOAD_SENDING && load_client_is_ready(client))
        pump(self, client, load_client_number(client));
    if (self->phase == LOAD_WAITING && self->in_flight == 0)
        finish(self);
}

static void on_received(struct load_client *client, size_t bytes, void *user)
{
    struct load *self = user;

    (void)client;
    load_figures_received(&self->result.figures, bytes);
}

static void on_end(struct load_client *client, enum client_end why, const char *text, void *user)
{
    struct load *self = user;

    if (self->phase == LOAD_CONNECTING) {
        fail(self, (int)client_end_exit(why), "%s: %s", load_client_user(client), text);
        return;
    }
    if (self->phase == LOAD_OVER)
        return;
    self->result.lost++;
    self->exit_status = (int)client_end_exit(why);
    if (--self->ready > 0)
        return;
    stop_sending(self);
    finish(self);
}

static const struct load_client_callbacks callbacks = {
    .on_ready = on_ready, .on_result = on_result, .on_received = on_received, .on_end = on_end};

static void start_clients(struct load *self)
{
    while (self->phase == LOAD_CONNECTING && self->started < self->client_count &&
           self->started - self->ready < AT_THE_DOOR_MAX) {
        struct client_options options = {.connect_s = self->login.connect_s,
            .max_frame = FRAME_BYTES,
            .max_queued_bytes = QUEUED_BYTES};

        login_options(&self->login, &options);
        options.user = load_users_name(&self->users, self->started);
        options.password = load_users_password(&self->users, self->started);
        struct load_client *client = load_client_new(self->streams, self->resolver, &options,
            self->result.window, self->started, &callbacks, self);
        if (!client) {
            fail(self, EXIT_INTERNAL, "out of memory");
            return;
        }
        self->clients[self->started++] = client;
    }
}

/* ---- from outside ---------------------------------------------------------------------------- */

enum status load_drive_start(struct load *self, struct fault *fault)
{
    static const int numbers[LOAD_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0)
        return fault_set(fault, STATUS_IO, 0, "no timer: %s", strerror(errno));
    ev_io_init(&self->due, on_due, fd, EV_READ);
    ev_timer_init(&self->tick, on_tick, TICK_S, TICK_S);
    ev_init(&self->end, on_end_timer);
    self->due.data = self->tick.data = self->end.data = self;
    for (size_t i = 0; i < LOAD_SIGNALS; i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
    start_clients(self);
    return STATUS_OK;
}

static void sum_up(struct load *self)
{
    struct load_result *result = &self->result;
    uint64_t now = now_ns(self);

    if (load_process_usage(result->pid, &self->server_after) || self->server_after.processor_s > 0)
        result->server_s = self->server_after.processor_s - self->server_before.processor_s;
    result->own_s = own_s() - self->own_before_s;
    result->all_ns = result->figures.last_ns ? result->figures.last_ns : now;
    load_figures_end(&result->figures, now);
}

void load_drive_end(struct load *self)
{
    if (self->began.tv_sec)
        sum_up(self);
    ev_timer_stop(self->loop, &self->tick);
    ev_timer_stop(self->loop, &self->end);
    ev_io_stop(self->loop, &self->due);
    close(self->due.fd);
    for (size_t i = 0; i < LOAD_SIGNALS; i++)
        ev_signal_stop(self->loop, &self->signals[i]);
}
