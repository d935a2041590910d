#include "libbester/message.h"

#include <stdio.h>

#include "libbester/bytes.h"
#include "tests/libbester/support.h"

static enum status parse(struct message *message, const char *text, struct fault *fault)
{
    return message_parse(message, span_of(text), JSON_DEPTH_DEFAULT, fault);
}

/* ---- what is found ---- */

static const struct known {
    const char *name;
    size_t offset;
    bool in_header;
} known[] = {
#define X(json_name, field) \
    {.name = (json_name), .offset = offsetof(struct message, field), .in_header = true},
    MESSAGE_HEADER_TABLE(X)
#undef X
#define X(json_name, field) \
    {.name = (json_name), .offset = offsetof(struct message, field), .in_header = false},
        MESSAGE_PAYLOAD_TABLE(X)
#undef X
};
enum { KNOWN = sizeof known / sizeof known[0] };

static struct span field(const struct message *message, size_t offset)
{
    struct span span;
    memcpy(&span, (const char *)message + offset, sizeof span);
    return span;
}

/* How many fields of the tables are present. */
static size_t fields_set(const struct message *message)
{
    size_t set = 0;
    for (size_t i = 0; i < KNOWN; i++)
        set += field(message, known[i].offset).at != NULL;
    return set;
}

static void each_member_of_the_tables_is_found(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"text\"", "null", "true", "-1.5e3", "{\"a\":[1,{}]}", "[]", "\"\\u0000\""};
    for (size_t i = 0; i < KNOWN; i++)
        for (size_t value = 0; value < sizeof values / sizeof values[0]; value++) {
            char text[200];
            struct message message;
            snprintf(text, sizeof text, "{\"%s\":{\"%s\": %s }}",
                known[i].in_header ? "header" : "payload", known[i].name, values[value]);
            assert_int_equal(parse(&message, text, NULL), STATUS_OK);
            assert_span(field(&message, known[i].offset), values[value]);
            assert_int_equal(fields_set(&message), 1);
            assert_int_equal(message.header.at != NULL, known[i].in_header);
            assert_int_equal(message.payload.at != NULL, !known[i].in_header);
        }
}

/* The same names on the other level, or at the top, are members like any other. */
static void a_name_counts_on_its_own_level_only(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(
        parse(&message,
            "{\"type\":1,\"id\":2,\"scope\":3,\"header\":{\"type\":4,\"data\":5,\"payload\":6},"
            "\"payload\":{\"scope\":7,\"header\":8,\"command\":9}}",
            NULL),
        STATUS_OK);
    assert_int_equal(fields_set(&message), 0);
    assert_int_equal(parse(&message, "{\"data\":{\"id\":1}}", NULL), STATUS_OK);
    assert_span(message.top_data, "{\"id\":1}");
    assert_int_equal(fields_set(&message), 0);
}

static void the_examples_of_the_wire_contract(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(
        parse(&message,
            "{\"header\":  {\"scope\": \"client\", \"authentication\": {\"username\": \"T\","
            " \"password\": \"x\"}},\n \"payload\": {\"type\": \"dummy\", \"data\": null,"
            " \"id\": \"0\"}}",
            NULL),
        STATUS_OK);
    assert_span(message.scope, "\"client\"");
    assert_span(message.authentication, "{\"username\": \"T\", \"password\": \"x\"}");
    assert_span(message.type, "\"dummy\"");
    assert_span(message.data, "null");
    assert_span(message.id, "\"0\"");
    assert_span(message.payload, "{\"type\": \"dummy\", \"data\": null, \"id\": \"0\"}");
    assert_span(message.top_data, NULL);
    assert_int_equal(parse(&message,
                         "{\"header\": {\"status\": \"0\", \"command\": {\"type\": \"sendClients\","
                         " \"data\": [\"G\", \"T\"]}}, \"data\": [1, 2]}",
                         NULL),
        STATUS_OK);
    assert_span(message.status, "\"0\"");
    assert_span(message.command, "{\"type\": \"sendClients\", \"data\": [\"G\", \"T\"]}");
    assert_span(message.top_data, "[1, 2]");
    assert_span(message.data, NULL);
}

static void names_may_be_written_with_escapes(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(parse(&message,
                         "{\"h\\u0065ader\":{\"\\u0073cope\":1},"
                         "\"payloa\\u0064\":{\"\\u0069\\u0064\":2},\"dat\\u0061\":3}",
                         NULL),
        STATUS_OK);
    assert_span(message.scope, "1");
    assert_span(message.id, "2");
    assert_span(message.top_data, "3");
}

static void an_empty_object_is_a_message_of_nothing(void **state)
{
    (void)state;
    struct message message;
    struct message nothing;
    memset(&nothing, 0, sizeof nothing);
    memset(&message, 0xFF, sizeof message);
    assert_int_equal(parse(&message, " {} ", NULL), STATUS_OK);
    assert_memory_equal(&message, &nothing, sizeof message);
    assert_int_equal(parse(&message, "{\"header\": { } ,\"payload\":{}}", NULL), STATUS_OK);
    assert_span(message.header, "{ }");
    assert_span(message.payload, "{}");
    assert_int_equal(fields_set(&message), 0);
}

