#include "tests/support/dialogue.h"

#include <fcntl.h>
#include <stdlib.h>

#include "besterd/metrics_http.h"

enum { TEXT_MAX = 8 << 20, CONNECTIONS_MAX = 32 };

struct fixture {
    char directory[40];
    struct address address;
    struct ev_loop *loop;
    struct metrics *metrics;
    struct metrics_http *http;
    const char *not_ready;
    int measured;
    size_t len;
    char text[TEXT_MAX]; /* of the last answer */
};

static void measure(void *server)
{
    struct fixture *self = server;
    metrics_set(self->metrics, METRIC_SESSIONS, 0, 0, ++self->measured);
}

static const char *not_ready(void *server)
{
    return ((struct fixture *)server)->not_ready;
}

static const struct metrics_http_facts facts = {.measure = measure, .not_ready = not_ready};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    struct fault fault = {.text = ""};
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-metrics-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    self->address.kind = ADDRESS_UNIX;
    snprintf(self->address.path, sizeof self->address.path, "%s/m", self->directory);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    self->metrics = metrics_new();
    assert_non_null(self->metrics);
    *state = self;
    assert_int_equal(metrics_http_new(&self->http, self->loop, &self->address, self->metrics,
                         &facts, self, &fault),
        STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    metrics_http_free(self->http);
    metrics_free(self->metrics);
    ev_loop_destroy(self->loop);
    assert_int_equal(rmdir(self->directory), 0); /* the socket is gone */
    free(self);
    return 0;
}

/* ---- a client ---- */

static int visit(const struct fixture *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, self->address.path, strlen(self->address.path) + 1);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Runs the loop until fd is readable. */
static void await(struct fixture *self, int fd)
{
    ev_io readable;
    ev_io_init(&readable, dialogue_readable, fd, EV_READ);
    ev_io_start(self->loop, &readable);
    ev_run(self->loop, 0);
    ev_io_stop(self->loop, &readable);
}

/* All that comes until the server closes. */
static const char *hear(struct fixture *self, int fd)
{
    ssize_t got = 1;
    for (self->len = 0; got > 0; self->len += got > 0 ? (size_t)got : 0) {
        await(self, fd);
        got = recv(fd, self->text + self->len, sizeof self->text - 1 - self->len, 0);
    }
    self->text[self->len] = '\0';
    close(fd);
    return self->text;
}

static const char *ask(struct fixture *self, const char *request)
{
    int fd = visit(self);
    say(fd, request);
    return hear(self, fd);
}

static void assert_code(const char *answer, const char *code)
{
    char line[80];
    snprintf(line, sizeof line, "HTTP/1.1 %s\r\n", code);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("not %s: %.80s", code, answer);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* ---- what there is ---- */

static void test_metrics(void **state)
{
    struct fixture *self = *state;
    const char *answer = ask(self, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_code(answer, "200 OK");
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(answer, "\nbester_sessions 1\n"));
    assert_non_null(strstr(answer, "\nprocess_open_fds "));
    char length[60];
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body_of(answer)));
    assert_non_null(strstr(answer, length));
    answer = ask(
        self, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n");
    assert_non_null(strstr(answer, "\r\nContent-Type: application/openmetrics-text"));
    assert_non_null(strstr(answer, "\nbester_sessions 2\n"));
    assert_non_null(strstr(answer, "\n# EOF\n"));
}

static void test_head(void **state)
{
    struct fixture *self = *state;
    const char *answer = ask(self, "HEAD /metrics HTTP/1.0\r\n\r\n");
    assert_code(answer, "200 OK");
    assert_string_equal(body_of(answer), "");
    assert_null(strstr(answer, "Content-Length: 0\r\n"));
    assert_code(ask(self, "HEAD /nowhere HTTP/1.0\r\n\r\n"), "404 Not Found");
    assert_string_equal(body_of(self->text), "");
}

static void test_health(void **state)
{
    struct fixture *self = *state;
    assert_code(ask(self, "GET /healthz HTTP/1.0\r\n\r\n"), "200 OK");
    assert_string_equal(body_of(self->text), "ok\n");
    assert_code(ask(self, "GET /readyz HTTP/1.0\r\n\r\n"), "200 OK");
    assert_string_equal(body_of(self->text), "ready\n");
    self->not_ready = "draining";
    assert_code(ask(self, "GET /readyz HTTP/1.0\r\n\r\n"), "503 Service Unavailable");
    assert_string_equal(body_of(self->text), "draining\n");
    assert_code(ask(self, "GET /healthz HTTP/1.0\r\n\r\n"), "200 OK");
}

