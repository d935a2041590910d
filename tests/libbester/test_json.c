#include "libbester/json.h"

#include <stdio.h>

#include "tests/libbester/support.h"

static enum status check(const char *text, unsigned max_depth, struct fault *fault)
{
    struct span exact = exact_copy_of(text);
    enum status status = json_check(exact, max_depth, fault);
    exact_free(exact);
    return status;
}

/* ---- what is wrong, and where ---- */

static void faults_say_what_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *what;
    } rows[] = {
        {"", 0, "byte 0: a value is expected, not the end of the text"},
        {"  ", 2, "byte 2: a value is expected, not the end of the text"},
        {"[1,]", 3, "byte 3: a value is expected, not ']'"},
        {"[1 2]", 3, "byte 3: ',' or ']' is expected, not '2'"},
        {"[1}", 2, "byte 2: ',' or ']' is expected, not '}'"},
        {"{\"a\":1]", 6, "byte 6: ',' or '}' is expected, not ']'"},
        {"{\"a\":1,}", 7, "byte 7: the name of a member is expected, not '}'"},
        {"{a:1}", 1, "byte 1: the name of a member is expected, not 'a'"},
        {"{\"a\" 1}", 5, "byte 5: ':' is expected, not '1'"},
        {"{\"a\"", 4, "byte 4: ':' is expected, not the end of the text"},
        {"{\"a\":}", 5, "byte 5: a value is expected, not '}'"},
        {"1 2", 2, "byte 2: the end of the text is expected, not '2'"},
        {"01", 1, "byte 1: the end of the text is expected, not '1'"},
        {"-", 1, "byte 1: a digit is expected, not the end of the text"},
        {"1.x", 2, "byte 2: a digit is expected, not 'x'"},
        {"1e+", 3, "byte 3: a digit is expected, not the end of the text"},
        {"tru", 0, "byte 0: a value is expected, not 't'"},
        {"\"abc", 0, "byte 0: this string is not closed"},
        {"[\"abc]", 1, "byte 1: this string is not closed"},
        {"\"a\tb\"", 2, "byte 2: a control character in a string must be escaped"},
        {"\"a\\x\"", 2, "byte 2: this escape is not JSON"},
        {"\"\\u12G4\"", 1, "byte 1: this escape is not JSON"},
        {"\"\\ud800\"", 1, "byte 1: half of a surrogate pair stands alone"},
        {"\"\\udc00\"", 1, "byte 1: half of a surrogate pair stands alone"},
        {"\"\\ud800\\u0041\"", 1, "byte 1: half of a surrogate pair stands alone"},
        {"{\"\\u0000\":1}", 2, "byte 2: the name of a member holds \\u0000"},
        {"\"\xC3\"", 1, "byte 1: this is not UTF-8"},
        {"\xEF\xBB\xBF{}", 0, "byte 0: a value is expected, not byte 0xEF"},
        {"\x01", 0, "byte 0: a value is expected, not byte 0x01"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fault fault = {0};
        assert_int_equal(check(rows[i].text, 8, &fault), STATUS_MALFORMED);
        assert_int_equal(fault.status, STATUS_MALFORMED);
        assert_string_equal(fault.text, rows[i].what);
        assert_int_equal(fault.offset, rows[i].offset);
        assert_int_equal(check(rows[i].text, 8, NULL), STATUS_MALFORMED);
    }
}

static void the_absent_span_is_no_value(void **state)
{
    (void)state;
    assert_int_equal(json_check((struct span){0}, 8, NULL), STATUS_MALFORMED);
    assert_int_equal(json_kind_of((struct span){0}), JSON_KIND_ABSENT);
}

/* ---- the innermost loop ---- */

/* Each byte at each place of strings of each length up to five words of eight:
 * whatever is read at once, the answer is that of the byte. */
