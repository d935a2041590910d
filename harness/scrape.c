#include "harness/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/bytes.h"

enum { ANSWER_BYTES_MAX = 16 << 20 };

struct scrape {
    struct ev_loop *loop;
    scrape_on_answer *on_answer;
    void *user;
    struct sockaddr_un address;
    ev_timer begin;
    ev_io readable; /* .fd -1: not connected */
    struct bytes answer;
};

static void hang_up(struct scrape *self)
{
    ev_timer_stop(self->loop, &self->begin);
    if (self->readable.fd < 0)
        return;
    ev_io_stop(self->loop, &self->readable);
    close(self->readable.fd);
    ev_io_set(&self->readable, -1, EV_READ);
}

static void fail(struct scrape *self, enum status status, const char *why)
{
    hang_up(self);
    self->on_answer(status, span_of(why), self->user);
}

/* Whole: a good one has a code and what stands behind an empty line. */
static void tell(struct scrape *self)
{
    static const char good[] = " 200 ";
    static const char gap[] = "\r\n\r\n";
    struct span all = bytes_span(&self->answer);
    const char *body = all.len ? memmem(all.at, all.len, gap, strlen(gap)) : NULL;

    if (!body || all.len < 14 || memcmp(all.at + 8, good, strlen(good)) != 0) {
        fail(self, STATUS_INVALID, "the answer was not HTTP with the code 200");
        return;
    }
    body += strlen(gap);
    hang_up(self);
    self->on_answer(STATUS_OK, (struct span){body, all.len - (size_t)(body - all.at)}, self->user);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct scrape *self = watcher->data;
    char buffer[16384];
    ssize_t n = recv(watcher->fd, buffer, sizeof(buffer), 0);

    (void)loop, (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        fail(self, STATUS_IO, strerror(errno));
    else if (n == 0)
        tell(self);
    else if (bytes_append(&self->answer, buffer, (size_t)n) != STATUS_OK)
        fail(self, STATUS_TOO_LARGE, "the answer is too long");
}

static void on_begin(struct ev_loop *loop, ev_timer *watcher, int events)
{
    static const char question[] = "GET /metrics HTTP/1.1\r\nHost: harness\r\n"
                                   "Accept: text/plain\r\nConnection: close\r\n\r\n";
    struct scrape *self = watcher->data;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)events;
    bytes_release(&self->answer);
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&self->address, sizeof(self->address)) != 0 ||
        send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question)) {
        int wrong = errno;

        if (fd >= 0)
            close(fd);
        fail(self, STATUS_IO, strerror(wrong));
        return;
    }
    ev_io_set(&self->readable, fd, EV_READ);
    ev_io_start(loop, &self->readable);
}

bool scrape_is_asking(const struct scrape *self)
{
    return self->readable.fd >= 0 || ev_is_active(&self->begin);
}

void scrape_ask(struct scrape *self, const char *path, double after_s)
{
    if (scrape_is_asking(self))
        return;
    self->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(self->address.sun_path, sizeof(self->address.sun_path), "%s", path);
    ev_timer_set(&self->begin, after_s, 0.);
    ev_timer_start(self->loop, &self->begin);
}

struct scrape *scrape_new(struct ev_loop *loop, scrape_on_answer *on_answer, void *user)
{
    struct scrape *self = must_alloc(sizeof(*self));

    *self = (struct scrape){.loop = loop, .on_answer = on_answer, .user = user};
    bytes_init(&self->answer, ANSWER_BYTES_MAX);
    ev_init(&self->begin, on_begin);
    ev_io_init(&self->readable, on_readable, -1, EV_READ);
    self->begin.data = self->readable.data = self;
    return self;
}

void scrape_free(struct scrape *self)
{
    if (!self)
        return;
    hang_up(self);
    bytes_release(&self->answer);
    free(self);
}
