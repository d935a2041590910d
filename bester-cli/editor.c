#include "bester-cli/editor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bester-cli/terminal.h"
#include "libbester/bytes.h"

enum { TEXT_BYTES_MAX = 64 << 20 };

static const int keys[] = {SIGINT, SIGQUIT};
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static const char *command(bool is_dumb)
{
    const char *first = getenv(is_dumb ? "EDITOR" : "VISUAL");
    const char *second = getenv(is_dumb ? "VISUAL" : "EDITOR");
    if (first != NULL && first[0] != '\0')
        return first;
    if (second != NULL && second[0] != '\0')
        return second;
    return is_dumb ? "ed" : "vi";
}

/* Ctrl-C and the like are the editor's while it runs. */
static void ignore_keys(bool ignore)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        sigaction(keys[i], &(struct sigaction){.sa_handler = ignore ? SIG_IGN : SIG_DFL}, NULL);
}

static void restore_modes(const struct editor *self)
{
    if (self->has_modes && terminal_is_ours())
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &self->modes);
}

/* NULL: it cannot be read, or is no text. */
static char *read_text(const char *path)
{
    struct bytes text;
    char part[8192];
    size_t n;
    char *copy = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    bool good = true;
    bytes_init(&text, TEXT_BYTES_MAX);
    while (good && (n = fread(part, 1, sizeof part, file)) > 0)
        good = bytes_append(&text, part, n) == STATUS_OK && memchr(part, '\0', n) == NULL;
    if (good && !ferror(file))
        copy = strdup(bytes_text(&text));
    fclose(file);
    bytes_release(&text);
    if (copy != NULL && copy[0] != '\0' && copy[strlen(copy) - 1] == '\n')
        copy[strlen(copy) - 1] = '\0';
    return copy;
}

static void stop(struct editor *self)
{
    ev_child_stop(self->loop, &self->child);
    ev_timer_stop(self->loop, &self->grace);
    for (size_t i = 0; i < EDITOR_SIGNALS; i++)
        ev_signal_stop(self->loop, &self->signals[i]);
    ignore_keys(false);
}

static void on_exit_of_editor(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct editor *self = watcher->data;
    (void)loop, (void)events;
    stop(self);
    restore_modes(self);
    char *text = read_text(self->path);
    unlink(self->path);
    self->on_done(&(struct edited){.text = text,
                      .good = text != NULL && WIFEXITED(watcher->rstatus) &&
                              WEXITSTATUS(watcher->rstatus) == 0,
                      .signal = self->signal},
        self->user);
    free(text);
}

/* The editor goes first; one that is stopped has to go on for that. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct editor *self = watcher->data;
    (void)events;
    self->signal = watcher->signum;
    kill(self->child.pid, watcher->signum);
    kill(self->child.pid, SIGCONT);
    if (!ev_is_active(&self->grace))
        ev_timer_start(loop, &self->grace);
}

static void on_grace_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
    const struct editor *self = watcher->data;
    (void)loop, (void)events;
    kill(self->child.pid, SIGKILL);
}

static enum status spawn(const struct editor *self, bool is_dumb, pid_t *pid)
{
    char script[1024];
    char *argv[] = {(char *)"sh", (char *)"-c", script, (char *)"sh", (char *)self->path, NULL};
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    for (size_t i = 0; i < KEY_COUNT; i++)
        sigaddset(&defaults, keys[i]);
    sigaddset(&defaults, SIGPIPE);
    if (snprintf(script, sizeof script, "exec %s \"$1\"", command(is_dumb)) >= (int)sizeof script) {
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

static void watch(struct editor *self, pid_t pid)
{
    static const int numbers[EDITOR_SIGNALS] = {SIGTERM, SIGHUP};
    for (size_t i = 0; i < EDITOR_SIGNALS; i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
    ev_timer_init(&self->grace, on_grace_over, EDITOR_GRACE_MS / 1000.0, 0.);
    ev_child_init(&self->child, on_exit_of_editor, pid, 0);
    self->grace.data = self->child.data = self;
    ev_child_start(self->loop, &self->child);
}

/* The whole text, or nothing but a fault. */
static enum status write_text(struct editor *self, const char *text)
{
    snprintf(self->path, sizeof self->path, "/tmp/bester-edit-XXXXXX");
    int fd = mkstemp(self->path);
    size_t len = strlen(text);
    if (fd < 0)
        return STATUS_IO;
    bool written = write(fd, text, len) == (ssize_t)len;
    return close(fd) == 0 && written ? STATUS_OK : STATUS_IO;
}

enum status editor_start(struct editor *self, struct ev_loop *loop, const char *text, bool is_dumb,
    void (*on_done)(const struct edited *edited, void *user), void *user)
{
    pid_t pid;
    *self = (struct editor){.loop = loop, .on_done = on_done, .user = user};
    if (write_text(self, text) == STATUS_OK) {
        self->has_modes = tcgetattr(STDIN_FILENO, &self->modes) == 0;
        ignore_keys(true);
        if (spawn(self, is_dumb, &pid) == STATUS_OK) {
            watch(self, pid);
            return STATUS_OK;
        }
        ignore_keys(false);
    }
    int why = errno;
    unlink(self->path);
    errno = why;
    return STATUS_IO;
}
