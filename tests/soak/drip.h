/*
 * drip: peers that are slow. Some send one byte a second, half of them strangers who
 * never come to the end of their login, half logged in and never at the end of a
 * message; others never read what they have had sent to them. Whom the server puts out
 * comes back at once.
 *
 * For a process of its own (helper): 'b' begins, and 'r' says that all are there; 'e'
 * ends, and 'd' says that all have gone.
 */
#ifndef BESTER_TESTS_SOAK_DRIP_H
#define BESTER_TESTS_SOAK_DRIP_H

#include "tests/soak/subject.h"

struct drip_plan {
    const struct subject *subject;
    unsigned slow; /* who send a byte a second */
    unsigned deaf; /* who never read */
};

/* user: the plan. */
void drip_run(int socket, void *user);

#endif
