/*
 * source: a file of JSON, its value, and where in the text each part stands.
 *
 * Owns the text and the value (borrowed references are valid until
 * source_release). Positions are found by the identity of objects, arrays,
 * strings and numbers; true, false and null are shared by jansson and have
 * none: ask for the member or element that holds them.
 */
#ifndef HARNESS_SOURCE_H
#define HARNESS_SOURCE_H

#include <jansson.h>

#include "libbester/status.h"

/* Both count from 1; {0, 0}: the file as a whole. */
struct where {
    unsigned line;
    unsigned column;
};

/* What is wrong with a play, and where. */
struct mistake {
    struct where at;
    char text[480];
};

struct place; /* private */

struct source {
    char *path;
    char *text;
    size_t len;
    json_t *root;
    struct place *places;
    size_t place_count;
};

enum { SOURCE_BYTES_MAX = 64 << 20, SOURCE_DEPTH_MAX = 128 };

/* The bytes of a file ("-": of standard input), malloc'd. STATUS_IO: it can't be
 * read, or is larger than SOURCE_BYTES_MAX; *mistake says so, nothing is set. */
MUST_CHECK enum status source_read(
    const char *path, char **text, size_t *len, struct mistake *mistake);

/* STATUS_IO: the file can't be read; STATUS_INVALID: not JSON, or a member is
 * named twice. *mistake says what and where; *self needs no release then. */
MUST_CHECK enum status source_load(struct source *self, const char *path, struct mistake *mistake);
/* The same, with ${name} in the text replaced by each member of with: by its text,
 * or, where the JSON text is "${name}" alone, by its value. STATUS_INVALID too:
 * no ${name} is there. */
MUST_CHECK enum status source_load_filled(
    struct source *self, const char *path, const json_t *with, struct mistake *mistake);
/* The same of a text, in place of what the file holds now. */
MUST_CHECK enum status source_load_text(
    struct source *self, const char *path, struct span text, struct mistake *mistake);
void source_release(struct source *self);

/* Where that many bytes of a text lead to. */
struct where where_in(struct span text, size_t offset);
/* Whether a stands before b. */
bool where_before(struct where a, struct where b);

/* Where a value stands that is no true, false or null. */
struct where source_where(const struct source *self, const json_t *value);
/* Where the name of a member stands; the object itself if it has none such. */
struct where source_where_member(const struct source *self, const json_t *object, const char *name);
/* Where an element stands. */
struct where source_where_element(const struct source *self, const json_t *array, size_t index);

#endif
