/*
 * screen: everything that bester-cli says, on a terminal above the prompt, in a
 * script on standard output, failures on standard error. Who does not read a script's
 * standard output does not stop it: what is said waits.
 *
 * What a line means is told by its words; colour only repeats it.
 */
#ifndef BESTER_CLI_SCREEN_H
#define BESTER_CLI_SCREEN_H

#include <stdio.h>

#include "bester-cli/plain.h"
#include "bester-cli/prompt.h"
#include "libbester/bytes.h"
#include "libbester/outlet.h"

enum style {
    STYLE_PLAIN, /* answers to commands */
    STYLE_MESSAGE,
    STYLE_GOOD,
    STYLE_BAD, /* a failure: on standard error in a script */
    STYLE_NOTE,
    STYLE_COUNT
};

struct screen {
    FILE *out;
    FILE *err;
    struct prompt *prompt; /* NULL: a script, or no prompt yet or any more */
    struct plain *plain;   /* the same where nothing can be drawn */
    struct outlet *outlet; /* takes what is for out; NULL: out itself does */
    bool colour;
    unsigned long line; /* of the script, named before failures; 0: none */
};

enum { SCREEN_LINE_MAX = 8192, SCREEN_WAITING_MAX = 64 << 20 };

/* A line; the text must be harmless, without its end. Long text is cut. */
void screen_say(struct screen *self, enum style style, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same for text of any length. */
void screen_put(struct screen *self, enum style style, struct span text);
/* So much waits to be read that nothing should be added that need not. */
bool screen_is_full(const struct screen *self);

#endif
