/* Texts of strangers as XML and HTML, at a terminal, and how wide they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"

/* As content, as an attribute, at a terminal. */
static const struct {
    struct span text;
    const char *content, *attribute, *terminal;
} rows[] = {
    {SPAN_LITERAL(""), "", "", ""},
    {SPAN_LITERAL("plain"), "plain", "plain", "plain"},
    {SPAN_LITERAL("<a href='x'>\"&amp;\""), "&lt;a href='x'&gt;\"&amp;amp;\"",
        "&lt;a href=&#39;x&#39;&gt;&quot;&amp;amp;&quot;", "<a href='x'>\"&amp;\""},
    {SPAN_LITERAL("]]>"), "]]&gt;", "]]&gt;", "]]>"},
    {SPAN_LITERAL("one\ntwo\tthree\r"), "one\ntwo\tthree\\x0d", "one&#10;two&#9;three\\x0d",
        "one\\ntwo\\tthree\\r"},
    {SPAN_LITERAL("\x1b[31m\0\x7f"), "\\x1b[31m\\x00\\x7f", "\\x1b[31m\\x00\\x7f",
        "\\x1b[31m\\x00\\x7f"},
    {SPAN_LITERAL("Goeie m\xc3\xb4re \xe2\x9c\x93"), "Goeie môre ✓", "Goeie môre ✓",
        "Goeie môre ✓"},
    {SPAN_LITERAL("\xff\xc3"), "\\xff\\xc3", "\\xff\\xc3", "\\xff\\xc3"},
    /* Right to left, and a code point that is no character. */
    {SPAN_LITERAL("\xe2\x80\xae"
                  "evil"),
        "\\u{202e}evil", "\\u{202e}evil", "\\u{202e}evil"},
    {SPAN_LITERAL("\xef\xbf\xbe\xf0\x9f\xbf\xbf"), "\\u{fffe}\\u{1ffff}", "\\u{fffe}\\u{1ffff}",
        NULL},
};

enum form { CONTENT, ATTRIBUTE, TERMINAL };

static void write_form(FILE *out, enum form form, struct span text)
{
    char copy[128];

    if (form == CONTENT)
        markup_text(out, text);
    if (form == TERMINAL)
        markup_terminal(out, text);
    if (form != ATTRIBUTE)
        return;
    assert_true(text.len < sizeof(copy));
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    markup_attribute(out, copy);
}

static void assert_written(enum form form, struct span text, const char *wanted)
{
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);

    assert_non_null(out);
    write_form(out, form, text);
    fclose(out);
    assert_string_equal(got, wanted);
    free(got);
}

static void test_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_written(CONTENT, rows[i].text, rows[i].content);
        if (!memchr(rows[i].text.at, '\0', rows[i].text.len))
            assert_written(ATTRIBUTE, rows[i].text, rows[i].attribute);
        if (rows[i].terminal)
            assert_written(TERMINAL, rows[i].text, rows[i].terminal);
    }
}

/* Whatever the bytes, nothing comes out that could be markup or a command. */
static void test_no_bytes_get_through(void **state)
{
    char bytes[256 * 3];
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);

    (void)state;
    for (size_t i = 0; i < 256; i++) {
        bytes[3 * i] = (char)i;
        bytes[3 * i + 1] = '<';
        bytes[3 * i + 2] = (char)(255 - i);
    }
    assert_non_null(out);
    markup_text(out, (struct span){bytes, sizeof(bytes)});
    fclose(out);
    for (size_t i = 0; i < len; i++) {
        assert_false(strchr("<>", got[i]) != NULL);
        assert_true((unsigned char)got[i] >= 0x20 || got[i] == '\n' || got[i] == '\t');
    }
    free(got);
}

static void test_cut_at_a_character(void **state)
{
    static const char text[] = "a\xc3\xb4\xe2\x9c\x93z";
    static const size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 7, 7};

    (void)state;
    for (size_t max = 0; max < sizeof(wanted) / sizeof(wanted[0]); max++) {
        struct span cut = markup_cut(SPAN_LITERAL(text), max);
        assert_ptr_equal(cut.at, text);
        assert_int_equal(cut.len, wanted[max]);
    }
}

static void test_columns(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
    } wide[] = {
        {"", 0}, {"abc", 3}, {"m\xc3\xb4re", 4}, {"e\xcc\x81", 1}, /* an accent that combines */
        {"\xe6\x97\xa5\xe6\x9c\xac", 4},                           /* two wide characters */
        {"\xf0\x9f\x99\x82", 2},                                   /* a face */
        {"\xff\xfe", 2},                                           /* what is no UTF-8 */
        {"\xed\x95\x9c\xea\xb8\x80 hangul", 11},                   /* wide, and not */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        const char *text = wide[i].text;

        assert_int_equal(markup_columns(text), wide[i].columns);
        assert_int_equal(markup_fit(text, wide[i].columns), strlen(text));
        assert_int_equal(markup_fit(text, SIZE_MAX), strlen(text));
    }
    assert_int_equal(markup_fit("abc", 2), 2);
    assert_int_equal(markup_fit("\xe6\x97\xa5\xe6\x9c\xac", 3), 3); /* half of one does not fit */
    assert_int_equal(markup_fit("e\xcc\x81x", 1), 3);               /* its accent comes with it */
    assert_int_equal(markup_fit("abc", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_no_bytes_get_through),
        cmocka_unit_test(test_cut_at_a_character),
        cmocka_unit_test(test_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