/* ---- what is refused ---- */

static void what_is_not_an_envelope_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *what;
    } rows[] = {
        {"", "byte 0: an object is expected, not the end of the text"},
        {"[]", "byte 0: an object is expected, not '['"},
        {"\"text\"", "byte 0: an object is expected, not '\"'"},
        {"{} {}", "byte 3: the end of the text is expected, not '{'"},
        {"{\"header\":null}", "byte 10: an object is expected, not 'n'"},
        {"{\"payload\": []}", "byte 12: an object is expected, not '['"},
        {"{\"header\":{}", "byte 12: ',' or '}' is expected, not the end of the text"},
        {"{\"header\":{\"id\":}}", "byte 16: a value is expected, not '}'"},
        {"{\"data\":[1,]}", "byte 11: a value is expected, not ']'"},
        {"{\"unknown\":tru}", "byte 11: a value is expected, not 't'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message;
        struct fault fault = {0};
        struct span text = exact_copy_of(rows[i].text);
        assert_int_equal(message_parse(&message, text, 8, &fault), STATUS_MALFORMED);
        assert_string_equal(fault.text, rows[i].what);
        assert_int_equal(message_parse(&message, text, 8, NULL), STATUS_MALFORMED);
        exact_free(text);
    }
}

static void no_member_may_be_named_twice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *what;
    } rows[] = {
        {"{\"header\":{},\"header\":{}}", "byte 13: a member is named twice: \"header\""},
        {"{\"data\":1,\"data\":1}", "byte 10: a member is named twice: \"data\""},
        {"{\"x\":1,\"y\":1,\"x\":1}", "byte 13: a member is named twice: \"x\""},
        {"{\"header\":{\"scope\":1,\"id\":2,\"scope\":1}}",
            "byte 28: a member is named twice: \"scope\""},
        {"{\"payload\":{\"id\":1,\"\\u0069d\":2}}",
            "byte 19: a member is named twice: \"\\u0069d\""},
        {"{\"payload\":{\"\\u0069d\":1,\"id\":2}}", "byte 24: a member is named twice: \"id\""},
        {"{\"payload\":{\"zz\":1,\"z\\u007a\":2}}",
            "byte 19: a member is named twice: \"z\\u007a\""},
        {"{\"payload\":{\"\":1,\"\":2}}", "byte 17: a member is named twice: \"\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message;
        struct fault fault = {0};
        assert_int_equal(parse(&message, rows[i].text, &fault), STATUS_MALFORMED);
        assert_string_equal(fault.text, rows[i].what);
    }
}

/* Below the envelope nothing is compared: `data` is not ours. */
static void data_may_name_a_member_twice(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(
        parse(&message, "{\"payload\":{\"data\":{\"a\":1,\"a\":2}}}", NULL), STATUS_OK);
    assert_span(message.data, "{\"a\":1,\"a\":2}");
    assert_int_equal(
        parse(&message, "{\"header\":{\"origin\":{\"a\":1,\"a\":2}}}", NULL), STATUS_OK);
}

static void members_beyond_the_limit_are_too_large(void **state)
{
    (void)state;
    static const char *const objects[] = {"{", "{\"header\":{", "{\"payload\":{"};
    for (size_t object = 0; object < 3; object++)
        for (unsigned count = MESSAGE_MEMBERS_MAX - 1; count <= MESSAGE_MEMBERS_MAX + 1; count++) {
            struct bytes text;
            struct message message;
            struct fault fault = {0};
            bytes_init(&text, SIZE_MAX);
            assert_int_equal(bytes_append_text(&text, objects[object]), STATUS_OK);
            /* One that is known, the others not. */
            assert_int_equal(bytes_printf(&text, "\"data\":0"), STATUS_OK);
            for (unsigned i = 1; i < count; i++)
                assert_int_equal(bytes_printf(&text, ",\"x%u\":%u", i, i), STATUS_OK);
            assert_int_equal(bytes_append_text(&text, object == 0 ? "}" : "}}"), STATUS_OK);
            enum status status = message_parse(&message, bytes_span(&text), 8, &fault);
            assert_int_equal(status, count <= MESSAGE_MEMBERS_MAX ? STATUS_OK : STATUS_TOO_LARGE);
            if (status != STATUS_OK)
                assert_non_null(strstr(fault.text, "more than 64 members"));
            bytes_release(&text);
        }
}

static void a_name_beyond_the_limit_is_too_large(void **state)
{
    (void)state;
    char text[MESSAGE_NAME_MAX + 40];
    for (int extra = -1; extra <= 1; extra++) {
        struct message message;
        struct fault fault = {0};
        snprintf(text, sizeof text, "{\"%0*d\":1}", MESSAGE_NAME_MAX - 2 + extra, 0);
        assert_int_equal(parse(&message, text, &fault), extra > 0 ? STATUS_TOO_LARGE : STATUS_OK);
        assert_int_equal(fault.offset, extra > 0 ? 1 : 0);
    }
}

