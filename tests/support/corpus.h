/*
 * corpus: the files of a directory below fixtures/ as inputs of a fuzzer's target.
 */
#ifndef BESTER_TESTS_SUPPORT_CORPUS_H
#define BESTER_TESTS_SUPPORT_CORPUS_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int corpus_target(const uint8_t *data, size_t size);

/* In a block of exactly its size, so that a sanitizer sees who reads behind it. */
static inline uint8_t *corpus_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size > 0 ? *size : 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

static inline int corpus_is_file(const struct dirent *entry)
{
    return entry->d_type == DT_REG;
}

/* Each file whole, and without its second half. Fails if there are fewer than
 * `least`. */
static inline void corpus_feed(corpus_target *run, const char *directory, int least)
{
    char path[512];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "fixtures/%s", directory);
    int count = scandir(path, &entries, corpus_is_file, alphasort);
    assert_in_range(count, least, 100000);
    for (int i = 0; i < count; i++) {
        size_t size;
        snprintf(path, sizeof path, "fixtures/%s/%s", directory, entries[i]->d_name);
        uint8_t *data = corpus_read(path, &size);
        assert_int_equal(run(data, size), 0);
        assert_int_equal(run(data, size / 2), 0);
        free(data);
        free(entries[i]);
    }
    free(entries);
}

#endif
