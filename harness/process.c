#include "harness/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/must.h"

enum {
    LINE_BYTES_MAX = 64 * 1024,
    INPUT_BYTES_MAX = 128 << 20,
    FIRST_SOCKET = 3,
    EXIT_CANNOT_RUN = 127
};

/* What it writes to one descriptor. */
struct output {
    struct process *process;
    enum process_output which;
    ev_io readable;       /* .fd -1: at its end, or never open */
    struct bytes partial; /* a line that has not ended */
};

struct process {
    struct process *prev, *next;
    struct ev_loop *loop;
    const struct process_callbacks *callbacks;
    void *user;
    pid_t pid;
    bool runs;
    bool apart;
    ev_child child;
    struct output outputs[OUTPUT_COUNT];
    ev_io writable; /* its stdin; .fd -1: not ours to write */
    struct bytes unwritten;
    bool input_ends; /* when all of unwritten is written */
};

/* All there are: a child that is none of these is an orphan. */
static struct process *processes;

/* ---- what it writes -------------------------------------------------------------------------- */

static void tell_line(struct output *self, const char *at, size_t len)
{
    const struct process *process = self->process;
    char *line = must_copy_bytes(at, len);

    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < 0x20 || line[i] == 0x7F) &&
            !(process->apart && line[i] == '\t'))
            line[i] = ' ';
    process->callbacks->on_line(line, self->which, process->user);
    free(line);
}

static void tell_lines(struct output *self, const char *at, size_t len)
{
    const char *end;

    while ((end = memchr(at, '\n', len))) {
        size_t n = (size_t)(end - at);

        if (self->partial.len) {
            if (bytes_append(&self->partial, at, n) == STATUS_OK)
                n = 0;
            tell_line(self, bytes_span(&self->partial).at, self->partial.len);
            bytes_release(&self->partial);
            if (n) /* too long for one line */
                tell_line(self, at, n);
        } else {
            tell_line(self, at, n);
        }
        len -= (size_t)(end - at) + 1;
        at = end + 1;
    }
    if (len && bytes_append(&self->partial, at, len) != STATUS_OK) {
        tell_line(self, bytes_span(&self->partial).at, self->partial.len);
        bytes_release(&self->partial);
        tell_line(self, at, len);
    }
}

/* false: nothing more will come. */
static bool read_some(struct output *self, bool *more)
{
    char buffer[8192];
    ssize_t n = read(self->readable.fd, buffer, sizeof(buffer));

    *more = n > 0 || (n < 0 && errno == EINTR);
    if (n > 0)
        tell_lines(self, buffer, (size_t)n);
    return *more || (n < 0 && errno == EAGAIN);
}

static void close_watched(struct ev_loop *loop, ev_io *watcher)
{
    if (watcher->fd < 0)
        return;
    ev_io_stop(loop, watcher);
    close(watcher->fd);
    ev_io_set(watcher, -1, EV_READ);
}

static void stop_reading(struct output *self)
{
    if (self->readable.fd < 0)
        return;
    close_watched(self->process->loop, &self->readable);
    if (self->partial.len)
        tell_line(self, bytes_span(&self->partial).at, self->partial.len);
    bytes_release(&self->partial);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct output *self = watcher->data;
    bool more;

    (void)loop, (void)events;
    if (!read_some(self, &more))
        stop_reading(self);
}

/* ---- what it reads --------------------------------------------------------------------------- */