static void depth_is_counted_from_the_top(void **state)
{
    (void)state;
    struct message message;
    struct span text = SPAN_LITERAL("{\"payload\":{\"data\":[[0]],\"id\":1}}");
    assert_int_equal(message_parse(&message, text, 4, NULL), STATUS_OK);
    assert_int_equal(message_parse(&message, text, 3, NULL), STATUS_TOO_LARGE);
    assert_int_equal(message_parse(&message, text, 1, NULL), STATUS_TOO_LARGE);
    assert_int_equal(message_parse(&message, text, 0, NULL), STATUS_TOO_LARGE);
}

/* Whoever reports the failure learns whose message it was. */
static void what_had_been_found_stays(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(
        parse(&message, "{\"header\":{},\"payload\":{\"id\":\"42\",\"type\":\"t\",\"data\":[}}",
            NULL),
        STATUS_MALFORMED);
    assert_span(message.id, "\"42\"");
    assert_span(message.type, "\"t\"");
    assert_span(message.header, "{}");
    assert_span(message.data, NULL);
    assert_span(message.payload, NULL);
    assert_int_equal(parse(&message, "{\"header\":{\"exchange\":\"9\",\"exchange\":\"8\"}}", NULL),
        STATUS_MALFORMED);
    assert_span(message.exchange, "\"9\"");
}

/* ---- every message of the fixtures ---- */

static bool is_within(struct span span, struct span text)
{
    return span.at == NULL ||
           (span.at >= text.at && span.at + span.len <= text.at + text.len && span.len > 0);
}

static void valid_messages_parse_and_no_start_of_them_does(void **state)
{
    (void)state;
    struct fixtures fixtures;
    fixtures_load(&fixtures, "messages/valid", 20);
    for (size_t i = 0; i < fixtures.count; i++) {
        struct span text = fixtures.at[i].text;
        struct message message;
        struct fault fault = {0};
        if (message_parse(&message, text, JSON_DEPTH_DEFAULT, &fault) != STATUS_OK)
            fail_msg("%s: %s", fixtures.at[i].name, fault.text);
        for (size_t member = 0; member < KNOWN; member++) {
            struct span span = field(&message, known[member].offset);
            assert_true(is_within(span, text));
            assert_true(span.at == NULL || json_check(span, JSON_DEPTH_DEFAULT, NULL) == STATUS_OK);
        }
        while (text.len > 0 && text.at[text.len - 1] != '}') /* white space may be missing */
            text.len--;
        for (size_t len = 0; len < text.len; len++) {
            struct span start = exact_copy(text.at, len);
            assert_int_equal(
                message_parse(&message, start, JSON_DEPTH_DEFAULT, &fault), STATUS_MALFORMED);
            assert_true(fault.offset <= len);
            exact_free(start);
        }
    }
    fixtures_free(&fixtures);
}

static void refuse_all(const char *directory, size_t least, enum status expected)
{
    struct fixtures fixtures;
    fixtures_load(&fixtures, directory, least);
    for (size_t i = 0; i < fixtures.count; i++) {
        struct message message;
        struct fault fault = {0};
        enum status status =
            message_parse(&message, fixtures.at[i].text, JSON_DEPTH_DEFAULT, &fault);
        if (status != expected)
            fail_msg(
                "%s: %s, not %s", fixtures.at[i].name, status_text(status), status_text(expected));
        assert_int_equal(fault.status, expected);
        assert_true(fault.offset <= fixtures.at[i].text.len);
        char prefix[32];
        snprintf(prefix, sizeof prefix, "byte %zu: ", fault.offset);
        assert_memory_equal(fault.text, prefix, strlen(prefix));
    }
    fixtures_free(&fixtures);
}

static void invalid_messages_are_refused(void **state)
{
    (void)state;
    refuse_all("messages/invalid/malformed", 20, STATUS_MALFORMED);
    refuse_all("messages/invalid/tooLarge", 3, STATUS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_of_the_tables_is_found),
        cmocka_unit_test(a_name_counts_on_its_own_level_only),
        cmocka_unit_test(the_examples_of_the_wire_contract),
        cmocka_unit_test(names_may_be_written_with_escapes),
        cmocka_unit_test(an_empty_object_is_a_message_of_nothing),
        cmocka_unit_test(what_is_not_an_envelope_is_malformed),
        cmocka_unit_test(no_member_may_be_named_twice),
        cmocka_unit_test(data_may_name_a_member_twice),
        cmocka_unit_test(members_beyond_the_limit_are_too_large),
        cmocka_unit_test(a_name_beyond_the_limit_is_too_large),
        cmocka_unit_test(depth_is_counted_from_the_top),
        cmocka_unit_test(what_had_been_found_stays),
        cmocka_unit_test(valid_messages_parse_and_no_start_of_them_does),
        cmocka_unit_test(invalid_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
