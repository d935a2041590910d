#include "tests/soak/helper.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"

struct helper {
    struct soak *soak;
    pid_t pid;
    int fd;
    ev_io watcher;
    char said; /* 0: nothing new */
    bool ended;
};

static void on_letter(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct helper *self = watcher->data;

    (void)events;
    self->soak->events++;
    if (recv(self->fd, &self->said, 1, 0) == 1)
        return;
    ev_io_stop(loop, watcher);
    self->ended = true;
}

__attribute__((noreturn)) static void become(helper_run *run, int fd, void *user)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDERR_FILENO + 1);
    (void)close_range(STDERR_FILENO + 2, ~0u, 0);
    run(STDERR_FILENO + 1, user);
    _exit(0);
}

struct helper *helper_new(struct soak *soak, helper_run *run, void *user)
{
    struct helper *self = must_alloc(sizeof(*self));
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        soak_give_up("a pair of sockets");
    *self = (struct helper){.soak = soak, .pid = fork(), .fd = ends[0]};
    if (self->pid == 0)
        become(run, ends[1], user);
    if (self->pid < 0)
        soak_give_up("a process");
    close(ends[1]);
    ev_io_init(&self->watcher, on_letter, self->fd, EV_READ);
    self->watcher.data = self;
    ev_io_start(soak->loop, &self->watcher);
    return self;
}

void helper_say(struct helper *self, char letter)
{
    self->said = 0;
    if (send(self->fd, &letter, 1, MSG_NOSIGNAL) != 1)
        self->ended = true;
}

static bool has_spoken(void *user)
{
    const struct helper *self = user;

    return self->said || self->ended;
}

bool helper_await(struct helper *self, char letter, const char *what)
{
    if (!soak_until(self->soak, has_spoken, self, what))
        return false;
    if (self->said != letter)
        soak_fail(self->soak, "a helper did not come to: %s", what);
    self->said = 0;
    return !self->soak->failed;
}

void helper_free(struct helper *self)
{
    if (!self)
        return;
    ev_io_stop(self->soak->loop, &self->watcher);
    kill(self->pid, SIGKILL);
    /* libev may have reaped it with others: either way it is gone then. */
    (void)waitpid(self->pid, NULL, 0);
    close(self->fd);
    free(self);
}
