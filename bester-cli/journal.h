/*
 * journal: what was said in this session: the latest lines as they were shown, for
 * /last and /grep, and all of it as NDJSON in a file, if the person wants that.
 *
 * A line of the file is one write: {"time", "event": "received", "message": …},
 * {"time", "event": "sent", "line", "id", "type", "data"} or {"time", "event":
 * "fate", "line", "id", "fate"}. What is sent as type builtin may hold a password
 * and is logged without its data.
 *
 * What the file held before this session wrote to it is told by journal_earlier, so
 * that no line is met twice.
 */
#ifndef BESTER_CLI_JOURNAL_H
#define BESTER_CLI_JOURNAL_H

#include "libbester/bytes.h"

enum {
    JOURNAL_LINES_MAX = 4096,
    JOURNAL_LINE_MAX = 4096,
    JOURNAL_EARLIER_MAX = 16 << 20 /* of what is older than this session, the latest */
};

struct journal {
    char *lines[JOURNAL_LINES_MAX]; /* a ring */
    unsigned long count;            /* of all that ever were */
    int fd;                         /* of the file; -1: none */
    char *path;
    char *earlier_path;   /* the file that was opened first; NULL: none was */
    size_t earlier_bytes; /* that it held then */
};

/* What a line of the file tells. Spans of JSON, absent where it has none. */
struct journal_record {
    struct span time;
    struct span message; /* of what was received */
    struct span line;    /* of what was sent: number, type and data */
    struct span type;
    struct span data;
};

void journal_init(struct journal *self);
void journal_release(struct journal *self);

/* A line as it was shown; a long one is cut. */
void journal_keep(struct journal *self, struct span text);
/* The oldest that is kept is 0; NULL: there are no more. */
const char *journal_line(const struct journal *self, unsigned long index);
unsigned long journal_kept(const struct journal *self);

/* Appends to the file from now on. STATUS_IO, errno says why. */
MUST_CHECK enum status journal_open(struct journal *self, const char *path);
void journal_close(struct journal *self);

/* Tells, the oldest first, what was received and sent before this session: in the file
 * that it opened first, else in the one at path. Lines that make no sense are left out.
 * STATUS_IO: there is no such file, or none that can be read. */
MUST_CHECK enum status journal_earlier(const struct journal *self, const char *path,
    void (*each)(const struct journal_record *record, void *user), void *user);

/* STATUS_IO: the file takes no more; it is closed then. Without a file nothing
 * happens. */
MUST_CHECK enum status journal_received(struct journal *self, struct span message);
MUST_CHECK enum status journal_sent(
    struct journal *self, unsigned long line, const char *id, const char *type, struct span data);
MUST_CHECK enum status journal_fate(
    struct journal *self, unsigned long line, const char *id, const char *fate);

#endif
