/*
 * terminal: questions about the terminal that is our standard input. Keeps nothing.
 */
#ifndef BESTER_CLI_TERMINAL_H
#define BESTER_CLI_TERMINAL_H

#include <stdbool.h>

/* It was one, and is none any more. */
bool terminal_is_gone(void);
/* In the background the terminal is somebody else's. */
bool terminal_is_ours(void);
/* $TERM says that it cannot be drawn on. */
bool terminal_is_dumb(void);

#endif
