/*
 * secret: a password from a person at a terminal, or from a file or pipe.
 *
 * The terminal is left as it was found, also when a signal ends or stops the
 * program meanwhile. Blocks: for the start of a program and for commands. Not
 * for use from several threads at once. What is read is the caller's to wipe.
 */
#ifndef BESTER_SECRET_H
#define BESTER_SECRET_H

#include "libbester/status.h"

/* Writes prompt to the descriptor prompt_fd and reads a line from tty, a
 * terminal, without echo. out gets the line without its end, a zero byte behind
 * it. STATUS_CLOSED: end of input instead of a line, or a signal came for which
 * the program goes on; STATUS_TOO_LARGE: longer than cap - 1 bytes; STATUS_IO:
 * *fault (may be NULL) says why. */
MUST_CHECK enum status secret_ask(int tty, int prompt_fd, const char *prompt, char *out, size_t cap,
    size_t *len, struct fault *fault);

/* The same from anything else: the first line, which may lack its end; not a
 * byte more is read. */
MUST_CHECK enum status secret_read_line(
    int fd, char *out, size_t cap, size_t *len, struct fault *fault);

#endif
