/* sandbox: what a process that is inside can do no more, and what it still can. Each test
 * goes inside in a process of its own, which tells by its exit status. */
#include "tests/besterd/support.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "besterd/log.h"
#include "besterd/sandbox.h"

struct world {
    struct place inside, outside;
    struct config *config;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    place_open(&self->inside);
    place_open(&self->outside);
    self->config = config_of(
        "{\"server\":{\"name\":\"S1\"},\"database\":{\"type\":\"sqlite\",\"sqlite\":{\"path\":"
        "\"%1$s/accounts.db\"}},\"informer\":{\"address\":\"%1$s/i\"},"
        "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"%1$s/c\"}}}",
        self->inside.directory);
    close(open(place_path(&self->outside, "secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(open(place_path(&self->inside, "known"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    config_unref(self->config);
    place_close(&self->inside);
    place_close(&self->outside);
    free(self);
    return 0;
}

/* The status of a process that does this, with standard error in a file: whatever else
 * it is told comes from the test. */
static int status_of(struct world *self, int (*inside)(const struct world *self))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(place_path(&self->inside, "log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        log_open(fd, LOG_LEVEL_INFO);
        _exit(inside(self));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *log_of(const struct world *self)
{
    static char text[16384];
    int fd = open(place_path(&self->inside, "log"), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

enum { ABSENT = 100 }; /* the kernel does not have it: nothing can be tested */

static void expect_good(struct world *self, int (*inside)(const struct world *self))
{
    int status = status_of(self, inside);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ABSENT)
        skip();
    if (status != 0)
        fail_msg("status %d\n%s", status, log_of(self));
}

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            log_line(LOG_LEVEL_ERROR, "test", "%d: %s", __LINE__, #condition); \
            return 1;                                                          \
        }                                                                      \
    } while (0)

#define REFUSED(call, error) CHECK((call) < 0 && errno == (error))

/* As open, and the descriptor is not kept. */
static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

static int try_socket(int family, int type)
{
    int fd = socket(family, type, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

/* ---- files ---- */

static int files(const struct world *self)
{
    char path[64];
    int known = open(place_path(&self->outside, "secret"), O_RDONLY | O_CLOEXEC);
    sandbox_confine_files(self->config);
    bool is_open = lseek(known, 0, SEEK_END) == 0; /* what was open stays open */
    close(known);
    CHECK(is_open);
    if (sandbox_state().landlock == 0)
        return ABSENT;

    REFUSED(try_open("/etc/shadow", O_RDONLY), EACCES);
    REFUSED(try_open(place_path(&self->outside, "secret"), O_RDONLY), EACCES);
    REFUSED(try_open(place_path(&self->outside, "secret"), O_WRONLY), EACCES);
    REFUSED(try_open(place_path(&self->outside, "new"), O_WRONLY | O_CREAT), EACCES);
    REFUSED(unlink(place_path(&self->outside, "secret")), EACCES);
    REFUSED(mkdir(place_path(&self->outside, "new"), 0700), EACCES);
    REFUSED(rename(place_path(&self->outside, "secret"), place_path(&self->inside, "s")), EACCES);
    REFUSED(try_open("/tmp/bester-sandbox-new", O_WRONLY | O_CREAT), EACCES);
    REFUSED(try_open("/proc/self/mem", O_RDWR), EACCES);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
    REFUSED(try_open(path, O_RDONLY), EACCES);
    REFUSED(symlink("/etc/shadow", place_path(&self->inside, "l")), EACCES);
    REFUSED(execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL), EACCES);
    REFUSED(execl(place_path(&self->inside, "program"), "p", (char *)NULL), EACCES);

    CHECK(try_open(place_path(&self->inside, "known"), O_RDWR) == 0);
    CHECK(try_open(place_path(&self->inside, "new"), O_WRONLY | O_CREAT) == 0);
    CHECK(rename(place_path(&self->inside, "new"), place_path(&self->inside, "newer")) == 0);
    CHECK(unlink(place_path(&self->inside, "newer")) == 0);
    CHECK(try_open("/proc/self/statm", O_RDONLY) == 0);
    return 0;
}

static void test_files(void **state)
{
    struct world *self = *state;
    place_script(&self->inside, "program", "exit 0");
    expect_good(self, files);
}

/* Landlock alone: without the filter of system calls. */
static int others(const struct world *self)
{
    sandbox_confine_files(self->config);
    if (sandbox_state().landlock == 0)
        return ABSENT;
    REFUSED(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM);
    if (sandbox_state().landlock >= 6)
        REFUSED(kill(getppid(), SIGCONT), EPERM);
    return 0;
}

static void test_other_processes(void **state)
{
    expect_good(*state, others);
}

static void *resolve(void *result)
{
    struct addrinfo *found = NULL;
    *(int *)result = getaddrinfo("localhost", "http", NULL, &found);
    freeaddrinfo(found);
    return NULL;
}

/* With everything that the C library loads and reads for it, on a thread. */
static int names(const struct world *self)
{
    pthread_t thread;
    int result = -1;
    sandbox_confine_files(self->config);
    sandbox_confine_calls(self->config);
    CHECK(pthread_create(&thread, NULL, resolve, &result) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(result == 0);
    CHECK(sandbox_state().refused == 0);
    return 0;
}

static void test_names_are_resolved(void **state)
{
    expect_good(*state, names);
}

/* ---- system calls ---- */

static int calls(const struct world *self)
{
    sandbox_confine_calls(self->config); /* without Landlock: nothing else says no */
    if (!sandbox_state().system_calls)
        return ABSENT;
    REFUSED(execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL), EPERM);
    REFUSED(syscall(SYS_unshare, 0), EPERM);
    REFUSED(syscall(SYS_mount, "a", "b", "c", 0, NULL), EPERM);
    REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM);
    REFUSED(syscall(SYS_bpf, 0, NULL, 0), EPERM);
    REFUSED(syscall(SYS_io_uring_setup, 1, NULL), EPERM);
    REFUSED(syscall(SYS_setuid, getuid()), EPERM);
    REFUSED(syscall(SYS_setresuid, -1, -1, -1), EPERM);
    REFUSED(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0), EPERM);
    REFUSED(syscall(SYS_chroot, "/"), EPERM);
    REFUSED(syscall(SYS_tgkill, getppid(), getppid(), 0), EPERM);
    REFUSED(try_socket(AF_PACKET, SOCK_RAW), EPERM);
    REFUSED(listen(0, 1), EPERM);
    REFUSED(ioctl(0, TIOCSTI, "x"), EPERM);
    unsigned long refused = sandbox_state().refused;
    CHECK(refused == 14);
    CHECK(getppid() > 0 && try_socket(AF_INET, SOCK_STREAM) == 0);
    CHECK(sandbox_state().refused == refused);
    return 0;
}

static void test_system_calls(void **state)
{
    struct world *self = *state;
    expect_good(self, calls);
    const char *first = strstr(log_of(self), "error sandbox: system call ");
    assert_non_null(first);
    assert_int_equal(strtol(first + strlen("error sandbox: system call "), NULL, 10), SYS_execve);
}

#ifndef __SANITIZE_ADDRESS__ /* the leak checker needs some of these */
static int processes(const struct world *self)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sandbox_confine_calls(self->config);
    if (!sandbox_state().system_calls)
        return ABSENT;
    REFUSED(fork(), EPERM);
    REFUSED(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
    REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
    REFUSED(kill(getppid(), 0), EPERM);
    const void *both = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(both == MAP_FAILED && errno == EPERM);
    CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
    CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
    return 0;
}

static void test_processes_and_memory(void **state)
{
    expect_good(*state, processes);
}
#endif

/* A call of another thread is heard, too, although it takes no signals. */
static void *refuse(void *result)
{
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* as libbester/worker.c */
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    *(bool *)result = syscall(SYS_chroot, "/") < 0 && errno == EPERM;
    return NULL;
}

static int threads(const struct world *self)
{
    pthread_t thread;
    bool good = false;
    sandbox_confine_calls(self->config);
    if (!sandbox_state().system_calls)
        return ABSENT;
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&thread, NULL, refuse, &good) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(good);
    }
    CHECK(sandbox_state().refused == 3);
    return 0;
}

static void test_threads(void **state)
{
    struct world *self = *state;
    expect_good(self, threads);
    const char *text = strstr(log_of(self), "error sandbox: ");
    assert_non_null(text); /* once, however often it came */
    assert_null(strstr(text + 1, "error sandbox: "));
}

static int aborts(const struct world *self)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    sandbox_confine_files(self->config);
    sandbox_confine_calls(self->config);
    abort();
}

static void test_an_abort_is_an_abort(void **state)
{
    struct world *self = *state;
    int status = status_of(self, aborts);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_null(strstr(log_of(self), "was refused"));
}

/* ---- without ---- */

static int without(const struct world *self)
{
    self->config->sandbox = false;
    sandbox_confine_files(self->config);
    sandbox_confine_calls(self->config);
    sandbox_tell(self->config);
    CHECK(sandbox_state().landlock == 0 && !sandbox_state().system_calls);
    CHECK(try_open(place_path(&self->outside, "secret"), O_RDONLY) == 0);
    execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
    return 1;
}

static void test_none_when_none_is_wanted(void **state)
{
    struct world *self = *state;
    expect_good(self, without);
    assert_non_null(
        strstr(log_of(self), "warning sandbox: there is none: server.sandbox is false"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_files),
        TEST(test_other_processes),
        TEST(test_names_are_resolved),
        TEST(test_system_calls),
#ifndef __SANITIZE_ADDRESS__
        TEST(test_processes_and_memory),
#endif
        TEST(test_threads),
        TEST(test_an_abort_is_an_abort),
        TEST(test_none_when_none_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
