/*
 * shim: a library for LD_PRELOAD that makes one call of besterd fail, the n-th of its kind.
 *
 * What is to fail stands on a board, a file that whoever runs besterd maps, too, and writes to
 * before and while it runs: nothing else passes between the two. BESTER_FAULT_BOARD names it; in
 * a process of another program, in what besterd forks and without the variable, every call is as
 * always. While the board says `counting`, each call adds to the count of its kind, and that whose
 * count comes to `nth` (and `span` - 1 after it) fails with `action`: an errno, or SHORT, a byte
 * alone is read or written. Kinds go by names, so that the two sides share no numbers.
 *
 * All that allocates counts as one kind, "memory". What a failure says is true: after a close that
 * fails the descriptor is closed, after EPIPE and ECONNRESET there is no connection any more. Calls
 * that a library makes within itself, past the dynamic linker, are not seen.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT = -1, NAME_BYTES = 24, KINDS_MAX = 96, FRAMES_MAX = 24, STEPS_MAX = 1 << 16 };
enum { WHERE_BYTES = 4096 };

/* One call that was counted while `tracing`: which, and by what way it was come to. */
struct step {
    uint32_t kind;
    uint32_t nth;
    uint64_t way;
};

/* tests/faults/board.py has the same layout. */
struct board {
    _Atomic uint32_t ready; /* the shim has begun */
    _Atomic uint32_t counting;
    _Atomic uint32_t tracing;
    _Atomic uint32_t fired; /* how many calls failed */
    _Atomic int32_t action;
    _Atomic uint32_t nth; /* 0: none */
    _Atomic uint32_t span;
    _Atomic uint32_t steps;
    char kind[NAME_BYTES];
    char where[WHERE_BYTES]; /* of the first that failed: MODULE+0xOFFSET for each frame */
    struct {
        char name[NAME_BYTES];
        _Atomic uint64_t count;
    } counts[KINDS_MAX];
    struct step step[STEPS_MAX];
};

static struct board *board; /* NULL: every call is as always */
static _Thread_local bool inside;

/* The real one of a name. */
static void *real_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found) {
        fprintf(stderr, "shim: there is no %s\n", name);
        abort();
    }
    return found;
}

/* ---- the board ---- */

static void in_child(void)
{
    board = NULL;
}

static bool is_meant(void)
{
    const char *program = getenv("BESTER_FAULT_PROGRAM");

    return program && strcmp(program, program_invocation_short_name) == 0;
}

__attribute__((constructor)) static void begin(void)
{
    void *frames[2];
    const char *path = getenv("BESTER_FAULT_BOARD");
    int fd = path && is_meant() ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);
    if (at == MAP_FAILED)
        return;
    (void)backtrace(frames, 2); /* what it needs it loads now, not at a call that is counted */
    pthread_atfork(NULL, NULL, in_child);
    board = at;
    board->ready = 1;
}

static uint64_t way_here(void **frames, int count)
{
    uint64_t way = 14695981039346656037u; /* FNV-1a */

    for (int i = 2; i < count; i++)
        way = (way ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
    return way;
}

static void tell_where(void **frames, int count)
{
    size_t len = 0;

    for (int i = 2; i < count && len + 256 < WHERE_BYTES; i++) {
        Dl_info info;

        if (dladdr(frames[i], &info) && info.dli_fname)
            len += (size_t)snprintf(board->where + len, 255, "%.200s+0x%zx\n", info.dli_fname,
                (size_t)((char *)frames[i] - (char *)info.dli_fbase));
    }
}

/* A call of the sanitizer that besterd was built with, on its own account. */
static bool is_sanitizer(void **frames, int count)
{
    bool through_it = false;

    for (int i = 2; i < count; i++) {
        Dl_info info;

        if (!dladdr(frames[i], &info) || !info.dli_fname)
            continue;
        through_it = through_it || strstr(info.dli_fname, "/libasan.");
        if (strstr(info.dli_fname, program_invocation_short_name))
            return false;
    }
    return through_it;
}

static void trace(unsigned kind, uint64_t nth)
{
    void *frames[FRAMES_MAX];
    uint32_t index = atomic_fetch_add(&board->steps, 1);

    if (index < STEPS_MAX)
        board->step[index] =
            (struct step){kind, (uint32_t)nth, way_here(frames, backtrace(frames, FRAMES_MAX))};
}

static int look(const char *name)
{
    void *frames[FRAMES_MAX];
    unsigned kind = 0;

    while (kind < KINDS_MAX - 1 && strcmp(board->counts[kind].name, name) != 0 &&
           board->counts[kind].name[0])
        kind++; /* two threads that find a new one at once may count it twice: harmless */
    if (!board->counts[kind].name[0])
        snprintf(board->counts[kind].name, NAME_BYTES, "%s", name);
    uint64_t count = atomic_fetch_add(&board->counts[kind].count, 1) + 1;

    if (board->tracing)
        trace(kind, count);
    if (count < board->nth || count - board->nth >= board->span || strcmp(board->kind, name) != 0)
        return 0;
    int depth = backtrace(frames, FRAMES_MAX);

    if (is_sanitizer(frames, depth))
        return 0;
    if (atomic_fetch_add(&board->fired, 1) == 0)
        tell_where(frames, depth);
    return board->action;
}

/* Whether this call is to fail: 0, an errno, or SHORT. */
static int judge(const char *name)
{
    int before = errno;
    int action = 0;

    if (!board || !board->counting || inside)
        return 0;
    inside = true;
    action = look(name);
    inside = false;
    errno = action > 0 ? action : before;
    return action;
}

/* ---- memory ---- */

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);

