/* origin: who said it, as handlers, other servers and recipients read it. */
#include "tests/support/wire.h"

#include "besterd/origin.h"
#include "besterd/username.h"
#include "libbester/address.h"
#include "libbester/bytes.h"

static void expect_json(const struct blob *blob, const char *wanted)
{
    json_error_t error;
    assert_non_null(blob);
    json_t *json = json_loadb(blob->data, blob->len, JSON_DECODE_ANY, &error);
    json_t *pattern = json_loads(wanted, JSON_DECODE_ANY, &error);
    assert_non_null(pattern);
    if (!json || !json_equal(json, pattern))
        fail_msg("expected %s, it is %.*s", wanted, (int)blob->len, blob->data);
    json_decref(json);
    json_decref(pattern);
}

static void test_a_client(void **state)
{
    struct origin *origin = origin_new_client("T", "S1");
    (void)state;
    assert_true(origin->authenticated);
    expect_json(origin->from, "\"T@S1\"");
    expect_json(origin->question, "{\"user\":\"T\",\"server\":\"S1\",\"scope\":\"client\","
                                  "\"authenticated\":true,\"via\":\"S1\"}");
    expect_json(origin->forward, "{\"user\":\"T\",\"server\":\"S1\"}");
    origin_unref(origin);
}

static void test_names_that_need_quoting(void **state)
{
    struct origin *origin = origin_new_client("\"\\\x01\xc3\xa4@b", "S\"1");
    (void)state;
    expect_json(origin->from, "\"\\\"\\\\\\u0001\xc3\xa4@b@S\\\"1\"");
    expect_json(origin->forward, "{\"user\":\"\\\"\\\\\\u0001\xc3\xa4@b\",\"server\":\"S\\\"1\"}");
    origin_unref(origin);
}

static void test_a_handler(void **state)
{
    struct origin *origin = origin_new_handler("S1");
    (void)state;
    assert_null(origin->from);
    assert_null(origin->forward);
    expect_json(origin->question, "{\"scope\":\"handler\",\"authenticated\":true,\"via\":\"S1\"}");
    origin_unref(origin);
}

/* S2, to whom S3 is pinned. It relays for S4, and for whoever is not us. */
static struct config_peer pinned = {.name = (char *)"S3", .pin_count = 1};
static const struct config own = {.server_name = (char *)"S2", .peers = &pinned, .peer_count = 1};

static void test_another_server_that_says_nothing(void **state)
{
    struct origin *origin = NULL;
    (void)state;
    assert_int_equal(origin_new_legacy(&origin, (struct span){0}, &own, NULL), STATUS_OK);
    assert_false(origin->authenticated);
    assert_null(origin->from);
    assert_null(origin->forward);
    expect_json(origin->question, "{\"scope\":\"server\",\"authenticated\":false,\"via\":\"S2\"}");
    origin_unref(origin);
}

static void test_another_server_that_says_who(void **state)
{
    struct origin *origin = NULL;
    (void)state;
    assert_int_equal(
        origin_new_legacy(&origin,
            SPAN_LITERAL("{ \"server\" : \"S1\", \"more\": [1], \"user\":\" T \"}"), &own, NULL),
        STATUS_OK);
    assert_false(origin->authenticated);
    expect_json(origin->from, "\"T@S1\""); /* white space is stripped as at a login */
    expect_json(origin->question, "{\"user\":\"T\",\"server\":\"S1\",\"scope\":\"server\","
                                  "\"authenticated\":false,\"via\":\"S2\"}");
    expect_json(origin->forward, "{\"user\":\"T\",\"server\":\"S1\",\"authenticated\":false}");
    origin_unref(origin);
}

