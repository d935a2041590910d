#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libbester/acceptor.h"

enum { PATH_BYTES = 100 };

struct fixture {
    char directory[40];
    char path[PATH_BYTES];
    struct address address;
    struct ev_loop *loop;
    struct acceptor *acceptor;
    int fd;       /* the acceptor's */
    int accepted; /* how many */
    int wanted;
    bool free_in_callback;
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-acceptor-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/s", self->directory);
    self->address.kind = ADDRESS_UNIX;
    memcpy(self->address.path, self->path, strlen(self->path) + 1);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    acceptor_free(self->acceptor);
    ev_loop_destroy(self->loop);
    unlink(self->path);
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
    return 0;
}

static void on_accepted(int fd, void *user)
{
    struct fixture *self = user;
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    if (self->free_in_callback) {
        acceptor_free(self->acceptor);
        self->acceptor = NULL;
    }
    if (++self->accepted == self->wanted)
        ev_break(self->loop, EVBREAK_ALL);
}

static void listen_on(struct fixture *self, const struct address *address)
{
    struct fault fault = {.text = ""};
    int fd = -1;
    if (acceptor_open(address, &fd, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    self->fd = fd;
    self->acceptor = acceptor_adopt(self->loop, fd, on_accepted, self);
    assert_non_null(self->acceptor);
}

/* A connection to where self listens, in the kernel's queue until accepted. */
static int dial(const struct address *address)
{
    struct sockaddr_storage at;
    socklen_t len;
    assert_int_equal(address_to_sockaddr(address, &at, &len), STATUS_OK);
    int fd = socket(at.ss_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
    return fd;
}

static void wait_for(struct fixture *self, int count)
{
    self->wanted = self->accepted + count;
    ev_run(self->loop, 0);
    assert_int_equal(self->accepted, self->wanted);
}

/* ---- each kind ---- */

static void test_unix(void **state)
{
    struct fixture *self = *state;
    struct stat stat_now;
    struct address found;
    listen_on(self, &self->address);
    assert_int_equal(stat(self->path, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0600);
    assert_int_equal(acceptor_address(self->acceptor, &found), STATUS_OK);
    assert_string_equal(found.path, self->path);
    int first = dial(&self->address);
    int second = dial(&self->address);
    wait_for(self, 2);
    close(first);
    close(second);
    acceptor_free(self->acceptor);
    self->acceptor = NULL;
    assert_int_equal(access(self->path, F_OK), -1);
}

static void listen_on_port_0(struct fixture *self, const char *text)
{
    struct address address;
    struct address found;
    assert_int_equal(address_parse(&address, span_of(text), NULL), STATUS_OK);
    listen_on(self, &address);
    assert_int_equal(acceptor_address(self->acceptor, &found), STATUS_OK);
    assert_true(found.port != 0);
    int fd = dial(&found);
    wait_for(self, 1);
    close(fd);
    /* The same again is refused, and says so. */
    struct fault fault = {.text = ""};
    assert_int_equal(acceptor_open(&found, &fd, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "Address already in use"));
}

static void test_tcp4(void **state)
{
    listen_on_port_0(*state, "tcp4://127.0.0.1:0");
}

static void test_tcp6(void **state)
{
    listen_on_port_0(*state, "tcp6://[::1]:0");
}

static void test_a_name_is_not_looked_up(void **state)
{
    (void)state;
    struct address address;
    struct fault fault = {.text = ""};
    int fd = -7;
    assert_int_equal(address_parse(&address, SPAN_LITERAL("example.org:80"), NULL), STATUS_OK);
    assert_int_equal(acceptor_open(&address, &fd, &fault), STATUS_INVALID);
    assert_int_equal(fd, -7);
    assert_non_null(strstr(fault.text, "example.org"));
}

/* ---- socket files ---- */

/* A socket file on which nobody listens any more. */
static void leave_stale(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void test_a_stale_socket_is_replaced(void **state)
{
    struct fixture *self = *state;
    leave_stale(self->path);
    listen_on(self, &self->address);
    int fd = dial(&self->address);
    wait_for(self, 1);
    close(fd);
}

static void assert_refused(struct fixture *self)
{
    struct fault fault = {.text = ""};
    int fd = -7;
    assert_int_equal(acceptor_open(&self->address, &fd, &fault), STATUS_IO);
    assert_int_equal(fd, -7);
    assert_non_null(strstr(fault.text, "Address already in use"));
}

static void test_who_listens_is_left_alone(void **state)
{
    struct fixture *self = *state;
    listen_on(self, &self->address);
    assert_refused(self);
    /* Also when so many wait that one more connection is not possible. */
    int waiting[8];
    int count = 0;
    struct sockaddr_storage at;
    socklen_t len;
    assert_int_equal(listen(self->fd, 1), 0);
    assert_int_equal(address_to_sockaddr(&self->address, &at, &len), STATUS_OK);
    do {
        assert_true(count < 8);
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_true(waiting[count] >= 0);
    } while (connect(waiting[count++], (struct sockaddr *)&at, len) == 0);
    assert_int_equal(errno, EAGAIN);
    assert_refused(self);
    for (int i = 0; i < count; i++)
        close(waiting[i]);
}

static void test_a_file_is_left_alone(void **state)
{
    struct fixture *self = *state;
    fclose(fopen(self->path, "w"));
    assert_refused(self);
    assert_int_equal(access(self->path, F_OK), 0);
}

static void test_anothers_socket_is_not_removed(void **state)
{
    struct fixture *self = *state;
    listen_on(self, &self->address);
    unlink(self->path);
    leave_stale(self->path);
    acceptor_free(self->acceptor);
    self->acceptor = NULL;
    assert_int_equal(access(self->path, F_OK), 0);
}

/* ---- accepting ---- */

/* One that was handed over goes on to the next who listens. */
static void test_the_file_is_left(void **state)
{
    struct fixture *self = *state;
    struct stat stat;
    listen_on(self, &self->address);
    acceptor_leave_file(self->acceptor);
    acceptor_free(self->acceptor);
    self->acceptor = NULL;
    assert_int_equal(lstat(self->path, &stat), 0);
    assert_true(S_ISSOCK(stat.st_mode));
}

static void test_paused(void **state)
{
    struct fixture *self = *state;
    listen_on(self, &self->address);
    acceptor_pause(self->acceptor);
    int fd = dial(&self->address);
    ev_run(self->loop, EVRUN_NOWAIT);
    assert_int_equal(self->accepted, 0);
    acceptor_resume(self->acceptor);
    wait_for(self, 1);
    close(fd);
}

static void test_freed_by_its_callback(void **state)
{
    struct fixture *self = *state;
    listen_on(self, &self->address);
    int first = dial(&self->address);
    int second = dial(&self->address);
    self->free_in_callback = true;
    wait_for(self, 1);
    assert_null(self->acceptor);
    close(first);
    close(second);
}

/* With no descriptor left the loop must sleep, not spin: it turns a few times
 * until there is one again, not thousands of times. */
static void count_turn(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)loop;
    (void)events;
    (*(int *)prepare->data)++;
}

static void on_release(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    close(*(int *)timer->data);
}

static void test_out_of_descriptors(void **state)
{
    struct fixture *self = *state;
    struct rlimit before;
    int turns = 0;
    listen_on(self, &self->address);
    /* Several, because valgrind lets a connection go that it finds no descriptor
     * for; the kernel keeps it. */
    int clients[4];
    for (int i = 0; i < 4; i++)
        clients[i] = dial(&self->address);
    int spare = dup(clients[0]);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none_left = {.rlim_cur = (rlim_t)spare + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    ev_prepare counter;
    ev_timer release;
    ev_prepare_init(&counter, count_turn);
    counter.data = &turns;
    ev_prepare_start(self->loop, &counter);
    ev_timer_init(&release, on_release, 0.15, 0.);
    release.data = &spare;
    ev_timer_start(self->loop, &release);
    self->wanted = 1;
    ev_run(self->loop, 0);
    assert_true(self->accepted >= 1);
    ev_prepare_stop(self->loop, &counter);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(acceptor_shortages(self->acceptor) >= 1);
    assert_in_range(turns, 2, 10);
    for (int i = 0; i < 4; i++)
        close(clients[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_unix),
        TEST(test_tcp4),
        TEST(test_tcp6),
        TEST(test_a_name_is_not_looked_up),
        TEST(test_a_stale_socket_is_replaced),
        TEST(test_who_listens_is_left_alone),
        TEST(test_a_file_is_left_alone),
        TEST(test_anothers_socket_is_not_removed),
        TEST(test_the_file_is_left),
        TEST(test_paused),
        TEST(test_freed_by_its_callback),
        TEST(test_out_of_descriptors),
    };
    return cmocka_run_group_tests_name("acceptor", tests, NULL, NULL);
}
