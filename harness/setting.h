/*
 * setting: what every actor of one cast shares. Owns nothing: the stage does.
 */
#ifndef HARNESS_SETTING_H
#define HARNESS_SETTING_H

#include <ev.h>

#include "harness/chance.h"
#include "harness/disturbance.h"
#include "harness/timeline.h"
#include "harness/topology.h"
#include "libbester/stream.h"

/* Why a play fails: the word in the report. One table. */
#define CAUSE_TABLE(X)                          \
    X(CAUSE_NONE, "")                           \
    X(CAUSE_SILENCE, "SILENCE")                 \
    X(CAUSE_LATE, "LATE")                       \
    X(CAUSE_OTHER_MESSAGE, "OTHER MESSAGE")     \
    X(CAUSE_WRONG_SENDER, "WRONG SENDER")       \
    X(CAUSE_WRONG_RECIPIENT, "WRONG RECIPIENT") \
    X(CAUSE_UNEXPECTED, "UNEXPECTED MESSAGE")   \
    X(CAUSE_CONNECTION_LOST, "CONNECTION LOST") \
    X(CAUSE_LOGIN_REFUSED, "LOGIN REFUSED")     \
    X(CAUSE_NOT_ASKED, "NOT ASKED")             \
    X(CAUSE_PEER_DIED, "PEER DIED")             \
    X(CAUSE_WRONG_END, "WRONG END")             \
    X(CAUSE_OTHER_VALUE, "OTHER VALUE")         \
    X(CAUSE_NOT_ENDED, "NOT ENDED")             \
    X(CAUSE_NOT_STARTED, "NOT STARTED")         \
    X(CAUSE_NOT_SENT, "NOT SENT")               \
    X(CAUSE_NO_EFFECT, "NO EFFECT")

enum cause {
#define X(name, text) name,
    CAUSE_TABLE(X)
#undef X
        CAUSE_COUNT
};
const char *cause_text(enum cause cause);

struct setting {
    struct ev_loop *loop;
    struct streams *streams;
    const struct scenario *scenario;
    const struct topology *topology;
    struct timeline *timeline;
    struct chance *chance;
    struct disturbances *disturbances;
    /* Something about a member went wrong; the play fails, later. */
    void (*on_trouble)(int member, enum cause cause, const char *text, void *user);
    /* A member has started, ended, logged in, answered a fence: look again. */
    void (*on_change)(int member, void *user);
    void *user;
};

/* What the harness is to say on a line, filled in. Borrowed from the caller. */
struct utterance {
    enum body body;
    json_t *wire;      /* BODY_JSON; an actor may add to it */
    const char *bytes; /* BODY_RAW, BODY_TEXT, BODY_HEX */
    size_t len;
    const char *label;
    unsigned exchange; /* which question is answered; 0: label or age tells */
};

#endif
