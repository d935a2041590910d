/* dial: one call of done for each attempt, whatever the other side does. */
#include "tests/support/wire.h"

#include <sched.h>
#include <sys/wait.h>

#include "libbester/dial.h"

struct world {
    struct ev_loop *loop;
    struct worker *resolver;
    char directory[32];
    char path[64]; /* of a UNIX socket */
};

struct call {
    unsigned dones;
    int fd;
    struct fault fault;
    struct dial **other; /* freed from within done */
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_loop_new(0);
    self->resolver = worker_new(self->loop, 2, 4);
    snprintf(self->directory, sizeof self->directory, "/tmp/dial.XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/s", self->directory);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    worker_free(self->resolver);
    ev_loop_destroy(self->loop);
    unlink(self->path);
    rmdir(self->directory);
    free(self);
    return 0;
}

static void on_done(int fd, const struct fault *fault, void *user)
{
    struct call *self = user;
    self->dones++;
    self->fd = fd;
    self->fault = *fault;
    if (self->other) {
        dial_free(*self->other);
        *self->other = NULL;
    }
}

static struct address parse(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, span_of(text), NULL), STATUS_OK);
    return address;
}

/* A listening TCP socket; *port becomes its port. */
static int listen_tcp(int family, int backlog, unsigned *port)
{
    struct sockaddr_storage storage = {.ss_family = (sa_family_t)family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    socklen_t len = family == AF_INET ? sizeof *v4 : sizeof *v6;
    if (family == AF_INET)
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        v6->sin6_addr = in6addr_loopback;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&storage, len) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&storage, &len), 0);
    *port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
    return fd;
}

static struct call dial(struct world *self, const char *text, double timeout_s)
{
    struct call call = {0};
    struct address address = parse(text);
    assert_non_null(dial_new(self->loop, self->resolver, &address, timeout_s, on_done, &call));
    assert_int_equal(call.dones, 0); /* never from within dial_new */
    RUN_UNTIL(self->loop, call.dones > 0);
    run_turns(self->loop, 3);
    assert_int_equal(call.dones, 1);
    if (call.fd >= 0) {
        assert_true(fcntl(call.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(call.fd, F_GETFD) & FD_CLOEXEC);
    }
    return call;
}

static void expect_connected(struct world *self, int listener, const char *host, unsigned port)
{
    char text[128];
    char byte;
    snprintf(text, sizeof text, "%s:%u", host, port);
    struct call call = dial(self, text, 10);
    assert_true(call.fd >= 0);
    int far = accept(listener, NULL, NULL);
    assert_int_equal(send(far, "x", 1, MSG_NOSIGNAL), 1);
    wire_await(&(struct wire){.loop = self->loop, .fd = call.fd}, EV_READ);
    assert_int_equal(recv(call.fd, &byte, 1, 0), 1);
    close(far);
    close(call.fd);
}

static void test_tcp4(void **state)
{
    unsigned port = 0;
    int listener = listen_tcp(AF_INET, 8, &port);
    assert_true(listener >= 0);
    expect_connected(*state, listener, "127.0.0.1", port);
    expect_connected(*state, listener, "tcp4://127.0.0.1", port);
    close(listener);
}

static void test_tcp6(void **state)
{
    unsigned port = 0;
    int listener = listen_tcp(AF_INET6, 8, &port);
    if (listener < 0)
        skip(); /* this machine has no IPv6 */
    expect_connected(*state, listener, "[::1]", port);
    expect_connected(*state, listener, "tcp6://[::1]", port);
    close(listener);
}

static int listen_unix(const char *path, int backlog)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void test_unix(void **state)
{
    struct world *self = *state;
    char text[128];
    int listener = listen_unix(self->path, 4);
    snprintf(text, sizeof text, "unix:%s", self->path);
    struct call call = dial(self, text, 10);
    assert_true(call.fd >= 0);
    close(call.fd);
    close(listener);
    call = dial(self, text, 10);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_IO);
}

static void test_a_name(void **state)
{
    unsigned port = 0;
    int listener = listen_tcp(AF_INET, 8, &port);
    expect_connected(*state, listener, "localhost", port); /* on ::1 nobody is */
    expect_connected(*state, listener, "tcp4://localhost", port);
    close(listener);
}

static void test_refused(void **state)
{
    unsigned port = 0;
    char text[64];
    close(listen_tcp(AF_INET, 8, &port));
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    struct call call = dial(*state, text, 10);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_IO);
    assert_string_equal(call.fault.text, "Connection refused");
    snprintf(text, sizeof text, "localhost:%u", port);
    call = dial(*state, text, 10);
    assert_int_equal(call.fault.status, STATUS_IO);
}

