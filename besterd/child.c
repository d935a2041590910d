#include "besterd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "besterd/child_output.h"
#include "besterd/log.h"

static const double PAUSE_FIRST_S = 0.1;
static const double PAUSE_MAX_S = 30;
static const double STEADY_S = 10;
static const double STOP_S = 2;
enum { EXEC_FAILED = 127, SAYS_BYTES = 160 };

struct child {
    struct ev_loop *loop;
    struct child_options options;
    const struct child_callbacks *callbacks;
    void *user;
    ev_child watcher;
    ev_timer restart;
    ev_timer patience;           /* with one that was asked to end */
    struct child_output *output; /* of the last that was started; NULL: none was */
    pid_t pid;                   /* 0: not running */
    double started_at;
    double pause_s; /* before the next start, if it ends now */
    bool stopping;
};

static void child_start(struct child *self);

static void log_end(const struct child *self, int status)
{
    const char *subject = self->options.subject;
    enum log_level level = self->stopping ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

    if (WIFSIGNALED(status))
        log_line(level, subject, "process %d was ended by signal %d (%s)", (int)self->pid,
            WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_line(
            level, subject, "process %d ended with status %d", (int)self->pid, WEXITSTATUS(status));
}

/* Until the next start, each longer than the one before; its length in seconds. */
static double begin_pause(struct child *self)
{
    double pause_s = self->pause_s;

    self->pause_s = pause_s * 2 < PAUSE_MAX_S ? pause_s * 2 : PAUSE_MAX_S;
    ev_timer_set(&self->restart, pause_s, 0.);
    ev_timer_start(self->loop, &self->restart);
    return pause_s;
}

static void on_exit_seen(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct child *self = watcher->data;

    (void)events;
    ev_child_stop(loop, watcher);
    ev_timer_stop(loop, &self->patience);
    child_output_drain(self->output); /* its last words come before its end */
    log_end(self, watcher->rstatus);
    kill(-self->pid, SIGKILL); /* what it started ends with it */
    self->pid = 0;
    if (self->stopping) {
        self->callbacks->on_ended(self, 0, self->user);
        return;
    }
    ev_now_update(loop);
    if (ev_now(loop) - self->started_at >= STEADY_S)
        self->pause_s = PAUSE_FIRST_S;
    self->callbacks->on_ended(self, begin_pause(self), self->user);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct child *self = watcher->data;

    (void)loop, (void)events;
    log_line(LOG_LEVEL_WARNING, self->options.subject, "process %d does not end; it is killed",
        (int)self->pid);
    kill(-self->pid, SIGKILL);
}

static void on_restart(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    child_start(watcher->data);
}

static void limit(__rlimit_resource_t resource, rlim_t value)
{
    if (value > 0 && setrlimit(resource, &(struct rlimit){value, value}) != 0)
        dprintf(STDERR_FILENO, "a limit of its resources could not be set: %s\n", strerror(errno));
}

/* In the new process: takes away what it does not need. */
static void confine(const struct child_limits *limits)
{
    limit(RLIMIT_AS, limits->memory_bytes);
    limit(RLIMIT_CPU, limits->cpu_s);
    limit(RLIMIT_NOFILE, limits->files);
    limit(RLIMIT_NPROC, limits->processes);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)close_range(STDERR_FILENO + 1, ~0u, 0); /* ours close on exec; so do a library's, now */
}

/* In the new process, before exec: only what may be called after a fork. */
static void become(const struct child_options *options, pid_t parent, int output)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);

    /* Blocked since before the fork: one that came until now must end this
     * process, not be taken by a handler inherited from the loop. */
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXEC_FAILED);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
    confine(&options->limits);
    execvp(options->argv[0], (char *const *)options->argv);
    dprintf(STDERR_FILENO, "%s: %s\n", options->argv[0], strerror(errno));
    _exit(EXEC_FAILED);
}

/* Whether "NAME=value" is of that name; a name that ends with '*' is the beginning of one. */
static bool is_named(const char *entry, const char *name)
{
    size_t len = strcspn(name, "*");

    return strncmp(entry, name, len) == 0 && (name[len] == '*' || entry[len] == '=');
}

static bool is_passed(const char *entry, const char *const *more)
{
    static const char *const common[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG",
        "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*", NULL};

    for (const char *const *name = common; *name; name++)
        if (is_named(entry, *name))
            return true;
    for (const char *const *name = more; name && *name; name++)
        if (is_named(entry, *name))
            return true;
    return false;
}

