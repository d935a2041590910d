#include <jansson.h>

#include "libbester/json.h"
#include "tests/libbester/support.h"

/* ---- decoding ---- */

static const struct {
    const char *token;
    const char *text;
} tokens[] = {
    {"\"\"", ""},
    {"\"plain\"", "plain"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"\\u0041\\u00e9\\u20AC\"", "A\xC3\xA9\xE2\x82\xAC"},
    {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
    {"\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF"},
    {"\"\\uD800\\uDC00\"", "\xF0\x90\x80\x80"},
    {"\"\\uffff\\u07ff\\u0800\"", "\xEF\xBF\xBF\xDF\xBF\xE0\xA0\x80"},
    {"\"\xC3\xA9\\n\xF0\x9F\x98\x80\"", "\xC3\xA9\n\xF0\x9F\x98\x80"},
    {"\"tail\\\\\"", "tail\\"},
};
enum { TOKENS = sizeof tokens / sizeof tokens[0] };

static void tokens_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKENS; i++) {
        char out[64];
        size_t len = 0;
        struct span token = exact_copy_of(tokens[i].token);
        assert_int_equal(json_decode(token, out, sizeof out, &len), STATUS_OK);
        assert_string_equal(out, tokens[i].text);
        assert_int_equal(len, strlen(tokens[i].text));
        assert_int_equal(json_decode(token, out, sizeof out, NULL), STATUS_OK);
        exact_free(token);
    }
}

static void every_cap_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKENS; i++) {
        size_t need = strlen(tokens[i].text) + 1;
        for (size_t cap = 0; cap <= need + 1; cap++) {
            char *out = malloc(cap == 0 ? 1 : cap); /* exact: a sanitizer watches */
            assert_non_null(out);
            enum status status = json_decode(span_of(tokens[i].token), out, cap, NULL);
            assert_int_equal(status, cap < need ? STATUS_TOO_LARGE : STATUS_OK);
            free(out);
        }
    }
}

static void what_is_no_string_or_holds_a_zero_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {
        "", "\"", "1", "null", "{}", "[\"a\"]", "\"a", "a\"", "\"\\u0000\"", "\"a\\u0000b\""};
    char out[64];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(json_decode(span_of(others[i]), out, sizeof out, NULL), STATUS_INVALID);
    assert_int_equal(json_decode((struct span){0}, out, sizeof out, NULL), STATUS_INVALID);
}

static void comparing_is_comparing_what_is_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKENS; i++) {
        struct bytes other;
        bytes_init(&other, 1000);
        assert_int_equal(json_quote(&other, span_of(tokens[i].text)), STATUS_OK);
        for (size_t j = 0; j < TOKENS; j++) {
            assert_int_equal(json_string_is(span_of(tokens[j].token), tokens[i].text), i == j);
            assert_int_equal(
                json_string_equal(span_of(tokens[j].token), bytes_span(&other)), i == j);
            assert_int_equal(
                json_string_equal(bytes_span(&other), span_of(tokens[j].token)), i == j);
        }
        bytes_release(&other);
    }
}

