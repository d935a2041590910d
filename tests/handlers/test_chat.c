#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The handler is one file with a main of its own; here it is another function,
 * and what it decides is asked without any socket. */
#define main chat_main
int chat_main(int argc, char **argv);
#include "besterd/handlers/chat.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

static const struct handler_request from_client = {.user = "T",
    .server = "S1",
    .via = "S1",
    .scope = "client",
    .authenticated = true,
    .type = "chat"};

static const struct handler_request from_server = {
    .user = "T", .server = "S1", .via = "S2", .scope = "server", .type = "chat"};

/* What chat answers, as text. */
static char *ask(const struct handler_request *origin, const char *data)
{
    struct handler_request request = *origin;
    request.data = span_of(data);
    struct blob *answer = handler_sdk_answer(&request, HANDLER_SDK_STREAM, handle, NULL);
    assert_non_null(answer);
    char *text = malloc(answer->len + 1);
    assert_non_null(text);
    memcpy(text, answer->data, answer->len);
    text[answer->len] = '\0';
    blob_unref(answer);
    assert_int_equal(json_check(span_of(text), JSON_DEPTH_MAX, NULL), STATUS_OK);
    return text;
}

static void assert_good(const struct handler_request *origin, const char *data,
    const char *commands, const char *message)
{
    char expected[2000];
    char *answer = ask(origin, data);
    snprintf(expected, sizeof expected,
        "{\"header\":{\"exchange\":\"1\",\"status\":\"0\",\"commands\":[%s]},\"data\":%s}",
        commands, message);
    assert_string_equal(answer, expected);
    free(answer);
}

static void assert_refused(
    const struct handler_request *origin, const char *data, const char *sentence)
{
    char expected[2000];
    char quoted[1000];
    char *answer = ask(origin, data);
    struct span detail = json_quote_into(quoted, sizeof quoted, span_of(sentence));
    snprintf(expected, sizeof expected,
        "{\"header\":{\"exchange\":\"1\",\"status\":\"1\",\"detail\":%.*s},\"data\":null}",
        (int)detail.len, detail.at);
    assert_string_equal(answer, expected);
    free(answer);
}

#define CLIENTS(names) "{\"type\":\"sendClients\",\"data\":[" names "]}"
#define SERVERS(names) "{\"type\":\"sendServers\",\"data\":[" names "]}"

/* ---- from a client ---- */

static void test_to_one(void **state)
{
    (void)state;
    assert_good(&from_client, "{\"to\": \"G\", \"text\": \"hello\"}", CLIENTS("\"G\""),
        "{\"from\":\"T@S1\",\"to\":\"G\",\"text\":\"hello\"}");
    assert_good(&from_client, "{\"text\": \"\\u0068 \\n\xc3\xb6\", \"to\": \"G@S2\"}",
        SERVERS("\"S2\""), "{\"from\":\"T@S1\",\"to\":\"G@S2\",\"text\":\"\\u0068 \\n\xc3\xb6\"}");
}

static void test_to_several(void **state)
{
    (void)state;
    assert_good(&from_client, "{\"to\": [\"G\", \"H@S2\"], \"text\": \"x\"}",
        CLIENTS("\"G\"") "," SERVERS("\"S2\""),
        "{\"from\":\"T@S1\",\"to\":[\"G\", \"H@S2\"],\"text\":\"x\"}");
    /* Each user and each server once, in the order in which they came. */
    assert_good(&from_client,
        "{\"to\":[\"H@S2\",\"G\",\"I@S3\",\"J@S2\",\"G\",\"A\",\"G@S1\"],\"text\":\"x\"}",
        CLIENTS("\"G\",\"A\"") "," SERVERS("\"S2\",\"S3\""),
        "{\"from\":\"T@S1\",\"to\":[\"H@S2\",\"G\",\"I@S3\",\"J@S2\",\"G\",\"A\",\"G@S1\"],"
        "\"text\":\"x\"}");
}

static void test_the_own_server_is_local(void **state)
{
    (void)state;
    assert_good(&from_client, "{\"to\":\"G@S1\",\"text\":\"\"}", CLIENTS("\"G\""),
        "{\"from\":\"T@S1\",\"to\":\"G@S1\",\"text\":\"\"}");
    assert_good(&from_client, "{\"to\":\"T\",\"text\":\"to myself\"}", CLIENTS("\"T\""),
        "{\"from\":\"T@S1\",\"to\":\"T\",\"text\":\"to myself\"}");
}

static void test_a_forged_from_is_passed_over(void **state)
{
    (void)state;
    assert_good(&from_client, "{\"from\":\"G@S2\",\"to\":\"H\",\"text\":\"x\"}", CLIENTS("\"H\""),
        "{\"from\":\"T@S1\",\"to\":\"H\",\"text\":\"x\"}");
    assert_good(&from_server, "{\"from\":\"G@S2\",\"to\":\"H@S2\",\"text\":\"x\"}",
        CLIENTS("\"H\""), "{\"from\":\"T@S1\",\"to\":\"H@S2\",\"text\":\"x\"}");
}

static void test_names_that_need_quotes(void **state)
{
    (void)state;
    struct handler_request odd = from_client;
    odd.user = "T \"the\"";
    assert_good(&odd, "{\"to\":\"G \\\"x\\\"\",\"text\":\"x\"}", CLIENTS("\"G \\\"x\\\"\""),
        "{\"from\":\"T \\\"the\\\"@S1\",\"to\":\"G \\\"x\\\"\",\"text\":\"x\"}");
}

/* ---- from another server ---- */