/* Whether the child gets a variable of that name anyway. */
static bool is_added(const char *entry, const char *const *added)
{
    size_t len = strcspn(entry, "=") + 1;

    for (; added && *added; added++)
        if (strncmp(entry, *added, len) == 0)
            return true;
    return false;
}

/* What is passed on of ours, and what the child gets besides. Made before the fork,
 * because the new process may not allocate. */
static char **make_environment(const struct child_options *options)
{
    const char *const *added = options->environ;
    size_t count = 0;
    size_t kept = 0;

    while (environ[count])
        count++;
    for (size_t i = 0; added && added[i]; i++)
        count++;
    char **list = calloc(count + 1, sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; environ[i]; i++)
        if (is_passed(environ[i], options->pass) && !is_added(environ[i], added))
            list[kept++] = environ[i];
    for (size_t i = 0; added && added[i]; i++)
        list[kept++] = (char *)added[i];
    return list;
}

/* The new process, which reads nothing of ours but what stands in options. -1: there
 * is none, with errno. */
static pid_t launch(const struct child_options *options, int output)
{
    pid_t parent = getpid();
    char **environment = make_environment(options);
    sigset_t all, before;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = environment ? fork() : -1;

    if (pid == 0) {
        environ = environment;
        become(options, parent, output);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(environment);
    errno = error;
    return pid;
}

/* Its output goes with the one before, which has ended. */
static pid_t launch_with_output(struct child *self)
{
    char says[SAYS_BYTES];
    int writer = -1;

    snprintf(says, sizeof(says), "%s says", self->options.subject);
    child_output_free(self->output);
    self->output = child_output_new(self->loop, says, &writer);
    if (!self->output)
        return -1;
    pid_t pid = launch(&self->options, writer);
    int error = errno;
    close(writer);
    errno = error;
    return pid;
}

static void child_start(struct child *self)
{
    pid_t pid = launch_with_output(self);

    ev_timer_stop(self->loop, &self->restart);
    if (pid < 0) {
        log_line(LOG_LEVEL_ERROR, self->options.subject, "cannot be started: %s", strerror(errno));
        self->callbacks->on_ended(self, begin_pause(self), self->user);
        return;
    }
    setpgid(pid, pid); /* whoever of the two is first */
    self->pid = pid;
    ev_now_update(self->loop);
    self->started_at = ev_now(self->loop);
    ev_child_set(&self->watcher, pid, 0);
    ev_child_start(self->loop, &self->watcher);
    log_line(LOG_LEVEL_INFO, self->options.subject, "started %s as process %d",
        self->options.argv[0], (int)pid);
    self->callbacks->on_started(self, self->user);
}

struct child *child_new(struct ev_loop *loop, const struct child_options *options,
    const struct child_callbacks *callbacks, void *user)
{
    struct child *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->loop = loop;
    self->options = *options;
    self->callbacks = callbacks;
    self->user = user;
    self->pause_s = PAUSE_FIRST_S;
    ev_init(&self->watcher, on_exit_seen);
    ev_init(&self->restart, on_restart);
    ev_init(&self->patience, on_patience);
    self->watcher.data = self->restart.data = self->patience.data = self;
    return self;
}

void child_ensure(struct child *self)
{
    if (self->pid == 0 && !self->stopping && !ev_is_active(&self->restart))
        child_start(self);
}

bool child_is_running(const struct child *self)
{
    return self->pid != 0;
}

double child_pause_left(const struct child *self)
{
    if (!ev_is_active(&self->restart))
        return 0;
    return ev_timer_remaining(self->loop, (ev_timer *)&self->restart);
}

void child_stop(struct child *self)
{
    self->stopping = true;
    ev_timer_stop(self->loop, &self->restart);
    if (!self->pid || ev_is_active(&self->patience))
        return;
    /* One that was stopped must go on to hear the other. In this order: a SIGCONT that came
     * later would undo the SIGSTOP by which LeakSanitizer holds a process that ends. */
    kill(-self->pid, SIGCONT);
    kill(-self->pid, SIGTERM);
    ev_now_update(self->loop);
    ev_timer_set(&self->patience, STOP_S, 0.);
    ev_timer_start(self->loop, &self->patience);
}

void child_free(struct child *self)
{
    if (!self)
        return;
    ev_timer_stop(self->loop, &self->restart);
    ev_timer_stop(self->loop, &self->patience);
    ev_child_stop(self->loop, &self->watcher);
    if (self->pid) {
        kill(-self->pid, SIGKILL);
        while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    child_output_free(self->output);
    free(self);
}