/* A program that ends without reading all has its reasons; lines tell of them. */
static void flush_input(struct process *self)
{
    while (self->unwritten.len && self->writable.fd >= 0) {
        struct span rest = bytes_span(&self->unwritten);
        ssize_t n = write(self->writable.fd, rest.at, rest.len);

        if (n < 0 && errno == EAGAIN) {
            ev_io_start(self->loop, &self->writable);
            return;
        }
        if (n < 0 && errno != EINTR)
            close_watched(self->loop, &self->writable);
        if (n > 0)
            bytes_consume(&self->unwritten, (size_t)n);
    }
    if (self->writable.fd >= 0)
        ev_io_stop(self->loop, &self->writable);
    if (self->input_ends)
        close_watched(self->loop, &self->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    flush_input(watcher->data);
}

enum status process_write(struct process *self, struct span bytes)
{
    if (self->writable.fd < 0 || self->input_ends)
        return STATUS_CLOSED;
    enum status status = bytes_append_span(&self->unwritten, bytes);
    if (status == STATUS_OK)
        flush_input(self);
    return status;
}

void process_end_input(struct process *self)
{
    self->input_ends = true;
    flush_input(self);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void on_child(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct process *self = watcher->data;

    (void)events;
    ev_child_stop(loop, watcher);
    self->runs = false;
    close_watched(loop, &self->writable);
    /* All that it wrote is in the pipe, even if children of its own hold it open. */
    for (size_t i = 0; i < OUTPUT_COUNT; i++) {
        struct output *output = &self->outputs[i];
        bool more = output->readable.fd >= 0;

        while (more && read_some(output, &more)) {}
        stop_reading(output);
    }
    self->callbacks->on_exit(watcher->rstatus, self->user);
}

const char *process_describe(int wait_status, char *out, size_t cap)
{
    if (WIFSIGNALED(wait_status))
        snprintf(out, cap, "was killed by signal %d (%s)", WTERMSIG(wait_status),
            strsignal(WTERMSIG(wait_status)));
    else
        snprintf(out, cap, "exited with %d", WEXITSTATUS(wait_status));
    return out;
}

bool process_runs(const struct process *self)
{
    return self && self->runs;
}

bool process_is_known(pid_t pid)
{
    const struct process *process;

    DL_FOREACH (processes, process)
        if (process->runs && process->pid == pid)
            return true;
    return false;
}

pid_t process_pid(const struct process *self)
{
    return self->pid;
}

void process_signal(struct process *self, int number)
{
    if (!process_runs(self))
        return;
    if (number == SIGKILL)
        kill(-self->pid, SIGKILL);
    kill(self->pid, number);
}

void process_free(struct process *self)
{
    if (!self)
        return;
    /* Reaped already, but not told: the number may be somebody else's by now. */
    if (ev_is_pending(&self->child))
        self->runs = false;
    if (self->runs) {
        process_signal(self, SIGKILL);
        waitpid(self->pid, NULL, 0);
    }
    ev_child_stop(self->loop, &self->child);
    for (size_t i = 0; i < OUTPUT_COUNT; i++) {
        close_watched(self->loop, &self->outputs[i].readable);
        bytes_release(&self->outputs[i].partial);
    }
    close_watched(self->loop, &self->writable);
    bytes_release(&self->unwritten);
    DL_DELETE(processes, self);
    free(self);
}

/* ---- its birth ------------------------------------------------------------------------------- */

static void child_fail(const char *what)
{
    dprintf(STDERR_FILENO, "harness: %s: %s\n", what, strerror(errno));
    _exit(EXIT_CANNOT_RUN);
}

pid_t process_fork(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t all;
    sigset_t before;
    pid_t parent = getpid();

    /* A signal must not meet our own handlers in the child: it would be lost. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid != 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return pid;
    }
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &usual, NULL); /* of those that can't be changed: no matter */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_CANNOT_RUN);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return 0;
}

/* The sockets may stand anywhere, even where others are to go: first all of them
 * out of the way, then down. */
static void child_sockets(const struct process_spec *spec)
{
    int high[64];
    char text[16];

    for (size_t i = 0; i < spec->socket_count; i++)
        high[i] = fcntl(spec->sockets[i], F_DUPFD_CLOEXEC, FIRST_SOCKET + (int)spec->socket_count);
    for (size_t i = 0; i < spec->socket_count; i++)
        if (high[i] < 0 || dup2(high[i], FIRST_SOCKET + (int)i) < 0)
            child_fail("a socket can't be handed over");
    if (spec->socket_count == 0)
        return;
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof(text), "%zu", spec->socket_count);
    setenv("LISTEN_FDS", text, 1);
}

/* The two ends of what stands at each standard descriptor. */
struct plumbing {
    int child[3];
    int ours[3]; /* -1: nobody of ours */
};