static void comparing_near_misses(void **state)
{
    (void)state;
    static const struct {
        const char *token, *text;
        bool same;
    } rows[] = {
        {"\"id\"", "id", true},
        {"\"\\u0069d\"", "id", true},
        {"\"i\\u0064\"", "id", true},
        {"\"\\u0069\"", "id", false},
        {"\"\\u0069dx\"", "id", false},
        {"\"\\u0069d\\u0000\"", "id", false},
        {"\"\\u0000id\"", "id", false},
        {"\"\\u0000\"", "", false},
        {"\"ID\"", "id", false},
        {"id", "id", false},
        {"", "", false},
        {"\"", "", false},
        {"\"\"", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(json_string_is(span_of(rows[i].token), rows[i].text), rows[i].same);
    assert_false(json_string_is((struct span){0}, ""));
    assert_false(json_string_equal(span_of("1"), span_of("1")));
    assert_false(json_string_equal((struct span){0}, (struct span){0}));
    assert_true(json_string_equal(span_of("\"\\u0000\""), span_of("\"\\u0000\"")));
    assert_false(json_string_equal(span_of("\"\\u0000\""), span_of("\"\"")));
    assert_false(json_string_equal(span_of("\"\\ud83d\\ude00\""), span_of("\"\xF0\x9F\x98\"")));
    assert_true(
        json_string_equal(span_of("\"\\ud83d\\ude00x\""), span_of("\"\xF0\x9F\x98\x80x\"")));
}

/* ---- quoting ---- */

static void control_characters_and_quotes_are_escaped(void **state)
{
    (void)state;
    struct bytes out;
    bytes_init(&out, 1000);
    assert_int_equal(json_quote(&out, SPAN_LITERAL("a\"\\/\b\f\n\r\t\x01\x1F\x7F\0z")), STATUS_OK);
    assert_span(bytes_span(&out), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000z\"");
    bytes_reset(&out);
    assert_int_equal(json_quote(&out, span_of("\xC3\xA9\xF0\x9F\x98\x80")), STATUS_OK);
    assert_span(bytes_span(&out), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
    bytes_reset(&out);
    assert_int_equal(json_quote(&out, (struct span){0}), STATUS_OK);
    assert_span(bytes_span(&out), "\"\"");
    bytes_release(&out);
}

static void what_is_not_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    static const struct {
        const char *text, *token;
    } rows[] = {
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"a\xC3", "\"a\xEF\xBF\xBD\""},
        {"\xC3(", "\"\xEF\xBF\xBD(\""},
        {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    struct bytes out;
    bytes_init(&out, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span text = exact_copy_of(rows[i].text);
        bytes_reset(&out);
        assert_int_equal(json_quote(&out, text), STATUS_OK);
        assert_span(bytes_span(&out), rows[i].token);
        exact_free(text);
    }
    bytes_release(&out);
}

/* Half of the bytes of a random text are such as need care. */
static size_t random_text(struct dice *dice, char *out, size_t cap)
{
    static const char *const pieces[] = {"\"", "\\", "\n", "\x01", "\xC3\xA9", "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80", "\xFF", "\xC3", "\xF0\x9F", "abcdefgh", "ijklmnop", "q", " "};
    size_t len = 0;
    size_t count = dice_below(dice, 12);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[dice_below(dice, sizeof pieces / sizeof pieces[0])];
        size_t size = strlen(piece);
        if (len + size > cap)
            break;
        memcpy(out + len, piece, size);
        len += size;
    }
    return len;
}

/* jansson reads the token as the same text, if the text was UTF-8; and what
 * json_decode makes of the token is what jansson makes of it. */
static void quoted_texts_are_read_back_by_jansson(void **state)
{
    (void)state;
    struct dice dice = {.state = dice_seed(1)};
    struct bytes out;
    bytes_init(&out, 1000);
    for (int i = 0; i < 20000; i++) {
        char text[100];
        char decoded[400];
        size_t len = 0;
        struct span span = exact_copy(text, random_text(&dice, text, sizeof text));
        bytes_reset(&out);
        assert_int_equal(json_quote(&out, span), STATUS_OK);
        struct span token = bytes_span(&out);
        assert_int_equal(json_check(token, 0, NULL), STATUS_OK);
        json_t *read = json_loadb(token.at, token.len, JSON_DECODE_ANY, NULL);
        assert_non_null(read);
        assert_int_equal(json_decode(token, decoded, sizeof decoded, &len), STATUS_OK);
        assert_int_equal(len, json_string_length(read));
        assert_memory_equal(decoded, json_string_value(read), len);
        json_t *direct = json_stringn(span.at, span.len); /* NULL: not UTF-8 */
        if (direct != NULL)
            assert_true(json_equal(direct, read));
        json_decref(direct);
        json_decref(read);
        exact_free(span);
    }
    bytes_release(&out);
}

static void quoting_respects_the_cap_of_the_buffer(void **state)
{
    (void)state;
    struct bytes out;
    for (size_t cap = 0; cap < 12; cap++) {
        bytes_init(&out, cap);
        enum status status = json_quote(&out, span_of("a\n\x01"));
        assert_int_equal(status, cap < 11 ? STATUS_TOO_LARGE : STATUS_OK);
        assert_span(bytes_span(&out), cap < 11 ? "" : "\"a\\n\\u0001\"");
        bytes_release(&out);
    }
}

/* Whatever the room, the token is closed, valid, ended by a zero byte, and
 * decodes to a start of the text, as long as fits. */
static void a_fixed_buffer_cuts_at_a_character(void **state)
{
    (void)state;
    static const char *const texts[] = {"plain text of many letters", "\"\\\n\x01",
        "\xC3\xA9\xC3\xA9\xC3\xA9", "z\xE2\x82\xACz\xF0\x9F\x98\x80z", "12345678\n\t", "\xFF\xFF",
        ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bytes whole;
        bytes_init(&whole, 1000);
        assert_int_equal(json_quote(&whole, span_of(texts[i])), STATUS_OK);
        for (size_t cap = 3; cap < whole.len + 4; cap++) {
            char *out = malloc(cap);
            assert_non_null(out);
            struct span token = json_quote_into(out, cap, span_of(texts[i]));
            assert_ptr_equal(token.at, out);
            assert_int_equal(out[token.len], '\0');
            assert_int_equal(json_check(token, 0, NULL), STATUS_OK);
            assert_memory_equal(token.at, bytes_span(&whole).at, token.len - 1);
            if (cap > whole.len)
                assert_true(span_equal(token, bytes_span(&whole)));
            else
                assert_true(token.len + 6 > cap - 1); /* no piece is over six bytes */
            free(out);
        }
        bytes_release(&whole);
    }
}

/* ---- numbers ---- */

static void numbers_are_plain_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t number;
    } rows[] = {{"0", 0}, {"7", 7}, {"\"0\"", 0}, {"\"42\"", 42}, {"1000000", 1000000},
        {"18446744073709551615", UINT64_MAX}, {"\"18446744073709551615\"", UINT64_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t number = 99;
        struct span text = exact_copy_of(rows[i].text);
        assert_int_equal(json_u64(text, &number), STATUS_OK);
        assert_true(number == rows[i].number);
        exact_free(text);
    }
    static const char *const others[] = {"", "\"\"", "\"", "-1", "+1", "1.0", "1e3", "00", "\"07\"",
        "18446744073709551616", "18446744073709551625", "99999999999999999999", "\"1", "1\"",
        "\" 1\"", "\"1 \"", "\"\\u0031\"", "null", "true", "[1]", "\"x\"", "0x1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t number = 99;
        assert_int_equal(json_u64(span_of(others[i]), &number), STATUS_INVALID);
        assert_int_equal(number, 99);
    }
    uint64_t number;
    assert_int_equal(json_u64((struct span){0}, &number), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_decode),
        cmocka_unit_test(every_cap_is_kept),
        cmocka_unit_test(what_is_no_string_or_holds_a_zero_is_refused),
        cmocka_unit_test(comparing_is_comparing_what_is_decoded),
        cmocka_unit_test(comparing_near_misses),
        cmocka_unit_test(control_characters_and_quotes_are_escaped),
        cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
        cmocka_unit_test(quoted_texts_are_read_back_by_jansson),
        cmocka_unit_test(quoting_respects_the_cap_of_the_buffer),
        cmocka_unit_test(a_fixed_buffer_cuts_at_a_character),
        cmocka_unit_test(numbers_are_plain_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
