/*
 * targets: what a fuzzer calls, and what the tests call with the fixtures.
 *
 * A target takes any bytes, hands them to one part of Bester and checks what
 * must hold for whatever comes. It ends the program (abort) when something does
 * not, after it has said what. libFuzzer needs return 0.
 */
#ifndef BESTER_TESTS_FUZZ_TARGETS_H
#define BESTER_TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* assert would vanish with NDEBUG. */
#define MUST(condition) ((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) static inline void must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    abort();
}

/* The bytes are a JSON text. */
int fuzz_json(const uint8_t *data, size_t size);
/* The first two bytes say how the rest, a stream of frames, is cut in pieces. */
int fuzz_frame(const uint8_t *data, size_t size);
/* The bytes are the payload of a frame. */
int fuzz_message(const uint8_t *data, size_t size);
/* A template, a line feed, data for it. */
int fuzz_template(const uint8_t *bytes, size_t size);

/* Those need besterd. The first byte says what the others are: see each file. */
int fuzz_session(const uint8_t *data, size_t size);
int fuzz_answer(const uint8_t *data, size_t size);
int fuzz_informer(const uint8_t *data, size_t size);
int fuzz_link(const uint8_t *data, size_t size);
/* The bytes are a configuration. */
int fuzz_config(const uint8_t *data, size_t size);

/* Needs the harness. The bytes are a play. */
int fuzz_play(const uint8_t *data, size_t size);

#endif
