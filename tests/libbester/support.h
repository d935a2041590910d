/*
 * support: what the tests of libbester share. Include it in place of cmocka.h.
 *
 * Everything that is read or copied here lies in memory of exactly its size, so
 * that a sanitizer or valgrind sees the first byte that is read too far.
 */
#ifndef BESTER_TESTS_SUPPORT_H
#define BESTER_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libbester/blob.h"
#include "libbester/status.h"

/* A span equals a C string; an absent span equals NULL. */
#define assert_span(span, text) support_assert_span((span), (text), __FILE__, __LINE__)
void support_assert_span(struct span span, const char *text, const char *file, int line);

/* A frame's payload equals a C string, and its header says so. Frees the frame. */
#define assert_frame(frame, text) support_assert_frame((frame), (text), __FILE__, __LINE__)
void support_assert_frame(struct blob *frame, const char *text, const char *file, int line);

/* A copy in a block of exactly len bytes, for exact_free. */
struct span exact_copy(const void *at, size_t len);
struct span exact_copy_of(const char *text);
/* text repeated times, in a block of exactly that size. */
struct span repeated(const char *text, size_t times);
void exact_free(struct span span);

/* Every file of a directory below fixtures/, sorted by name. */
struct fixtures {
    struct fixture {
        char *name;
        struct span text;
    } * at;
    size_t count;
};
/* Fails the test if the directory can't be read or holds fewer than `least`
 * files. */
void fixtures_load(struct fixtures *self, const char *directory, size_t least);
void fixtures_free(struct fixtures *self);

/* Numbers that look random and are the same for the same seed. */
struct dice {
    uint64_t state;
};
uint64_t dice_next(struct dice *self);
/* 0 to below; below must not be 0. */
size_t dice_below(struct dice *self, size_t below);
/* The seed that the environment gives (BESTER_SEED), or this one. */
uint64_t dice_seed(uint64_t otherwise);

#endif
