/* The process that starts the handlers' programs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "besterd/child.h"
#include "besterd/privileges.h"
#include "besterd/siphash.h"
#include "besterd/spawner_internal.h"

#include <utlist.h>

enum {
    ENVIRONMENT_SOCKET,
    ENVIRONMENT_TYPE,
    ENVIRONMENT_PROTOCOL,
    ENVIRONMENT_HOME, /* this and the next two where the user is another than before */
    ENVIRONMENT_USER,
    ENVIRONMENT_LOGNAME,
    ENVIRONMENT_COUNT
};

struct process;

/* A program that was asked for. */
struct row {
    struct row *prev, *next;
    struct process *process;
    uint32_t number;
    const struct config *config; /* as it was then */
    const char *path;            /* of its socket */
    char subject[96];
    const char **argv;
    char *environment[ENVIRONMENT_COUNT + 1];
    struct child *child;
};

struct process {
    struct ev_loop *loop;
    int fd;
    ev_io readable;
    const struct config *config; /* in force */
    struct row *rows;
    bool leaving; /* the other side has gone */
    int status;
};

/* ---- which programs there are ---- */

static uint64_t mix(uint64_t so_far, const void *bytes, size_t len)
{
    static const unsigned char key[SIPHASH_KEY_BYTES] = "both know it";
    uint64_t both[] = {so_far, siphash(key, bytes, len)};

    return siphash(key, both, sizeof(both));
}

static uint64_t mix_text(uint64_t so_far, const char *text)
{
    return text ? mix(so_far, text, strlen(text) + 1) : mix(so_far, "", 0);
}

static uint64_t mix_texts(uint64_t so_far, char *const *texts)
{
    for (; texts && *texts; texts++)
        so_far = mix_text(so_far, *texts);
    return mix_text(so_far, NULL);
}

uint64_t spawner_digest(const struct config *config)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < config->handler_count; i++) {
        const struct config_handler *handler = &config->handlers[i];
        const uint64_t numbers[] = {handler->protocol, handler->memory_bytes, handler->cpu_s,
            handler->files, handler->processes};

        digest = mix_text(digest, handler->type);
        digest = mix_text(digest, handler->binary);
        digest = mix_text(digest, handler->path);
        digest = mix_texts(digest, handler->arguments);
        digest = mix_texts(digest, handler->environment);
        digest = mix(digest, numbers, sizeof(numbers));
    }
    return digest;
}

/* ---- telling ---- */

static void leave(struct process *self, int status)
{
    struct row *row;

    if (self->leaving)
        return;
    self->leaving = true;
    self->status = status;
    ev_io_stop(self->loop, &self->readable);
    DL_FOREACH (self->rows, row)
        child_stop(row->child);
}