static void each_byte_in_each_place_of_a_string(void **state)
{
    (void)state;
    char text[64];
    for (size_t len = 1; len <= 40; len++)
        for (size_t place = 0; place < len; place++)
            for (unsigned byte = 0; byte < 256; byte++) {
                struct fault fault = {0};
                memset(text, 'x', sizeof text);
                text[0] = text[len + 1] = '"';
                text[1 + place] = (char)byte;
                enum status status =
                    json_check((struct span){.at = text, .len = len + 2}, 8, &fault);
                bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                if (plain != (status == STATUS_OK))
                    fail_msg("byte 0x%02X at %zu of %zu", byte, place, len);
                /* A quote ends the string: the fault is what follows it. A backslash
                 * hides the closing quote: the fault is the opening one. */
                size_t offset = byte == '"'                        ? place + 2
                                : byte == '\\' && place + 1 == len ? 0
                                                                   : place + 1;
                if (!plain && fault.offset != offset)
                    fail_msg(
                        "byte 0x%02X at %zu of %zu: offset %zu", byte, place, len, fault.offset);
            }
}

static void letters_of_all_sizes_in_each_place(void **state)
{
    (void)state;
    static const char *const letters[] = {
        "\\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\\u00e9", "\\ud83d\\ude00"};
    char text[64];
    for (size_t letter = 0; letter < sizeof letters / sizeof letters[0]; letter++)
        for (int before = 0; before < 20; before++)
            for (int after = 0; after < 20; after++) {
                int len = snprintf(text, sizeof text, "\"%.*s%s%.*s\"", before,
                    "aaaaaaaaaaaaaaaaaaaaa", letters[letter], after, "bbbbbbbbbbbbbbbbbbbbb");
                assert_int_equal(check(text, 0, NULL), STATUS_OK);
                /* Cut anywhere, it is not closed; cut in the letter, that is wrong. */
                for (int cut = 1; cut < len; cut++) {
                    struct span exact = exact_copy(text, (size_t)cut);
                    assert_int_equal(json_check(exact, 0, NULL), STATUS_MALFORMED);
                    exact_free(exact);
                }
            }
}

/* ---- depth ---- */

static void depth_counts_nested_containers(void **state)
{
    (void)state;
    assert_int_equal(check("7", 0, NULL), STATUS_OK);
    assert_int_equal(check("{}", 0, NULL), STATUS_TOO_LARGE);
    assert_int_equal(check("[]", 0, NULL), STATUS_TOO_LARGE);
    assert_int_equal(check("{}", 1, NULL), STATUS_OK);
    assert_int_equal(check("{\"a\":1}", 1, NULL), STATUS_OK);
    assert_int_equal(check("[[]]", 1, NULL), STATUS_TOO_LARGE);
    assert_int_equal(check("{\"a\":[]}", 2, NULL), STATUS_OK);
    assert_int_equal(check("[[],[],{},[]]", 2, NULL), STATUS_OK);
    struct fault fault;
    assert_int_equal(check("{\"a\":{}}", 1, &fault), STATUS_TOO_LARGE);
    assert_int_equal(fault.status, STATUS_TOO_LARGE);
    assert_int_equal(fault.offset, 5);
    assert_string_equal(fault.text, "byte 5: objects and arrays are nested more than 1 deep");
}

/* Objects and arrays in the order that the bits of a number give. */
static size_t write_nest(char *out, struct dice dice, unsigned depth, unsigned wrong_at)
{
    char closers[JSON_DEPTH_MAX + 1];
    size_t len = 0;
    for (unsigned i = 0; i < depth; i++) {
        bool object = dice_next(&dice) & 1;
        len += (size_t)snprintf(out + len, 6, object ? "{\"k\":" : "[");
        closers[i] = object != (i == wrong_at) ? '}' : ']';
    }
    out[len++] = '0';
    for (unsigned i = depth; i > 0; i--)
        out[len++] = closers[i - 1];
    return len;
}

