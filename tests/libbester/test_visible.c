#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libbester/visible.h"

struct sample {
    const char *text;
    const char *shown;
};

static void check(const struct sample *samples, size_t count, enum visible_form form)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes out;
        bytes_init(&out, 1000);
        assert_int_equal(visible_append(&out, span_of(samples[i].text), form), STATUS_OK);
        assert_string_equal(out.len == 0 ? "" : bytes_text(&out), samples[i].shown);
        bytes_release(&out);
    }
}

static void test_one_line(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", ""},
        {"plain text, ~", "plain text, ~"},
        {"G\xc3\xb6\xc3\xb6t \xe6\x97\xa5 \xf0\x9f\x98\x80",
            "G\xc3\xb6\xc3\xb6t \xe6\x97\xa5 \xf0\x9f\x98\x80"},
        {"a\nb\r\tc", "a\\nb\\r\\tc"},
        {"\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f"},
        {"\xc2\x9b"
         "31m",
            "\\u{9b}31m"},
        /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested */
        {"abc\xe2\x80\xae"
         "def",
            "abc\\u{202e}def"},
        {"zero\xe2\x80\x8bwidth", "zero\\u{200b}width"},
        {"tag\xf3\xa0\x81\x81", "tag\\u{e0041}"},
        {"joined\xe2\x80\x8d", "joined\xe2\x80\x8d"},
        {"\xff\xc3(\xed\xa0\x80", "\\xff\\xc3(\\xed\\xa0\\x80"},
        {"cut \xe2\x82", "cut \\xe2\\x82"},
    };
    check(samples, sizeof samples / sizeof samples[0], VISIBLE_LINE);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"one\ntwo\n\nthree", "one\n    two\n    \n    three"},
        {"one\r\ntwo", "one\\r\n    two"},
    };
    check(samples, sizeof samples / sizeof samples[0], VISIBLE_LINES);
}

/* No byte string at all may bring a control byte to the terminal. */
static void test_every_pair_of_bytes(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            char text[2] = {(char)a, (char)b};
            struct bytes out;
            bytes_init(&out, 100);
            assert_int_equal(visible_append(&out, (struct span){text, 2}, VISIBLE_LINE), STATUS_OK);
            struct span shown = bytes_span(&out);
            for (size_t i = 0; i < shown.len; i++) {
                assert_true((unsigned char)shown.at[i] >= 0x20 && shown.at[i] != 0x7f);
                if ((unsigned char)shown.at[i] == 0xc2)
                    assert_true((unsigned char)shown.at[i + 1] >= 0xa0);
            }
            bytes_release(&out);
        }
}

static void test_over_the_cap(void **state)
{
    (void)state;
    struct bytes out;
    bytes_init(&out, 5);
    assert_int_equal(visible_append(&out, SPAN_LITERAL("123456"), VISIBLE_LINE), STATUS_TOO_LARGE);
    bytes_release(&out);
}

static void test_into_a_fixed_buffer(void **state)
{
    (void)state;
    char out[16];
    assert_string_equal(
        visible_into(out, sizeof out, SPAN_LITERAL("123456789012345")), "123456789012345");
    assert_string_equal(
        visible_into(out, sizeof out, SPAN_LITERAL("1234567890123456")), "123456789012...");
    assert_string_equal(
        visible_into(out, sizeof out, SPAN_LITERAL("12345678901\x1b[x")), "12345678901...");
    assert_string_equal(
        visible_into(out, sizeof out, SPAN_LITERAL("\n\n\n\n\n\n\n\n")), "\\n\\n\\n\\n\\n\\n...");
    assert_string_equal(visible_into(out, sizeof out, (struct span){0}), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_every_pair_of_bytes),
        cmocka_unit_test(test_over_the_cap),
        cmocka_unit_test(test_into_a_fixed_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
