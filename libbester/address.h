/*
 * address: where a server, a handler or a user is, as text and as a struct.
 *
 * Texts: "tcp4://127.0.0.1:2223", "tcp6://[::1]:2223", "unix:///run/x.sock" or
 * "unix:relative/path", and without a scheme "host:port", "[v6]:port". Plain
 * values; nothing is allocated and no name is looked up.
 */
#ifndef BESTER_ADDRESS_H
#define BESTER_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include "libbester/status.h"

enum address_kind {
    ADDRESS_TCP,  /* whatever the name resolves to */
    ADDRESS_TCP4, /* IPv4 only */
    ADDRESS_TCP6,
    ADDRESS_UNIX
};

enum { ADDRESS_HOST_MAX = 254, ADDRESS_PATH_MAX = 108, ADDRESS_TEXT_MAX = 300 };

struct address {
    enum address_kind kind;
    char host[ADDRESS_HOST_MAX]; /* without brackets */
    uint16_t port;
    char path[ADDRESS_PATH_MAX]; /* ADDRESS_UNIX only */
};

/* STATUS_INVALID, and *fault (may be NULL) says what is wrong. */
MUST_CHECK enum status address_parse(struct address *self, struct span text, struct fault *fault);
/* Writes a text that address_parse reads back; scheme always written. Cut if it
 * does not fit. Returns out. */
const char *address_format(const struct address *self, char *out, size_t cap);
/* "host:port" or "[v6]:port" as `sendServers` has it; the path for UNIX. */
const char *address_format_short(const struct address *self, char *out, size_t cap);

/* What the kernel calls it. STATUS_INVALID when the host is a name that would
 * have to be looked up, or the path is too long. */
MUST_CHECK enum status address_to_sockaddr(
    const struct address *self, struct sockaddr_storage *out, socklen_t *len);
MUST_CHECK enum status address_from_sockaddr(
    struct address *self, const struct sockaddr *from, socklen_t len);
/* Whether only this machine can reach it: UNIX, 127.0.0.0/8, ::1. A name: no. */
bool address_is_local(const struct address *self);

/* "user@server" or "user". Both parts keep every character but '@', which
 * separates at its last occurrence. */
enum { USER_NAME_MAX = 128, SERVER_NAME_MAX = 254 };
struct user_address {
    char user[USER_NAME_MAX];
    char server[SERVER_NAME_MAX]; /* "" : this server */
};
MUST_CHECK enum status user_address_parse(struct user_address *self, struct span text);

#endif
