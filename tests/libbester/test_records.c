#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libbester/records.h"

/* Feeds text in pieces of `piece` bytes and writes what comes out: records as
 * [1:text], records that are too long as [2!]. */
static void feed(enum records_form form, size_t max, struct span text, size_t piece, char *out)
{
    struct records input;
    records_init(&input, form, max);
    out[0] = '\0';
    for (bool over = false; !over;) {
        struct span record;
        uint64_t number = 0;
        size_t used = strlen(out);
        switch (records_next(&input, &record, &number)) {
        case PULL_READY:
            snprintf(
                out + used, 400 - used, "[%u:%.*s]", (unsigned)number, (int)record.len, record.at);
            break;
        case PULL_BAD:
            snprintf(out + used, 400 - used, "[%u!]", (unsigned)number);
            break;
        case PULL_MORE:
            if (input.ended) {
                over = true;
            } else if (text.len == 0) {
                records_end(&input);
            } else {
                char *room = NULL;
                size_t len = piece < text.len ? piece : text.len;
                assert_int_equal(records_room(&input, &room), STATUS_OK);
                memcpy(room, text.at, len);
                records_put(&input, len);
                text = (struct span){text.at + len, text.len - len};
            }
            break;
        }
    }
    records_release(&input);
}

struct sample {
    enum records_form form;
    size_t max;
    struct span text;
    const char *records;
};

static const struct sample samples[] = {
    {RECORDS_LINES, 100, SPAN_LITERAL(""), ""},
    {RECORDS_LINES, 100, SPAN_LITERAL("a\nbb\nccc\n"), "[1:a][2:bb][3:ccc]"},
    {RECORDS_LINES, 100, SPAN_LITERAL("a\nlast"), "[1:a][2:last]"},
    {RECORDS_LINES, 100, SPAN_LITERAL("\n\na\n\n"), "[1:][2:][3:a][4:]"},
    {RECORDS_LINES, 100, SPAN_LITERAL("a\r\nb\r\r\nc\r"), "[1:a][2:b\r][3:c]"},
    {RECORDS_NULL, 100, SPAN_LITERAL("a\nb\0c\r\0"), "[1:a\nb][2:c\r]"},
    {RECORDS_NULL, 100, SPAN_LITERAL("a\0b"), "[1:a][2:b]"},
    {RECORDS_WHOLE, 100, SPAN_LITERAL("a\nb\n"), "[1:a\nb\n]"},
    {RECORDS_WHOLE, 100, SPAN_LITERAL(""), "[1:]"},
    {RECORDS_WHOLE, 3, SPAN_LITERAL("abc"), "[1:abc]"},
    {RECORDS_WHOLE, 3, SPAN_LITERAL("abcd"), "[1!]"},
    {RECORDS_LINES, 3, SPAN_LITERAL("abc\nabcd\nxy\n"), "[1:abc][2!][3:xy]"},
    {RECORDS_LINES, 3, SPAN_LITERAL("abcdefghij"), "[1!]"},
    {RECORDS_LINES, 3, SPAN_LITERAL("abcdefghij\nk"), "[1!][2:k]"},
    {RECORDS_LINES, 3, SPAN_LITERAL("abcdefghij\nklmnop\nq"), "[1!][2!][3:q]"},
    {RECORDS_LINES, 0, SPAN_LITERAL("\na\n\n"), "[1:][2!][3:]"},
};

/* Whatever the pieces in which it comes, the same records come out. */
static void test_every_piece_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        for (size_t piece = 1; piece <= samples[i].text.len + 1; piece++) {
            char out[400];
            feed(samples[i].form, samples[i].max, samples[i].text, piece, out);
            assert_string_equal(out, samples[i].records);
        }
}

/* A long input in large pieces: bounded, and nothing lost. */
static void test_bounded(void **state)
{
    (void)state;
    struct records input;
    uint64_t records = 0;
    records_init(&input, RECORDS_LINES, 1000);
    for (unsigned round = 0; round < 50; round++) {
        char *room = NULL;
        struct span record;
        uint64_t number = 0;
        assert_int_equal(records_room(&input, &room), STATUS_OK);
        for (size_t i = 0; i < RECORDS_READ_BYTES; i++)
            room[i] = i % 10 == 9 ? '\n' : 'x';
        records_put(&input, RECORDS_READ_BYTES);
        while (records_next(&input, &record, &number) == PULL_READY)
            records++;
        assert_true(input.held.allocated <= (size_t)4 * RECORDS_READ_BYTES);
    }
    assert_int_equal(records, (uint64_t)50 * (RECORDS_READ_BYTES / 10));
    records_release(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_piece_size),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
