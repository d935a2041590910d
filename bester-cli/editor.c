#include "bester-cli/editor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libbester/bytes.h"

enum { TEXT_BYTES_MAX = 64 << 20 };

static const char *command(void)
{
    const char *visual = getenv("VISUAL");
    const char *editor = getenv("EDITOR");
    return visual != NULL && visual[0] != '\0'   ? visual
           : editor != NULL && editor[0] != '\0' ? editor
                                                 : "vi";
}

/* Ctrl-C is the editor's while it runs. */
static void ignore_interrupt(bool ignore)
{
    sigaction(SIGINT, &(struct sigaction){.sa_handler = ignore ? SIG_IGN : SIG_DFL}, NULL);
}

static void on_exit_of_editor(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct editor *self = watcher->data;
    struct bytes text;
    char part[8192];
    size_t n;
    (void)events;
    ev_child_stop(loop, watcher);
    ignore_interrupt(false);
    bytes_init(&text, TEXT_BYTES_MAX);
    FILE *file = fopen(self->path, "re");
    bool good = file != NULL && WIFEXITED(watcher->rstatus) && WEXITSTATUS(watcher->rstatus) == 0;
    while (good && (n = fread(part, 1, sizeof part, file)) > 0)
        good = bytes_append(&text, part, n) == STATUS_OK && memchr(part, '\0', n) == NULL;
    if (file != NULL)
        fclose(file);
    unlink(self->path);
    char *copy = good ? strdup(bytes_text(&text)) : NULL;
    bytes_release(&text);
    if (copy != NULL && copy[0] != '\0' && copy[strlen(copy) - 1] == '\n')
        copy[strlen(copy) - 1] = '\0';
    self->on_done(copy, self->user);
    free(copy);
}

static enum status spawn(const struct editor *self, pid_t *pid)
{
    char script[1024];
    char *argv[] = {(char *)"sh", (char *)"-c", script, (char *)"sh", (char *)self->path, NULL};
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGPIPE);
    if (snprintf(script, sizeof script, "exec %s \"$1\"", command()) >= (int)sizeof script) {
        errno = E2BIG;
        return STATUS_IO;
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(pid, "/bin/sh", NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    errno = failed;
    return failed == 0 ? STATUS_OK : STATUS_IO;
}

enum status editor_start(struct editor *self, struct ev_loop *loop, const char *text,
    void (*on_done)(const char *text, void *user), void *user)
{
    pid_t pid;
    *self = (struct editor){.loop = loop, .on_done = on_done, .user = user};
    snprintf(self->path, sizeof self->path, "/tmp/bester-edit-XXXXXX");
    int fd = mkstemp(self->path);
    if (fd < 0)
        return STATUS_IO;
    size_t len = strlen(text);
    bool written = write(fd, text, len) == (ssize_t)len;
    close(fd);
    ignore_interrupt(true);
    if (!written || spawn(self, &pid) != STATUS_OK) {
        ignore_interrupt(false);
        unlink(self->path);
        return STATUS_IO;
    }
    ev_child_init(&self->child, on_exit_of_editor, pid, 0);
    self->child.data = self;
    ev_child_start(loop, &self->child);
    return STATUS_OK;
}
