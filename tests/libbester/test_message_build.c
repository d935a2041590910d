#include <jansson.h>
#include <stdio.h>

#include "libbester/message.h"
#include "tests/libbester/support.h"

/* Equal to these bytes; and what is built is read by message_parse and by
 * jansson, which also refuses a member that stands twice. */
#define assert_wire(frame, text) check_wire((frame), (text), __FILE__, __LINE__)
static void check_wire(struct blob *frame, const char *text, const char *file, int line)
{
    struct message message;
    json_error_t error;
    support_assert_frame(frame, text, file, line);
    assert_int_equal(message_parse(&message, span_of(text), JSON_DEPTH_DEFAULT, NULL), STATUS_OK);
    json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (tree == NULL)
        fail_msg("%s: %s", text, error.text);
    json_decref(tree);
}

/* ---- Part I ---- */

static void status_reports_of_part_one(void **state)
{
    (void)state;
    struct report good = {.id_token = SPAN_LITERAL("\"42\""), .good = true};
    struct report bad = {.id_token = SPAN_LITERAL("\"auth_special\"")};
    struct report without_id = {.good = true};
    assert_wire(message_report(&good),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},"
        "\"payload\":{\"id\":\"42\"}}");
    assert_wire(message_report(&bad),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},"
        "\"payload\":{\"id\":\"auth_special\"}}");
    assert_wire(message_report(&without_id),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":{}}");
}

static void received_messages_of_part_one(void **state)
{
    (void)state;
    struct received received = {
        .type_token = SPAN_LITERAL("\"chat\""), .data = SPAN_LITERAL("{ \"any\" : [ 1 ] }")};
    assert_wire(message_received(&received),
        "{\"header\":{\"messageType\":\"receivedMessage\"},"
        "\"payload\":{\"type\":\"chat\",\"data\":{ \"any\" : [ 1 ] }}}");
    received.data = (struct span){0};
    assert_wire(message_received(&received), "{\"header\":{\"messageType\":\"receivedMessage\"},"
                                             "\"payload\":{\"type\":\"chat\",\"data\":null}}");
}

static void the_answer_to_dummy(void **state)
{
    (void)state;
    assert_wire(message_dummy_answer(SPAN_LITERAL("\"7\"")),
        "{\"header\":{\"status\":\"0\"},"
        "\"payload\":{\"data\":null,\"type\":\"dummy\",\"id\":\"7\"}}");
    assert_wire(message_dummy_answer((struct span){0}),
        "{\"header\":{\"status\":\"0\"},\"payload\":{\"data\":null,\"type\":\"dummy\"}}");
}

static void to_a_legacy_server(void **state)
{
    (void)state;
    struct forward forward = {.type_token = SPAN_LITERAL("\"chat\""),
        .data = SPAN_LITERAL("[1]"),
        .id_token = SPAN_LITERAL("\"s1-1\"")};
    assert_wire(message_forward(&forward),
        "{\"header\":{\"scope\":\"server\"},"
        "\"payload\":{\"type\":\"chat\",\"data\":[1],\"id\":\"s1-1\"}}");
    forward.origin = SPAN_LITERAL("{\"user\":\"T\"}");
    forward.hops = 3;
    forward.trace = "5f0c";
    assert_wire(message_forward(&forward),
        "{\"header\":{\"scope\":\"server\",\"origin\":{\"user\":\"T\"},\"hops\":3,"
        "\"trace\":\"5f0c\"},"
        "\"payload\":{\"type\":\"chat\",\"data\":[1],\"id\":\"s1-1\"}}");
}

