/*
 * plain: the line that a person types where the screen cannot be drawn on: a dumb
 * terminal, or one that is read aloud. The terminal edits the line and is never
 * changed; we write whole lines from top to bottom and no control sequence at all.
 */
#ifndef BESTER_CLI_PLAIN_H
#define BESTER_CLI_PLAIN_H

#include "bester-cli/prompt.h"

struct plain;

/* The same as prompt_new and so on, but that complete is never called. */
struct plain *plain_new(
    struct ev_loop *loop, const char *text, const struct prompt_callbacks *callbacks, void *user);
void plain_free(struct plain *self); /* NULL is legal */
/* A change alone is not worth a line: it is seen with the next prompt. */
void plain_set_text(struct plain *self, const char *text);
void plain_print(struct plain *self, struct span text);
/* Lends the terminal to another program, as prompt_suspend. */
void plain_suspend(struct plain *self);
void plain_resume(struct plain *self);

#endif
