#include "besterd/metrics_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "besterd/http.h"
#include "besterd/log.h"
#include "libbester/acceptor.h"

enum {
    CONNECTIONS_MAX = 32,
    ANSWER_MAX = 64 << 20,
    LINGER_BYTES = 64 * 1024 /* read and thrown away after the answer, at most */
};

enum visit_state { READING, WRITING, LINGERING };

/* One connection. */
struct visit {
    struct visit *next, *prev;
    struct metrics_http *owner;
    enum visit_state state;
    int fd;
    ev_io io;
    ev_timer deadline;
    struct bytes answer;
    size_t discarded;
    size_t head_len;
    char head[HTTP_HEAD_MAX];
};

struct metrics_http {
    struct ev_loop *loop;
    struct acceptor *acceptor;
    struct metrics *metrics;
    const struct metrics_http_facts *facts;
    void *server;
    struct visit *visits;
    size_t visit_count;
    double request_s; /* for the request, and again for the answer */
    double linger_s;
};

static void visit_release(struct visit *self)
{
    ev_io_stop(self->owner->loop, &self->io);
    ev_timer_stop(self->owner->loop, &self->deadline);
    close(self->fd);
    bytes_release(&self->answer);
}

static void visit_free(struct visit *self)
{
    struct metrics_http *owner = self->owner;
    visit_release(self);
    DL_DELETE(owner->visits, self);
    owner->visit_count--;
    free(self);
}

static void visit_wait(struct visit *self, enum visit_state state, int events, double seconds)
{
    struct ev_loop *loop = self->owner->loop;
    self->state = state;
    ev_io_stop(loop, &self->io);
    ev_io_set(&self->io, self->fd, events);
    ev_io_start(loop, &self->io);
    ev_timer_stop(loop, &self->deadline);
    ev_now_update(loop);
    ev_timer_set(&self->deadline, seconds, 0.);
    ev_timer_start(loop, &self->deadline);
}

/* ---- answering ---- */

