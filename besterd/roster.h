/*
 * roster: every session by its number, and those that are logged in by user.
 *
 * Owns the sessions. One that is gone is only marked, and freed by roster_sweep
 * at the end of the turn, because whoever closed it may be deep inside it.
 */
#ifndef BESTERD_ROSTER_H
#define BESTERD_ROSTER_H

#include "besterd/session.h"
#include "besterd/slots.h"

struct roster_user;

struct roster {
    struct slots numbers;
    struct roster_user *users; /* a hash table by name */
    size_t clients;            /* sessions that are logged in */
    struct session *gone;
};

void roster_init(struct roster *self);
/* Frees every session, without a word to anybody. */
void roster_release(struct roster *self);

/* Gives it its number and takes it over. STATUS_NO_MEMORY: still the caller's. */
MUST_CHECK enum status roster_enter(struct roster *self, struct session *session);
/* NULL if it has gone. */
struct session *roster_find(const struct roster *self, uint64_t number);
/* session->user is logged in. STATUS_NO_MEMORY. */
MUST_CHECK enum status roster_log_in(struct roster *self, struct session *session);
/* Nothing is to be delivered through it any more. */
void roster_leave(struct roster *self, struct session *session);
/* The connection is gone: no number leads to it any more. */
void roster_remove(struct roster *self, struct session *session);
void roster_sweep(struct roster *self);

/* How often a user is logged in. */
size_t roster_count(const struct roster *self, const char *user);
/* The first session of a user, the others by next_of_user; NULL: not here. */
struct session *roster_sessions(const struct roster *self, const char *user);
/* Of the user whose sessions hold most together, the one that holds most; who is not
 * logged in is a user of his own. NULL: nobody holds anything. *of_user (may be NULL):
 * what they hold together; *of_all: what everybody does. */
struct session *roster_heaviest(const struct roster *self, size_t *of_user, size_t *of_all);
/* Calls each(user, argument) for every user who is here. */
void roster_each_user(
    const struct roster *self, void (*each)(const char *user, void *argument), void *argument);
/* As slots_next. */
struct session *roster_next(const struct roster *self, uint32_t *cursor);

#endif
