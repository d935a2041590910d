/*
 * redis_server: a real redis-server on a UNIX socket in a directory of its own,
 * for tests of accounts in Redis. It dies with the test.
 */
#ifndef TESTS_BESTERD_REDIS_SERVER_H
#define TESTS_BESTERD_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server {
    char directory[40];
    char socket[80];
    pid_t pid;  /* 0: not running */
    int output; /* what it says */
    char said[512];
};

/* Makes the directory; false: it cannot be made. */
int redis_server_init(struct redis_server *self);
/* Starts it and waits until it is ready. options: more of its options, each a
 * name and its value, ended by NULL; NULL: none. What it stored in an earlier
 * life is there again. */
void redis_server_start(struct redis_server *self, const char *const *options);
/* SIGKILL, and waits for its end. */
void redis_server_kill(struct redis_server *self);
/* SIGSTOP, and waits until it stands still; SIGCONT. */
void redis_server_stop(struct redis_server *self);
void redis_server_continue(struct redis_server *self);
/* Kills it and removes all that there is. */
void redis_server_release(struct redis_server *self);

/* Says a command, its words ended by NULL, over a connection of its own; returns
 * the answer as text, elements of a list separated by blanks, "(nil)". Valid
 * until the next call. */
const char *redis_server_say(struct redis_server *self, ...) __attribute__((sentinel));
/* Runs a script and does not wait for its end; returns the connection, to be
 * closed with redis_server_hang_up. */
void *redis_server_run_script(struct redis_server *self, const char *script);
void redis_server_hang_up(void *connection);

#endif