static void visit_write(struct visit *self)
{
    while (self->answer.len > 0) {
        struct span rest = bytes_span(&self->answer);
        ssize_t sent = send(self->fd, rest.at, rest.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes_consume(&self->answer, (size_t)sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (self->state != WRITING)
                visit_wait(self, WRITING, EV_WRITE, self->owner->request_s);
            return;
        } else if (errno != EINTR) {
            visit_free(self);
            return;
        }
    }
    /* A close with unread bytes would reset the connection, and the answer with it. */
    shutdown(self->fd, SHUT_WR);
    visit_wait(self, LINGERING, EV_READ, self->owner->linger_s);
}

/* The head goes before a body that is made already; HEAD gets the same head. */
static void visit_answer(
    struct visit *self, int code, const char *type, struct span body, bool head_only)
{
    char moment[64];
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(moment, sizeof moment, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    enum status status = bytes_printf(&self->answer,
        "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
        http_status(code), moment, type, body.len, code == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (status == STATUS_OK && !head_only)
        status = bytes_append_span(&self->answer, body);
    if (status == STATUS_OK)
        visit_write(self);
    else
        visit_free(self); /* out of memory: nothing can be said */
}

static void visit_say(struct visit *self, int code, const char *text, bool head_only)
{
    char line[128];
    int len = snprintf(line, sizeof line, "%s\n", text);
    visit_answer(self, code, "text/plain; charset=utf-8",
        (struct span){.at = line, .len = (size_t)len}, head_only);
}

static void tell_metrics(struct visit *self, const struct http_request *request, bool head_only)
{
    struct metrics_http *owner = self->owner;
    enum metrics_form form = http_accepts(request->accept, "application/openmetrics-text")
                                 ? METRICS_OPENMETRICS
                                 : METRICS_PROMETHEUS;
    struct bytes body;
    bytes_init(&body, ANSWER_MAX);
    metrics_forget_gauges(owner->metrics);
    metrics_measure_process(owner->metrics);
    owner->facts->measure(owner->server);
    if (metrics_render(owner->metrics, form, &body) == STATUS_OK)
        visit_answer(self, 200, metrics_content_type(form), bytes_span(&body), head_only);
    else
        visit_say(self, 503, status_help(STATUS_NO_MEMORY), head_only);
    bytes_release(&body);
}

static void tell_health(struct visit *self, const struct http_request *request, bool head_only)
{
    (void)request;
    visit_say(self, 200, "ok", head_only);
}

static void tell_readiness(struct visit *self, const struct http_request *request, bool head_only)
{
    const char *why = self->owner->facts->not_ready(self->owner->server);
    (void)request;
    visit_say(self, why != NULL ? 503 : 200, why != NULL ? why : "ready", head_only);
}

static const struct resource {
    const char *path;
    void (*tell)(struct visit *self, const struct http_request *request, bool head_only);
} resources[] = {
    {"/metrics", tell_metrics},
    {"/healthz", tell_health},
    {"/readyz", tell_readiness},
};

static void visit_serve(struct visit *self, const struct http_request *request)
{
    bool head_only = span_is(request->method, "HEAD");
    if (!head_only && !span_is(request->method, "GET")) {
        visit_say(self, 405, "only GET and HEAD", false);
        return;
    }
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        if (span_is(request->path, resources[i].path)) {
            resources[i].tell(self, request, head_only);
            return;
        }
    }
    visit_say(self, 404, "/metrics, /healthz and /readyz are all there is", head_only);
}

/* ---- reading ---- */

static void visit_read(struct visit *self)
{
    struct http_request request;
    int code;
    ssize_t got =
        recv(self->fd, self->head + self->head_len, sizeof self->head - self->head_len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got <= 0) {
        visit_free(self);
        return;
    }
    self->head_len += (size_t)got;
    struct span text = {.at = self->head, .len = self->head_len};
    switch (http_parse(text, &request, &code)) {
    case PULL_READY:
        visit_serve(self, &request);
        break;
    case PULL_BAD:
        visit_say(self, code, "this is no request that is understood here", false);
        break;
    case PULL_MORE:
        break;
    }
}

static void visit_linger(struct visit *self)
{
    ssize_t got = recv(self->fd, self->head, sizeof self->head, 0);
    self->discarded += got > 0 ? (size_t)got : 0;
    bool wait = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    if (!wait || self->discarded > LINGER_BYTES)
        visit_free(self);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    static void (*const turns[])(struct visit * self) = {
        [READING] = visit_read, [WRITING] = visit_write, [LINGERING] = visit_linger};
    struct visit *self = io->data;
    (void)loop;
    if (events & EV_ERROR) /* the kernel has no memory to watch it */
        visit_free(self);
    else
        turns[self->state](self);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct visit *self = timer->data;
    (void)loop, (void)events;
    if (self->state == READING && self->head_len > 0)
        visit_say(self, 408, "the request took too long", false);
    else
        visit_free(self);
}

static void on_accepted(int fd, void *user)
{
    struct metrics_http *self = user;
    struct visit *visit = malloc(sizeof *visit);
    if (visit == NULL) {
        close(fd);
        return;
    }
    *visit = (struct visit){.owner = self, .state = READING, .fd = fd};
    DL_APPEND(self->visits, visit);
    bytes_init(&visit->answer, ANSWER_MAX + HTTP_HEAD_MAX);
    ev_init(&visit->io, on_io);
    ev_init(&visit->deadline, on_deadline);
    visit->io.data = visit->deadline.data = visit;
    visit_wait(visit, READING, EV_READ, self->request_s);
    /* Who came first makes room: those who ask nothing must not keep out the others. */
    if (++self->visit_count > CONNECTIONS_MAX)
        visit_free(self->visits);
}

/* ---- birth and end ---- */

enum status metrics_http_new(struct metrics_http **out, struct ev_loop *loop,
    const struct address *address, struct metrics *metrics, const struct metrics_http_facts *facts,
    void *server, struct fault *fault)
{
    struct metrics_http *self = calloc(1, sizeof *self);
    struct address actual;
    char text[ADDRESS_TEXT_MAX];
    int fd = -1;
    if (self == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    *self = (struct metrics_http){.loop = loop,
        .metrics = metrics,
        .facts = facts,
        .server = server,
        .request_s = 10,
        .linger_s = 2};
    enum status status = acceptor_open(address, &fd, fault);
    if (status == STATUS_OK) {
        self->acceptor = acceptor_adopt(loop, fd, on_accepted, self);
        if (self->acceptor == NULL)
            status = fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    }
    if (status != STATUS_OK) {
        free(self);
        return status;
    }
    if (metrics_http_address(self, &actual) == STATUS_OK)
        log_line(
            LOG_LEVEL_INFO, "metrics", "told on %s", address_format(&actual, text, sizeof text));
    *out = self;
    return STATUS_OK;
}

void metrics_http_free(struct metrics_http *self)
{
    if (self == NULL)
        return;
    struct visit *visit;
    struct visit *next;
    DL_FOREACH_SAFE (self->visits, visit, next) {
        visit_release(visit);
        DL_DELETE(self->visits, visit);
        free(visit);
    }
    acceptor_free(self->acceptor);
    free(self);
}

void metrics_http_set_patience(struct metrics_http *self, double request_s, double linger_s)
{
    self->request_s = request_s;
    self->linger_s = linger_s;
}

enum status metrics_http_address(const struct metrics_http *self, struct address *out)
{
    return acceptor_address(self->acceptor, out);
}
