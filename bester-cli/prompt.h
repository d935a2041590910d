/*
 * prompt: the line that a person types at a terminal, and the only user of
 * readline.
 *
 * While it is up the terminal is readline's and everything that is shown must go
 * through prompt_print, which puts it above the line being typed, once per turn
 * of the loop. Invariant: whenever the program is not in control (stopped by a
 * signal, ended by one, or after prompt_stop) the terminal is as it was found.
 * There can be one at a time, because readline is one.
 */
#ifndef BESTER_CLI_PROMPT_H
#define BESTER_CLI_PROMPT_H

#include <ev.h>

#include "libbester/status.h"

struct prompt;

struct prompt_callbacks {
    /* A line without its end. It holds line ends only if it was pasted. */
    void (*on_line)(const char *line, void *user);
    /* Whether the line, still as it was typed, may be found again with the arrow keys. */
    bool (*remember)(const char *line, void *user);
    /* Ctrl-C: what was typed is gone already. */
    void (*on_interrupt)(void *user);
    /* Ctrl-D on an empty line, or no terminal any more. The prompt has stopped. */
    void (*on_end)(void *user);
    /* The index-th way to complete word, which begins at byte `start` of line:
     * malloc'd, NULL when there are no more. */
    bool (*wants_file)(const char *line, size_t start, void *user); /* or a file name there */
    char *(*complete)(const char *line, size_t start, const char *word, unsigned index, void *user);
};

/* Shows the prompt. NULL when out of memory. callbacks must outlive it. */
struct prompt *prompt_new(struct ev_loop *loop, const char *text, bool colour,
    const struct prompt_callbacks *callbacks, void *user);
/* Gives the terminal back; what was typed and not sent stays on the screen. What
 * waits to be printed is. NULL is legal. */
void prompt_free(struct prompt *self);

/* A line of an earlier run, to be found with the arrow keys. Before or after prompt_new. */
void prompt_recall(const char *line);

/* Lends the terminal to another program: it is as it was found, and what is to be
 * shown waits until prompt_resume. */
void prompt_suspend(struct prompt *self);
void prompt_resume(struct prompt *self);

/* What stands before the line; plain text of one line. */
void prompt_set_text(struct prompt *self, const char *text);
/* Shows text above the line. It must be harmless and end with a line end. */
void prompt_print(struct prompt *self, struct span text);

#endif
