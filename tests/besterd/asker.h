/*
 * asker: a handler under test (the server's side of it), and a record of what
 * became of each question.
 */
#ifndef TESTS_BESTERD_ASKER_H
#define TESTS_BESTERD_ASKER_H

#include "tests/besterd/support.h"

#include "besterd/handler.h"

enum { ASKER_TICKETS = 20000 };

struct outcome_of {
    unsigned answers, failures;
    enum status reason;
    char data[100]; /* of the answer; or the failure's detail */
    unsigned place; /* which one it was to come back */
    double asked_at, at;
};

struct asker {
    struct place place;
    const char *path; /* of the handler's socket */
    struct ev_loop *loop;
    struct config *config;
    struct streams *streams;
    struct handler_context context;
    struct handler *handler;
    struct origin *origin;
    uint64_t asker;    /* whose questions come next */
    bool keeps_words;  /* they are under way until the test ends them */
    bool is_nonsense;  /* what is answered */
    char refusal[240]; /* what handler_ask said last when it refused */
    struct metrics *metrics;
    struct post post;
    struct wire far;
    unsigned answer_count, failure_count, word_count, end_count;
    struct outcome_of *outcomes; /* by ticket */
    /* What to do in on_failure, or NULL. */
    void (*at_failure)(struct asker *self, uint64_t ticket);
};

/* A handler of type "chat", as *state. more: members of the type in the
 * configuration, each with a comma before it, % is the directory; or NULL. Questions
 * are pipelined without a bound, unless more has one. */
int asker_open(void **state, const char *protocol, unsigned timeout_ms, const char *more);
int asker_set_up(void **state, const char *protocol, unsigned timeout_ms);
int asker_tear_down(void **state);

/* Asks with this data (JSON). */
enum status ask(struct asker *self, uint64_t ticket, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* So many have come back in all, none twice. */
void expect_outcomes(const struct asker *self, unsigned answers, unsigned failures);

#endif
