/*
 * world: a whole server in this process for the targets that need one, with a
 * client who is logged in and wants nothing but to be served.
 *
 * Made when first needed, and used again for every input; made anew when an input
 * has made the server close what lasts (its handler's connection). A target opens
 * a connection, writes what it likes, and calls world_settle: the honest client
 * is answered then, so everybody else has been served too. What does not hold
 * ends the program.
 */
#ifndef BESTER_TESTS_FUZZ_WORLD_H
#define BESTER_TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sockets on which the world's server listens, or, for handlers, connects to. */
enum world_socket { WORLD_CLIENTS, WORLD_INFORMER };
enum world_handler { WORLD_ONESHOT, WORLD_STREAM };

/* A connection to it; non-blocking. */
int world_connect(enum world_socket to);
/* A connection as from the listener for pinned servers, to be secured by whoever has the key
 * in the file *identity: it is the server P. Non-blocking. */
int world_connect_peer(const char **identity);
/* Turns the loop once; count: turns in a row before it that brought nothing. */
void world_turn(unsigned count);
enum { WORLD_PATIENCE = 20200 }; /* turns after which nothing will come any more */
/* Writes frames: `size` bytes as they are, or each line of them as a frame's payload. */
void world_write(int fd, const void *data, size_t size);
void world_write_lines(int fd, const uint8_t *data, size_t size);
/* Logs in as that user, a JSON string without quotes. */
void world_log_in(int fd, const char *user);
/* Turns the loop until the honest client has been answered; what has come to him before is
 * forgotten. */
void world_settle(void);
void world_close(int fd);

/* The honest client sends a message to the handler, which is asked: the
 * connection on which it is, and its exchange (0: one-shot). */
int world_ask(enum world_handler handler, uint64_t *exchange);
/* The report of that message must be here, once: call it when the answer was
 * written and, if one-shot, the connection closed. */
void world_expect_report(void);
/* Whether the handler's lasting connection is still there; if not the world is
 * given up and the next is another. */
bool world_check_handler(int fd);

#endif
