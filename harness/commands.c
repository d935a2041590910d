#include "harness/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/process.h"
#include "libbester/bytes.h"

enum { TEXT_MAX = 1 << 20 };

struct command {
    struct commands *all;
    const char *text;
    pid_t pid; /* 0: does not run */
    ev_child end;
};

struct commands {
    struct ev_loop *loop;
    const struct commands_callbacks *callbacks;
    void *user;
    struct command *items;
    size_t count;
    size_t next;
    size_t running;
};

static char *expanded(const char *at, const struct topology *topology)
{
    struct bytes out;
    enum status status = STATUS_OK;

    bytes_init(&out, TEXT_MAX);
    while (*at && status == STATUS_OK) {
        const char *end_of_name = strncmp(at, "${", 2) == 0 ? strchr(at, '}') : NULL;
        char *name = end_of_name ? must_copy_bytes(at + 2, (size_t)(end_of_name - at) - 2) : NULL;
        char *value = name ? topology_expand(topology, name, -1) : NULL;

        status = value ? bytes_append_text(&out, value) : bytes_append(&out, at, 1);
        at = value ? end_of_name + 1 : at + 1;
        free(value);
        free(name);
    }
    char *text = must_copy_bytes(bytes_span(&out).at, out.len);
    bytes_release(&out);
    return text;
}

static void on_end(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct command *command = watcher->data;
    struct commands *self = command->all;
    int how = watcher->rstatus;
    int status = WIFSIGNALED(how) ? SHELL_SIGNAL_BASE + WTERMSIG(how) : WEXITSTATUS(how);

    (void)events;
    ev_child_stop(loop, watcher);
    command->pid = 0;
    self->running--;
    self->callbacks->on_end(command->text, status, self->user);
    if (self->running == 0 && self->next == self->count)
        self->callbacks->on_over(status, self->user);
}

/* In the child. */
static void run(const char *text, bool has_terminal)
{
    int nothing = has_terminal ? -1 : open("/dev/null", O_RDONLY);

    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    _exit(EXIT_LOCAL_IO);
}

enum status commands_next(
    struct commands *self, const struct topology *topology, struct fault *fault)
{
    struct command *command = &self->items[self->next];

    if (self->next == self->count)
        return STATUS_OK;
    self->next++;
    char *text = expanded(command->text, topology);
    pid_t pid = process_fork();
    if (pid == 0)
        run(text, self->next == self->count);
    free(text);
    if (pid < 0)
        return fault_set(fault, STATUS_IO, 0, "fork: %s", strerror(errno));
    command->pid = pid;
    self->running++;
    ev_child_init(&command->end, on_end, pid, 0);
    command->end.data = command;
    ev_child_start(self->loop, &command->end);
    return STATUS_OK;
}

bool commands_run(const struct commands *self)
{
    return self->running > 0;
}

void commands_signal(const struct commands *self, int number)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].pid)
            kill(self->items[i].pid, number);
}

struct commands *commands_new(struct ev_loop *loop, const char *const *texts, size_t count,
    const struct commands_callbacks *callbacks, void *user)
{
    struct commands *self = must_alloc(sizeof(*self));

    *self = (struct commands){.loop = loop, .callbacks = callbacks, .user = user, .count = count};
    self->items = must_alloc(count * sizeof(*self->items));
    for (size_t i = 0; i < count; i++)
        self->items[i] = (struct command){.all = self, .text = texts[i]};
    return self;
}

void commands_free(struct commands *self)
{
    if (!self)
        return;
    commands_signal(self, SIGTERM);
    for (size_t i = 0; i < self->count; i++) {
        if (!self->items[i].pid)
            continue;
        ev_child_stop(self->loop, &self->items[i].end);
        waitpid(self->items[i].pid, NULL, 0);
    }
    free(self->items);
    free(self);
}
