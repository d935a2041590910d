/* Which system calls there are: a seccomp filter. Written out as its few instructions for
 * the kernel, from a table: what each call is for is all that there is to know. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "besterd/sandbox_internal.h"

#if defined(__x86_64__)
#define PROCESSOR AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define PROCESSOR AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef PROCESSOR

/* How a call is allowed: always; if an argument's bits are these; never, but with an
 * error by which the C library takes another way. */
struct rule {
    int number;
    enum how { ALWAYS, IF_BITS, NEVER } how;
    unsigned argument; /* IF_BITS: its lower half, as the kernel looks at no more of it */
    uint32_t mask, bits;
};

#define ALLOW(name)           \
    {                         \
        .number = __NR_##name \
    }
#define ALLOW_IF(name, nth, of, are)                                                          \
    {                                                                                         \
        .number = __NR_##name, .how = IF_BITS, .argument = (nth), .mask = (of), .bits = (are) \
    }

static const struct rule rules[] = {
    /* those that come with every message first */
    ALLOW(read), ALLOW(write), ALLOW(readv), ALLOW(writev), ALLOW(sendto), ALLOW(recvfrom),
    ALLOW(sendmsg), ALLOW(recvmsg), ALLOW(epoll_pwait), ALLOW(epoll_ctl), ALLOW(futex),
    ALLOW(accept4), ALLOW(close), ALLOW(clock_gettime),
#ifdef __NR_epoll_wait /* older processors have more names for the same */
    ALLOW(epoll_wait), ALLOW(poll), ALLOW(select), ALLOW(open), ALLOW(stat), ALLOW(lstat),
    ALLOW(access), ALLOW(readlink), ALLOW(unlink), ALLOW(link), ALLOW(rename), ALLOW(chmod),
    ALLOW(mkdir), ALLOW(dup2), ALLOW(pipe), ALLOW(getrlimit), ALLOW(time), ALLOW(getdents),
#endif
    /* files */
    ALLOW(openat), ALLOW(newfstatat), ALLOW(fstat), ALLOW(statx), ALLOW(statfs), ALLOW(fstatfs),
    ALLOW(lseek), ALLOW(pread64), ALLOW(pwrite64), ALLOW(fsync), ALLOW(fdatasync), ALLOW(ftruncate),
    ALLOW(fallocate), ALLOW(faccessat),
#ifdef __NR_faccessat2
    ALLOW(faccessat2),
#endif
    ALLOW(readlinkat), ALLOW(getdents64), ALLOW(getcwd), ALLOW(unlinkat), ALLOW(linkat),
    ALLOW(renameat), ALLOW(renameat2), ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchown),
    ALLOW(mkdirat), ALLOW(umask), ALLOW(dup), ALLOW(dup3), ALLOW(fcntl), ALLOW(flock), ALLOW(pipe2),
    ALLOW(close_range), ALLOW(utimensat), ALLOW(fadvise64), ALLOW(msync),
    ALLOW_IF(ioctl, 1, ~0u, FIONREAD), ALLOW_IF(ioctl, 1, ~0u, FIONBIO),
    ALLOW_IF(ioctl, 1, ~0u, TCGETS), ALLOW_IF(ioctl, 1, ~0u, TIOCGWINSZ),
    ALLOW_IF(ioctl, 1, ~0u, 0x8910 /* SIOCGIFNAME */),
    ALLOW_IF(ioctl, 1, ~0u, 0x8933 /* SIOCGIFINDEX */),
    /* the network; nothing more is listened on */
    ALLOW_IF(socket, 0, ~0u, AF_UNIX), ALLOW_IF(socket, 0, ~0u, AF_INET),
    ALLOW_IF(socket, 0, ~0u, AF_INET6), ALLOW_IF(socket, 0, ~0u, AF_NETLINK),
    ALLOW_IF(socketpair, 0, ~0u, AF_UNIX), ALLOW(connect), ALLOW(bind), ALLOW(accept),
    ALLOW(getsockname), ALLOW(getpeername), ALLOW(getsockopt), ALLOW(setsockopt), ALLOW(shutdown),
    ALLOW(sendmmsg), ALLOW(recvmmsg),
    /* waiting */
    ALLOW(ppoll), ALLOW(pselect6), ALLOW(epoll_create1), ALLOW(eventfd2), ALLOW(signalfd4),
    ALLOW(timerfd_create), ALLOW(timerfd_settime), ALLOW(timerfd_gettime),
#ifdef __NR_epoll_pwait2
    ALLOW(epoll_pwait2),
#endif
    ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(clock_getres), ALLOW(gettimeofday),
    ALLOW(restart_syscall), ALLOW(wait4),
#ifndef SANITIZED
    /* memory: none that can be both written and executed */
    ALLOW_IF(mmap, 2, PROT_WRITE | PROT_EXEC, 0),
    ALLOW_IF(mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE),
    ALLOW_IF(mmap, 2, PROT_WRITE | PROT_EXEC, PROT_EXEC), ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
    /* threads, and no processes */
    ALLOW_IF(clone, 0, CLONE_THREAD, CLONE_THREAD), ALLOW_IF(prctl, 0, ~0u, PR_SET_NAME),
