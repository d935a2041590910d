#include "besterd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "besterd/log.h"

enum { TEXT_MAX = 1024, PATIENCE_S = 1 };

/* What a variable says, which then is no more; NULL: nothing. The caller's. */
static char *take_variable(const char *name)
{
    const char *value = getenv(name);
    char *copy = value != NULL ? strdup(value) : NULL;
    unsetenv(name);
    return copy;
}

static bool read_address(struct notify *self, const char *text)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof self->to.sun_path)
        return false;
    self->to = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(self->to.sun_path, text, len);
    if (text[0] == '@')
        self->to.sun_path[0] = '\0';
    self->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

static double read_watchdog(const char *microseconds, const char *pid)
{
    if (microseconds == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    double interval_s = (double)strtoull(microseconds, NULL, 10) / 1e6;
    return interval_s > 0 && interval_s < 1e9 ? interval_s : 0;
}

void notify_open(struct notify *self)
{
    char *address = take_variable("NOTIFY_SOCKET");
    char *microseconds = take_variable("WATCHDOG_USEC");
    char *pid = take_variable("WATCHDOG_PID");
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    *self = (struct notify){.fd = -1};
    if (address != NULL && read_address(self, address))
        self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (self->fd >= 0) {
        (void)setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        self->watchdog_s = read_watchdog(microseconds, pid);
    } else if (address != NULL && address[0] != '\0') {
        log_line(LOG_LEVEL_WARNING, "notify", "NOTIFY_SOCKET cannot be used: %s", address);
    }
    free(pid);
    free(microseconds);
    free(address);
}

void notify_close(struct notify *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->watchdog_s = 0;
}

static void put(const struct notify *self, const char *text, int flags)
{
    const struct sockaddr *to = (const struct sockaddr *)&self->to;
    ssize_t sent;
    do {
        sent = sendto(self->fd, text, strlen(text), MSG_NOSIGNAL | flags, to, self->to_len);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && flags == 0)
        log_line(LOG_LEVEL_WARNING, "notify", "not told: %s", strerror(errno));
}

void notify_send(const struct notify *self, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    if (self->fd < 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(self, text, 0);
}

void notify_alive(const struct notify *self)
{
    if (self->fd >= 0)
        put(self, "WATCHDOG=1", MSG_DONTWAIT);
}

void notify_reloading(const struct notify *self)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_send(self, "RELOADING=1\nMONOTONIC_USEC=%lld",
        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}
