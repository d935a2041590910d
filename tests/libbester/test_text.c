/* Tests of clock, character and secret: small modules about text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "libbester/character.h"
#include "libbester/clock.h"
#include "libbester/secret.h"

/* ---- clock ---- */

static void test_clock(void **state)
{
    (void)state;
    const struct {
        double unix_s;
        const char *text;
    } samples[] = {
        {0., "1970-01-01T00:00:00.000Z"},
        {1795366800.123, "2026-11-22T17:00:00.123Z"},
        {951782400., "2000-02-29T00:00:00.000Z"},
        {1.9994, "1970-01-01T00:00:01.999Z"},
        {1.9996, "1970-01-01T00:00:02.000Z"},
        {-0.001, "1969-12-31T23:59:59.999Z"},
        {-62167219200., "0000-01-01T00:00:00.000Z"},
        {253402300799.999, "9999-12-31T23:59:59.999Z"},
        {1e300, "9999-12-31T23:59:59.999Z"},
        {-1e300, "0000-01-01T00:00:00.000Z"},
        {(double)NAN, "0000-01-01T00:00:00.000Z"},
        {(double)INFINITY, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char text[CLOCK_TEXT_MAX];
        assert_ptr_equal(clock_format(samples[i].unix_s, text), text);
        assert_string_equal(text, samples[i].text);
    }
}

/* ---- character ---- */

static void test_characters(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t len;
        uint32_t code;
    } samples[] = {{"a", 1, 'a'}, {"\x7f", 1, 0x7f}, {"\xc2\x80", 2, 0x80}, {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800}, {"\xef\xbf\xbf", 3, 0xffff}, {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff}, {"", 0, 0}, {"\x80", 0, 0}, {"\xc0\x80", 0, 0},
        {"\xc1\xbf", 0, 0}, {"\xe0\x9f\xbf", 0, 0}, {"\xed\xa0\x80", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0}, {"\xf4\x90\x80\x80", 0, 0}, {"\xc3", 0, 0}, {"\xe2\x82", 0, 0},
        {"\xff", 0, 0}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint32_t code = 0;
        assert_int_equal(character_next(span_of(samples[i].text), &code), samples[i].len);
        assert_int_equal(code, samples[i].code);
    }
}

static void test_kinds_of_characters(void **state)
{
    (void)state;
    static const uint32_t treacherous[] = {
        0, '\n', 0x1b, 0x7f, 0x85, 0x9f, 0x61c, 0x200e, 0x2028, 0x202e, 0x2066, 0xfeff};
    static const uint32_t harmless[] = {' ', 'a', 0xa0, 0xf6, 0x200d, 0x20ac, 0x3000, 0x1f600};
    static const uint32_t spaces[] = {
        '\t', '\n', ' ', 0x85, 0xa0, 0x1680, 0x2000, 0x200a, 0x2028, 0x202f, 0x205f, 0x3000};
    for (size_t i = 0; i < sizeof treacherous / sizeof treacherous[0]; i++)
        assert_true(character_is_treacherous(treacherous[i]));
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        assert_false(character_is_treacherous(harmless[i]));
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
        assert_true(character_is_space(spaces[i]));
    assert_false(character_is_space('a'));
    assert_false(character_is_space(0x200b));
}

/* ---- secret: the terminal's half is tested with `besterd user` ---- */

enum { CAP = 16 };

struct line {
    enum status status;
    char text[CAP];
    size_t len;
    char rest[64]; /* what was not read */
};

static struct line read_line(const char *input, size_t len)
{
    struct line line = {.len = 0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], input, len), (ssize_t)len);
    close(ends[1]);
    line.status = secret_read_line(ends[0], line.text, CAP, &line.len, NULL);
    ssize_t rest = read(ends[0], line.rest, sizeof line.rest - 1);
    assert_true(rest >= 0);
    line.rest[rest] = '\0';
    close(ends[0]);
    return line;
}

static void test_lines(void **state)
{
    (void)state;
    const struct {
        const char *input, *text, *rest;
    } samples[] = {{"secret\nmore\n", "secret", "more\n"}, {"secret", "secret", ""},
        {"secret\r\n", "secret", ""}, {"\nmore", "", "more"}, {" a b \n", " a b ", ""},
        {"123456789012345\n", "123456789012345", ""}, {"\r", "", ""}, {"a\rb\n", "a\rb", ""}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct line line = read_line(samples[i].input, strlen(samples[i].input));
        assert_int_equal(line.status, STATUS_OK);
        assert_string_equal(line.text, samples[i].text);
        assert_int_equal(line.len, strlen(samples[i].text));
        assert_string_equal(line.rest, samples[i].rest);
    }
    struct line line = read_line("a\0b\n", 4);
    assert_int_equal(line.status, STATUS_OK);
    assert_int_equal(line.len, 3);
}

static void test_lines_refused(void **state)
{
    (void)state;
    struct line line = read_line("", 0);
    assert_int_equal(line.status, STATUS_CLOSED);
    line = read_line("1234567890123456\n", 17);
    assert_int_equal(line.status, STATUS_TOO_LARGE);
    for (size_t i = 0; i < CAP; i++)
        assert_int_equal(line.text[i], 0); /* nothing of it is left behind */
    char out[CAP];
    size_t len;
    struct fault fault = {.text = ""};
    assert_int_equal(secret_read_line(-1, out, CAP, &len, &fault), STATUS_IO);
    assert_true(fault.text[0] != '\0');
    assert_int_equal(secret_ask(-1, 2, "", out, CAP, &len, &fault), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_kinds_of_characters),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lines_refused),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