static void every_container_remembers_its_kind(void **state)
{
    (void)state;
    static char text[8 * JSON_DEPTH_MAX];
    struct dice dice = {.state = dice_seed(7)};
    struct span span = {.at = text};
    for (unsigned depth = 1; depth <= JSON_DEPTH_MAX; depth += depth < 130 ? 1 : 97) {
        span.len = write_nest(text, dice, depth, JSON_DEPTH_MAX);
        assert_int_equal(json_check(span, JSON_DEPTH_MAX, NULL), STATUS_OK);
        assert_int_equal(json_check(span, depth, NULL), STATUS_OK);
        assert_int_equal(json_check(span, depth - 1, NULL), STATUS_TOO_LARGE);
        for (unsigned wrong = 0; wrong < depth; wrong++) {
            span.len = write_nest(text, dice, depth, wrong);
            assert_int_equal(json_check(span, JSON_DEPTH_MAX, NULL), STATUS_MALFORMED);
        }
        dice_next(&dice);
    }
    span.len = write_nest(text, dice, JSON_DEPTH_MAX, JSON_DEPTH_MAX);
    assert_int_equal(json_check(span, UINT32_MAX, NULL), STATUS_OK);
    struct span deeper = repeated("[", JSON_DEPTH_MAX + 1);
    assert_int_equal(json_check(deeper, UINT32_MAX, NULL), STATUS_TOO_LARGE);
    exact_free(deeper);
}

/* ---- size ---- */

static void a_mebibyte_is_as_safe_as_a_byte(void **state)
{
    (void)state;
    enum { MEBIBYTE = 1 << 20 };
    static const struct {
        const char *piece;
        enum status status;
    } rows[] = {
        {"[", STATUS_TOO_LARGE},
        {"{\"a\":", STATUS_TOO_LARGE},
        {"[{\"a\":[],\"b\":", STATUS_TOO_LARGE},
        {" ", STATUS_MALFORMED},
        {"\"", STATUS_MALFORMED},
        {"7", STATUS_OK},
        {"-", STATUS_MALFORMED},
        {"\xFF", STATUS_MALFORMED},
        {"[],", STATUS_MALFORMED},
        {"]", STATUS_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span text = repeated(rows[i].piece, MEBIBYTE / strlen(rows[i].piece));
        assert_int_equal(json_check(text, JSON_DEPTH_MAX, NULL), rows[i].status);
        exact_free(text);
    }
}

static void a_string_of_a_mebibyte(void **state)
{
    (void)state;
    enum { MEBIBYTE = 1 << 20 };
    static const char *const letters[] = {"s", "\xC3\xA9", "\\u0041", "\\\\"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        struct span inside = repeated(letters[i], MEBIBYTE / strlen(letters[i]));
        struct span value = {0};
        struct json_cursor cursor;
        char *quoted = malloc(inside.len + 2);
        assert_non_null(quoted);
        memcpy(quoted + 1, inside.at, inside.len);
        quoted[0] = quoted[inside.len + 1] = '"';
        json_begin(&cursor, (struct span){.at = quoted, .len = inside.len + 2}, 0);
        assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_OK);
        assert_int_equal(value.len, inside.len + 2);
        free(quoted);
        exact_free(inside);
    }
}

static void only_white_space_may_follow(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[] = {'{', '}', (char)byte};
        bool space = byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
        assert_int_equal(json_check((struct span){.at = text, .len = 3}, 8, NULL),
            space ? STATUS_OK : STATUS_MALFORMED);
        char before[] = {(char)byte, '{', '}'};
        assert_int_equal(json_check((struct span){.at = before, .len = 3}, 8, NULL),
            space ? STATUS_OK : STATUS_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(the_absent_span_is_no_value),
        cmocka_unit_test(each_byte_in_each_place_of_a_string),
        cmocka_unit_test(letters_of_all_sizes_in_each_place),
        cmocka_unit_test(depth_counts_nested_containers),
        cmocka_unit_test(every_container_remembers_its_kind),
        cmocka_unit_test(a_mebibyte_is_as_safe_as_a_byte),
        cmocka_unit_test(a_string_of_a_mebibyte),
        cmocka_unit_test(only_white_space_may_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
