#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "besterd/builtin.h"
#include "libbester/frame.h"
#include "libbester/template.h"

static const struct builtin_context context = {.user = "T",
    .server = "S1",
    .types = SPAN_LITERAL("{\"command\":\"types\",\"types\":{}}"),
    .now_s = 1795366800.123};

/* The payload of the answer's frame as text. */
static const char *payload(const struct builtin_answer *answer)
{
    static char text[4096];
    struct span payload;
    size_t consumed;
    size_t need;
    assert_non_null(answer->frame);
    assert_int_equal(frame_next(answer->frame->data, answer->frame->len, sizeof text - 1, &payload,
                         &consumed, &need),
        PULL_READY);
    memcpy(text, payload.at, payload.len);
    text[payload.len] = '\0';
    return text;
}

static void assert_answer(
    const struct builtin_context *with, const char *data, const char *id, const char *expected)
{
    struct builtin_answer answer = {.frame = NULL};
    struct fault fault;
    assert_int_equal(builtin_run(with, span_of(data), span_of(id), &answer, &fault), STATUS_OK);
    assert_false(answer.close);
    assert_string_equal(payload(&answer), expected);
    blob_unref(answer.frame);
}

static void test_whoami(void **state)
{
    (void)state;
    assert_answer(&context, "{\"command\": {\"type\": \"whoami\", \"args\": null}}", "\"42\"",
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"42\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"whoami\",\"user\":\"T\",\"server\":\"S1\"}}}");
    struct builtin_context odd = context;
    odd.user = "\"\\G\xc3\xb6t";
    assert_answer(&odd, "{\"command\":{\"type\":\"whoami\"}}", NULL,
        "{\"header\":{\"messageType\":\"receivedMessage\"},\"payload\":{\"type\":\"builtin\","
        "\"data\":{\"command\":\"whoami\",\"user\":\"\\\"\\\\G\xc3\xb6t\",\"server\":\"S1\"}}}");
}

static void test_ping(void **state)
{
    (void)state;
    assert_answer(&context, "{\"command\":{\"args\":[1],\"type\":\"ping\"},\"more\":{}}", "\"1\"",
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"1\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"ping\",\"time\":\"2026-11-22T17:00:00.123Z\"}}}");
}

static void test_what_administration_does(void **state)
{
    (void)state;
    struct builtin_answer answer = {.frame = NULL};
    struct fault fault;
    assert_int_equal(
        builtin_run(&context,
            SPAN_LITERAL("{\"command\":{\"args\": {\"user\":\"G\"} ,\"type\":\"kick\"}}"),
            SPAN_LITERAL("\"1\""), &answer, &fault),
        STATUS_OK);
    assert_null(answer.frame);
    assert_ptr_equal(answer.row, administration_find("kick"));
    assert_true(span_is(answer.args, "{\"user\":\"G\"}"));
    assert_null(administration_find("whoami"));
    assert_true(builtin_is(SPAN_LITERAL("{\"command\":{\"type\":\"register\"}}"), "register"));
    assert_false(builtin_is(SPAN_LITERAL("{\"command\":{\"type\":\"whoami\"}}"), "register"));
    assert_false(builtin_is(SPAN_LITERAL("null"), "register"));
}

static void test_close(void **state)
{
    (void)state;
    struct builtin_answer answer = {.frame = NULL};
    struct fault fault;
    assert_int_equal(
        builtin_run(&context, SPAN_LITERAL("{\"command\":{\"type\":\"close\",\"args\":null}}"),
            SPAN_LITERAL("\"1\""), &answer, &fault),
        STATUS_OK);
    assert_true(answer.close);
    assert_null(answer.frame);
}

static void test_a_name_with_escapes(void **state)
{
    (void)state;
    struct builtin_answer answer = {.frame = NULL};
    struct fault fault;
    assert_int_equal(
        builtin_run(&context, SPAN_LITERAL("{\"comm\\u0061nd\":{\"typ\\u0065\":\"clos\\u0065\"}}"),
            span_of(NULL), &answer, &fault),
        STATUS_OK);
    assert_true(answer.close);
}