/* The linker itself asks for memory before anything of ours has run. */
static void find_memory(void)
{
    if (real_realloc)
        return;
    real_malloc = (void *(*)(size_t))real_of("malloc");
    real_calloc = (void *(*)(size_t, size_t))real_of("calloc");
    real_realloc = (void *(*)(void *, size_t))real_of("realloc");
}

void *malloc(size_t size)
{
    find_memory();
    return judge("memory") ? NULL : real_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    find_memory();
    return judge("memory") ? NULL : real_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    find_memory();
    return judge("memory") ? NULL : real_realloc(at, size);
}

void *reallocarray(void *at, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(at, total);
}

/* A sanitizer's own would take its memory past us. */
char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    char *copy = malloc(len + 1);

    if (!copy)
        return NULL;
    copy[len] = '\0';
    return memcpy(copy, text, len);
}

/* ---- what fails by -1 and errno ---- */

/* Packets come whole or not at all: there it is as always. */
static bool may_cut(int fd)
{
    static int (*real)(int, int, int, void *, socklen_t *);
    int type = SOCK_STREAM;
    socklen_t size = sizeof(type);
    int before = errno;

    if (!real)
        real = (int (*)(int, int, int, void *, socklen_t *))real_of("getsockopt");
    (void)real(fd, SOL_SOCKET, SO_TYPE, &type, &size); /* not for what is no socket */
    errno = before;
    return type == SOCK_STREAM;
}

