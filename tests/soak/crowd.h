/*
 * crowd: many clients of one server, some of whom send numbered messages to others,
 * and a judge of what becomes of these.
 *
 * Client k is the user "uK"; those of the first `active` send. The data is
 * {"to": "uK", "text": "NUMBER"}, which the handlers of a soak give to that user as
 * it is, or with more members. A connection that ends, a report with a reason that is
 * not allowed, and whatever the judge objects to fail the demonstration.
 */
#ifndef BESTER_TESTS_SOAK_CROWD_H
#define BESTER_TESTS_SOAK_CROWD_H

#include "harness/histogram.h"
#include "harness/load_pace.h"
#include "tests/soak/judge.h"
#include "tests/soak/subject.h"

struct crowd;

struct crowd_options {
    size_t clients, active;
    const char *const *types; /* in turn; the owner's */
    size_t type_count;
    size_t recipients; /* of each sender */
    bool may_be_bad;   /* messages may be reported bad, for a reason of the handler's */
};

/* All have logged in when it comes back. NULL: the demonstration has failed. */
struct crowd *crowd_new(
    struct soak *soak, const struct subject *subject, const struct crowd_options *options);
/* Drops all connections. NULL is legal. */
void crowd_free(struct crowd *self);

/* Sends from now on: `rate` messages a second, each due at its time; or (0) so that
 * each sender has `window` without a report. */
void crowd_send(struct crowd *self, double rate, unsigned window);
/* Sends until every type has had a message reported good, and settles: all that is made
 * when it is first needed is there then. */
bool crowd_warm_up(struct crowd *self);
/* Sends no more, waits until all that was sent has its report and nothing is on the way
 * any more, and has all of it judged. false: the demonstration has failed. */
bool crowd_settle(struct crowd *self);

const struct judge *crowd_judge(const struct crowd *self);
/* From when a message was due to its report; of those since the last crowd_send. */
const struct histogram *crowd_latencies(const struct crowd *self);
/* How often each reason came, in words; "none". Returns out. */
const char *crowd_reasons(const struct crowd *self, char *out, size_t cap);

#endif