static void what_a_client_sends(void **state)
{
    (void)state;
    static const char *const features[] = {"acks", "receipts", NULL};
    static const char *const none[] = {NULL};
    assert_wire(message_login("T", "p\"w\n", NULL),
        "{\"header\":{\"scope\":\"client\","
        "\"authentication\":{\"username\":\"T\",\"password\":\"p\\\"w\\n\"}},"
        "\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}");
    assert_wire(message_login("T", "", features),
        "{\"header\":{\"scope\":\"client\","
        "\"authentication\":{\"username\":\"T\",\"password\":\"\"},"
        "\"features\":[\"acks\",\"receipts\"]},"
        "\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}");
    assert_wire(message_login("T", "", none),
        "{\"header\":{\"scope\":\"client\","
        "\"authentication\":{\"username\":\"T\",\"password\":\"\"},\"features\":[]},"
        "\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}");
    assert_wire(message_from_client("chat", SPAN_LITERAL("{}"), SPAN_LITERAL("\"1\"")),
        "{\"header\":{},\"payload\":{\"type\":\"chat\",\"data\":{},\"id\":\"1\"}}");
    assert_wire(message_from_client("a\"b", (struct span){0}, (struct span){0}),
        "{\"header\":{},\"payload\":{\"type\":\"a\\\"b\",\"data\":null}}");
}

/* ---- Part II ---- */

static void truthful_reports(void **state)
{
    (void)state;
    struct report report = {.id_token = SPAN_LITERAL("\"42\""),
        .good = true,
        .outcome = OUTCOME_DELIVERED,
        .recipients = SPAN_LITERAL("{\"G\":\"delivered\",\"H\":\"unknownUser\"}")};
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},"
        "\"payload\":{\"id\":\"42\",\"outcome\":\"delivered\","
        "\"recipients\":{\"G\":\"delivered\",\"H\":\"unknownUser\"}}}");
    report = (struct report){.id_token = SPAN_LITERAL("\"42\""),
        .reason = STATUS_HANDLER_TIMEOUT,
        .detail = "chat: no reply in 5000 ms"};
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},"
        "\"payload\":{\"id\":\"42\",\"reason\":\"handlerTimeout\","
        "\"detail\":\"chat: no reply in 5000 ms\"}}");
    report = (struct report){.servers = SPAN_LITERAL("{\"S2\":\"serverUnreachable\"}"),
        .reason = STATUS_MALFORMED,
        .detail = "\xFF"};
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},"
        "\"payload\":{\"reason\":\"malformed\",\"detail\":\"\xEF\xBF\xBD\","
        "\"servers\":{\"S2\":\"serverUnreachable\"}}}");
    report = (struct report){.id_token = SPAN_LITERAL("\"auth_special\""),
        .good = true,
        .server = SPAN_LITERAL("{\"name\":\"S1\"}")};
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},"
        "\"payload\":{\"id\":\"auth_special\",\"server\":{\"name\":\"S1\"}}}");
}

/* A reason belongs to a bad report, an outcome to a good one. */
static void a_report_tells_one_story(void **state)
{
    (void)state;
    struct report report = {.good = true, .outcome = OUTCOME_QUEUED, .reason = STATUS_INTERNAL};
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},"
        "\"payload\":{\"outcome\":\"queued\"}}");
    report.good = false;
    assert_wire(message_report(&report),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"bad\"},"
        "\"payload\":{\"reason\":\"internal\"}}");
}

static void every_reason_and_outcome_is_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT + OUTCOME_COUNT; i++) {
        bool good = i >= STATUS_COUNT;
        struct report report = {.good = good};
        struct message message;
        if (good)
            report.outcome = (enum outcome)(i - STATUS_COUNT);
        else
            report.reason = (enum status)i;
        struct blob *frame = message_report(&report);
        assert_non_null(frame);
        struct span text = {.at = frame->data + 4, .len = frame->len - 4};
        assert_int_equal(message_parse(&message, text, 8, NULL), STATUS_OK);
        const char *expected = good ? outcome_text(report.outcome) : status_text(report.reason);
        struct span found = good ? message.outcome : message.reason;
        bool told = good ? report.outcome != OUTCOME_NONE : report.reason != STATUS_OK;
        assert_int_equal(found.at != NULL, told);
        assert_true(!told || json_string_is(found, expected));
        blob_unref(frame);
    }
}

static void a_long_detail_is_written_whole(void **state)
{
    (void)state;
    struct span long_text = repeated("\n", 100000);
    char *detail = strndup(long_text.at, long_text.len);
    struct report report = {.detail = detail};
    struct message message;
    struct blob *frame = message_report(&report);
    assert_non_null(frame);
    struct span text = {.at = frame->data + 4, .len = frame->len - 4};
    assert_int_equal(message_parse(&message, text, 8, NULL), STATUS_OK);
    assert_int_equal(message.detail.len, 2 * long_text.len + 2);
    blob_unref(frame);
    free(detail);
    exact_free(long_text);
}