#else
    /* The leak checker stops all threads from another process, at the end. */
    ALLOW(mmap), ALLOW(mprotect), ALLOW(clone), ALLOW(prctl), ALLOW(ptrace), ALLOW(kill),
#endif
    {.number = __NR_clone3, .how = NEVER}, /* clone is taken then, whose flags can be seen */
    ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(mlock), ALLOW(munlock),
    ALLOW(exit), ALLOW(exit_group), ALLOW(set_robust_list), ALLOW(get_robust_list),
    ALLOW(sched_yield), ALLOW(sched_getaffinity), ALLOW(membarrier),
#ifdef __NR_rseq
    ALLOW(rseq),
#endif
    /* signals: to itself alone, see own_rules */
    ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack),
    /* who and what we are */
    ALLOW(getpid), ALLOW(gettid), ALLOW(getppid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid),
    ALLOW(getegid), ALLOW(getresuid), ALLOW(getresgid), ALLOW(getgroups), ALLOW(getrandom),
    ALLOW(getrusage), ALLOW(sysinfo), ALLOW(uname), ALLOW(getcpu),
    ALLOW_IF(prlimit64, 0, ~0u, 0), /* our own limits: lower ones hurt nobody else */
};

enum { RULES = sizeof(rules) / sizeof(rules[0]), PER_RULE = 6, AROUND = 8 };

struct verdicts {
    struct sock_filter at[(RULES + 1) * PER_RULE + AROUND];
    unsigned short len;
};

static void put(struct verdicts *self, struct sock_filter instruction)
{
    self->at[self->len++] = instruction;
}

static void load(struct verdicts *self, size_t offset)
{
    put(self, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Goes on where it is equal, otherwise so many instructions later. */
static void if_equal(struct verdicts *self, uint32_t value, uint8_t otherwise)
{
    put(self, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise));
}

static void end_with(struct verdicts *self, uint32_t verdict)
{
    put(self, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static size_t lower_half(unsigned argument)
{
    size_t at = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);

    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? at + sizeof(uint32_t) : at;
}

static void add_rule(struct verdicts *self, const struct rule *rule)
{
    if (rule->how != IF_BITS) {
        if_equal(self, (uint32_t)rule->number, 1);
        end_with(self, rule->how == ALWAYS ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS);
        return;
    }
    if_equal(self, (uint32_t)rule->number, PER_RULE - 1);
    load(self, lower_half(rule->argument));
    put(self, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask));
    if_equal(self, rule->bits, 1);
    end_with(self, SECCOMP_RET_ALLOW);
    load(self, offsetof(struct seccomp_data, nr)); /* for the rules after it */
}

static void make_filter(struct verdicts *self)
{
    const struct rule own = ALLOW_IF(tgkill, 0, ~0u, (uint32_t)getpid()); /* abort */

    self->len = 0;
    load(self, offsetof(struct seccomp_data, arch));
    if_equal(self, PROCESSOR, 1);
    put(self, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1));
    end_with(self, SECCOMP_RET_KILL_PROCESS); /* the numbers of another processor */
    load(self, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < RULES; i++)
        add_rule(self, &rules[i]);
    add_rule(self, &own);
    end_with(self, SECCOMP_RET_TRAP);
}

/* ---- those that are refused ---- */

enum { NUMBERS = 1024 };
static atomic_ulong refused;
static atomic_bool told[NUMBERS];

static void fail_call(ucontext_t *context)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = -EPERM;
#else
    context->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#endif
}

/* Comes in the midst of what we do, but only ever at a system call: what the log does has
 * no locks and takes no memory. What it does itself is allowed. */
static void on_refused(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    unsigned number = (unsigned)info->si_syscall;

    (void)signal;
    atomic_fetch_add(&refused, 1);
    if (!atomic_exchange(&told[number < NUMBERS ? number : 0], true))
        log_line(LOG_LEVEL_ERROR, "sandbox",
            "system call %u was refused: a fault of besterd, or an attack. Please report it; "
            "server.sandbox false is a way around it",
            number);
    fail_call(context);
    errno = saved_errno;
}

bool sandbox_seccomp(void)
{
    static struct verdicts filter;
    const struct sigaction action = {
        .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    const unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

    make_filter(&filter);
    const struct sock_fprog program = {.len = filter.len, .filter = filter.at};
    if (sigaction(SIGSYS, &action, NULL) != 0)
        return false;
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

unsigned long sandbox_refused(void)
{
    return atomic_load(&refused);
}

#else /* the numbers of its calls are not known to us */

bool sandbox_seccomp(void)
{
    errno = EOPNOTSUPP;
    return false;
}

unsigned long sandbox_refused(void)
{
    return 0;
}

#endif
