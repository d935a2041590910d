/*
 * callers: clients that connect, log in, ask a dummy and go, again and again, each as
 * soon as it has gone; over TCP and over the UNIX socket in turn.
 *
 * Who is not let in, or not answered, fails the demonstration.
 */
#ifndef BESTER_TESTS_SOAK_CALLERS_H
#define BESTER_TESTS_SOAK_CALLERS_H

#include "tests/soak/subject.h"

struct callers;

/* rate: calls begun in a second, of all; 0: as fast as they are answered. */
struct callers *callers_new(
    struct soak *soak, const struct subject *subject, unsigned count, double rate);
/* Each ends the call it makes, and makes no other. false: the demonstration has
 * failed. */
bool callers_settle(struct callers *self);
void callers_free(struct callers *self); /* NULL is legal */
uint64_t callers_calls(const struct callers *self);

#endif
