#include "besterd/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libbester/clock.h"
#include "libbester/json.h"
#include "libbester/visible.h"

enum { SUBJECT_MAX = 200 };

/* How a line reaches the other end without ever waiting for it. */
enum manner {
    BY_WRITE,      /* never blocks: a regular file, or opened anew without blocking */
    BY_SEND,       /* a socket, as systemd's journal gives: the flag is per call */
    BY_POLL_FIRST, /* could not be opened anew: ask for room, then write */
};

static struct {
    int fd;
    bool ours; /* log_open opened it */
    enum manner manner;
    atomic_int level;
    atomic_int format;
    atomic_ulong dropped; /* in all */
    atomic_ulong untold;  /* of these, not yet told in a line */
    atomic_bool torn;     /* the last line left in part */
} sink = {.fd = STDERR_FILENO, .manner = BY_WRITE, .level = LOG_LEVEL_INFO};

static const char *const level_texts[] = {
#define X(name, text) text,
    LOG_LEVEL_TABLE(X)
#undef X
};

const char *log_level_text(enum log_level level)
{
    return level < LOG_LEVEL_COUNT ? level_texts[level] : "?";
}

enum log_level log_level_from_text(struct span text)
{
    int level = 0;
    while (level < LOG_LEVEL_COUNT && !span_is(text, level_texts[level]))
        level++;
    return (enum log_level)level;
}

/* The same file through an open description of our own: O_NONBLOCK on the
 * given one would surprise the shell and everybody else who shares it. */
