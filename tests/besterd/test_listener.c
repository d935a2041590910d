/* listener: sockets opened by us, and those handed over by whoever started us. */
#include "tests/besterd/support.h"

#include <sys/wait.h>

#include "besterd/listener.h"
#include "besterd/log.h"

struct world {
    struct place place;
    struct config *config; /* a UNIX and a TCP listener */
    struct post tcp;       /* holds the TCP port until it is handed over */
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    place_open(&self->place);
    post_tcp(&self->tcp, NULL);
    self->config = config_of(
        "{\"network\":{\"types\":[\"unix\",\"tcp4\"],\"unix\":{\"address\":\"%s\"},"
        "\"tcp4\":{\"address\":\"127.0.0.1\",\"port\":%u}},\"database\":{\"type\":\"open\"}}",
        place_path(&self->place, "c"), self->tcp.port);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    post_close(&self->tcp);
    config_unref(self->config);
    place_close(&self->place);
    free(self);
    return 0;
}

struct guests {
    unsigned count;
    int fd;
};

static void on_accepted(int fd, bool tls, bool peer, void *user)
{
    struct guests *self = user;
    assert_false(tls || peer);
    self->count++;
    self->fd = fd;
}

static int connect_to(const struct world *self, bool tcp)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)self->tcp.port)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", place_path(&self->place, "c"));
    int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tcp ? connect(fd, (struct sockaddr *)&v4, sizeof v4) == 0
            : connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    close(fd);
    return -1;
}

static void test_our_own(void **state)
{
    struct world *self = *state;
    struct ev_loop *loop = ev_loop_new(0);
    struct listeners listeners = {0};
    struct guests guests = {0};
    struct fault fault;
    unsigned before = count_descriptors();
    post_close(&self->tcp);
    assert_int_equal(
        listeners_open(&listeners, self->config, loop, on_accepted, &guests, &fault), STATUS_OK);
    assert_int_equal(listeners.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        int fd = connect_to(self, i == 1);
        assert_true(fd >= 0);
        RUN_UNTIL(loop, guests.count == i + 1);
        close(guests.fd);
        close(fd);
    }
    listeners_pause(&listeners, true);
    int waiting = connect_to(self, true);
    run_turns(loop, 3);
    assert_int_equal(guests.count, 2);
    listeners_pause(&listeners, false);
    RUN_UNTIL(loop, guests.count == 3);
    close(guests.fd);
    close(waiting);
    listeners_close(&listeners);
    listeners_close(&listeners);
    assert_int_equal(connect_to(self, false), -1);
    assert_int_equal(connect_to(self, true), -1);
    assert_int_not_equal(access(place_path(&self->place, "c"), F_OK), 0);
    assert_int_equal(count_descriptors(), before - 1); /* the post's */
    ev_loop_destroy(loop);
}

/* One that cannot be opened takes the others with it. */
static void test_one_that_is_taken(void **state)
{
    struct world *self = *state;
    struct ev_loop *loop = ev_loop_new(0);
    struct listeners listeners = {0};
    struct fault fault = {0};
    unsigned before = count_descriptors();
    assert_int_equal(
        listeners_open(&listeners, self->config, loop, on_accepted, NULL, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "in use"));
    assert_int_equal(count_descriptors(), before);
    assert_int_not_equal(access(place_path(&self->place, "c"), F_OK), 0);
    ev_loop_destroy(loop);
}

/* ---- handed over: in a process of its own, where descriptors 3 and 4 are free ---- */

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) {                                                        \
            dprintf(STDERR_FILENO, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                              \
        }                                                                          \
    } while (0)

/* fds: how many are said to be handed over; the TCP listener is 3, a socket that
 * fits no listener is 4. */