/* Waits for the other side: what it is not told would be lost. */
static void tell(struct process *self, const struct spawner_event *event)
{
    ssize_t sent;

    if (self->leaving)
        return;
    do {
        sent = send(self->fd, event, sizeof(*event), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        leave(self, 0);
}

static void on_started(struct child *child, void *user)
{
    const struct row *self = user;

    (void)child;
    tell(self->process, &(struct spawner_event){.news = SPAWNER_STARTED, .number = self->number});
}

static void on_ended(struct child *child, double pause_s, void *user)
{
    const struct row *self = user;

    (void)child;
    tell(self->process,
        &(struct spawner_event){.news = SPAWNER_ENDED, .number = self->number, .pause_s = pause_s});
}

static const struct child_callbacks callbacks = {.on_started = on_started, .on_ended = on_ended};

/* ---- a program ---- */

static char *variable(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *entry = malloc(size);

    if (entry)
        snprintf(entry, size, "%s=%s", name, value);
    return entry;
}

static bool set_command(struct row *self, const struct config_handler *config)
{
    size_t count = 0;

    while (config->arguments && config->arguments[count])
        count++;
    self->argv = calloc(count + 3, sizeof(*self->argv));
    self->environment[ENVIRONMENT_SOCKET] = variable("BESTER_SOCKET", config->path);
    self->environment[ENVIRONMENT_TYPE] = variable("BESTER_TYPE", config->type);
    self->environment[ENVIRONMENT_PROTOCOL] =
        variable("BESTER_PROTOCOL", config->protocol == CONFIG_STREAM ? "stream" : "oneshot");
    if (self->config->user) {
        self->environment[ENVIRONMENT_HOME] = variable("HOME", self->config->user_home);
        self->environment[ENVIRONMENT_USER] = variable("USER", self->config->user);
        self->environment[ENVIRONMENT_LOGNAME] = variable("LOGNAME", self->config->user);
    }
    for (size_t i = 0; i < (self->config->user ? ENVIRONMENT_COUNT : ENVIRONMENT_HOME); i++)
        if (!self->argv || !self->environment[i])
            return false;
    self->argv[0] = config->binary;
    self->argv[1] = config->path;
    for (size_t i = 0; i < count; i++)
        self->argv[i + 2] = config->arguments[i];
    return true;
}

/* Kills what runs. */
static void row_free(struct row *self)
{
    child_free(self->child);
    for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
        free(self->environment[i]);
    free(self->argv);
    config_unref(self->config);
    free(self);
}

static struct row *row_new(
    struct process *process, uint32_t number, const struct config_handler *handler)
{
    struct row *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->process = process;
    self->number = number;
    self->config = config_ref(process->config);
    self->path = handler->path;
    snprintf(self->subject, sizeof(self->subject), "handler %s", handler->type);
    if (set_command(self, handler))
        self->child = child_new(process->loop,
            &(struct child_options){.subject = self->subject,
                .argv = self->argv,
                .environ = (const char *const *)self->environment,
                .pass = (const char *const *)handler->environment,
                .limits = {handler->memory_bytes, handler->cpu_s, handler->files,
                    handler->processes}},
            &callbacks, self);
    if (self->child)
        return self;
    row_free(self);
    return NULL;
}

/* ---- what is asked ---- */

static struct row *find(const struct process *self, uint32_t number)
{
    struct row *row;

    DL_SEARCH_SCALAR(self->rows, row, number, number);
    return row;
}

static void make(struct process *self, const struct spawner_request *request, size_t type_len)
{
    struct span type = {.at = request->type, .len = type_len};
    const struct config_handler *handler = config_find_handler(self->config, type);
    struct row *row = NULL;

    if (!handler || !handler->binary)
        log_line(LOG_LEVEL_ERROR, "spawner",
            "was asked for the program of \"%.*s\", which the configuration does not have",
            (int)type_len, request->type);
    else if (find(self, request->number))
        log_line(LOG_LEVEL_ERROR, "spawner", "was asked for the same program twice");
    else
        row = row_new(self, request->number, handler);
    if (row)
        DL_APPEND(self->rows, row);
    else /* it is over before it began */
        tell(self, &(struct spawner_event){.news = SPAWNER_ENDED, .number = request->number});
}

static void ensure(struct process *self, const struct spawner_request *request, size_t type_len)
{
    const struct row *row = find(self, request->number);

    (void)type_len;
    if (row)
        child_ensure(row->child);
}

static void clear(struct process *self, const struct spawner_request *request, size_t type_len)
{
    const struct row *row = find(self, request->number);
    struct stat status;

    (void)type_len;
    if (row && !child_is_running(row->child) && lstat(row->path, &status) == 0 &&
        S_ISSOCK(status.st_mode))
        unlink(row->path);
}

static void stop(struct process *self, const struct spawner_request *request, size_t type_len)
{
    const struct row *row = find(self, request->number);

    (void)type_len;
    if (row)
        child_stop(row->child);
}

static void forget(struct process *self, const struct spawner_request *request, size_t type_len)
{
    struct row *row = find(self, request->number);

    (void)type_len;
    if (!row)
        return;
    DL_DELETE(self->rows, row);
    row_free(row);
}

static void reload(struct process *self, const struct spawner_request *request, size_t type_len)
{
    struct config *config = NULL;
    struct mistakes mistakes;

    (void)type_len;
    mistakes_init(&mistakes);
    enum status status = config_load(&config, self->config->file, &mistakes);
    if (status == STATUS_OK && spawner_digest(config) != request->digest)
        status = STATUS_INVALID;
    if (mistakes.kept > 0)
        log_line(
            LOG_LEVEL_ERROR, "spawner", "%s: %s", mistakes.at[0].where, mistakes.at[0].sentence);
    mistakes_release(&mistakes);
    if (status == STATUS_OK) {
        config_unref(self->config);
        self->config = config;
    } else {
        config_unref(config);
    }
    tell(self, &(struct spawner_event){.news = SPAWNER_RELOADED, .status = status});
}

static void use_log(struct process *self, const struct spawner_request *request, size_t type_len)
{
    (void)self, (void)type_len;
    if (request->level < LOG_LEVEL_COUNT)
        log_set_level((enum log_level)request->level);
    log_set_format(request->format == LOG_FORMAT_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static void (*const deeds[SPAWNER_DEEDS])(
    struct process *self, const struct spawner_request *request, size_t type_len) = {
    [SPAWNER_NEW] = make,
    [SPAWNER_ENSURE] = ensure,
    [SPAWNER_CLEAR] = clear,
    [SPAWNER_STOP] = stop,
    [SPAWNER_FREE] = forget,
    [SPAWNER_RELOAD] = reload,
    [SPAWNER_LOG] = use_log,
};

/* One request a turn: a flood of them keeps nobody from being reaped. */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct process *self = watcher->data;
    struct spawner_request request;
    ssize_t len = recv(self->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

    (void)loop, (void)events;
    if (len < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (len <= 0) {
        leave(self, 0);
    } else if (len < SPAWNER_REQUEST_HEAD || (size_t)len > sizeof(request) ||
               request.deed >= SPAWNER_DEEDS) {
        log_line(LOG_LEVEL_ERROR, "spawner",
            "besterd does not speak as it should; all handlers are ended");
        leave(self, 1);
    } else {
        deeds[request.deed](self, &request, (size_t)len - SPAWNER_REQUEST_HEAD);
    }
}

/* ---- its life ---- */

static bool any_running(const struct process *self)
{
    const struct row *row;

    DL_FOREACH (self->rows, row)
        if (child_is_running(row->child))
            return true;
    return false;
}

static void close_between(int first, int last)
{
    if (first <= last)
        (void)close_range((unsigned)first, (unsigned)last, 0);
}

/* Whatever else is open is not ours: sockets that were handed over to besterd above all,
 * and its loop where it had one already. */
static void keep_two_descriptors(int a, int b)
{
    int low = a < b ? a : b;
    int high = a < b ? b : a;

    if (EV_DEFAULT_UC)
        ev_loop_destroy(EV_DEFAULT_UC);
    close_between(STDERR_FILENO + 1, low - 1);
    close_between((low > STDERR_FILENO ? low : STDERR_FILENO) + 1, high - 1);
    close_between(high + 1, INT_MAX);
}

/* Its children could stop it, and besterd, whose sandbox lets it signal nobody, would wait
 * for ever: so the kernel wakes it with whatever besterd says, and when it hangs up. */
static void go_on_when_spoken_to(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGCONT) != 0 || fcntl(fd, F_SETOWN, getpid()) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) != 0)
        log_line(LOG_LEVEL_WARNING, "spawner", "one that is stopped cannot be woken: %s",
            strerror(errno));
}

int spawner_process(int fd, const struct config *config)
{
    struct process self = {.fd = fd, .config = config_ref(config)};
    struct row *row, *next;
    struct fault fault;

    prctl(PR_SET_NAME, "besterd-spawner");
    keep_two_descriptors(fd, log_descriptor());
    go_on_when_spoken_to(fd);
    if (privileges_drop(config, &fault) != STATUS_OK) {
        log_line(LOG_LEVEL_ERROR, "spawner", "%s", fault.text);
        return 1;
    }
    self.loop = ev_default_loop(0);
    if (!self.loop)
        return 1;
    ev_io_init(&self.readable, on_readable, self.fd, EV_READ);
    self.readable.data = &self;
    ev_io_start(self.loop, &self.readable);
    while (!self.leaving || any_running(&self))
        ev_run(self.loop, EVRUN_ONCE);
    DL_FOREACH_SAFE (self.rows, row, next)
        row_free(row);
    config_unref(self.config);
    ev_loop_destroy(self.loop);
    close(self.fd);
    log_close();
    return self.status;
}