static void test_claims_that_are_refused(void **state)
{
    static const struct {
        const char *claim;
        enum status status;
    } rows[] = {
        {"{\"user\":\"T\",\"server\":\"S2\"}", STATUS_NOT_ALLOWED},
        {"{\"user\":\"T\",\"server\":\"\\u0053\\u0032\"}", STATUS_NOT_ALLOWED},
        {"null", STATUS_MALFORMED},
        {"\"T@S1\"", STATUS_MALFORMED},
        {"[]", STATUS_MALFORMED},
        {"{}", STATUS_MALFORMED},
        {"{\"user\":\"T\"}", STATUS_MALFORMED},
        {"{\"server\":\"S1\"}", STATUS_MALFORMED},
        {"{\"user\":\"T\",\"server\":\"\"}", STATUS_MALFORMED},
        {"{\"user\":\"\",\"server\":\"S1\"}", STATUS_MALFORMED},
        {"{\"user\":\"  \",\"server\":\"S1\"}", STATUS_MALFORMED},
        {"{\"user\":7,\"server\":\"S1\"}", STATUS_MALFORMED},
        {"{\"user\":\"T\",\"server\":null}", STATUS_MALFORMED},
        {"{\"user\":\"a\\u0000b\",\"server\":\"S1\"}", STATUS_MALFORMED},
        {"{\"user\":\"T\",\"server\":\"S1\",\"user\":\"G\"}", STATUS_MALFORMED},
        {"{\"user\":\"T\",\"server\":\"S2\",\"server\":\"S1\"}", STATUS_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct origin *origin = NULL;
        struct fault fault = {0};
        enum status status = origin_new_legacy(&origin, span_of(rows[i].claim), &own, &fault);
        if (status != rows[i].status)
            fail_msg("%s: %s", rows[i].claim, status_text(status));
        assert_null(origin); /* outputs are untouched on failure */
        assert_int_not_equal(strlen(fault.text), 0);
    }
}

/* Nobody but its own connection speaks for a pinned server. */
static void test_a_legacy_one_that_says_it_comes_from_a_pinned_one(void **state)
{
    struct origin *origin = NULL;
    struct fault fault;
    (void)state;
    assert_int_equal(origin_new_legacy(
                         &origin, SPAN_LITERAL("{\"user\":\"T\",\"server\":\"S3\"}"), &own, &fault),
        STATUS_NOT_ALLOWED);
    assert_null(origin);
}

static void test_a_pinned_one(void **state)
{
    static const char *const s4[] = {"S4", NULL};
    static const char *const any[] = {"*", NULL};
    static const char *const us[] = {"*", "S2", NULL};
    static const struct {
        const char *claim;
        const char *const *relays_for;
        enum status status;
        bool authenticated;
    } rows[] = {
        {NULL, NULL, STATUS_OK, true},
        {"{\"user\":\"T\",\"server\":\"S3\"}", NULL, STATUS_OK, true},
        {"{\"user\":\"T\",\"server\":\"S3\",\"authenticated\":true}", NULL, STATUS_OK, true},
        {"{\"user\":\"T\",\"server\":\"S3\",\"authenticated\":false}", NULL, STATUS_OK, false},
        {"{\"user\":\"T\",\"server\":\"S4\"}", NULL, STATUS_NOT_ALLOWED, false},
        {"{\"user\":\"T\",\"server\":\"S4\"}", s4, STATUS_OK, true},
        {"{\"user\":\"T\",\"server\":\"S4\",\"authenticated\":false}", s4, STATUS_OK, false},
        {"{\"user\":\"T\",\"server\":\"S5\"}", s4, STATUS_NOT_ALLOWED, false},
        {"{\"user\":\"T\",\"server\":\"S5\"}", any, STATUS_OK, true},
        {"{\"user\":\"T\",\"server\":\"S2\"}", NULL, STATUS_NOT_ALLOWED, false},
        {"{\"user\":\"T\",\"server\":\"S2\"}", any, STATUS_NOT_ALLOWED, false},
        {"{\"user\":\"T\",\"server\":\"S2\"}", us, STATUS_OK, true},
        {"{\"user\":\"T\"}", any, STATUS_MALFORMED, false},
        {"7", any, STATUS_MALFORMED, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_peer peer = {.name = (char *)"S3", .relays_for = (char **)rows[i].relays_for};
        struct origin *origin = NULL;
        struct fault fault = {0};
        enum status status =
            origin_new_pinned(&origin, span_of(rows[i].claim), &peer, "S2", &fault);
        if (status != rows[i].status || (origin && origin->authenticated != rows[i].authenticated))
            fail_msg("%zu: %s", i, status_text(status));
        assert_true((status == STATUS_OK) == (origin != NULL));
        origin_unref(origin);
    }
}

/* What nobody vouches for stays so on its way. */
static void test_what_is_passed_on_of_one_who_is_not_known(void **state)
{
    struct config_peer peer = {.name = (char *)"S3"};
    struct origin *origin = NULL;
    (void)state;
    assert_int_equal(origin_new_pinned(&origin,
                         SPAN_LITERAL("{\"user\":\"T\",\"server\":\"S3\",\"authenticated\":false}"),
                         &peer, "S2", NULL),
        STATUS_OK);
    expect_json(origin->forward, "{\"user\":\"T\",\"server\":\"S3\",\"authenticated\":false}");
    origin_unref(origin);
}

static void test_names_as_long_as_may_be(void **state)
{
    char claim[2000], user[200], server[400];
    struct origin *origin = NULL;
    (void)state;
    memset(user, 'u', sizeof user);
    memset(server, 's', sizeof server);
    snprintf(claim, sizeof claim, "{\"user\":\"%.*s\",\"server\":\"%.*s\"}", USERNAME_MAX, user,
        SERVER_NAME_MAX - 1, server);
    assert_int_equal(origin_new_legacy(&origin, span_of(claim), &own, NULL), STATUS_OK);
    assert_int_equal(origin->from->len, USERNAME_MAX + 1 + SERVER_NAME_MAX - 1 + 2);
    origin_unref(origin);
    origin = NULL;
    snprintf(claim, sizeof claim, "{\"user\":\"%.*s\",\"server\":\"S1\"}", USERNAME_MAX + 1, user);
    assert_int_equal(origin_new_legacy(&origin, span_of(claim), &own, NULL), STATUS_MALFORMED);
    snprintf(claim, sizeof claim, "{\"user\":\"T\",\"server\":\"%.*s\"}", SERVER_NAME_MAX, server);
    assert_int_equal(origin_new_legacy(&origin, span_of(claim), &own, NULL), STATUS_MALFORMED);
}

static void test_references(void **state)
{
    struct origin *origin = origin_new_client("T", "S1");
    (void)state;
    assert_ptr_equal(origin_ref(origin), origin);
    origin_unref(origin);
    expect_json(origin->from, "\"T@S1\"");
    origin_unref(origin);
    origin_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client),
        cmocka_unit_test(test_names_that_need_quoting),
        cmocka_unit_test(test_a_handler),
        cmocka_unit_test(test_another_server_that_says_nothing),
        cmocka_unit_test(test_another_server_that_says_who),
        cmocka_unit_test(test_claims_that_are_refused),
        cmocka_unit_test(test_a_legacy_one_that_says_it_comes_from_a_pinned_one),
        cmocka_unit_test(test_a_pinned_one),
        cmocka_unit_test(test_what_is_passed_on_of_one_who_is_not_known),
        cmocka_unit_test(test_names_as_long_as_may_be),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
