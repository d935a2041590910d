#include "tests/soak/loner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"

struct loner {
    struct soak *soak;
    const struct subject *subject;
    const char *name, *protocol;
    pid_t pid; /* 0: not alive, or killed and soon not */
    ev_child watcher;
};

static void start(struct loner *self)
{
    char program[4096], path[108];

    snprintf(program, sizeof(program), "%s/soak/echo", self->soak->build);
    self->pid = fork();
    if (self->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, "echo", subject_path(self->subject, self->name, path), "--protocol",
            self->protocol, (char *)NULL);
        _exit(127);
    }
    if (self->pid < 0)
        soak_give_up("a handler");
    ev_child_set(&self->watcher, self->pid, 0);
    ev_child_start(self->soak->loop, &self->watcher);
}

static void on_end(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct loner *self = watcher->data;

    (void)events;
    ev_child_stop(loop, watcher);
    if (!WIFSIGNALED(watcher->rstatus) || WTERMSIG(watcher->rstatus) != SIGKILL)
        soak_fail(self->soak, "a handler has ended by itself");
    else
        start(self);
}

static bool listens(void *user)
{
    const struct loner *self = user;
    int fd = subject_connect_unix(self->subject, self->name);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

struct loner *loner_new(
    struct soak *soak, const struct subject *subject, const char *name, const char *protocol)
{
    struct loner *self = must_alloc(sizeof(*self));

    *self = (struct loner){.soak = soak, .subject = subject, .name = name, .protocol = protocol};
    ev_init(&self->watcher, on_end);
    self->watcher.data = self;
    start(self);
    if (soak_until(soak, listens, self, "a handler listens"))
        return self;
    loner_free(self);
    return NULL;
}

bool loner_kill(struct loner *self)
{
    if (self->pid == 0 || kill(self->pid, SIGKILL) != 0)
        return false;
    self->pid = 0;
    return true;
}

void loner_free(struct loner *self)
{
    if (!self)
        return;
    ev_child_stop(self->soak->loop, &self->watcher);
    if (self->watcher.pid > 0)
        kill(self->watcher.pid, SIGKILL);
    (void)waitpid(self->watcher.pid, NULL, 0);
    free(self);
}