static int open_anew(int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_open(int fd, enum log_level level)
{
    log_close();
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    struct stat stat;
    sink.fd = fd;
    sink.manner = BY_POLL_FIRST;
    if (fstat(fd, &stat) == 0) {
        if (S_ISSOCK(stat.st_mode)) {
            sink.manner = BY_SEND;
        } else if (S_ISREG(stat.st_mode)) {
            sink.manner = BY_WRITE;
        } else {
            int own = open_anew(fd);
            if (own >= 0) {
                sink.fd = own;
                sink.ours = true;
                sink.manner = BY_WRITE;
            }
        }
    }
    log_set_level(level);
}

void log_close(void)
{
    if (sink.ours)
        close(sink.fd);
    sink.fd = STDERR_FILENO;
    sink.ours = false;
    sink.manner = BY_WRITE;
    log_set_format(LOG_FORMAT_TEXT);
    atomic_store(&sink.dropped, 0);
    atomic_store(&sink.untold, 0);
    atomic_store(&sink.torn, false);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&sink.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
    atomic_store_explicit(&sink.format, (int)format, memory_order_relaxed);
}

int log_descriptor(void)
{
    return sink.fd;
}

unsigned long log_dropped(void)
{
    return atomic_load(&sink.dropped);
}

static ssize_t put_once(const char *bytes, size_t len)
{
    if (sink.manner == BY_SEND)
        return send(sink.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sink.manner == BY_POLL_FIRST) {
        struct pollfd room = {.fd = sink.fd, .events = POLLOUT};
        int ready = poll(&room, 1, 0);
        if (ready != 1 || !(room.revents & POLLOUT)) {
            if (ready >= 0)
                errno = EAGAIN; /* it may still be EINTR, of a call long ago */
            return -1;
        }
    }
    return write(sink.fd, bytes, len);
}

/* line[0] is spare: there a newline goes that ends a line torn before. */
static bool put(const char *line, size_t len)
{
    size_t skip = atomic_load(&sink.torn) ? 0 : 1;
    ssize_t put_bytes;
    do {
        put_bytes = put_once(line + skip, len - skip);
    } while (put_bytes < 0 && errno == EINTR);
    if (put_bytes <= 0)
        return false;
    atomic_store(&sink.torn, (size_t)put_bytes < len - skip);
    return true;
}

/* A line under construction. at[0] is the spare byte of put; the last byte is
 * kept for the newline. */
struct line {
    char at[LOG_LINE_MAX + 1];
    size_t len;
    bool json;
};

/* Text that may come from strangers: one line of it, cut where it does not fit,
 * in quotes where the line is JSON. `spare` bytes stay free behind it. */
static void line_add(struct line *self, const char *text, size_t spare)
{
    char *end = self->at + self->len;
    size_t room = sizeof self->at - 1 - self->len - spare;
    char shown[LOG_LINE_MAX];
    if (!self->json) {
        visible_into(end, room, span_of(text));
        self->len += strlen(end);
        return;
    }
    visible_into(shown, sizeof shown < room ? sizeof shown : room, span_of(text));
    self->len += json_quote_into(end, room, span_of(shown)).len;
}

/* A piece of our own. */
static void line_put(struct line *self, const char *piece)
{
    size_t len = strlen(piece);
    memcpy(self->at + self->len, piece, len);
    self->len += len;
}

static void line_begin(
    struct line *self, enum log_level level, const char *subject, const char *trace)
{
    struct timespec now;
    char moment[CLOCK_TEXT_MAX];
    clock_gettime(CLOCK_REALTIME, &now);
    clock_format((double)now.tv_sec + (double)now.tv_nsec / 1e9, moment);
    self->len = 0;
    self->json = atomic_load_explicit(&sink.format, memory_order_relaxed) == LOG_FORMAT_JSON;
    line_put(self, self->json ? "\n{\"time\":\"" : "\n");
    line_put(self, moment);
    line_put(self, self->json ? "\",\"level\":\"" : " ");
    line_put(self, log_level_text(level));
    line_put(self, self->json ? "\",\"subject\":" : " ");
    line_add(self, subject[0] != '\0' ? subject : "besterd", LOG_LINE_MAX - SUBJECT_MAX);
    if (trace != NULL) {
        line_put(self, self->json ? ",\"trace\":" : " [");
        line_add(self, trace, LOG_LINE_MAX - 2 * SUBJECT_MAX);
        line_put(self, self->json ? "" : "]");
    }
    line_put(self, self->json ? ",\"message\":" : ": ");
}

static bool line_end(struct line *self, const char *text)
{
    line_add(self, text, 1);
    line_put(self, self->json ? "}\n" : "\n");
    return put(self->at, self->len);
}

/* Says how many lines were lost, if any were and there is room again. */
static void tell_losses(void)
{
    unsigned long lost = atomic_exchange(&sink.untold, 0);
    if (lost == 0)
        return;
    struct line line;
    char text[64];
    snprintf(text, sizeof text, "%lu lines were lost here", lost);
    line_begin(&line, LOG_LEVEL_WARNING, "log", NULL);
    if (!line_end(&line, text))
        atomic_fetch_add(&sink.untold, lost);
}

static void log_text(enum log_level level, const char *subject, const char *trace,
    const char *format, va_list args) PRINTF_LIKE(4, 0);

static void log_text(
    enum log_level level, const char *subject, const char *trace, const char *format, va_list args)
{
    int saved_errno = errno;
    char text[LOG_LINE_MAX];
    int len = vsnprintf(text, sizeof text, format, args);
    tell_losses();
    struct line line;
    line_begin(&line, level, subject, trace);
    if (!line_end(&line, len < 0 ? "(a line that cannot be formatted)" : text)) {
        atomic_fetch_add(&sink.dropped, 1);
        atomic_fetch_add(&sink.untold, 1);
    }
    errno = saved_errno;
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    va_list args;
    va_start(args, format);
    log_text(level, subject, NULL, format, args);
    va_end(args);
}

void log_traced(
    enum log_level level, const char *subject, const char *trace, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    va_list args;
    va_start(args, format);
    log_text(level, subject, trace, format, args);
    va_end(args);
}

bool log_valve_open(struct log_valve *self, double now_s, enum log_level level, const char *subject)
{
    if (now_s >= self->until_s) {
        if (self->held > 0)
            log_line(level, subject, "%lu lines more like the last were not written", self->held);
        *self = (struct log_valve){.until_s = now_s + 1};
    }
    if (self->lines == LOG_VALVE_LINES) {
        self->held++;
        return false;
    }
    self->lines++;
    return true;
}

void log_sparingly(struct log_valve *self, enum log_level level, const char *subject,
    const char *trace, const char *format, ...)
{
    struct timespec now;
    va_list args;

    if (!log_enabled(level))
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!log_valve_open(self, (double)now.tv_sec + (double)now.tv_nsec / 1e9, level, subject))
        return;
    va_start(args, format);
    log_text(level, subject, trace, format, args);
    va_end(args);
}