static void test_malformed(void **state)
{
    (void)state;
    const struct {
        const char *data, *sentence;
    } samples[] = {
        {"null", "data must be"},
        {"[]", "data must be"},
        {"\"whoami\"", "data must be"},
        {"{}", "data.command must be"},
        {"{\"command\": \"whoami\"}", "data.command must be"},
        {"{\"command\": {}}", "data.command.type must be"},
        {"{\"command\": {\"type\": 1}}", "data.command.type must be"},
        {"{\"command\": {\"type\": \"reboot\"}}", "there is no command \"reboot\""},
        {"{\"command\": {\"type\": \"who\\u0000ami\"}}", "there is no such command"},
        {"{\"command\": {\"type\": \"whoami\"}, \"command\": {\"type\": \"close\"}}",
            "\"command\" is there twice"},
        {"{\"command\": {\"type\": \"whoami\", \"type\": \"close\"}}", "\"type\" is there twice"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct builtin_answer answer = {.frame = NULL};
        struct fault fault = {.text = ""};
        assert_int_equal(
            builtin_run(&context, span_of(samples[i].data), span_of(NULL), &answer, &fault),
            STATUS_MALFORMED);
        assert_null(answer.frame);
        assert_false(answer.close);
        if (strstr(fault.text, samples[i].sentence) == NULL)
            fail_msg("%s: %s", samples[i].data, fault.text);
    }
    char overlong[200];
    struct builtin_answer answer = {.frame = NULL};
    snprintf(overlong, sizeof overlong, "{\"command\": {\"type\": \"%0100d\"}}", 0);
    assert_int_equal(
        builtin_run(&context, span_of(overlong), span_of(NULL), &answer, NULL), STATUS_MALFORMED);
}

static struct blob *types_of(const char *config_text)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(config_parse(&config, span_of(config_text), &mistakes), STATUS_OK);
    struct blob *types = builtin_types_new(config);
    assert_non_null(types);
    config_unref(config);
    mistakes_release(&mistakes);
    return types;
}

#define NETWORK "\"network\": {\"types\": [\"unix\"], \"unix\": {\"address\": \"x\"}}, "
#define DATABASE "\"database\": {\"type\": \"open\"}, "

static void test_types(void **state)
{
    (void)state;
    struct blob *types = types_of(
        "{" NETWORK DATABASE "\"handlers\": {\"availableTypes\": [\"raw\", \"a \\\"b\\\"\"], "
        "\"typeMap\": {\"raw\": {\"unixDomainSocketPath\": \"x\"}, "
        "\"a \\\"b\\\"\": {\"unixDomainSocketPath\": \"y\"}}}}");
    struct builtin_context with = context;
    with.types = blob_span(types);
    assert_answer(&with, "{\"command\":{\"type\":\"types\"}}", "\"7\"",
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"7\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"types\",\"types\":{\"raw\":{},\"a "
        "\\\"b\\\"\":{}}}}}");
    blob_unref(types);
    types = types_of("{" NETWORK DATABASE "\"handlers\": {}}");
    assert_true(span_is(blob_span(types), "{\"command\":\"types\",\"types\":{}}"));
    blob_unref(types);
}

/* What the server serves is what the clients' template module accepts. */
static void test_types_with_a_template(void **state)
{
    (void)state;
    struct blob *types =
        types_of("{" NETWORK DATABASE
                 "\"handlers\": {\"availableTypes\": [\"chat\"], \"typeMap\": {\"chat\": "
                 "{\"unixDomainSocketPath\": \"x\", \"template\": "
                 "\"besterd/handlers/chat.json\"}}}}");
    struct json_cursor cursor;
    char type[TEMPLATE_NAME_MAX];
    struct span text;
    assert_int_equal(template_types_begin(&cursor, blob_span(types)), STATUS_OK);
    assert_int_equal(template_types_next(&cursor, type, &text), PULL_READY);
    assert_string_equal(type, "chat");
    assert_int_equal(template_check(text, "chat", NULL), STATUS_OK);
    assert_int_equal(template_types_next(&cursor, type, &text), PULL_MORE);
    blob_unref(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoami),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_what_administration_does),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_a_name_with_escapes),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_types_with_a_template),
    };
    return cmocka_run_group_tests_name("builtin", tests, NULL, NULL);
}
