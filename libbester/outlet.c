#include "libbester/outlet.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

static void give_up(struct outlet *self, enum status status)
{
    self->status = status;
    ev_io_stop(self->loop, &self->writable);
    bytes_release(&self->waiting);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct outlet *self = watcher->data;
    struct span text = bytes_span(&self->waiting);
    ssize_t n = events & EV_ERROR
                    ? -1
                    : write(watcher->fd, text.at, text.len < PIPE_BUF ? text.len : PIPE_BUF);
    if (events & EV_ERROR) /* the kernel has no memory to watch it */
        give_up(self, STATUS_NO_MEMORY);
    else if (n >= 0)
        bytes_consume(&self->waiting, (size_t)n);
    else if (errno != EINTR && errno != EAGAIN)
        give_up(self, errno == EPIPE ? STATUS_CLOSED : STATUS_IO);
    if (self->waiting.len > 0)
        return;
    ev_io_stop(loop, watcher);
    self->on_room(self->user);
}

void outlet_init(
    struct outlet *self, struct ev_loop *loop, int fd, void (*on_room)(void *user), void *user)
{
    *self = (struct outlet){.loop = loop, .on_room = on_room, .user = user};
    bytes_init(&self->waiting, SIZE_MAX / 2);
    ev_io_init(&self->writable, on_writable, fd, EV_WRITE);
    self->writable.data = self;
}

void outlet_release(struct outlet *self)
{
    ev_io_stop(self->loop, &self->writable);
    bytes_release(&self->waiting);
}

void outlet_put(struct outlet *self, struct span text)
{
    if (self->status != STATUS_OK)
        return;
    if (bytes_append_span(&self->waiting, text) != STATUS_OK)
        give_up(self, STATUS_NO_MEMORY);
    else
        ev_io_start(self->loop, &self->writable);
}

bool outlet_is_full(const struct outlet *self)
{
    return self->waiting.len >= OUTLET_FULL_BYTES;
}

size_t outlet_bytes(const struct outlet *self)
{
    return self->waiting.len;
}

bool outlet_is_empty(const struct outlet *self)
{
    return self->waiting.len == 0;
}

enum status outlet_status(const struct outlet *self)
{
    return self->status;
}
