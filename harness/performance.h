/*
 * performance: how one play of a run went, attempt by attempt, and how the run as a
 * whole went: all that reports are made of.
 *
 * An attempt is a verdict with the timeline that it speaks of; it outlives the
 * cast. A performance owns its attempts and borrows the scenario and the reason.
 * Invariant: `result` agrees with the attempts: PASSED has one, FLAKY fails in
 * all but the last, FAILED in all; SKIPPED and NOT_RUN have none.
 */
#ifndef HARNESS_PERFORMANCE_H
#define HARNESS_PERFORMANCE_H

#include <time.h>

#include "harness/verdict.h"

/* enumerator, word in reports, sign for people */
#define RESULT_TABLE(X)               \
    X(RESULT_PASSED, "passed", "✓")   \
    X(RESULT_FLAKY, "flaky", "≈")     \
    X(RESULT_FAILED, "failed", "✗")   \
    X(RESULT_SKIPPED, "skipped", "–") \
    X(RESULT_NOT_RUN, "notRun", "·")

enum result {
#define X(name, text, sign) name,
    RESULT_TABLE(X)
#undef X
        RESULT_COUNT
};
const char *result_text(enum result result);
const char *result_sign(enum result result);

enum { SEED_USUAL = 1 };

struct attempt {
    struct verdict verdict;
    struct timeline *timeline;
};

struct performance {
    size_t number; /* of the play in the run, from 1 */
    const struct scenario *scenario;
    uint64_t seed; /* that its choices were made by, in every attempt */
    enum result result;
    const char *reason; /* of SKIPPED and NOT_RUN */
    struct attempt *attempts;
    size_t attempt_count;
};

void performance_release(struct performance *self);
/* Takes over what *verdict owns, and the timeline; sets the result. */
void performance_add(struct performance *self, struct verdict *verdict, struct timeline *timeline);
/* The attempt that a reader wants to see: the first that failed, or else the one
 * that passed. NULL: there was none. */
const struct attempt *performance_told(const struct performance *self);
/* All attempts together. */
double performance_ms(const struct performance *self);

/* The run so far, or when it is over. */
struct summary {
    size_t planned;      /* until_fail: of no meaning before the end */
    unsigned rounds;     /* how often each play is played; 0: without end */
    unsigned seed;       /* of the first round */
    const char *command; /* that a play is played again by, up to its seed; or NULL */
    size_t counts[RESULT_COUNT];
    time_t started;
    double ms;
    unsigned jobs;
    bool allow_flaky;
    bool until_fail; /* how many are planned is known at the end only */
    bool interrupted;
};

/* How many have a performance. */
size_t summary_told(const struct summary *self);
/* Whether a play that ended so makes the run fail. */
bool summary_is_bad(const struct summary *self, enum result result);
/* How many make the run fail. */
size_t summary_bad(const struct summary *self);

/* Whether a reader needs the seed to tell one performance of a play from another. */
bool summary_tells_seed(const struct summary *self);
/* The command, for a shell, that plays it again with the same choices. malloc'd, or NULL:
 * the summary knows none. */
char *performance_replay(const struct performance *self, const struct summary *summary);
/* The word for a shell: in quotes where it needs them. malloc'd. */
char *shell_word(const char *text);

#endif
