/*
 * notify: tells the service manager that started us how it goes, as sd_notify(3)
 * does: datagrams to the socket that NOTIFY_SOCKET names. Without it nothing is
 * ever sent.
 *
 * Owns its socket. What the manager gave us in the environment is taken out of it:
 * handlers must not speak for us.
 */
#ifndef BESTERD_NOTIFY_H
#define BESTERD_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

#include "libbester/status.h"

struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_len;
    double watchdog_s; /* a sign of life is wanted at least so often; 0: none is */
};

/* Looks at NOTIFY_SOCKET (a path, or '@' and an abstract name), WATCHDOG_USEC and
 * WATCHDOG_PID. */
void notify_open(struct notify *self);
/* May be called twice. */
void notify_close(struct notify *self);

/* Lines of NAME=value. Waits for the manager at most a second; what it does not
 * take then is lost. */
void notify_send(const struct notify *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* WATCHDOG=1; never waits. */
void notify_alive(const struct notify *self);
/* RELOADING=1, with the time that the manager wants beside it. */
void notify_reloading(const struct notify *self);

#endif
