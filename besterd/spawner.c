#include "besterd/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "besterd/spawner_internal.h"

#include <utlist.h>

enum { RELOAD_PATIENCE_MS = 10000 };
enum { SHORTAGE_TRIES = 50, SHORTAGE_MS = 10 }; /* when the kernel has no memory for a request */

struct spawned {
    struct spawned *prev, *next;
    struct spawner *spawner;
    uint32_t number;
    const struct spawned_callbacks *callbacks;
    void *user;
    enum spawned_state { SPAWNED_IDLE, SPAWNED_RUNNING, SPAWNED_PAUSING, SPAWNED_OVER } state;
    double pause_until; /* by the loop's clock */
};

struct spawner {
    pid_t pid; /* 0: it has ended */
    int fd;    /* -1: nobody hears us any more */
    struct ev_loop *loop;
    ev_io readable;
    ev_child end;
    ev_timer soon; /* never started, only fed: there are events */
    void (*on_lost)(void *user);
    void *user;
    struct spawned *all;
    int bare; /* a pipe whose other end the other process closes with all it inherited; or -1 */
    uint32_t last_number;
    struct spawner_event *events; /* that came and were not told yet */
    size_t count, room;
    bool reloaded; /* the answer is there */
    enum status reload;
};

/* The other process has let go of all that it inherited: from now on what is closed here is
 * closed, and a port is free as soon as this process has ended, however it ends. */
static void await_bare(struct spawner *self)
{
    char none;

    while (self->bare >= 0 && read(self->bare, &none, 1) < 0 && errno == EINTR)
        continue;
    if (self->bare >= 0)
        close(self->bare);
    self->bare = -1;
}

