#include "libbester/json.h"

#include <stdio.h>

#include "tests/libbester/support.h"

static void peek_tells_the_kind_by_the_first_byte(void **state)
{
    (void)state;
    static const char *const first[] = {
        [JSON_KIND_OBJECT] = "{",
        [JSON_KIND_ARRAY] = "[",
        [JSON_KIND_STRING] = "\"",
        [JSON_KIND_NUMBER] = "-0123456789",
        [JSON_KIND_TRUE] = "t",
        [JSON_KIND_FALSE] = "f",
        [JSON_KIND_NULL] = "n",
    };
    for (unsigned byte = 1; byte < 256; byte++) {
        char text[3] = {' ', (char)byte, '\0'};
        enum json_kind expected = JSON_KIND_ABSENT;
        struct json_cursor cursor;
        for (unsigned kind = JSON_KIND_OBJECT; kind <= JSON_KIND_NULL; kind++)
            if (strchr(first[kind], (int)byte) != NULL)
                expected = (enum json_kind)kind;
        json_begin(&cursor, span_of(text), 8);
        assert_int_equal(json_peek(&cursor), expected);
        assert_int_equal(json_peek(&cursor), expected);
        assert_int_equal(json_kind_of(span_of(text + 1)), expected);
    }
    struct json_cursor cursor;
    json_begin(&cursor, span_of(" \t\r\n"), 8);
    assert_int_equal(json_peek(&cursor), JSON_KIND_ABSENT);
    json_begin(&cursor, SPAN_LITERAL("\0"), 8);
    assert_int_equal(json_peek(&cursor), JSON_KIND_ABSENT);
}

static void skip_hands_out_the_bytes_without_white_space(void **state)
{
    (void)state;
    static const char *const values[] = {"{}", "[]", "{\"a\" : [ 1 , 2 ] }", "\"s\\\"\"", "-1.5e+7",
        "true", "false", "null", "[[[]]]", "0"};
    char text[80];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct json_cursor cursor;
        struct span value = {0};
        snprintf(text, sizeof text, " \t%s\r\n ", values[i]);
        json_begin(&cursor, span_of(text), 8);
        assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_OK);
        assert_span(value, values[i]);
        assert_int_equal(json_end(&cursor, NULL), STATUS_OK);
        assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_MALFORMED);
        assert_span(value, values[i]);
    }
}

static void a_walk_through_everything(void **state)
{
    (void)state;
    struct json_cursor cursor;
    struct span name;
    struct span value;
    struct span text =
        exact_copy_of(" { \"a\" : [ 1 , { } , [ ] , \"x\" ] , \"\\u0062\":{\"c\":null} } ");
    json_begin(&cursor, text, 3);
    assert_int_equal(json_enter_object(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_member(&cursor, &name, NULL), PULL_READY);
    assert_span(name, "\"a\"");
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_OK);
    assert_span(value, "1");
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_enter_object(&cursor, NULL), STATUS_OK);
    assert_int_equal(cursor.depth, 3);
    assert_int_equal(json_next_member(&cursor, &name, NULL), PULL_MORE);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_MORE);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_OK);
    assert_span(value, "\"x\"");
    assert_int_equal(json_next_element(&cursor, NULL), PULL_MORE);
    assert_int_equal(json_next_member(&cursor, &name, NULL), PULL_READY);
    assert_span(name, "\"\\u0062\"");
    assert_int_equal(json_skip(&cursor, &value, NULL), STATUS_OK);
    assert_span(value, "{\"c\":null}");
    assert_int_equal(json_next_member(&cursor, &name, NULL), PULL_MORE);
    assert_int_equal(cursor.depth, 0);
    assert_int_equal(json_end(&cursor, NULL), STATUS_OK);
    exact_free(text);
}

static void entering_what_is_something_else(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "1", "\"{\"", "null", "}"};
    struct json_cursor cursor;
    struct fault fault;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_begin(&cursor, span_of(texts[i]), 8);
        assert_int_equal(json_enter_object(&cursor, &fault), STATUS_MALFORMED);
        assert_int_equal(fault.offset, 0);
    }
    assert_string_equal(fault.text, "byte 0: an object is expected, not '}'");
    json_begin(&cursor, span_of(" {}"), 8);
    assert_int_equal(json_enter_array(&cursor, &fault), STATUS_MALFORMED);
    assert_string_equal(fault.text, "byte 1: an array is expected, not '{'");
}

static void entering_and_skipping_share_the_depth(void **state)
{
    (void)state;
    struct json_cursor cursor;
    struct span name;
    json_begin(&cursor, span_of("{\"a\":[[1]]}"), 2);
    assert_int_equal(json_enter_object(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_member(&cursor, &name, NULL), PULL_READY);
    assert_int_equal(json_skip(&cursor, NULL, NULL), STATUS_TOO_LARGE);
    json_begin(&cursor, span_of("[[1]]"), 2);
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
    json_begin(&cursor, span_of("[[1]]"), 1);
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
    assert_int_equal(json_next_element(&cursor, NULL), PULL_READY);
    assert_int_equal(json_enter_array(&cursor, NULL), STATUS_TOO_LARGE);
}

static void members_that_are_not_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {{"{", 1}, {"{,", 1}, {"{1", 1}, {"{]", 1}, {"{\"a\"", 4}, {"{\"a\"}", 4},
        {"{\"a\":1", 6}, {"{\"a\":1]", 6}, {"{\"a\":1 \"b\":2}", 7}, {"{\"a\":1,,", 7},
        {"{\"a\":1,}", 7}, {"{\"a\":1,", 7}, {"{\"a\":1,\"b", 7}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_cursor cursor;
        struct span name;
        struct fault fault = {0};
        struct span text = exact_copy_of(rows[i].text);
        json_begin(&cursor, text, 8);
        assert_int_equal(json_enter_object(&cursor, NULL), STATUS_OK);
        enum pull pull = json_next_member(&cursor, &name, &fault);
        if (pull == PULL_READY && json_skip(&cursor, NULL, &fault) == STATUS_OK)
            pull = json_next_member(&cursor, &name, &fault);
        assert_int_equal(pull, PULL_BAD);
        assert_int_equal(fault.status, STATUS_MALFORMED);
        assert_int_equal(fault.offset, rows[i].offset);
        exact_free(text);
    }
}

static void elements_that_are_not_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {{"[", 1}, {"[,", 1}, {"[}", 1}, {"[1", 2}, {"[1}", 2}, {"[1 2]", 3}, {"[1,,", 3},
        {"[1,]", 3}, {"[1,", 3}, {"[:", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_cursor cursor;
        struct fault fault = {0};
        struct span text = exact_copy_of(rows[i].text);
        json_begin(&cursor, text, 8);
        assert_int_equal(json_enter_array(&cursor, NULL), STATUS_OK);
        enum pull pull = json_next_element(&cursor, &fault);
        if (pull == PULL_READY && json_skip(&cursor, NULL, &fault) == STATUS_OK)
            pull = json_next_element(&cursor, &fault);
        assert_int_equal(pull, PULL_BAD);
        assert_int_equal(fault.status, STATUS_MALFORMED);
        assert_int_equal(fault.offset, rows[i].offset);
        exact_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peek_tells_the_kind_by_the_first_byte),
        cmocka_unit_test(skip_hands_out_the_bytes_without_white_space),
        cmocka_unit_test(a_walk_through_everything),
        cmocka_unit_test(entering_what_is_something_else),
        cmocka_unit_test(entering_and_skipping_share_the_depth),
        cmocka_unit_test(members_that_are_not_in_order),
        cmocka_unit_test(elements_that_are_not_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
