#include "besterd/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "besterd/log.h"
#include "besterd/privileges.h"

enum { FIRST_HANDED_OVER = 3, HANDED_OVER_MAX = 64 };

struct listener {
    struct listeners *owner;
    struct acceptor *acceptor;
    bool tls;
    bool peer;
};

/* Descriptors handed over and not yet used; -1: used. */
struct handed_over {
    int fds[HANDED_OVER_MAX];
    int count;
};

static void collect(struct handed_over *self)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");

    self->count = 0;
    if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
        return;
    long n = strtol(count, NULL, 10);
    for (long i = 0; i < n && i < HANDED_OVER_MAX; i++) {
        self->fds[i] = FIRST_HANDED_OVER + (int)i;
        fcntl(self->fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(self->fds[i], F_SETFL, fcntl(self->fds[i], F_GETFL) | O_NONBLOCK);
        self->count++;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
}

static bool fd_has_address(int fd, const struct address *wanted)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    struct address address;
    char a[ADDRESS_TEXT_MAX], b[ADDRESS_TEXT_MAX];

    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0 ||
        address_from_sockaddr(&address, (const struct sockaddr *)&name, len) != STATUS_OK)
        return false;
    return strcmp(address_format_short(&address, a, sizeof(a)),
               address_format_short(wanted, b, sizeof(b))) == 0;
}

static int take(struct handed_over *self, const struct address *wanted)
{
    for (int i = 0; i < self->count; i++)
        if (self->fds[i] >= 0 && fd_has_address(self->fds[i], wanted)) {
            int fd = self->fds[i];

            self->fds[i] = -1;
            return fd;
        }
    return -1;
}

static void close_rest(struct handed_over *self)
{
    for (int i = 0; i < self->count; i++)
        if (self->fds[i] >= 0) {
            log_line(LOG_LEVEL_WARNING, "listener",
                "descriptor %d was handed over, but has the address of no listener", self->fds[i]);
            close(self->fds[i]);
        }
}

/* A peer whose machine has gone says nothing: probe the silent, and give up on
 * bytes that nobody acknowledges. Inherited by what is accepted; fails on UNIX
 * sockets, whose peers cannot go unnoticed. */
static void notice_the_dead(int fd)
{
    int on = 1, idle_s = 60, interval_s = 10, probes = 6;
    unsigned unacknowledged_ms = 60000;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    (void)setsockopt(
        fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

static void on_accepted(int fd, void *user)
{
    const struct listener *self = user;

    self->owner->accepted(fd, self->tls, self->peer, self->owner->user);
}

static enum status open_one(struct listeners *self, const struct config *all,
    const struct config_listener *config, struct handed_over *handed_over, struct ev_loop *loop,
    struct fault *fault)
{
    const struct address *address = &config->address;
    struct listener *listener = &self->at[self->count];
    int fd = take(handed_over, address);
    bool given = fd >= 0;
    struct address actual;
    char text[ADDRESS_TEXT_MAX];
    char warning[CONFIG_WARNING_MAX];

    if (config->narrowed)
        log_line(LOG_LEVEL_WARNING, "listener", "%s", config_narrowed(config, warning));
    if (!given) {
        /* A socket's file belongs to whom we are going to be; a low port is for root. */
        if (address->kind == ADDRESS_UNIX)
            privileges_lend(all);
        enum status status = acceptor_open(address, &fd, fault);
        privileges_regain(all);
        if (status != STATUS_OK)
            return status;
    }
    notice_the_dead(fd);
    *listener = (struct listener){.owner = self, .tls = config->tls, .peer = config->peer};
    listener->acceptor = acceptor_adopt(loop, fd, on_accepted, listener);
    if (!listener->acceptor)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    if (given)
        acceptor_leave_file(listener->acceptor);
    self->count++;
    if (acceptor_address(listener->acceptor, &actual) == STATUS_OK)
        log_line(LOG_LEVEL_INFO, "listener", "listening on %s%s%s",
            address_format(&actual, text, sizeof(text)),
            listener->peer  ? " for pinned servers"
            : listener->tls ? " with TLS"
                            : "",
            given ? " (handed over)" : "");
    return STATUS_OK;
}

enum status listeners_open(struct listeners *self, const struct config *config,
    struct ev_loop *loop, listeners_accepted *accepted, void *user, struct fault *fault)
{
    struct handed_over handed_over;
    enum status status = STATUS_OK;

    self->count = 0;
    self->accepted = accepted;
    self->user = user;
    self->at = calloc(config->listener_count + 1, sizeof(*self->at));
    if (!self->at)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    collect(&handed_over);
    for (size_t i = 0; i < config->listener_count && status == STATUS_OK; i++)
        status = open_one(self, config, &config->listeners[i], &handed_over, loop, fault);
    close_rest(&handed_over);
    if (status != STATUS_OK)
        listeners_close(self);
    return status;
}

void listeners_pause(struct listeners *self, bool paused)
{
    for (size_t i = 0; i < self->count; i++)
        (paused ? acceptor_pause : acceptor_resume)(self->at[i].acceptor);
}

void listeners_close(struct listeners *self)
{
    for (size_t i = 0; i < self->count; i++)
        acceptor_free(self->at[i].acceptor);
    free(self->at);
    self->at = NULL;
    self->count = 0;
}

enum status listeners_address(const struct listeners *self, size_t index, struct address *out)
{
    return acceptor_address(self->at[index].acceptor, out);
}

unsigned long listeners_shortages(const struct listeners *self)
{
    unsigned long count = 0;

    for (size_t i = 0; i < self->count; i++)
        count += acceptor_shortages(self->at[i].acceptor);
    return count;
}
