/*
 * words: the words of a command as a person writes them, without a shell.
 */
#ifndef HARNESS_WORDS_H
#define HARNESS_WORDS_H

#include <jansson.h>

/* Blanks separate, quotes hold together. A list of texts; NULL: a quote does not
 * end. */
json_t *words_split(const char *text);

#endif
