#include "libbester/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRIES_MAX = 8 };
static const double STAGGER_S = 0.25;

struct endpoint {
    struct sockaddr_storage address;
    socklen_t len;
};

/* A look-up under way. The thread owns it until done; a dial that gives up
 * before merely forgets it. */
struct lookup {
    struct worker_job job;
    struct dial *dial; /* NULL: nobody waits any more */
    enum address_kind kind;
    char host[ADDRESS_HOST_MAX];
    uint16_t port;
    int error; /* of getaddrinfo */
    size_t count;
    struct endpoint found[TRIES_MAX];
};

struct dial {
    struct ev_loop *loop;
    dial_done *done;
    void *user;
    struct lookup *lookup;
    ev_timer deadline;
    ev_timer stagger;
    size_t count; /* endpoints to try */
    size_t next;  /* the first one not tried yet */
    size_t open;  /* tries under way */
    struct endpoint endpoints[TRIES_MAX];
    ev_io tries[TRIES_MAX];
    struct fault fault; /* why the latest try failed */
};

void dial_free(struct dial *self)
{
    if (!self)
        return;
    if (self->lookup)
        self->lookup->dial = NULL;
    ev_timer_stop(self->loop, &self->deadline);
    ev_timer_stop(self->loop, &self->stagger);
    for (size_t i = 0; i < self->next; i++)
        if (ev_is_active(&self->tries[i]) || ev_is_pending(&self->tries[i])) {
            ev_io_stop(self->loop, &self->tries[i]);
            close(self->tries[i].fd);
        }
    free(self);
}

static void dial_end(struct dial *self, int fd)
{
    dial_done *done = self->done;
    void *user = self->user;
    struct fault fault = self->fault;

    dial_free(self);
    done(fd, &fault, user);
}

static void dial_note_error(struct dial *self, int error)
{
    fault_set(
        &self->fault, error == ETIMEDOUT ? STATUS_TIMEOUT : STATUS_IO, 0, "%s", strerror(error));
}

static void dial_advance(struct dial *self);

static void on_try(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct dial *self = watcher->data;
    int fd = watcher->fd;
    int error = 0;
    socklen_t len = sizeof(error);

    ev_io_stop(loop, watcher);
    self->open--;
    if (events & EV_ERROR)
        error = ENOMEM; /* the kernel had none to watch it; whether it is connected is open */
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error == 0) {
        dial_end(self, fd);
        return;
    }
    close(fd);
    dial_note_error(self, error);
    dial_advance(self);
}

/* Even an attempt that succeeds at once is told from the loop, through its
 * watcher: done is never called from within dial_new. */
static bool dial_try(struct dial *self, ev_io *watcher, const struct endpoint *endpoint)
{
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        dial_note_error(self, errno);
        return false;
    }
    if (connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) != 0 &&
        errno != EINPROGRESS) {
        /* EAGAIN: a UNIX listener's queue is full, which is being overloaded. */
        dial_note_error(self, errno);
        close(fd);
        return false;
    }
    ev_io_init(watcher, on_try, fd, EV_WRITE);
    watcher->data = self;
    ev_io_start(self->loop, watcher);
    self->open++;
    return true;
}

/* Starts the next try; with nothing left to try or to wait for, it is over. */
static void dial_advance(struct dial *self)
{
    ev_timer_stop(self->loop, &self->stagger);
    while (self->next < self->count) {
        size_t i = self->next++;

        ev_init(&self->tries[i], on_try);
        if (!dial_try(self, &self->tries[i], &self->endpoints[i]))
            continue;
        if (self->next < self->count) {
            ev_timer_set(&self->stagger, STAGGER_S, 0.);
            ev_timer_start(self->loop, &self->stagger);
        }
        return;
    }
    if (self->open == 0)
        dial_end(self, -1);
}

static void on_stagger(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    dial_advance(watcher->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct dial *self = watcher->data;

    (void)loop, (void)events;
    fault_set(&self->fault, STATUS_TIMEOUT, 0, "no connection in time");
    dial_end(self, -1);
}

static void lookup_run(struct worker_job *job)
{
    struct lookup *self = (struct lookup *)job;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[8];

    hints.ai_family = self->kind == ADDRESS_TCP4   ? AF_INET
                      : self->kind == ADDRESS_TCP6 ? AF_INET6
                                                   : AF_UNSPEC;
    snprintf(port, sizeof(port), "%u", self->port);
    self->error = getaddrinfo(self->host, port, &hints, &list);
    if (self->error != 0)
        return;
    for (struct addrinfo *at = list; at && self->count < TRIES_MAX; at = at->ai_next) {
        struct endpoint *endpoint = &self->found[self->count];

        if (at->ai_addrlen > sizeof(endpoint->address))
            continue;
        memcpy(&endpoint->address, at->ai_addr, at->ai_addrlen);
        endpoint->len = at->ai_addrlen;
        self->count++;
    }
    freeaddrinfo(list);
}

static void lookup_done(struct worker_job *job, bool cancelled)
{
    struct lookup *self = (struct lookup *)job;
    struct dial *dial = self->dial;

    if (dial) {
        dial->lookup = NULL;
        dial->count = self->count;
        memcpy(dial->endpoints, self->found, sizeof(dial->endpoints));
        if (cancelled)
            fault_set(&dial->fault, STATUS_SHUTTING_DOWN, 0, "shutting down");
        else if (self->count == 0)
            fault_set(
                &dial->fault, STATUS_NOT_FOUND, 0, "%s: %s", self->host, gai_strerror(self->error));
    }
    free(self);
    if (dial)
        dial_advance(dial);
}

static enum status dial_look_up(
    struct dial *self, struct worker *resolver, const struct address *address)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));

    if (!lookup)
        return STATUS_NO_MEMORY;
    lookup->job = (struct worker_job){.run = lookup_run, .done = lookup_done};
    lookup->dial = self;
    lookup->kind = address->kind;
    lookup->port = address->port;
    memcpy(lookup->host, address->host, sizeof(lookup->host));
    enum status status = resolver ? worker_submit(resolver, &lookup->job) : STATUS_INVALID;
    if (status != STATUS_OK) {
        free(lookup);
        return status;
    }
    self->lookup = lookup;
    return STATUS_OK;
}

struct dial *dial_new(struct ev_loop *loop, struct worker *resolver, const struct address *address,
    double timeout_s, dial_done *done, void *user)
{
    struct dial *self = calloc(1, sizeof(*self));
    struct endpoint only;

    if (!self)
        return NULL;
    self->loop = loop;
    self->done = done;
    self->user = user;
    ev_init(&self->stagger, on_stagger);
    ev_timer_init(&self->deadline, on_deadline, timeout_s, 0.);
    self->deadline.data = self->stagger.data = self;
    ev_now_update(loop);
    if (address_to_sockaddr(address, &only.address, &only.len) == STATUS_OK) {
        self->endpoints[0] = only;
        self->count = 1;
    } else {
        enum status status = dial_look_up(self, resolver, address);

        if (status != STATUS_OK)
            fault_set(&self->fault, status, 0, "%s: %s",
                address->kind == ADDRESS_UNIX ? address->path : address->host, status_help(status));
    }
    ev_timer_start(loop, &self->deadline);
    if (!self->lookup) { /* the first try, but never a failure told from here */
        ev_timer_set(&self->stagger, 0., 0.);
        ev_timer_start(loop, &self->stagger);
    }
    return self;
}