/* A label of over 63 letters is in no name server: no look-up leaves the machine. */
static void test_a_name_that_is_none(void **state)
{
    char text[128];
    memset(text, 'x', 70);
    memcpy(text + 70, ":2223", 6);
    struct call call = dial(*state, text, 10);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_NOT_FOUND);
    assert_non_null(strstr(call.fault.text, "xxx"));
}

static void test_a_name_without_a_resolver(void **state)
{
    struct world *self = *state;
    struct call call = {0};
    struct address address = parse("localhost:2223");
    assert_non_null(dial_new(self->loop, NULL, &address, 10, on_done, &call));
    assert_int_equal(call.dones, 0);
    RUN_UNTIL(self->loop, call.dones == 1);
    assert_int_equal(call.fd, -1);
    assert_int_not_equal(call.fault.status, STATUS_OK);
}

/* A listener whose queue is full: the kernel lets the caller wait. */
static void test_timeout(void **state)
{
    struct world *self = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    enum { FILLERS = 8 };
    int fillers[FILLERS];
    unsigned port = 0;
    char text[64];
    int listener = listen_tcp(AF_INET, 0, &port);
    at.sin_port = htons((uint16_t)port);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&at, sizeof at);
    }
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    struct call call = dial(self, text, 0.05);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_TIMEOUT);
    for (int i = 0; i < FILLERS; i++)
        close(fillers[i]);
    close(listener);
}

static void test_giving_up(void **state)
{
    struct world *self = *state;
    static const char *const texts[] = {"127.0.0.1:1", "localhost:1", "unix:/nowhere"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int turns = 0; turns < 2; turns++) {
            struct call call = {0};
            struct address address = parse(texts[i]);
            struct dial *attempt =
                dial_new(self->loop, self->resolver, &address, 10, on_done, &call);
            run_turns(self->loop, turns);
            if (call.dones == 0)
                dial_free(attempt);
            unsigned before = call.dones;
            run_turns(self->loop, 3);
            assert_int_equal(call.dones, before);
        }
    dial_free(NULL);
}

/* Whichever ends first frees the other. */
static void test_giving_up_another_from_within_done(void **state)
{
    struct world *self = *state;
    struct address address = parse("127.0.0.1:1");
    struct dial *attempts[2];
    struct call calls[2] = {{.other = &attempts[1]}, {.other = &attempts[0]}};
    for (int i = 0; i < 2; i++)
        attempts[i] = dial_new(self->loop, self->resolver, &address, 10, on_done, &calls[i]);
    RUN_UNTIL(self->loop, calls[0].dones + calls[1].dones > 0);
    run_turns(self->loop, 3);
    assert_int_equal(calls[0].dones + calls[1].dones, 1);
}

/* The resolver goes first. */
static void test_the_resolver_goes_away(void **state)
{
    struct world *self = *state;
    enum { CALLS = 8 };
    struct call calls[CALLS] = {0};
    struct address address = parse("localhost:1");
    for (int i = 0; i < CALLS; i++) /* some wait, and some are refused: the queue is short */
        assert_non_null(dial_new(self->loop, self->resolver, &address, 10, on_done, &calls[i]));
    worker_free(self->resolver);
    self->resolver = NULL;
    for (int i = 0; i < CALLS; i++) {
        RUN_UNTIL(self->loop, calls[i].dones == 1);
        assert_int_equal(calls[i].fd, -1);
    }
}

/* In a machine with no network but the loopback its own name still leads to it. */
static int dial_alone(void)
{
    struct call call = {0};
    struct address address = parse("tcp4://localhost:1");
    struct ev_loop *loop = ev_loop_new(0);
    struct worker *resolver = worker_new(loop, 1, 1);
    dial_new(loop, resolver, &address, 10, on_done, &call);
    ev_run(loop, 0);
    worker_free(resolver);
    ev_loop_destroy(loop);
    return call.fault.status == STATUS_IO ? 0 : 1; /* not STATUS_NOT_FOUND */
}

static void test_a_machine_without_a_network(void **state)
{
    enum { NOT_ALLOWED = 77 };
    int status;
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ? NOT_ALLOWED : dial_alone());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_ALLOWED)
        skip(); /* this system lets nobody make a network of his own */
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_tcp4),
        TEST(test_tcp6),
        TEST(test_unix),
        TEST(test_a_name),
        TEST(test_refused),
        TEST(test_a_name_that_is_none),
        TEST(test_a_name_without_a_resolver),
        TEST(test_timeout),
        TEST(test_giving_up),
        TEST(test_giving_up_another_from_within_done),
        TEST(test_the_resolver_goes_away),
        TEST(test_a_machine_without_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