static void test_only_those_at_this_server(void **state)
{
    (void)state;
    assert_good(&from_server,
        "{\"from\":\"T@S1\",\"to\":[\"G\",\"H@S2\",\"I@S3\",\"J@S1\"],\"text\":\"x\"}",
        CLIENTS("\"H\""),
        "{\"from\":\"T@S1\",\"to\":[\"G\",\"H@S2\",\"I@S3\",\"J@S1\"],\"text\":\"x\"}");
    assert_refused(&from_server, "{\"to\":[\"G\",\"I@S3\"],\"text\":\"x\"}",
        "to: names nobody at this server, \"S2\"");
    assert_refused(
        &from_server, "{\"to\":\"G\",\"text\":\"x\"}", "to: names nobody at this server, \"S2\"");
}

/* T@S1 writes; what goes to S2 is asked there again, with S2's origin. */
static void test_both_halves(void **state)
{
    (void)state;
    static const char message[] = "{\"from\":\"T@S1\",\"to\":[\"G\",\"H@S2\"],\"text\":\"x\"}";
    assert_good(&from_client, "{\"to\":[\"G\",\"H@S2\"],\"text\":\"x\"}",
        CLIENTS("\"G\"") "," SERVERS("\"S2\""), message);
    assert_good(&from_server, message, CLIENTS("\"H\""), message);
}

static void test_another_server_cannot_speak_for_ours(void **state)
{
    (void)state;
    struct handler_request origin = from_server;
    origin.server = "S2";
    assert_refused(&origin, "{\"to\":\"H@S2\",\"text\":\"x\"}",
        "origin: another server may not speak for the users of \"S2\"");
    origin = from_server;
    origin.user = "";
    assert_refused(&origin, "{\"to\":\"H@S2\",\"text\":\"x\"}",
        "origin: the other server does not say who wrote this");
}

/* ---- what it does not understand ---- */

static void test_refusals(void **state)
{
    (void)state;
    const struct {
        const char *data, *sentence;
    } samples[] = {
        {"null", "data: must be an object with \"to\" and \"text\""},
        {"[\"G\", \"hello\"]", "data: must be an object with \"to\" and \"text\""},
        {"\"hello\"", "data: must be an object with \"to\" and \"text\""},
        {"{}", "to: is missing; who is to get it?"},
        {"{\"to\":\"G\"}", "text: is missing"},
        {"{\"to\":\"G\",\"text\":5}", "text: must be a text"},
        {"{\"to\":\"G\",\"text\":null}", "text: must be a text"},
        {"{\"to\":5,\"text\":\"x\"}", "to: must be a name, such as \"G\" or \"G@S2\""},
        {"{\"to\":{},\"text\":\"x\"}", "to: must be a name, such as \"G\" or \"G@S2\""},
        {"{\"to\":[],\"text\":\"x\"}", "to: names nobody"},
        {"{\"to\":[\"G\",null],\"text\":\"x\"}",
            "to[1]: must be a name, such as \"G\" or \"G@S2\""},
        {"{\"to\":\"\",\"text\":\"x\"}", "to: \"\" is not NAME or NAME@SERVER"},
        {"{\"to\":\"@S2\",\"text\":\"x\"}", "to: \"@S2\" is not NAME or NAME@SERVER"},
        {"{\"to\":[\"G@\"],\"text\":\"x\"}", "to[0]: \"G@\" is not NAME or NAME@SERVER"},
        {"{\"to\":\"G\\u0000\",\"text\":\"x\"}", "to: is no name that a user can have"},
        {"{\"to\":\"G\",\"text\":\"x\",\"cc\":\"H\"}",
            "cc: a chat message has only \"to\" and \"text\""},
        {"{\"to\":\"G\",\"text\":\"x\",\"to\":\"H\"}", "to: is there twice"},
        {"{\"to\":\"G\",\"text\":\"x\",\"t\\u0065xt\":\"y\"}", "text: is there twice"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        assert_refused(&from_client, samples[i].data, samples[i].sentence);
}

static void test_long_names(void **state)
{
    (void)state;
    char data[2000];
    snprintf(data, sizeof data, "{\"to\":\"%0500d\",\"text\":\"x\"}", 0);
    assert_refused(&from_client, data, "to: is no name that a user can have");
    snprintf(data, sizeof data, "{\"to\":\"G\",\"text\":\"x\",\"%0500d\":1}", 0);
    assert_refused(&from_client, data, "data: has a member that a chat message does not have");
}

static void test_without_an_origin(void **state)
{
    (void)state;
    const struct handler_request nobody = {
        .user = "", .server = "", .via = "", .scope = "", .type = ""};
    assert_refused(&nobody, "{\"to\":\"G\",\"text\":\"x\"}",
        "origin: is not told; the handler needs the protocol \"stream\"");
}

static void test_many_recipients(void **state)
{
    (void)state;
    char *data = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&data, &len);
    assert_non_null(out);
    fputs("{\"text\":\"x\",\"to\":[", out);
    for (int i = 0; i < 100000; i++)
        fprintf(out, "%s\"u%d\"", i == 0 ? "" : ",", i % 50000);
    fputs("]}", out);
    fclose(out);
    char *answer = ask(&from_client, data);
    assert_non_null(strstr(answer, "\"u49999\"]}]},\"data\":"));
    free(answer);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_one),
        cmocka_unit_test(test_to_several),
        cmocka_unit_test(test_the_own_server_is_local),
        cmocka_unit_test(test_a_forged_from_is_passed_over),
        cmocka_unit_test(test_names_that_need_quotes),
        cmocka_unit_test(test_only_those_at_this_server),
        cmocka_unit_test(test_both_halves),
        cmocka_unit_test(test_another_server_cannot_speak_for_ours),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_without_an_origin),
        cmocka_unit_test(test_many_recipients),
    };
    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
