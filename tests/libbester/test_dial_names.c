/* dial: names with several addresses (RFC 8305). The look-up is played here:
 * the name lists the ports of the loopback to be tried. */
#include "tests/support/wire.h"

#include <netdb.h>

#include "libbester/dial.h"

enum { LISTENERS = 12, FILLERS = 8 };

static unsigned played_ports[LISTENERS];
static size_t played_count;

/* Stands in for the C library's, in this program. */
int getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    struct addrinfo **last = list;
    assert_string_equal(node, "several.test");
    assert_string_equal(service, "7");
    assert_int_equal(hints->ai_socktype, SOCK_STREAM);
    for (size_t i = 0; i < played_count; i++) {
        struct addrinfo *info = calloc(1, sizeof *info + sizeof(struct sockaddr_in));
        struct sockaddr_in *at = (struct sockaddr_in *)(info + 1);
        at->sin_family = AF_INET;
        at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at->sin_port = htons((uint16_t)played_ports[i]);
        info->ai_addr = (struct sockaddr *)at;
        info->ai_addrlen = sizeof *at;
        *last = info;
        last = &info->ai_next;
    }
    return played_count ? 0 : EAI_NODATA;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

struct world {
    struct ev_loop *loop;
    struct worker *resolver;
    int fds[LISTENERS * (1 + FILLERS)]; /* closed at the end */
    size_t fd_count;
};

struct call {
    unsigned dones;
    int fd;
    struct fault fault;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_loop_new(0);
    self->resolver = worker_new(self->loop, 2, 4);
    played_count = 0;
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    worker_free(self->resolver);
    ev_loop_destroy(self->loop);
    for (size_t i = 0; i < self->fd_count; i++)
        close(self->fds[i]);
    free(self);
    return 0;
}

/* ---- addresses that refuse, hang or answer ---- */

static struct sockaddr_in play_listener(struct world *self, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    played_ports[played_count++] = ntohs(at.sin_port);
    self->fds[self->fd_count++] = fd;
    return at;
}

static void play_answering(struct world *self)
{
    play_listener(self, 8);
}

static void play_refusing(struct world *self)
{
    play_listener(self, 8);
    close(self->fds[--self->fd_count]);
}

/* Its queue is full, so the kernel lets the caller wait. */
static void play_hanging(struct world *self)
{
    struct sockaddr_in at = play_listener(self, 0);
    for (int i = 0; i < FILLERS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fd, (struct sockaddr *)&at, sizeof at);
        self->fds[self->fd_count++] = fd;
    }
}

static void on_done(int fd, const struct fault *fault, void *user)
{
    struct call *self = user;
    self->dones++;
    self->fd = fd;
    self->fault = *fault;
}

/* Seconds that it took. */
static double dial(struct world *self, double timeout_s, struct call *call)
{
    struct address address;
    *call = (struct call){0};
    assert_int_equal(address_parse(&address, span_of("several.test:7"), NULL), STATUS_OK);
    double begin = ev_time();
    assert_non_null(dial_new(self->loop, self->resolver, &address, timeout_s, on_done, call));
    RUN_UNTIL(self->loop, call->dones > 0);
    double took = ev_time() - begin;
    run_turns(self->loop, 3);
    assert_int_equal(call->dones, 1);
    return took;
}

static void expect_port(struct call *call, unsigned port)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    assert_true(call->fd >= 0);
    assert_int_equal(getpeername(call->fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(ntohs(at.sin_port), port);
    close(call->fd);
}

/* ---- */

static void test_the_first_that_answers(void **state)
{
    struct world *self = *state;
    struct call call;
    play_answering(self);
    play_answering(self);
    dial(self, 10, &call);
    expect_port(&call, played_ports[0]);
}

static void test_one_that_refuses_is_passed_over(void **state)
{
    struct world *self = *state;
    struct call call;
    play_refusing(self);
    play_refusing(self);
    play_answering(self);
    dial(self, 10, &call);
    expect_port(&call, played_ports[2]);
}

/* One that hangs holds up the next for 250 ms, not until its time is over. */
static void test_one_that_hangs_is_overtaken(void **state)
{
    struct world *self = *state;
    struct call call;
    play_hanging(self);
    play_hanging(self);
    play_answering(self);
    double took = dial(self, 30, &call);
    expect_port(&call, played_ports[2]);
    assert_true(took >= 0.45);
}

/* It fails only when the last has failed, and says why. */
static void test_all_refuse(void **state)
{
    struct world *self = *state;
    struct call call;
    for (int i = 0; i < 3; i++)
        play_refusing(self);
    dial(self, 10, &call);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_IO);
    assert_string_equal(call.fault.text, "Connection refused");
}

static void test_one_hangs_the_others_refuse(void **state)
{
    struct world *self = *state;
    struct call call;
    play_refusing(self);
    play_hanging(self);
    play_refusing(self);
    dial(self, 0.3, &call);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_TIMEOUT); /* it was waited for */
}

/* More addresses than anybody needs: the rest is not tried. */
static void test_a_long_list(void **state)
{
    struct world *self = *state;
    struct call call;
    for (int i = 0; i < LISTENERS - 1; i++)
        play_refusing(self);
    play_answering(self);
    dial(self, 10, &call);
    assert_int_equal(call.fd, -1);
}

static void test_no_address(void **state)
{
    struct call call;
    dial(*state, 10, &call);
    assert_int_equal(call.fd, -1);
    assert_int_equal(call.fault.status, STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_the_first_that_answers),
        TEST(test_one_that_refuses_is_passed_over),
        TEST(test_one_that_hangs_is_overtaken),
        TEST(test_all_refuse),
        TEST(test_one_hangs_the_others_refuse),
        TEST(test_a_long_list),
        TEST(test_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
