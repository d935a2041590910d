#define _GNU_SOURCE /* accept4 */

#include "libbester/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How long accepting pauses when descriptors run out, and how many connections
 * one turn of the loop takes, so that a flood does not starve the rest. */
static const double SHORTAGE_PAUSE_S = 0.1;
enum { ACCEPTS_PER_TURN = 64 };

struct acceptor {
    struct ev_loop *loop;
    ev_io readable;
    ev_timer shortage_over;
    int fd;
    bool paused; /* by the owner */
    unsigned long shortages;
    bool *gone; /* set by acceptor_free while the callback runs */
    acceptor_accepted *accepted;
    void *user;
    /* The file of a UNIX socket, as it was bound; path[0] == '\0': none. */
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    dev_t device;
    ino_t inode;
};

/* ---- opening ---- */

static enum status io_fault(struct fault *fault, const struct address *address)
{
    int error = errno;
    char text[ADDRESS_TEXT_MAX];
    return fault_set(
        fault, STATUS_IO, 0, "%s: %s", address_format(address, text, sizeof text), strerror(error));
}

/* Removes a socket file on which nobody listens. False: somebody does, or it is
 * something else; the bind will say so. */
static bool remove_stale(const struct sockaddr *at, socklen_t len, const char *path)
{
    struct stat stat;
    if (lstat(path, &stat) != 0 || !S_ISSOCK(stat.st_mode))
        return false;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return false;
    /* A full queue of connections says EAGAIN: somebody listens, and is busy. */
    bool stale = connect(probe, at, len) != 0 && errno == ECONNREFUSED;
    close(probe);
    return stale && unlink(path) == 0;
}

static enum status bind_unix(int fd, const struct address *address, const struct sockaddr *at,
    socklen_t len, struct fault *fault)
{
    /* fchmod on the socket, before the bind, makes the file appear with its
     * final mode; umask belongs to the whole process. */
    if (fchmod(fd, 0600) != 0)
        return io_fault(fault, address);
    if (bind(fd, at, len) == 0)
        return STATUS_OK;
    bool is_taken = errno == EADDRINUSE;
    if (is_taken && remove_stale(at, len, address->path) && bind(fd, at, len) == 0)
        return STATUS_OK;
    if (is_taken)
        errno = EADDRINUSE; /* not what the probe left there */
    return io_fault(fault, address);
}

static enum status bind_tcp(int fd, const struct address *address, const struct sockaddr *at,
    socklen_t len, struct fault *fault)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (at->sa_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, at, len) != 0)
        return io_fault(fault, address);
    return STATUS_OK;
}

enum status acceptor_open(const struct address *address, int *fd, struct fault *fault)
{
    struct sockaddr_storage storage;
    const struct sockaddr *at = (const struct sockaddr *)&storage;
    socklen_t len;
    char text[ADDRESS_TEXT_MAX];
    if (address_to_sockaddr(address, &storage, &len) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "%s: not an address to listen on",
            address_format(address, text, sizeof text));
    int made = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return io_fault(fault, address);
    enum status status = at->sa_family == AF_UNIX ? bind_unix(made, address, at, len, fault)
                                                  : bind_tcp(made, address, at, len, fault);
    if (status == STATUS_OK && listen(made, SOMAXCONN) != 0)
        status = io_fault(fault, address);
    if (status != STATUS_OK) {
        close(made);
        return status;
    }
    *fd = made;
    return STATUS_OK;
}

/* ---- accepting ---- */

static void watch(struct acceptor *self)
{
    if (!self->paused && !ev_is_active(&self->shortage_over))
        ev_io_start(self->loop, &self->readable);
    else
        ev_io_stop(self->loop, &self->readable);
}

static void on_shortage_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    watch(timer->data);
}

/* Whether the failure is about this machine's means, not about the connection. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void pause_for_shortage(struct acceptor *self)
{
    self->shortages++;
    ev_timer_set(&self->shortage_over, SHORTAGE_PAUSE_S, 0.);
    ev_timer_start(self->loop, &self->shortage_over);
    watch(self);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    struct acceptor *self = io->data;
    bool gone = false;

    (void)loop;
    if (events & EV_ERROR) { /* the kernel had no memory to watch it, and libev has given up */
        pause_for_shortage(self);
        return;
    }
    self->gone = &gone;
    for (int i = 0; i < ACCEPTS_PER_TURN && !gone && !self->paused; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            self->accepted(fd, self->user);
        } else if (is_shortage(errno)) {
            pause_for_shortage(self);
            break;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL) {
            break;
        }
        /* Else that one connection failed before we took it: take the next. */
    }
    if (!gone)
        self->gone = NULL;
}

struct acceptor *acceptor_adopt(
    struct ev_loop *loop, int fd, acceptor_accepted *accepted, void *user)
{
    struct acceptor *self = calloc(1, sizeof *self);
    if (self == NULL) {
        close(fd);
        return NULL;
    }
    *self = (struct acceptor){.loop = loop, .fd = fd, .accepted = accepted, .user = user};
    struct address address;
    struct stat stat;
    if (acceptor_address(self, &address) == STATUS_OK && address.kind == ADDRESS_UNIX &&
        lstat(address.path, &stat) == 0 && S_ISSOCK(stat.st_mode)) {
        memcpy(self->path, address.path, strlen(address.path) + 1);
        self->device = stat.st_dev;
        self->inode = stat.st_ino;
    }
    ev_io_init(&self->readable, on_readable, fd, EV_READ);
    self->readable.data = self;
    ev_timer_init(&self->shortage_over, on_shortage_over, SHORTAGE_PAUSE_S, 0.);
    self->shortage_over.data = self;
    watch(self);
    return self;
}

void acceptor_leave_file(struct acceptor *self)
{
    self->path[0] = '\0';
}

void acceptor_free(struct acceptor *self)
{
    if (self == NULL)
        return;
    if (self->gone != NULL)
        *self->gone = true;
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->shortage_over);
    struct stat stat;
    /* Somebody may have put another socket there since. */
    if (self->path[0] != '\0' && lstat(self->path, &stat) == 0 && stat.st_dev == self->device &&
        stat.st_ino == self->inode)
        unlink(self->path);
    close(self->fd);
    free(self);
}

enum status acceptor_address(const struct acceptor *self, struct address *out)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof storage;
    if (getsockname(self->fd, (struct sockaddr *)&storage, &len) != 0)
        return STATUS_IO;
    return address_from_sockaddr(out, (const struct sockaddr *)&storage, len);
}

void acceptor_pause(struct acceptor *self)
{
    self->paused = true;
    watch(self);
}

void acceptor_resume(struct acceptor *self)
{
    self->paused = false;
    watch(self);
}

unsigned long acceptor_shortages(const struct acceptor *self)
{
    return self->shortages;
}
