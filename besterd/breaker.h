/*
 * breaker: whether somebody is worth asking, or has failed so often in a row that who
 * wants to ask is told so at once.
 *
 *   closed --- so many failures in a row ---> open
 *   open   --- the pause is over: one may ask, the probe ---> open, and somebody asks
 *   open   --- an answer, or it is connected again ---> closed
 *
 * A probe that fails doubles the pause. A new connection closes the breaker and proves
 * little: until something is answered, the next failure opens it again, for twice the
 * pause.
 *
 * If all of these failures were at what one and the same asker sent, it may be he who
 * is at fault: then the breaker is open for him alone, until somebody else fails, too.
 *
 * Pure: the time is an argument, in seconds, and never goes back.
 */
#ifndef BESTERD_BREAKER_H
#define BESTERD_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BREAKER_WHY_MAX = 120, BREAKER_TEXT_MAX = 320 };

/* All zero is closed. */
struct breaker {
    bool open;
    bool probing;      /* somebody asks, to see */
    bool wary;         /* closed by a connection alone */
    unsigned failures; /* in a row */
    uint64_t who;      /* the asker at whose questions all of these were; 0: several, or nobody */
    double since_s;    /* open: when it was opened, since 1970 */
    double pause_s;
    double probe_s; /* open: when somebody may ask */
    char why[BREAKER_WHY_MAX];
};

struct breaker_limits {
    unsigned failures; /* 0: it never opens */
    double pause_s;    /* the first */
    double most_s;     /* no pause is longer */
};

struct breaker_failure {
    uint64_t who;    /* whose question it was, not 0; 0: nobody's */
    bool was_probe;  /* breaker_asks said so */
    const char *why; /* a sentence without a full stop */
};

enum breaker_answer { BREAKER_YES, BREAKER_PROBE, BREAKER_NO };

/* Whether this asker may ask. BREAKER_PROBE: he is the one who may, and what comes of it
 * must be told. */
enum breaker_answer breaker_asks(struct breaker *self, uint64_t who, double now_s);
/* Something has failed. Whether the breaker was opened by it. unix_s: now, since 1970. */
bool breaker_failed(struct breaker *self, const struct breaker_limits *limits,
    const struct breaker_failure *failure, double now_s, double unix_s);
/* Something was answered. Whether it was open until now. */
bool breaker_succeeded(struct breaker *self);
/* Somebody is there again. Whether it was open until now. */
bool breaker_connected(struct breaker *self);
/* A probe may be made at once: something has changed. */
void breaker_hurry(struct breaker *self);

/* Since when it is open, and why. Returns out. */
const char *breaker_tell(const struct breaker *self, double now_s, char out[BREAKER_TEXT_MAX]);

#endif
