#include "harness/knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/must.h"

/* Access times are no event. */
static const double LOOK_S = 0.01;
/* For the kernel's word about a socket of our own, once for each family. */
enum { PROBE_MS = 2000, MESSAGES_BYTES = 16384, BUFFER_BYTES = 4 << 20 };

/* An address as the kernel tells of it. */
struct target {
    int family;
    unsigned char host[16];
    size_t host_bytes;
    in_port_t port;
};

struct knock {
    struct ev_loop *loop;
    struct target target;
    char path[128]; /* of a UNIX socket; else "" */
    knock_on_knock *on_knock;
    void *user;
    ev_io told; /* .fd -1: of a UNIX socket */
    ev_timer look;
};

static void tell(struct knock *self, bool seen)
{
    ev_io_stop(self->loop, &self->told);
    ev_timer_stop(self->loop, &self->look);
    self->on_knock(seen, self->user);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

/* Other sockets end by the thousand on a busy machine: of those we are not even told. */
static void tell_only_of(int diag, const struct target *target)
{
    enum {
        MESSAGE = sizeof(struct nlmsghdr),
        PORT = MESSAGE + offsetof(struct inet_diag_msg, id.idiag_dport),
        HOST = MESSAGE + offsetof(struct inet_diag_msg, id.idiag_dst)
    };
    uint32_t last; /* four bytes of the host */
    memcpy(&last, target->host + target->host_bytes - sizeof(last), sizeof(last));
    unsigned at = HOST + (unsigned)(target->host_bytes - sizeof(last));
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, PORT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(target->port), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(last), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    /* Without it there is only more to pass over. */
    if (setsockopt(diag, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
        return;
}

static int open_diag(const struct target *target)
{
    unsigned group =
        target->family == AF_INET6 ? SKNLGRP_INET6_TCP_DESTROY : SKNLGRP_INET_TCP_DESTROY;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1U << (group - 1)};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){BUFFER_BYTES}, sizeof(int));
    tell_only_of(fd, target);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static struct target target_of(const struct sockaddr_storage *address)
{
    struct target target = {.family = address->ss_family};
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    if (target.family == AF_INET6) {
        memcpy(&six, address, sizeof(six));
        target.port = six.sin6_port;
        target.host_bytes = sizeof(six.sin6_addr);
        memcpy(target.host, &six.sin6_addr, sizeof(six.sin6_addr));
    } else {
        memcpy(&four, address, sizeof(four));
        target.port = four.sin_port;
        target.host_bytes = sizeof(four.sin_addr);
        memcpy(target.host, &four.sin_addr, sizeof(four.sin_addr));
    }
    return target;
}

/* Was that socket to go there? One that blocked in connect has forgotten the port when
 * it ends. */
static bool was_for(const struct inet_diag_msg *message, const struct target *target)
{
    return message->idiag_family == target->family &&
           memcmp(message->id.idiag_dst, target->host, target->host_bytes) == 0 &&
           (message->id.idiag_dport == target->port || message->id.idiag_dport == 0);
}

/* One that has sent more than its first segment was connected before. */
static bool was_refused(const struct nlmsghdr *header, const struct inet_diag_msg *message)
{
    const struct rtattr *at = (const struct rtattr *)(message + 1);
    int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));

    for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        struct tcp_info info = {0};
        size_t len = RTA_PAYLOAD(at);

        if (at->rta_type != INET_DIAG_INFO || len < offsetof(struct tcp_info, tcpi_segs_in))
            continue;
        memcpy(&info, RTA_DATA(at), len < sizeof(info) ? len : sizeof(info));
        return info.tcpi_segs_out <= 1;
    }
    return false;
}