static void received_messages_of_part_two(void **state)
{
    (void)state;
    struct received received = {.type_token = SPAN_LITERAL("\"chat\""),
        .data = SPAN_LITERAL("1"),
        .from_token = SPAN_LITERAL("\"T@s1\""),
        .id_token = SPAN_LITERAL("\"42\""),
        .time_token = SPAN_LITERAL("\"2024-02-29T12:00:00Z\""),
        .unauthenticated = true};
    assert_wire(message_received(&received),
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"T@s1\",\"id\":\"42\","
        "\"time\":\"2024-02-29T12:00:00Z\",\"authenticated\":false},"
        "\"payload\":{\"type\":\"chat\",\"data\":1}}");
    received = (struct received){.type_token = SPAN_LITERAL("\"chat\""),
        .data = SPAN_LITERAL("1"),
        .time_token = SPAN_LITERAL("\"2024-02-29T12:00:00Z\"")};
    assert_wire(message_received(&received),
        "{\"header\":{\"messageType\":\"receivedMessage\",\"time\":\"2024-02-29T12:00:00Z\"},"
        "\"payload\":{\"type\":\"chat\",\"data\":1}}");
}

static void questions_to_a_handler(void **state)
{
    (void)state;
    struct question question = {.exchange = 9,
        .origin = SPAN_LITERAL("{\"user\":\"T\",\"server\":\"s1\",\"scope\":\"client\","
                               "\"authenticated\":true}"),
        .id_token = SPAN_LITERAL("\"42\""),
        .deadline_ms = 5000,
        .type_token = SPAN_LITERAL("\"chat\""),
        .data = SPAN_LITERAL("{\"to\":\"G\"}")};
    assert_wire(message_question(&question),
        "{\"header\":{\"exchange\":\"9\",\"origin\":{\"user\":\"T\",\"server\":\"s1\","
        "\"scope\":\"client\",\"authenticated\":true},\"id\":\"42\",\"deadlineMs\":5000},"
        "\"payload\":{\"type\":\"chat\",\"data\":{\"to\":\"G\"}}}");
    question = (struct question){.exchange = UINT64_MAX,
        .origin = SPAN_LITERAL("{}"),
        .trace = "5f0c",
        .deadline_ms = UINT32_MAX,
        .type_token = SPAN_LITERAL("\"chat\"")};
    assert_wire(message_question(&question),
        "{\"header\":{\"exchange\":\"18446744073709551615\",\"origin\":{},"
        "\"trace\":\"5f0c\",\"deadlineMs\":4294967295},\"payload\":{\"type\":\"chat\",\"data\":"
        "null}}");
}

/* Tokens pass as they came: not decoded, not quoted again. */
static void tokens_pass_byte_for_byte(void **state)
{
    (void)state;
    struct received received = {.type_token = SPAN_LITERAL("\"\\u0063hat\""),
        .data = SPAN_LITERAL("\"\\/\\u0000\""),
        .id_token = SPAN_LITERAL("[ 1 ]")};
    struct blob *frame = message_received(&received);
    assert_frame(frame, "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":[ 1 ]},"
                        "\"payload\":{\"type\":\"\\u0063hat\",\"data\":\"\\/\\u0000\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_reports_of_part_one),
        cmocka_unit_test(received_messages_of_part_one),
        cmocka_unit_test(the_answer_to_dummy),
        cmocka_unit_test(to_a_legacy_server),
        cmocka_unit_test(what_a_client_sends),
        cmocka_unit_test(truthful_reports),
        cmocka_unit_test(a_report_tells_one_story),
        cmocka_unit_test(every_reason_and_outcome_is_written),
        cmocka_unit_test(a_long_detail_is_written_whole),
        cmocka_unit_test(received_messages_of_part_two),
        cmocka_unit_test(questions_to_a_handler),
        cmocka_unit_test(tokens_pass_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
