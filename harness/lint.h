/*
 * lint: what is wrong with plays that could be played.
 *
 * A table of rules, each with a name, a sentence and a function that looks through
 * one play. A note excuses a part of a play from a rule: see lint_find.h.
 */
#ifndef HARNESS_LINT_H
#define HARNESS_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "libbester/options.h"

enum { LINT_RULE_COUNT_MAX = 32, EXIT_FOUND = 1 };

struct lint_options {
    bool list;                        /* print the rules, look at nothing */
    bool some;                        /* only those that are wanted */
    bool wanted[LINT_RULE_COUNT_MAX]; /* by their index in the table */
};

/* "--rule NAME": wants that one. STATUS_INVALID: *fault names those there are. */
MUST_CHECK enum status lint_want(
    struct lint_options *options, const char *name, struct fault *fault);

/* What is found goes to standard output. The exit status: 0, EXIT_FOUND, EXIT_BAD_INPUT
 * for a play that can't be played, EXIT_LOCAL_IO. */
int lint_paths(const struct lint_options *options, char *const *arguments, size_t count);

/* The rules, with their sentences. */
void lint_list(void);

/* `harness lint …` */
extern const struct option_table lint_table;
int lint_main(int argc, char **argv);

#endif