/* 1: somebody was refused there; 0: not so far; -1: nobody knows. */
static int read_diag(int fd, const struct target *target)
{
    union {
        struct nlmsghdr header;
        char bytes[MESSAGES_BYTES];
    } buffer;
    ssize_t n;

    while ((n = recv(fd, &buffer, sizeof(buffer), 0)) > 0) {
        unsigned left = (unsigned)n;

        for (struct nlmsghdr *at = &buffer.header; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left))
            if (at->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)) &&
                was_for(NLMSG_DATA(at), target) && was_refused(at, NLMSG_DATA(at)))
                return 1;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void on_told(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct knock *self = watcher->data;
    int what = read_diag(watcher->fd, &self->target);

    (void)loop, (void)events;
    if (what != 0)
        tell(self, what > 0);
}

/* Knocks at the address; who knocks must not block. */
static void knock_at(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, len) != 0) {
        struct pollfd refused = {.fd = fd, .events = POLLOUT};

        poll(&refused, 1, PROBE_MS);
    }
    if (fd >= 0)
        close(fd);
}

/* Whether the kernel tells us of a socket of our own that was refused at that place. */
static bool tells_of_place(int place, struct sockaddr_storage *address, socklen_t len)
{
    if (bind(place, (struct sockaddr *)address, len) != 0 ||
        getsockname(place, (struct sockaddr *)address, &len) != 0)
        return false;
    struct target target = target_of(address);
    struct pollfd told = {.fd = open_diag(&target), .events = POLLIN};
    int found = 0;

    if (told.fd < 0)
        return false;
    knock_at(address, len);
    while (found == 0 && poll(&told, 1, PROBE_MS) > 0)
        found = read_diag(told.fd, &target);
    close(told.fd);
    return found > 0;
}

static bool tells_of(int family)
{
    static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    bool is_six = family == AF_INET6;
    int place = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (is_six)
        ((struct sockaddr_in6 *)&address)->sin6_addr = loopback6;
    else
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool tells =
        place >= 0 && tells_of_place(place, &address,
                          is_six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    if (place >= 0)
        close(place);
    return tells;
}

static bool is_told_of(int family)
{
    static int known[2]; /* 0: not asked yet; 1: yes; -1: no */
    int *answer = &known[family == AF_INET6];

    if (*answer == 0)
        *answer = tells_of(family) ? 1 : -1;
    return *answer > 0;
}

/* ---- UNIX ------------------------------------------------------------------------------------ */

/* Access times are noted when they are older than the last change. */
static bool forget_access(const char *path)
{
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_nsec = UTIME_OMIT}};

    return utimensat(AT_FDCWD, path, times, 0) == 0;
}

static bool was_accessed(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && about.st_atim.tv_sec != 1;
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct knock *self = watcher->data;

    (void)events;
    if (was_accessed(self->path))
        tell(self, true);
    else
        ev_timer_again(loop, watcher);
}

static bool notes_access(const struct place *place)
{
    if (!forget_access(place->text))
        return false;
    knock_at(&place->address, place->address_len);
    return was_accessed(place->text) && forget_access(place->text);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct knock *knock_new(
    struct ev_loop *loop, const struct place *place, knock_on_knock *on_knock, void *user)
{
    int family = place->address.ss_family;
    bool is_unix = family == AF_UNIX;
    bool able = is_unix ? notes_access(place) : is_told_of(family);
    struct target target = is_unix ? (struct target){0} : target_of(&place->address);
    int diag = able && !is_unix ? open_diag(&target) : -1;

    if (!able || (!is_unix && diag < 0))
        return NULL;
    struct knock *self = must_alloc(sizeof(*self));
    *self = (struct knock){.loop = loop, .target = target, .on_knock = on_knock, .user = user};
    ev_io_init(&self->told, on_told, diag, EV_READ);
    ev_timer_init(&self->look, on_look, LOOK_S, LOOK_S);
    self->told.data = self->look.data = self;
    if (is_unix) {
        memcpy(self->path, place->text, sizeof(self->path));
        ev_timer_start(loop, &self->look);
    } else {
        ev_io_start(loop, &self->told);
    }
    return self;
}

void knock_free(struct knock *self)
{
    if (!self)
        return;
    ev_timer_stop(self->loop, &self->look);
    if (self->told.fd >= 0) {
        ev_io_stop(self->loop, &self->told);
        close(self->told.fd);
    }
    free(self);
}
