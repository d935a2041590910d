/*
 * pattern: the one matching rule, and its reverse, filling in.
 *
 * A pattern is a JSON value in which texts mean what text.h says and an object
 * that holds "...": true may have further members. Everything else is exact. In
 * an envelope only the members that the pattern names are compared: the objects
 * of the outermost open_levels levels are open.
 */
#ifndef HARNESS_PATTERN_H
#define HARNESS_PATTERN_H

#include <jansson.h>

#include "harness/bindings.h"
#include "libbester/status.h"

/* One place in which a value is not what the pattern says. */
struct difference {
    char *path; /* payload.data.text, list[3]; "": the value as a whole */
    char *expected;
    char *got;
};

/* Owns its items. */
struct differences {
    struct difference *items;
    size_t count;
};
void differences_release(struct differences *self);

/* Binds the captures of a value that matches; one that does not match binds
 * nothing, and every place that differs is added to *out (which may be NULL). */
bool pattern_match(const json_t *pattern, const json_t *value, unsigned open_levels,
    struct scope *scope, struct differences *out);

/* A new value with every capture and name filled in. A capture that is not
 * bound gets a fresh text (<m1> becomes "m1-1") and is bound to it. NULL: *fault
 * names what stands for nothing. */
json_t *pattern_fill(const json_t *pattern, struct scope *scope, struct fault *fault);

/* A new value that is the pattern as it stands, but with what is bound and named by
 * now in its place: for people. */
json_t *pattern_show(const json_t *pattern, const struct scope *scope);

/* What a checker is told of each text in a pattern, in the order of the text. */
struct pattern_visit {
    /* A capture that has a name. path as in struct difference. */
    bool (*capture)(const char *name, const char *path, const json_t *at, void *user);
    /* The name of a ${name}. */
    bool (*name)(const char *name, const json_t *at, void *user);
    void *user;
};
/* false: a text has a wrong form (*fault says how, *where which text it is), or
 * a callback returned false. */
MUST_CHECK bool pattern_walk(const json_t *pattern, const struct pattern_visit *visit,
    const json_t **where, struct fault *fault);

#endif
