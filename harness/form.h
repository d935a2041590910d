/*
 * form: the short words of a play <-> what is on the wire.
 *
 * {"type": "chat", "data": 1} on the line T > S1 is, on the wire,
 * {"header": {}, "payload": {"type": "chat", "data": 1}}; {"status": "good"} on
 * the line S1 > T is a status report. One table of forms, each with its words,
 * serves both directions. Pure.
 */
#ifndef HARNESS_FORM_H
#define HARNESS_FORM_H

#include <jansson.h>

#include "libbester/status.h"

/* Who talks to whom. A peer is a server that the harness plays. */
enum edge_kind {
    EDGE_CLIENT_SERVER,
    EDGE_SERVER_CLIENT,
    EDGE_SERVER_SERVER, /* peers too, both ways */
    EDGE_SERVER_ONESHOT,
    EDGE_SERVER_STREAM,
    EDGE_ONESHOT_SERVER,
    EDGE_STREAM_SERVER,
    EDGE_CLIENT_INFORMER,
    EDGE_INFORMER_CLIENT,
    EDGE_STDIN,  /* lines that a program reads */
    EDGE_STDOUT, /* lines that it writes, to stdout or stderr */
    EDGE_KIND_COUNT
};

enum body {
    BODY_JSON,   /* one frame, its payload is wire */
    BODY_RAW,    /* one frame, its payload is the text in wire, byte for byte; or one line */
    BODY_TEXT,   /* the text in wire, frame and all, byte for byte */
    BODY_HEX,    /* the same from bytes */
    BODY_CLOSE,  /* the end of the connection */
    BODY_SILENT, /* nothing is said; the connection stays */
    BODY_LOGIN   /* a login: wire holds what the play names; see form_login */
};

/* What one line of a play says. Owns all of it. */
struct saying {
    enum body body;
    json_t *wire; /* a pattern, or to be filled in */
    unsigned open_levels;
    char *bytes;
    size_t len;
    char *label; /* "as" of a question, "answers" of an answer; or NULL */
};
void saying_release(struct saying *self);

/* value is what stands in the play on a line of that edge; doing: the harness
 * says it, else it expects it. STATUS_INVALID: *fault says why, and word (may
 * become "") which member of value is to blame. */
enum { FORM_WORD_MAX = 64 };
MUST_CHECK enum status form_read(enum edge_kind edge, bool doing, const json_t *value,
    struct saying *out, char word[FORM_WORD_MAX], struct fault *fault);

/* The login of the words that BODY_LOGIN holds, with these where it names none. */
json_t *form_login(const json_t *words, const char *user, const char *password);

/* The short words for what is on the wire; a copy of it where no form fits. Never
 * shows a password. */
json_t *form_show(enum edge_kind edge, const json_t *wire);

#endif
