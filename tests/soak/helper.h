/*
 * helper: a process of ours beside the one that measures, for what would disturb it,
 * or has more descriptors than one process may.
 *
 * Has nothing open but standard streams and one socket, over which single letters go
 * both ways. Ends with us, or when the socket does.
 */
#ifndef BESTER_TESTS_SOAK_HELPER_H
#define BESTER_TESTS_SOAK_HELPER_H

#include "tests/soak/soak.h"

struct helper;

/* In the new process: what it does; it ends when that returns. */
typedef void helper_run(int socket, void *user);

struct helper *helper_new(struct soak *soak, helper_run *run, void *user);
void helper_say(struct helper *self, char letter);
/* Waits for that letter; another, or its end, fails the demonstration. what: "… is so". */
bool helper_await(struct helper *self, char letter, const char *what);
/* Ends it. NULL is legal. */
void helper_free(struct helper *self);

#endif
