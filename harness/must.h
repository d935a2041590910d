/*
 * must: memory that is there, or the program ends with a sentence.
 *
 * The harness is a tool that a person watches: out of memory there is nothing
 * better to do than to say so. What these return is malloc'd and the caller's.
 */
#ifndef HARNESS_MUST_H
#define HARNESS_MUST_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "libbester/status.h"

void *must_alloc(size_t bytes); /* zeroed */
void *must_resize(void *block, size_t bytes);
char *must_copy(const char *text);
/* The bytes with a zero byte behind them. */
char *must_copy_bytes(const char *at, size_t len);
char *must_print(const char *format, ...) PRINTF_LIKE(1, 2);
/* A stream into memory: *text and *len are what was written once it is closed. */
FILE *must_stream(char **text, size_t *len);
/* NULL becomes the end of the program: for jansson's constructors. */
json_t *must_json(json_t *value);
/* The text of a value on one line, object members in their order. */
char *must_dump(const json_t *value);

/* Room for one more in an array that is grown by doubling; `items` is a pointer
 * to the array, of which `count` are in use. */
#define must_grow(items, count) ((items) = must_grow_block((items), (count), sizeof(*(items))))
void *must_grow_block(void *block, size_t count, size_t size);

#endif