static void hang_up(struct spawner *self)
{
    if (self->loop)
        ev_io_stop(self->loop, &self->readable);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

/* ---- hearing ---- */

/* For one more event. False: out of memory. */
static bool make_room(struct spawner *self)
{
    if (self->count < self->room)
        return true;
    size_t room = self->room ? 2 * self->room : 16;
    struct spawner_event *grown = realloc(self->events, room * sizeof(*grown));

    if (!grown)
        return false;
    self->events = grown;
    self->room = room;
    return true;
}

/* All that there is; it is told from the loop. Without one of its words nothing could
 * be relied on any more, so whatever goes wrong is the end of it. */
static void hear(struct spawner *self)
{
    struct spawner_event event;

    while (self->fd >= 0 && make_room(self)) { /* what finds none waits in the kernel */
        ssize_t len = recv(self->fd, &event, sizeof(event), MSG_DONTWAIT);

        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            break;
        if (len == sizeof(event) && event.news == SPAWNER_RELOADED) {
            self->reloaded = true;
            self->reload = (enum status)event.status;
        } else if (len == sizeof(event)) {
            self->events[self->count++] = event;
        } else {
            hang_up(self); /* the end of the process tells the rest */
        }
    }
    if (self->count > 0 && self->loop)
        ev_feed_event(self->loop, &self->soon, EV_TIMER);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    if (events & EV_ERROR) /* the kernel has no memory to watch it */
        hang_up(watcher->data);
    else
        hear(watcher->data);
}

static struct spawned *find(const struct spawner *self, uint32_t number)
{
    struct spawned *spawned;

    DL_SEARCH_SCALAR(self->all, spawned, number, number);
    return spawned;
}

static void take_started(struct spawned *self)
{
    bool expected = self->state != SPAWNED_OVER; /* otherwise our wish and its start crossed */

    self->state = SPAWNED_RUNNING;
    if (expected)
        self->callbacks->on_started(self->user);
}

static void take_ended(struct spawned *self, double pause_s)
{
    self->state = pause_s > 0 ? SPAWNED_PAUSING : SPAWNED_OVER;
    self->pause_until = ev_now(self->spawner->loop) + pause_s;
    self->callbacks->on_ended(pause_s, self->user);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct spawner *self = watcher->data;
    struct spawner_event *list = self->events;
    size_t count = self->count;

    (void)events;
    self->events = NULL; /* who is told may ask for something, and more be heard then */
    self->count = self->room = 0;
    ev_now_update(loop);
    for (size_t i = 0; i < count; i++) {
        struct spawned *spawned = find(self, list[i].number);

        if (spawned && list[i].news == SPAWNER_STARTED)
            take_started(spawned);
        else if (spawned)
            take_ended(spawned, list[i].pause_s);
    }
    free(list);
}

static void on_end_seen(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct spawner *self = watcher->data;
    struct spawned *spawned, *next;
    int status = watcher->rstatus;

    (void)events;
    ev_child_stop(loop, watcher);
    self->pid = 0;
    hang_up(self);
    if (WIFSIGNALED(status))
        log_line(LOG_LEVEL_ERROR, "spawner", "process %d was ended by signal %d (%s)",
            watcher->rpid, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_line(LOG_LEVEL_ERROR, "spawner", "process %d ended with status %d", watcher->rpid,
            WEXITSTATUS(status));
    DL_FOREACH_SAFE (self->all, spawned, next)
        if (spawned->state != SPAWNED_OVER)
            take_ended(spawned, 0);
    self->on_lost(self->user);
}

/* ---- asking ---- */

/* The other side may have so much to tell that it waits for us: hear it, so that it
 * hears us. */
static void ask(struct spawner *self, const struct spawner_request *request, size_t type_len)
{
    size_t len = SPAWNER_REQUEST_HEAD + type_len;
    int tries = SHORTAGE_TRIES;

    while (self->fd >= 0) {
        ssize_t sent = send(self->fd, request, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        struct pollfd either = {.fd = self->fd, .events = POLLIN | POLLOUT};

        if (sent >= 0)
            return;
        if (errno == EAGAIN) {
            (void)poll(&either, 1, -1);
            hear(self);
        } else if ((errno == ENOBUFS || errno == ENOMEM) && tries-- > 0) {
            (void)poll(NULL, 0, SHORTAGE_MS); /* the kernel may have memory again */
        } else if (errno != EINTR) {
            hang_up(self);
        }
    }
}

static void ask_for(const struct spawned *self, enum spawner_deed deed)
{
    struct spawner_request request = {.deed = deed, .number = self->number};

    ask(self->spawner, &request, 0);
}

static void await_reload(struct spawner *self)
{
    struct pollfd word = {.fd = self->fd, .events = POLLIN};
    int waiting = 1;

    while (self->fd >= 0 && !self->reloaded && waiting > 0) {
        waiting = poll(&word, 1, RELOAD_PATIENCE_MS);
        if (waiting < 0 && errno == EINTR)
            waiting = 1;
        hear(self);
    }
}

enum status spawner_reload(struct spawner *self, const struct config *config, struct fault *fault)
{
    struct spawner_request request = {.deed = SPAWNER_RELOAD, .digest = spawner_digest(config)};

    self->reloaded = false;
    ask(self, &request, 0);
    await_reload(self);
    if (!self->reloaded)
        return fault_set(
            fault, STATUS_IO, 0, "the process that starts the handlers does not answer");
    if (self->reload == STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID, 0,
        "was another when the process that starts the handlers read it: %s",
        status_help(self->reload));
}

void spawner_use_log(struct spawner *self, const struct config *config)
{
    struct spawner_request request = {
        .deed = SPAWNER_LOG, .level = config->log_level, .format = config->log_format};

    ask(self, &request, 0);
}

pid_t spawner_pid(const struct spawner *self)
{
    return self->pid;
}

/* ---- one of its programs ---- */

struct spawned *spawned_new(struct spawner *spawner, const char *type,
    const struct spawned_callbacks *callbacks, void *user)
{
    struct spawned *self = calloc(1, sizeof(*self));
    struct spawner_request request = {.deed = SPAWNER_NEW};
    size_t len = strlen(type);

    if (!self)
        return NULL;
    self->spawner = spawner;
    self->number = request.number = ++spawner->last_number;
    self->callbacks = callbacks;
    self->user = user;
    DL_APPEND(spawner->all, self);
    if (len > sizeof(request.type)) {
        log_line(LOG_LEVEL_ERROR, "spawner", "the name of a type is too long to be started");
        self->state = SPAWNED_OVER;
        return self;
    }
    memcpy(request.type, type, len);
    ask(spawner, &request, len);
    return self;
}

void spawned_clear(struct spawned *self)
{
    if (self->state != SPAWNED_RUNNING)
        ask_for(self, SPAWNER_CLEAR);
}

void spawned_ensure(struct spawned *self)
{
    if (self->state != SPAWNED_IDLE || self->spawner->fd < 0)
        return;
    self->state = SPAWNED_RUNNING;
    ask_for(self, SPAWNER_ENSURE);
}

bool spawned_is_running(const struct spawned *self)
{
    return self->state == SPAWNED_RUNNING;
}

double spawned_pause_left(const struct spawned *self)
{
    if (self->state != SPAWNED_PAUSING)
        return self->state == SPAWNED_OVER ? INFINITY : 0;
    double left_s = self->pause_until - ev_now(self->spawner->loop);
    return left_s > 0 ? left_s : 0;
}

void spawned_stop(struct spawned *self)
{
    ask_for(self, SPAWNER_STOP);
    if (self->state != SPAWNED_RUNNING)
        self->state = SPAWNED_OVER;
}

void spawned_free(struct spawned *self)
{
    if (!self)
        return;
    ask_for(self, SPAWNER_FREE);
    DL_DELETE(self->spawner->all, self);
    free(self);
}

/* ---- birth and end ---- */

/* In the new process, with all signals blocked since before its birth. */
static void become_spawner(int fd, const struct config *config, const sigset_t *mask)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGIO};

    /* It ends after besterd, and whoever ends both by a terminal or a group of processes
     * means that one. */
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
    _exit(spawner_process(fd, config));
}

enum status spawner_new(struct spawner **out, const struct config *config, struct fault *fault)
{
    struct spawner *self = calloc(1, sizeof(*self));
    sigset_t all, before;
    int ends[2];
    int bare[2];

    if (!self)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(self);
        return fault_set(fault, STATUS_IO, 0, "a pair of sockets: %s", strerror(errno));
    }
    if (pipe2(bare, O_CLOEXEC) != 0) {
        fault_set(fault, STATUS_IO, 0, "a pipe: %s", strerror(errno));
        close(ends[0]);
        close(ends[1]);
        free(self);
        return STATUS_IO;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    self->pid = fork();
    if (self->pid == 0)
        become_spawner(ends[1], config, &before);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    close(bare[1]);
    self->fd = ends[0];
    self->bare = bare[0];
    if (self->pid < 0) {
        close(self->fd);
        close(self->bare);
        free(self);
        return fault_set(fault, STATUS_IO, 0, "another process: %s", strerror(error));
    }
    *out = self;
    return STATUS_OK;
}

void spawner_attach(
    struct spawner *self, struct ev_loop *loop, void (*on_lost)(void *user), void *user)
{
    self->loop = loop;
    self->on_lost = on_lost;
    self->user = user;
    ev_io_init(&self->readable, on_readable, self->fd, EV_READ);
    ev_child_init(&self->end, on_end_seen, self->pid, 0);
    ev_init(&self->soon, on_soon);
    self->readable.data = self->end.data = self->soon.data = self;
    await_bare(self);
    if (self->fd >= 0) /* else it was lost before, and its end is all there is to see */
        ev_io_start(loop, &self->readable);
    ev_child_start(loop, &self->end);
    if (self->count > 0)
        ev_feed_event(loop, &self->soon, EV_TIMER);
}

void spawner_free(struct spawner *self)
{
    if (!self)
        return;
    hang_up(self);
    await_bare(self);
    if (self->loop) {
        ev_child_stop(self->loop, &self->end);
        ev_clear_pending(self->loop, &self->soon);
    }
    while (self->pid > 0 && waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(self->events);
    free(self);
}
