/*
 * text: what a string of a play means.
 *
 *   <x>          a capture: binds at first sight, must be equal afterwards
 *   <x:int>      the same, of that type only; <:int> binds nothing
 *   <x:/re/>     a string in which the extended regular expression is found
 *   <any>        anything, binds nothing
 *   <<…          the text that follows the first <
 *   …${x}…       the text of a capture, the address of a server, ${fill N}: N
 *                times the letter x; $${ is ${
 *
 * Pure; what is returned is the caller's.
 */
#ifndef HARNESS_TEXT_H
#define HARNESS_TEXT_H

#include <jansson.h>

#include "harness/bindings.h"
#include "libbester/status.h"

enum { CAPTURE_NAME_MAX = 64, FILL_MAX = 32 << 20 };

struct capture {
    char name[CAPTURE_NAME_MAX]; /* "": binds nothing */
    const char *type;            /* from the table of text.c, or NULL: any */
    struct span regex;           /* or absent */
};

enum text_kind { TEXT_PLAIN, TEXT_CAPTURE, TEXT_BAD };

/* TEXT_BAD: *fault says why. */
enum text_kind text_read(struct span text, struct capture *capture, struct fault *fault);

/* Whether the value is of the capture's type; the types are a table. */
bool capture_admits(const struct capture *self, const json_t *value);

/* The text that a plain string stands for, ended by a zero byte; *len may be
 * NULL. NULL when a ${name} is unknown: *fault says which. */
char *text_expand(struct span text, const struct scope *scope, size_t *len, struct fault *fault);

/* Calls found for the name of each ${name}; stops at the first false. Also
 * false (with *fault) when the form is wrong. ${fill N} is checked, not told. */
bool text_names(
    struct span text, bool (*found)(const char *name, void *user), void *user, struct fault *fault);

#endif
