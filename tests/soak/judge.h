/*
 * judge: what became of every numbered message of a load, and whether that is what
 * its report says.
 *
 * A message that was reported good came to its recipient once; one that was reported
 * bad at most once; nobody else got it. Each has one report, which came to who sent
 * it. What one session sends with one type (a lane) is reported and delivered in the
 * order sent. The first breach is kept as a sentence, all are counted. Pure.
 */
#ifndef BESTER_TESTS_SOAK_JUDGE_H
#define BESTER_TESTS_SOAK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct judged {
    uint64_t from_ns; /* what its latency is counted from */
    uint32_t lane, path;
    uint32_t recipient;
    uint8_t received;
    bool reported, good;
};

struct judge {
    struct judged *items; /* by number */
    uint64_t count, room;
    size_t lanes_of_sender;
    uint64_t *last_reported; /* of each lane: the greatest number yet, and one; 0: none */
    uint64_t *last_received; /* the same of each path: a lane to one recipient */
    size_t paths_of_lane;
    uint64_t reported, good, received;
    uint64_t bad_and_received; /* allowed: its report was lost on the way, so to speak */
    uint64_t breaches;
    char first[240];
};

/* How many senders, types that each uses, and recipients that each has. */
void judge_init(struct judge *self, size_t senders, size_t types, size_t recipients);
void judge_release(struct judge *self);

/* One more message, and its number. type and path count from 0, recipient is known to
 * the caller, from_ns is kept for him. */
uint64_t judge_sent(struct judge *self, size_t sender, size_t type, size_t path, size_t recipient,
    uint64_t from_ns);
/* A report came to that sender. NULL: of no message that we know (a breach). */
const struct judged *judge_reported(struct judge *self, uint64_t number, size_t sender, bool good);
void judge_received(struct judge *self, uint64_t number, size_t recipient);
/* Something else that must not be: for who sees more than the judge. */
void judge_breach(struct judge *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* When nothing is on the way: what has no report, and what was reported good and has not
 * come, are breaches. */
void judge_end(struct judge *self);

#endif
