/*
 * backoff: how long to wait before the next attempt to connect: from one second (or
 * what was asked for), about doubling, to a minute, each by chance somewhere in the upper half, so
 * that the clients of a server that comes back do not all come at once. Pure.
 */
#ifndef BESTER_CLI_BACKOFF_H
#define BESTER_CLI_BACKOFF_H

#define BACKOFF_MIN_S 1.0
#define BACKOFF_MAX_S 60.0

/* Of zeros it is at its beginning. */
struct backoff {
    double first_s; /* the shortest of all pauses; 0: BACKOFF_MIN_S */
    double span_s;  /* the longest that the last pause could have been */
};

/* The next pause; chance is from 0 up to 1. */
double backoff_next(struct backoff *self, double chance);
/* A connection was up for so long. One that is lost again at once, as by a server
 * that dies of each login, does not begin anew with short pauses. */
void backoff_was_up(struct backoff *self, double up_s);

#endif
