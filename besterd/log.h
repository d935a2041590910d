/*
 * log: one line to stderr for each event, as text or as a JSON object.
 *
 *   2026-11-22T17:00:00.123Z info session 12: logged in as "T"
 *   2026-11-22T17:00:00.124Z debug pipeline [5f0c…]: asked chat
 *   {"time":"…","level":"debug","subject":"pipeline","trace":"5f0c…","message":"asked chat"}
 *
 * The trace is what one message is called on its way through handlers and servers.
 * A line leaves in one write, at most LOG_LINE_MAX bytes, cut with "..." where
 * longer. Control characters and bytes that are not UTF-8 are written as escapes
 * (libbester/visible.h), so that a line is always one line and a peer cannot
 * forge one. Nothing ever blocks or kills the server: when the other end of
 * stderr is full or gone, lines are dropped and counted, and the count is logged
 * once there is room. Passwords never come here: callers do not pass them.
 *
 * One of the two modules of besterd with state of their own (the other: sandbox). May be called
 * from threads.
 */
#ifndef BESTERD_LOG_H
#define BESTERD_LOG_H

#include "libbester/status.h"

#define LOG_LEVEL_TABLE(X)          \
    X(LOG_LEVEL_ERROR, "error")     \
    X(LOG_LEVEL_WARNING, "warning") \
    X(LOG_LEVEL_INFO, "info")       \
    X(LOG_LEVEL_DEBUG, "debug")

enum log_level {
#define X(name, text) name,
    LOG_LEVEL_TABLE(X)
#undef X
        LOG_LEVEL_COUNT
};

#define LOG_FORMAT_TABLE(X)    \
    X(LOG_FORMAT_TEXT, "text") \
    X(LOG_FORMAT_JSON, "json")

enum log_format {
#define X(name, text) name,
    LOG_FORMAT_TABLE(X)
#undef X
        LOG_FORMAT_COUNT
};

enum { LOG_LINE_MAX = 4096 }; /* PIPE_BUF: a pipe takes a line whole or not at all */

/* Call once at start, before the first line; without it lines go to stderr at
 * level info and may block. Opens fd's file anew without blocking where it can
 * (never sets O_NONBLOCK on fd itself, which others share) and ignores SIGPIPE. */
void log_open(int fd, enum log_level level);
/* Closes what log_open opened; for tests. */
void log_close(void);

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
void log_set_format(enum log_format format);

/* subject: "session 12", "handler chat", or "" for the server itself. Returns at
 * once, before any formatting, when the level is not enabled. */
void log_line(enum log_level level, const char *subject, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same about one message; trace: what it is called. */
void log_traced(enum log_level level, const char *subject, const char *trace, const char *format,
    ...) PRINTF_LIKE(4, 5);

/* What peers can cause as often as they like must not fill the log: through a valve,
 * all zero at first, go LOG_VALVE_LINES in a second, and the next that goes through
 * after that is preceded by how many did not. now_s never goes back. Whether the
 * caller is to write his line. */
enum { LOG_VALVE_LINES = 5 };
struct log_valve {
    double until_s;
    unsigned lines;
    unsigned long held;
};
MUST_CHECK bool log_valve_open(
    struct log_valve *self, double now_s, enum log_level level, const char *subject);
/* A line through a valve, by the machine's steady clock. trace: of the message that it is
 * about, or NULL. */
void log_sparingly(struct log_valve *self, enum log_level level, const char *subject,
    const char *trace, const char *format, ...) PRINTF_LIKE(5, 6);

/* Where lines go, for who closes descriptors that he does not know. */
int log_descriptor(void);

/* Lines dropped so far. */
unsigned long log_dropped(void);

/* "error", …; LOG_LEVEL_COUNT if there is none of that text. */
const char *log_level_text(enum log_level level);
enum log_level log_level_from_text(struct span text);

#endif
