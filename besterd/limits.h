/*
 * limits: how much of the server one address and one user may take, and what is
 * told when somebody comes to a limit, of these or any other: a metric, and a line
 * of the log, of which there are never more than a few in a second.
 *
 * Owns what it remembers of addresses: a guest for each that has connections here
 * (there are never more of them than descriptors) and tables of rates, which never
 * grow. An address of IPv6 counts as its first 64 bits, because whoever has one has
 * all of those. Connections over UNIX sockets and loopback are not limited, unless
 * limits.alsoLocal says so (then all processes of one user of the machine are one
 * address), nor are those from the addresses that peers are configured with.
 *
 * Too many connections are refused. Too many messages are not: who sends faster
 * than he may is read from more slowly, so that an honest program that is merely
 * fast loses nothing and needs to know nothing. How often passwords may be guessed is
 * guesses'; limits knows who guesses, and from where.
 */
#ifndef BESTERD_LIMITS_H
#define BESTERD_LIMITS_H

#include <stdint.h>
#include <sys/socket.h>

#include "besterd/config.h"
#include "besterd/metrics.h"

struct limits;
struct guest; /* an address that has connections here */

/* NULL when out of memory. config must outlive it, or be replaced in time. now_s:
 * seconds that never go back; NULL: the clock of the machine. */
struct limits *limits_new(
    const struct config *config, struct metrics *metrics, double (*now_s)(void));
/* Every guest must have left. NULL is legal. */
void limits_free(struct limits *self);
void limits_reconfigure(struct limits *self, const struct config *config);

/* A connection has come in. STATUS_OK: *guest is who is there, NULL if nothing
 * limits it; it leaves with limits_leave. STATUS_RATE_LIMITED, STATUS_NO_MEMORY:
 * *fault says why it must go. */
MUST_CHECK enum status limits_admit(
    struct limits *self, int fd, struct guest **guest, struct fault *fault);
/* The same of whoever has this address, or, where it is a UNIX socket's, of this user
 * of the machine. */
MUST_CHECK enum status limits_admit_from(struct limits *self, const struct sockaddr_storage *from,
    uid_t uid, struct guest **guest, struct fault *fault);
/* One of its connections is gone. NULL is legal. */
void limits_leave(struct limits *self, struct guest *guest);

/* What a user is called here. Not 0. */
uint64_t limits_user(const struct limits *self, const char *name);
/* Whether a user who is logged in so often already may log in once more.
 * STATUS_RATE_LIMITED. */
MUST_CHECK enum status limits_log_in(struct limits *self, size_t sessions, struct fault *fault);

/* Whether a login as name, from there (NULL: nothing limits it), may be looked at now.
 * STATUS_RATE_LIMITED: *fault says when; it is counted and logged. */
MUST_CHECK enum status limits_login(
    struct limits *self, const struct guest *guest, const char *name, struct fault *fault);
/* The same, and it is looked at: limits_guessed must follow, with *taken, or it counts as
 * failed. */
MUST_CHECK enum status limits_guess(struct limits *self, const struct guest *guest,
    const char *name, unsigned *taken, struct fault *fault);
/* What came of it. STATUS_OK, STATUS_AUTH_FAILED; anything else: nobody knows whether the
 * password was right, and it does not count. */
void limits_guessed(struct limits *self, const struct guest *guest, const char *name,
    unsigned taken, enum status how);
/* A number for where it comes from; 0: nobody in particular. */
uint64_t limits_address(const struct guest *guest);

/* A message of this user (limits_user) has come from there. The seconds for which
 * no more may be read from the session; 0: nothing is to be waited for. */
double limits_message(struct limits *self, const struct guest *guest, uint64_t user);

/* Somebody has come to a limit, and this is what was done about it. A NULL self
 * tells nobody. */
void limits_hit(struct limits *self, enum limit limit, const char *subject, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* A line of the log that peers can cause as often as they like: a few in a second are
 * written. A NULL self writes each. */
void limits_log(struct limits *self, enum log_level level, const char *subject, const char *format,
    ...) PRINTF_LIKE(4, 5);

#endif