static void child_run(const struct process_spec *spec, const struct plumbing *plumbing)
{
    setpgid(0, 0);
    for (int i = 0; i < 3; i++)
        if (dup2(plumbing->child[i], i) < 0)
            _exit(EXIT_CANNOT_RUN);
    child_sockets(spec);
    for (size_t i = 0; spec->environment && spec->environment[i]; i++)
        putenv((char *)spec->environment[i]);
    if (spec->directory && chdir(spec->directory) != 0)
        child_fail(spec->directory);
    execvp(spec->argv[0], spec->argv);
    child_fail(spec->argv[0]);
}

/* A pipe; ours is the end that the index says, and does not block. */
static bool make_pipe(int *child_end, int *our_end, int ours)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    fcntl(ends[ours], F_SETFL, O_NONBLOCK);
    *our_end = ends[ours];
    *child_end = ends[1 - ours];
    return true;
}

/* What is written at once must fit in a pipe: passwords do. */
static bool make_input(const struct process_spec *spec, struct plumbing *out)
{
    if (!spec->input && !spec->input_open) {
        out->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return out->child[0] >= 0;
    }
    if (!make_pipe(&out->child[0], &out->ours[0], 1))
        return false;
    if (spec->input_open)
        return true;
    ssize_t n = write(out->ours[0], spec->input, strlen(spec->input));
    close(out->ours[0]);
    out->ours[0] = -1;
    return n == (ssize_t)strlen(spec->input);
}

static bool make_outputs(const struct process_spec *spec, struct plumbing *out)
{
    if (!make_pipe(&out->child[1], &out->ours[1], 0))
        return false;
    if (spec->apart)
        return make_pipe(&out->child[2], &out->ours[2], 0);
    out->child[2] = fcntl(out->child[1], F_DUPFD_CLOEXEC, 0);
    return out->child[2] >= 0;
}

static void close_all(const int fds[3])
{
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static struct process *process_adopt(struct ev_loop *loop, pid_t pid,
    const struct process_spec *spec, const struct plumbing *plumbing,
    const struct process_callbacks *callbacks, void *user)
{
    struct process *self = must_alloc(sizeof(*self));

    *self = (struct process){.loop = loop,
        .callbacks = callbacks,
        .user = user,
        .pid = pid,
        .runs = true,
        .apart = spec->apart};
    for (size_t i = 0; i < OUTPUT_COUNT; i++) {
        struct output *output = &self->outputs[i];

        *output = (struct output){.process = self, .which = (enum process_output)i};
        bytes_init(&output->partial, LINE_BYTES_MAX);
        ev_io_init(&output->readable, on_readable, plumbing->ours[1 + i], EV_READ);
        output->readable.data = output;
        if (output->readable.fd >= 0)
            ev_io_start(loop, &output->readable);
    }
    bytes_init(&self->unwritten, INPUT_BYTES_MAX);
    ev_io_init(&self->writable, on_writable, plumbing->ours[0], EV_WRITE);
    ev_child_init(&self->child, on_child, pid, 0);
    self->writable.data = self->child.data = self;
    ev_child_start(loop, &self->child);
    DL_APPEND(processes, self);
    return self;
}

struct process *process_start(struct ev_loop *loop, const struct process_spec *spec,
    const struct process_callbacks *callbacks, void *user, struct fault *fault)
{
    struct plumbing plumbing = {.child = {-1, -1, -1}, .ours = {-1, -1, -1}};
    pid_t pid = -1;

    if (make_input(spec, &plumbing) && make_outputs(spec, &plumbing))
        pid = process_fork();
    if (pid == 0)
        child_run(spec, &plumbing);
    if (pid < 0)
        fault_set(fault, STATUS_IO, 0, "no process for %s: %s", spec->argv[0], strerror(errno));
    close_all(plumbing.child);
    if (pid < 0) {
        close_all(plumbing.ours);
        return NULL;
    }
    setpgid(pid, pid); /* whoever of us is first */
    return process_adopt(loop, pid, spec, &plumbing, callbacks, user);
}
