#include "harness/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>

/* What all watches share. */
static struct {
    struct ev_loop *loop;
    ev_io readable; /* of inotify's descriptor, while there are watches */
    struct folder_watch *watches;
} shared;

static void tell(int number)
{
    struct folder_watch *watch;

    DL_FOREACH (shared.watches, watch) {
        if (watch->number != number)
            continue;
        watch->on_created(watch->user);
        return;
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t n;

    (void)loop, (void)events;
    /* The last watch may go while it is told. */
    while (shared.watches && (n = read(watcher->fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const struct inotify_event *)(buffer + at);

            at += (ssize_t)(sizeof(*event) + event->len);
            tell(event->wd);
        }
}

static bool open_shared(struct ev_loop *loop)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (fd < 0)
        return false;
    shared.loop = loop;
    ev_io_init(&shared.readable, on_readable, fd, EV_READ);
    ev_io_start(loop, &shared.readable);
    return true;
}

static void close_shared(void)
{
    ev_io_stop(shared.loop, &shared.readable);
    close(shared.readable.fd);
}

enum status folder_watch_start(struct folder_watch *self, struct ev_loop *loop, const char *path,
    void (*on_created)(void *user), void *user, struct fault *fault)
{
    bool opened = !shared.watches;
    int number = -1;

    if (!opened || open_shared(loop))
        number = inotify_add_watch(shared.readable.fd, path, IN_CREATE | IN_MOVED_TO);
    if (number <= 0) {
        fault_set(fault, STATUS_IO, 0, "%s can't be watched: %s", path, strerror(errno));
        if (opened && shared.readable.fd > 0 && ev_is_active(&shared.readable))
            close_shared();
        return STATUS_IO;
    }
    *self = (struct folder_watch){.number = number, .on_created = on_created, .user = user};
    DL_APPEND(shared.watches, self);
    return STATUS_OK;
}

void folder_watch_stop(struct folder_watch *self)
{
    if (self->number == 0)
        return;
    inotify_rm_watch(shared.readable.fd, self->number);
    DL_DELETE(shared.watches, self);
    *self = (struct folder_watch){0};
    if (!shared.watches)
        close_shared();
}
