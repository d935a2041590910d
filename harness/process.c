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

#include "harness/must.h"
#include "libbester/bytes.h"

enum { LINE_BYTES_MAX = 64 * 1024, FIRST_SOCKET = 3, EXIT_CANNOT_RUN = 127 };

struct process {
    struct ev_loop *loop;
    const struct process_callbacks *callbacks;
    void *user;
    pid_t pid;
    bool runs;
    ev_child child;
    ev_io readable;
    struct bytes partial; /* a line that has not ended */
};

/* ---- what it writes -------------------------------------------------------------------------- */

static void tell_line(struct process *self, const char *at, size_t len)
{
    char *line = must_copy_bytes(at, len);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' ';
    self->callbacks->on_line(line, self->user);
    free(line);
}

static void tell_lines(struct process *self, const char *at, size_t len)
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
static bool read_some(struct process *self, bool *more)
{
    char buffer[8192];
    ssize_t n = read(self->readable.fd, buffer, sizeof(buffer));

    *more = n > 0 || (n < 0 && errno == EINTR);
    if (n > 0)
        tell_lines(self, buffer, (size_t)n);
    return *more || (n < 0 && errno == EAGAIN);
}

static void stop_reading(struct process *self)
{
    if (self->readable.fd < 0)
        return;
    ev_io_stop(self->loop, &self->readable);
    close(self->readable.fd);
    ev_io_set(&self->readable, -1, EV_READ);
    if (self->partial.len)
        tell_line(self, bytes_span(&self->partial).at, self->partial.len);
    bytes_release(&self->partial);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct process *self = watcher->data;
    bool more;

    (void)loop, (void)events;
    if (!read_some(self, &more))
        stop_reading(self);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void on_child(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct process *self = watcher->data;
    bool more = self->readable.fd >= 0;

    (void)events;
    ev_child_stop(loop, watcher);
    self->runs = false;
    /* All that it wrote is in the pipe, even if children of its own hold it open. */
    while (more && read_some(self, &more)) {}
    stop_reading(self);
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
    if (self->readable.fd >= 0) {
        ev_io_stop(self->loop, &self->readable);
        close(self->readable.fd);
    }
    bytes_release(&self->partial);
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

static void child_run(const struct process_spec *spec, int input, int output)
{
    setpgid(0, 0);
    if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_CANNOT_RUN);
    child_sockets(spec);
    for (size_t i = 0; spec->environment && spec->environment[i]; i++)
        putenv((char *)spec->environment[i]);
    if (spec->directory && chdir(spec->directory) != 0)
        child_fail(spec->directory);
    execvp(spec->argv[0], spec->argv);
    child_fail(spec->argv[0]);
}

/* A descriptor from which the child reads its input. What is written must fit in
 * a pipe: passwords do. */
static int make_input(const char *text)
{
    int ends[2];

    if (!text)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (pipe(ends) != 0)
        return -1;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    ssize_t n = write(ends[1], text, strlen(text));
    close(ends[1]);
    if (n == (ssize_t)strlen(text))
        return ends[0];
    close(ends[0]);
    return -1;
}

static int make_output(int *child_end)
{
    int ends[2];

    if (pipe(ends) != 0)
        return -1;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *child_end = ends[1];
    return ends[0];
}

static struct process *process_adopt(struct ev_loop *loop, pid_t pid, int output,
    const struct process_callbacks *callbacks, void *user)
{
    struct process *self = must_alloc(sizeof(*self));

    *self = (struct process){
        .loop = loop, .callbacks = callbacks, .user = user, .pid = pid, .runs = true};
    bytes_init(&self->partial, LINE_BYTES_MAX);
    ev_io_init(&self->readable, on_readable, output, EV_READ);
    ev_child_init(&self->child, on_child, pid, 0);
    self->readable.data = self->child.data = self;
    ev_io_start(loop, &self->readable);
    ev_child_start(loop, &self->child);
    return self;
}

struct process *process_start(struct ev_loop *loop, const struct process_spec *spec,
    const struct process_callbacks *callbacks, void *user, struct fault *fault)
{
    int child_output = -1;
    pid_t pid = -1;
    int input = make_input(spec->input);
    int output = make_output(&child_output);

    if (input >= 0 && output >= 0)
        pid = process_fork();
    if (pid == 0)
        child_run(spec, input, child_output);
    if (pid < 0)
        fault_set(fault, STATUS_IO, 0, "no process for %s: %s", spec->argv[0], strerror(errno));
    if (input >= 0)
        close(input);
    if (child_output >= 0)
        close(child_output);
    if (pid < 0) {
        if (output >= 0)
            close(output);
        return NULL;
    }
    setpgid(pid, pid); /* whoever of us is first */
    return process_adopt(loop, pid, output, callbacks, user);
}