static void test_nothing_else(void **state)
{
    struct fixture *self = *state;
    assert_code(ask(self, "GET / HTTP/1.0\r\n\r\n"), "404 Not Found");
    assert_code(ask(self, "GET /metrics/ HTTP/1.0\r\n\r\n"), "404 Not Found");
    assert_code(ask(self, "GET /METRICS HTTP/1.0\r\n\r\n"), "404 Not Found");
    assert_code(ask(self, "POST /metrics HTTP/1.0\r\n\r\n"), "405 Method Not Allowed");
    assert_non_null(strstr(self->text, "\r\nAllow: GET, HEAD\r\n"));
    assert_code(ask(self, "get /metrics HTTP/1.0\r\n\r\n"), "405 Method Not Allowed");
    assert_code(ask(self, "GET /metrics HTTP/1.1\r\n\r\n"), "400 Bad Request");
    assert_code(ask(self, "\x10"), "400 Bad Request");
    assert_code(ask(self, "GET /metrics HTTP/3.0\r\n"), "505 HTTP Version Not Supported");
    assert_int_equal(self->measured, 0);
}

/* ---- those who are slow or wrong ---- */

/* What comes after the request, a body for instance, does not spoil the answer. */
static void test_a_body_is_thrown_away(void **state)
{
    struct fixture *self = *state;
    int fd = visit(self);
    char body[30000];
    memset(body, 'b', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    say(fd, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 29999\r\n\r\n");
    say(fd, body);
    assert_code(hear(self, fd), "405 Method Not Allowed");
}

static void test_too_long(void **state)
{
    struct fixture *self = *state;
    int fd = visit(self);
    char field[9000];
    memset(field, 'f', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    say(fd, "GET /metrics HTTP/1.1\r\n");
    say(fd, field);
    assert_code(hear(self, fd), "431 Request Header Fields Too Large");
}

static void test_byte_by_byte(void **state)
{
    struct fixture *self = *state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = visit(self);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
        ev_run(self->loop, EVRUN_NOWAIT);
    }
    assert_code(hear(self, fd), "200 OK");
}

/* An answer that is larger than what the kernel takes at once. */
static void test_slow_reader(void **state)
{
    struct fixture *self = *state;
    for (int i = 0; i < 2000; i++) {
        char type[40];
        snprintf(type, sizeof type, "a type with the number %d", i);
        (void)metrics_label(self->metrics, AXIS_TYPE, type);
    }
    int fd = visit(self);
    say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    while (self->measured == 0)
        ev_run(self->loop, EVRUN_ONCE);
    /* Others are served meanwhile. */
    int other = visit(self);
    say(other, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_code(hear(self, other), "200 OK");
    const char *answer = hear(self, fd);
    assert_code(answer, "200 OK");
    char length[60];
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body_of(answer)));
    assert_non_null(strstr(answer, length));
    assert_true(self->len > 1 << 20);
}

static void test_patience(void **state)
{
    struct fixture *self = *state;
    metrics_http_set_patience(self->http, 0.01, 0.01);
    assert_string_equal(hear(self, visit(self)), ""); /* not a word */
    assert_code(ask(self, "GET /metr"), "408 Request Timeout");
    /* One that keeps the connection open after the answer: the loop forgets it. */
    int fd = visit(self);
    say(fd, "GET /healthz HTTP/1.0\r\n\r\n");
    await(self, fd);
    int more = visit(self);
    assert_string_equal(hear(self, more), "");
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    close(fd);
}

/* One more than may be connected takes the place of the first. */
static void test_many(void **state)
{
    struct fixture *self = *state;
    int fds[CONNECTIONS_MAX];
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        fds[i] = visit(self);
    int last = visit(self);
    say(last, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_code(hear(self, last), "200 OK");
    assert_string_equal(hear(self, fds[0]), "");
    for (size_t i = 1; i < CONNECTIONS_MAX; i++) {
        say(fds[i], "GET /healthz HTTP/1.0\r\n\r\n");
        assert_code(hear(self, fds[i]), "200 OK");
    }
}

/* The end of the server with connections in every state. */
static void test_end(void **state)
{
    struct fixture *self = *state;
    int silent = visit(self);
    int asking = visit(self);
    int answered = visit(self);
    say(asking, "GET /met");
    say(answered, "GET /healthz HTTP/1.0\r\n\r\n");
    await(self, answered);
    metrics_http_free(self->http);
    self->http = NULL;
    char byte;
    assert_int_equal(recv(silent, &byte, 1, 0), 0);
    close(silent);
    close(asking);
    close(answered);
}

static void test_address_is_taken(void **state)
{
    struct fixture *self = *state;
    struct metrics_http *other = NULL;
    struct fault fault = {.text = ""};
    struct address address;
    assert_int_equal(metrics_http_address(self->http, &address), STATUS_OK);
    assert_string_equal(address.path, self->address.path);
    assert_int_equal(
        metrics_http_new(&other, self->loop, &self->address, self->metrics, &facts, self, &fault),
        STATUS_IO);
    assert_non_null(strstr(fault.text, "in use"));
    metrics_http_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_metrics),
        TEST(test_head),
        TEST(test_health),
        TEST(test_nothing_else),
        TEST(test_a_body_is_thrown_away),
        TEST(test_too_long),
        TEST(test_byte_by_byte),
        TEST(test_slow_reader),
        TEST(test_patience),
        TEST(test_many),
        TEST(test_end),
        TEST(test_address_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