static int in_its_own_process(struct world *self, const char *pid, const char *fds, bool taken)
{
    struct listeners listeners = {0};
    struct guests guests = {0};
    struct fault fault;
    struct address address;
    char own[16];
    int other = socket(AF_INET, SOCK_STREAM, 0);
    int parked = fcntl(self->tcp.fd, F_DUPFD, 20);
    CHECK(parked >= 0 && fcntl(other, F_DUPFD, 20) >= 0);
    CHECK(dup2(parked, 3) == 3 && dup2(other, 4) == 4); /* inheritable, as from a starter */
    close(parked);
    snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("LISTEN_PID", pid ? pid : own, 1);
    setenv("LISTEN_FDS", fds, 1);
    struct ev_loop *loop = ev_loop_new(0);
    enum status status =
        listeners_open(&listeners, self->config, loop, on_accepted, &guests, &fault);
    if (!taken) { /* ours cannot be opened, since the port is in use */
        CHECK(status == STATUS_IO);
        return 0;
    }
    CHECK(status == STATUS_OK && listeners.count == 2);
    CHECK(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS"));
    CHECK(fcntl(3, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(3, F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(4, F_GETFD) < 0); /* closed: it is for nobody */
    CHECK(listeners_address(&listeners, 1, &address) == STATUS_OK);
    CHECK(address.port == self->tcp.port);
    int fd = connect_to(self, true);
    CHECK(fd >= 0);
    while (guests.count == 0)
        ev_run(loop, EVRUN_ONCE);
    listeners_close(&listeners);
    return 0;
}

static void expect_in_its_own_process(
    struct world *self, const char *pid, const char *fds, bool taken)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(in_its_own_process(self, pid, fds, taken));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_handed_over(void **state)
{
    expect_in_its_own_process(*state, NULL, "2", true);
}

static void test_handed_over_to_somebody_else(void **state)
{
    expect_in_its_own_process(*state, "1", "2", false);
}

static void test_handed_over_is_nothing(void **state)
{
    static const char *const counts[] = {"0", "-1", "", "x"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        expect_in_its_own_process(*state, NULL, counts[i], false);
}

/* A socket that strangers reach is none of ours, whatever the configuration was before
 * it was narrowed to loopback. Bound, and never listening: nobody reaches it here. */
static int narrowed_in_its_own_process(void)
{
    struct listeners listeners = {0};
    struct guests guests = {0};
    struct fault fault;
    struct address address;
    char own[16], text[ADDRESS_TEXT_MAX], expected[ADDRESS_TEXT_MAX];
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t len = sizeof any;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(fd, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&any, &len) == 0);
    int parked = fcntl(fd, F_DUPFD, 20);
    CHECK(parked >= 0 && dup2(parked, 3) == 3);
    close(parked);
    if (fd != 3)
        close(fd);
    unsigned port = ntohs(any.sin_port);
    struct config *config = config_of(
        "{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\",\"port\":%u}}}",
        port);
    snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("LISTEN_PID", own, 1);
    setenv("LISTEN_FDS", "1", 1);
    struct ev_loop *loop = ev_loop_new(0);
    CHECK(listeners_open(&listeners, config, loop, on_accepted, &guests, &fault) == STATUS_OK);
    CHECK(listeners_address(&listeners, 0, &address) == STATUS_OK);
    snprintf(expected, sizeof expected, "tcp4://127.0.0.1:%u", port);
    CHECK(strcmp(address_format(&address, text, sizeof text), expected) == 0);
    struct sockaddr_in left = {.sin_family = AF_UNSPEC};
    len = sizeof left;
    CHECK(getsockname(3, (struct sockaddr *)&left, &len) != 0 || /* closed, and used anew or not */
          left.sin_family != AF_INET || left.sin_addr.s_addr != htonl(INADDR_ANY));
    listeners_close(&listeners);
    config_unref(config);
    return 0;
}

static void test_handed_over_for_strangers(void **state)
{
    int status;
    pid_t child = fork();
    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(narrowed_in_its_own_process());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_our_own),
        TEST(test_one_that_is_taken),
        TEST(test_handed_over),
        TEST(test_handed_over_to_somebody_else),
        TEST(test_handed_over_is_nothing),
        TEST(test_handed_over_for_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
