/*
 * resp: commands and answers of Redis's protocol (RESP 2), as far as a server needs
 * them that looks accounts up.
 *
 * Pure.
 */
#ifndef HARNESS_RESP_H
#define HARNESS_RESP_H

#include <stddef.h>
#include <stdio.h>

#include "libbester/status.h"

enum { RESP_WORDS_MAX = 16, RESP_WORD_BYTES_MAX = 4096 };

struct resp_command {
    struct span words[RESP_WORDS_MAX];
    size_t count;
};

/* Reads one command, a list of texts or a line of words, from the front of bytes:
 * the number of bytes it takes, 0: there is more to come, -1: this is none. */
long resp_read(struct span bytes, struct resp_command *out);

/* The words of answers. */
void resp_text(FILE *out, const char *text); /* NULL: nothing there */
void resp_list(FILE *out, size_t count);
void resp_number(FILE *out, long number);
void resp_simple(FILE *out, const char *text); /* "OK" */
void resp_error(FILE *out, const char *text);

#endif
