/*
 * loner: a handler that the soak starts itself, so that the server only connects to it;
 * started again whenever it has ended.
 */
#ifndef BESTER_TESTS_SOAK_LONER_H
#define BESTER_TESTS_SOAK_LONER_H

#include "tests/soak/subject.h"

struct loner;

/* echo, which listens on that file of the server's folder when it comes back. protocol:
 * "stream" or "oneshot"; it and name are the owner's. NULL: the demonstration has
 * failed. */
struct loner *loner_new(
    struct soak *soak, const struct subject *subject, const char *name, const char *protocol);
/* Kills it, and counts it dead at once: false if it was not alive. */
bool loner_kill(struct loner *self);
void loner_free(struct loner *self); /* NULL is legal */

#endif