/* Where the error says that the connection is gone, it is. */
static ssize_t failed(int fd, int action)
{
    if (action == EPIPE || action == ECONNRESET) {
        static int (*real)(int, int);
        if (!real)
            real = (int (*)(int, int))real_of("shutdown");
        (void)real(fd, SHUT_RDWR);
        errno = action;
    }
    return -1;
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real)                     \
    real = (__typeof__(name) *)real_of(#name)

#define FAILS(result, name, parameters, arguments) \
    result name parameters                         \
    {                                              \
        REAL(name);                                \
        return judge(#name) ? -1 : real arguments; \
    }

/* Like the other, but a count of bytes may be cut to one. */
#define FAILS_OR_CUTS(name, parameters, arguments, len)          \
    ssize_t name parameters                                      \
    {                                                            \
        REAL(name);                                              \
        int action = judge(#name);                               \
        if (action == SHORT && (len) > 1 && may_cut(fd))         \
            (len) = 1;                                           \
        return action > 0 ? failed(fd, action) : real arguments; \
    }

int posix_memalign(void **out, size_t alignment, size_t size)
{
    REAL(posix_memalign);
    return judge("memory") ? ENOMEM : real(out, alignment, size);
}

/* An eventfd that does not block takes its eight bytes and gives them: the kernel knows no error.
 */
enum { EVENTFDS_MAX = 1024 };
static bool is_eventfd[EVENTFDS_MAX];

int eventfd(unsigned initial, int flags)
{
    REAL(eventfd);
    int fd = judge("eventfd") ? -1 : real(initial, flags);

    if (fd >= 0 && fd < EVENTFDS_MAX)
        is_eventfd[fd] = true;
    return fd;
}

static bool never_fails(int fd)
{
    return fd >= 0 && fd < EVENTFDS_MAX && is_eventfd[fd];
}

ssize_t read(int fd, void *at, size_t len)
{
    REAL(read);
    int action = never_fails(fd) ? 0 : judge("read");

    return action > 0 ? failed(fd, action) : real(fd, at, action == SHORT && len > 1 ? 1 : len);
}

ssize_t write(int fd, const void *at, size_t len)
{
    REAL(write);
    int action = never_fails(fd) ? 0 : judge("write");

    return action > 0 ? failed(fd, action) : real(fd, at, action == SHORT && len > 1 ? 1 : len);
}

FAILS_OR_CUTS(recv, (int fd, void *at, size_t len, int flags), (fd, at, len, flags), len)
FAILS_OR_CUTS(send, (int fd, const void *at, size_t len, int flags), (fd, at, len, flags), len)
FAILS_OR_CUTS(pread64, (int fd, void *at, size_t len, off64_t from), (fd, at, len, from), len)
FAILS_OR_CUTS(pwrite64, (int fd, const void *at, size_t len, off64_t to), (fd, at, len, to), len)
FAILS_OR_CUTS(sendto,
    (int fd, const void *at, size_t len, int flags, const struct sockaddr *to, socklen_t size),
    (fd, at, len, flags, to, size), len)
FAILS_OR_CUTS(recvfrom,
    (int fd, void *at, size_t len, int flags, struct sockaddr *from, socklen_t *size),
    (fd, at, len, flags, from, size), len)

/* What a fortified program calls instead. */
ssize_t __read_chk(int fd, void *at, size_t len, size_t room);
ssize_t __read_chk(int fd, void *at, size_t len, size_t room)
{
    if (len > room)
        abort();
    return read(fd, at, len);
}
ssize_t __recv_chk(int fd, void *at, size_t len, size_t room, int flags);
ssize_t __recv_chk(int fd, void *at, size_t len, size_t room, int flags)
{
    if (len > room)
        abort();
    return recv(fd, at, len, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    REAL(recvmsg);
    int action = judge("recvmsg");

    return action ? failed(fd, action) : real(fd, message, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    int action = judge("sendmsg");
    struct iovec byte;

    if (action != SHORT || message->msg_iovlen == 0 || !may_cut(fd))
        return action > 0 ? failed(fd, action) : real(fd, message, flags);
    struct msghdr less = *message;

    byte = (struct iovec){message->msg_iov[0].iov_base, 1};
    less.msg_iov = &byte;
    less.msg_iovlen = 1;
    return real(fd, &less, flags);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    REAL(writev);
    int action = judge("writev");

    if (action != SHORT || count == 0)
        return action > 0 ? failed(fd, action) : real(fd, iov, count);
    return real(fd, &(struct iovec){iov[0].iov_base, 1}, 1);
}

FAILS(int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags),
    (fd, from, size, flags))
FAILS(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAILS(int, socketpair, (int domain, int type, int protocol, int pair[2]),
    (domain, type, protocol, pair))
FAILS(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
FAILS(int, bind, (int fd, const struct sockaddr *at, socklen_t size), (fd, at, size))
FAILS(int, listen, (int fd, int backlog), (fd, backlog))
FAILS(int, shutdown, (int fd, int how), (fd, how))
FAILS(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
    (fd, level, name, value, size))
FAILS(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
    (fd, level, name, value, size))
FAILS(int, getsockname, (int fd, struct sockaddr *at, socklen_t *size), (fd, at, size))
FAILS(int, getpeername, (int fd, struct sockaddr *at, socklen_t *size), (fd, at, size))
FAILS(int, fstat, (int fd, struct stat *out), (fd, out))
FAILS(int, fstat64, (int fd, struct stat64 *out), (fd, out))
FAILS(int, stat, (const char *path, struct stat *out), (path, out))
FAILS(int, stat64, (const char *path, struct stat64 *out), (path, out))
FAILS(int, lstat, (const char *path, struct stat *out), (path, out))
FAILS(int, lstat64, (const char *path, struct stat64 *out), (path, out))
FAILS(int, access, (const char *path, int mode), (path, mode))
FAILS(int, fsync, (int fd), (fd))
FAILS(int, fdatasync, (int fd), (fd))
FAILS(int, ftruncate64, (int fd, off64_t size), (fd, size))
FAILS(int, fchmod, (int fd, mode_t mode), (fd, mode))
FAILS(int, chmod, (const char *path, mode_t mode), (path, mode))
FAILS(int, mkdir, (const char *path, mode_t mode), (path, mode))
FAILS(int, rename, (const char *from, const char *to), (from, to))
FAILS(int, link, (const char *from, const char *to), (from, to))
FAILS(int, unlink, (const char *path), (path))
FAILS(int, dup, (int fd), (fd))
FAILS(int, dup2, (int fd, int to), (fd, to))
FAILS(int, pipe, (int pair[2]), (pair))
FAILS(int, pipe2, (int pair[2], int flags), (pair, flags))
FAILS(int, epoll_create1, (int flags), (flags))
FAILS(int, epoll_ctl, (int fd, int what, int of, struct epoll_event *event), (fd, what, of, event))
FAILS(int, epoll_wait, (int fd, struct epoll_event *events, int max, int ms), (fd, events, max, ms))
FAILS(int, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms))
FAILS(int, ppoll,
    (struct pollfd * fds, nfds_t count, const struct timespec *until, const sigset_t *mask),
    (fds, count, until, mask))
FAILS(int, timerfd_create, (clockid_t clock, int flags), (clock, flags))
FAILS(int, timerfd_settime,
    (int fd, int flags, const struct itimerspec *to, struct itimerspec *was), (fd, flags, to, was))
FAILS(ssize_t, getrandom, (void *at, size_t len, unsigned flags), (at, len, flags))
FAILS(int, getentropy, (void *at, size_t len), (at, len))
FAILS(int, kill, (pid_t pid, int number), (pid, number))
FAILS(pid_t, fork, (void), ())
FAILS(int, getrlimit, (__rlimit_resource_t what, struct rlimit *out), (what, out))
FAILS(int, setrlimit, (__rlimit_resource_t what, const struct rlimit *to), (what, to))

/* What is to be closed is gone whatever it says, as on Linux. */
#define CLOSES(name, parameter, argument)    \
    int name parameter                       \
    {                                        \
        REAL(name);                          \
        int action = judge(#name);           \
        int result = real argument;          \
        errno = action > 0 ? action : errno; \
        return action > 0 ? -1 : result;     \
    }
int close(int fd)
{
    REAL(close);
    int action = judge("close");
    int result;

    if (fd >= 0 && fd < EVENTFDS_MAX)
        is_eventfd[fd] = false;
    result = real(fd);
    errno = action > 0 ? action : errno;
    return action > 0 ? -1 : result;
}
CLOSES(fclose, (FILE * file), (file))
CLOSES(fflush, (FILE * file), (file))

/* ---- others ---- */

pid_t waitpid(pid_t pid, int *status, int options)
{
    REAL(waitpid);
    return !(options & WNOHANG) && judge("waitpid") ? -1 : real(pid, status, options);
}

static mode_t mode_of(int flags, va_list *list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(*list, mode_t) : 0;
}

#define OPENS(name)                                                                            \
    int name(const char *path, int flags, ...)                                                 \
    {                                                                                          \
        int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))real_of(#name); \
        va_list list;                                                                          \
        va_start(list, flags);                                                                 \
        mode_t mode = mode_of(flags, &list);                                                   \
        va_end(list);                                                                          \
        return judge("open") ? -1 : real(path, flags, mode);                                   \
    }
OPENS(open)
OPENS(open64)

int openat(int at, const char *path, int flags, ...)
{
    int (*real)(int, const char *, int, ...) =
        (int (*)(int, const char *, int, ...))real_of("openat");
    va_list list;

    va_start(list, flags);
    mode_t mode = mode_of(flags, &list);
    va_end(list);
    return judge("open") ? -1 : real(at, path, flags, mode);
}

#define FCNTLS(name)                                                         \
    int name(int fd, int command, ...)                                       \
    {                                                                        \
        int (*real)(int, int, ...) = (int (*)(int, int, ...))real_of(#name); \
        va_list list;                                                        \
        va_start(list, command);                                             \
        void *argument = va_arg(list, void *);                               \
        va_end(list);                                                        \
        return judge("fcntl") ? -1 : real(fd, command, argument);            \
    }
FCNTLS(fcntl)
FCNTLS(fcntl64)

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    return judge("fopen") ? NULL : real(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    REAL(fopen64);
    return judge("fopen") ? NULL : real(path, mode);
}

FILE *fdopen(int fd, const char *mode)
{
    REAL(fdopen);
    return judge("fopen") ? NULL : real(fd, mode);
}

DIR *opendir(const char *path)
{
    REAL(opendir);
    return judge("opendir") ? NULL : real(path);
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t from)
{
    REAL(mmap64);
    return judge("mmap") ? MAP_FAILED : real(at, len, protection, flags, fd, from);
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t from)
{
    REAL(mmap);
    return judge("mmap") ? MAP_FAILED : real(at, len, protection, flags, fd, from);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *of)
{
    REAL(pthread_create);
    int action = judge("pthread_create");

    return action ? action : real(out, attributes, run, of);
}

/* Fails as a whole: within it, glibc 2.36 itself does not survive that a call of it fails. */
int getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    REAL(getaddrinfo);
    int action = judge("getaddrinfo");

    if (!action) {
        bool before = inside;

        inside = true;
        int result = real(node, service, hints, out);

        inside = before;
        return result;
    }
    return action == ENOMEM ? EAI_MEMORY : action == EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
}
