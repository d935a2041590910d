/* Whether the other side has read what was sent to it. */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/wire.h"

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static void put_end(const struct sockaddr_storage *address, __be16 *port, __be32 out[4])
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    if (address->ss_family == AF_INET) {
        memcpy(&four, address, sizeof(four));
        *port = four.sin_port;
        out[0] = four.sin_addr.s_addr;
    } else {
        memcpy(&six, address, sizeof(six));
        *port = six.sin6_port;
        memcpy(out, &six.sin6_addr, sizeof(six.sin6_addr));
    }
}

/* The kernel is asked for the socket at the other end of ours. */
static bool ask_for_other_end(int netlink, int fd)
{
    struct sockaddr_storage ours = {.ss_family = AF_UNSPEC};
    struct sockaddr_storage theirs = {.ss_family = AF_UNSPEC};
    struct question question = {.header = {.nlmsg_len = sizeof(question),
                                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                    .nlmsg_flags = NLM_F_REQUEST}};
    struct inet_diag_req_v2 *request = &question.request;

    if (getsockname(fd, (struct sockaddr *)&ours, &(socklen_t){sizeof(ours)}) != 0 ||
        getpeername(fd, (struct sockaddr *)&theirs, &(socklen_t){sizeof(theirs)}) != 0)
        return false;
    request->sdiag_family = (__u8)ours.ss_family;
    request->sdiag_protocol = IPPROTO_TCP;
    request->idiag_states = ~0U;
    request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    put_end(&theirs, &request->id.idiag_sport, request->id.idiag_src);
    put_end(&ours, &request->id.idiag_dport, request->id.idiag_dst);
    return send(netlink, &question, sizeof(question), 0) == (ssize_t)sizeof(question);
}

/* Bytes that the other end of a TCP connection has received and nobody has read
 * yet; 0 where the kernel does not say. */
static unsigned unread_at_other_end(int fd)
{
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    unsigned unread = 0;

    if (netlink < 0)
        return 0;
    if (ask_for_other_end(netlink, fd)) {
        ssize_t n = recv(netlink, &answer, sizeof(answer), 0);

        if (n > 0 && NLMSG_OK(&answer.header, (size_t)n) &&
            answer.header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            const struct inet_diag_msg *socket_there = NLMSG_DATA(&answer.header);

            unread = socket_there->idiag_rqueue;
        }
    }
    close(netlink);
    return unread;
}

bool wire_is_read(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    int unsent = 0;

    /* Of a UNIX socket: what nobody has read yet. Of TCP: what is not acknowledged. */
    if (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
        return false;
    if (getsockname(fd, (struct sockaddr *)&address, &(socklen_t){sizeof(address)}) != 0 ||
        address.ss_family == AF_UNIX)
        return true;
    return unread_at_other_end(fd) == 0;
}
