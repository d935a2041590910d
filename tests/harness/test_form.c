/* The short words of a play <-> what is on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/form.h"

enum { EXPECTED = 0, DONE = 1 };

static json_t *json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!value)
        fail_msg("the test's own JSON is wrong: %s", text);
    return value;
}

struct row {
    enum edge_kind edge;
    bool doing;
    const char *words;
    const char *wire;
    bool one_way; /* shown otherwise than it was written */
};

static const struct row rows[] = {
    {EDGE_CLIENT_SERVER, DONE, "{\"type\": \"chat\", \"data\": {\"a\": 1}, \"id\": \"7\"}",
        "{\"header\": {}, \"payload\": {\"type\": \"chat\", \"data\": {\"a\": 1}, \"id\": \"7\"}}",
        false},
    {EDGE_CLIENT_SERVER, DONE, "{\"type\": \"chat\", \"data\": null}",
        "{\"header\": {}, \"payload\": {\"type\": \"chat\", \"data\": null}}", false},
    {EDGE_CLIENT_SERVER, DONE, "{\"ack\": 5}", "{\"header\": {\"ack\": 5}, \"payload\": {}}",
        false},
    {EDGE_CLIENT_SERVER, DONE, "{\"header\": {\"x\": 1}, \"payload\": {\"y\": 2}}",
        "{\"header\": {\"x\": 1}, \"payload\": {\"y\": 2}}", false},
    {EDGE_SERVER_CLIENT, EXPECTED, "{\"status\": \"good\", \"id\": \"7\", \"outcome\": \"stored\"}",
        "{\"header\": {\"messageType\": \"statusReport\", \"status\": \"good\"}, \"payload\": "
        "{\"id\": \"7\", \"outcome\": \"stored\"}}",
        false},
    {EDGE_SERVER_CLIENT, EXPECTED,
        "{\"status\": \"bad\", \"recipients\": {\"G\": \"offline\"}, \"servers\": {}, \"reason\": "
        "\"offline\", \"detail\": \"G\"}",
        "{\"header\": {\"messageType\": \"statusReport\", \"status\": \"bad\"}, \"payload\": "
        "{\"recipients\": {\"G\": \"offline\"}, \"servers\": {}, \"reason\": \"offline\", "
        "\"detail\": \"G\"}}",
        false},
    /* The id of a received message is in its header, that of a report in the payload. */
    {EDGE_SERVER_CLIENT, EXPECTED,
        "{\"type\": \"chat\", \"data\": 1, \"from\": \"T@S1\", \"id\": \"7\", \"time\": \"now\"}",
        "{\"header\": {\"messageType\": \"receivedMessage\", \"from\": \"T@S1\", \"id\": \"7\", "
        "\"time\": \"now\"}, \"payload\": {\"type\": \"chat\", \"data\": 1}}",
        false},
    {EDGE_SERVER_CLIENT, EXPECTED, "{\"type\": \"dummy\", \"data\": null, \"id\": \"7\"}",
        "{\"header\": {\"status\": \"0\"}, \"payload\": {\"type\": \"dummy\", \"data\": null, "
        "\"id\": \"7\"}}",
        false},
    {EDGE_SERVER_SERVER, DONE,
        "{\"type\": \"chat\", \"data\": 1, \"id\": \"7\", \"origin\": {\"user\": \"T\"}, \"hops\": "
        "1}",
        "{\"header\": {\"scope\": \"server\", \"origin\": {\"user\": \"T\"}, \"hops\": 1}, "
        "\"payload\": {\"type\": \"chat\", \"data\": 1, \"id\": \"7\"}}",
        false},
    {EDGE_SERVER_SERVER, EXPECTED, "{\"status\": \"good\", \"id\": \"7\"}",
        "{\"header\": {\"messageType\": \"statusReport\", \"status\": \"good\"}, \"payload\": "
        "{\"id\": \"7\"}}",
        false},
    /* A one-shot handler is told the data, whatever it is. */
    {EDGE_SERVER_ONESHOT, EXPECTED, "{\"type\": 1, \"status\": 2}", "{\"type\": 1, \"status\": 2}",
        false},
    {EDGE_SERVER_ONESHOT, EXPECTED, "null", "null", false},
    {EDGE_SERVER_ONESHOT, EXPECTED, "{\"ask\": {\"raw\": \"x\"}}", "{\"raw\": \"x\"}", false},
    {EDGE_SERVER_ONESHOT, EXPECTED, "{\"ask\": {\"ask\": 1}}", "{\"ask\": 1}", false},
    {EDGE_SERVER_STREAM, EXPECTED, "{\"text\": 1}", "{\"payload\": {\"data\": {\"text\": 1}}}",
        true},
    {EDGE_SERVER_STREAM, EXPECTED,
        "{\"ask\": 1, \"type\": \"chat\", \"origin\": {}, \"id\": \"7\", \"deadlineMs\": 5, "
        "\"exchange\": \"9\"}",
        "{\"header\": {\"origin\": {}, \"id\": \"7\", \"deadlineMs\": 5, \"exchange\": \"9\"}, "
        "\"payload\": {\"data\": 1, \"type\": \"chat\"}}",
        false},
    {EDGE_ONESHOT_SERVER, DONE, "{\"sendClients\": [\"G\"], \"data\": 1}",
        "{\"header\": {\"status\": \"0\", \"command\": {\"type\": \"sendClients\", \"data\": "
        "[\"G\"]}}, \"data\": 1}",
        false},
    {EDGE_ONESHOT_SERVER, DONE, "{\"status\": \"7\"}", "{\"header\": {\"status\": \"7\"}}", false},
    {EDGE_ONESHOT_SERVER, DONE, "{\"sendHandler\": \"x\", \"data\": 1, \"status\": \"7\"}",
        "{\"header\": {\"status\": \"7\", \"command\": {\"type\": \"sendHandler\", \"data\": "
        "\"x\"}}, \"data\": 1}",
        false},
    {EDGE_STREAM_SERVER, DONE, "{\"sendClients\": [\"G\"], \"sendServers\": [\"S2\"], \"data\": 1}",
        "{\"header\": {\"status\": \"0\", \"commands\": [{\"type\": \"sendClients\", \"data\": "
        "[\"G\"]}, {\"type\": \"sendServers\", \"data\": [\"S2\"]}]}, \"data\": 1}",
        false},
    {EDGE_STREAM_SERVER, DONE,
        "{\"commands\": [{\"sendClients\": [\"G\"]}, {\"sendClients\": [\"H\"], \"message\": 2}, "
        "{\"type\": \"odd\", \"data\": 3}], \"data\": 1}",
        "{\"header\": {\"status\": \"0\", \"commands\": [{\"type\": \"sendClients\", \"data\": "
        "[\"G\"]}, {\"type\": \"sendClients\", \"data\": [\"H\"], \"message\": 2}, {\"type\": "
        "\"odd\", \"data\": 3}]}, \"data\": 1}",
        false},
    {EDGE_STREAM_SERVER, EXPECTED, "{\"sendClients\": [\"G\"]}",
        "{\"header\": {\"commands\": [{\"type\": \"sendClients\", \"data\": [\"G\"]}]}}", false},
    {EDGE_CLIENT_INFORMER, DONE, "{\"command\": \"listClients\"}",
        "{\"command\": {\"type\": \"listClients\"}}", false},
    {EDGE_CLIENT_INFORMER, DONE, "{\"command\": \"isClient\", \"data\": \"G\"}",
        "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}", false},
    {EDGE_CLIENT_INFORMER, DONE, "{\"command\": {\"tpye\": \"x\"}}",
        "{\"command\": {\"tpye\": \"x\"}}", false},
    {EDGE_INFORMER_CLIENT, EXPECTED, "{\"status\": \"0\", \"data\": [1]}",
        "{\"status\": \"0\", \"data\": [1]}", false},
};

/* Equal whatever the order of members. */
static void assert_same(const json_t *got, const json_t *wanted, const struct row *row)
{
    if (json_equal(got, wanted))
        return;
    char *left = json_dumps(got, JSON_ENCODE_ANY);
    char *right = json_dumps(wanted, JSON_ENCODE_ANY);
    fail_msg("%s became\n%s, not\n%s", row->words, left, right);
}

static void test_words_to_wire_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        json_t *words = json(row->words);
        json_t *wire = json(row->wire);
        struct saying saying;
        char word[FORM_WORD_MAX];
        struct fault fault;

        if (form_read(row->edge, row->doing, words, &saying, word, &fault) != STATUS_OK)
            fail_msg("%s: %s", row->words, fault.text);
        assert_int_equal(saying.body, BODY_JSON);
        assert_same(saying.wire, wire, row);
        json_t *shown = form_show(row->edge, wire);
        if (!row->one_way)
            assert_same(shown, words, row);
        json_decref(shown);
        saying_release(&saying);
        json_decref(words);
        json_decref(wire);
    }
}

/* What no words can say is shown as it is. */
static void test_shown_whole(void **state)
{
    static const struct {
        enum edge_kind edge;
        const char *wire;
    } whole[] = {
        {EDGE_SERVER_CLIENT, "{\"header\": {\"messageType\": \"statusReport\", \"status\": "
                             "\"good\", \"odd\": 1}, \"payload\": {\"id\": \"7\"}}"},
        {EDGE_SERVER_CLIENT, "{\"header\": {\"messageType\": \"receivedMessage\"}, \"payload\": "
                             "{\"type\": \"x\", \"id\": \"7\"}}"},
        {EDGE_SERVER_CLIENT, "{\"odd\": true}"},
        {EDGE_CLIENT_SERVER, "[1, 2]"},
        {EDGE_CLIENT_SERVER,
            "{\"header\": {\"scope\": \"client\"}, \"payload\": {\"type\": \"x\"}}"},
        {EDGE_ONESHOT_SERVER, "{\"header\": {\"status\": \"0\", \"command\": \"sendClients\", "
                              "\"commandData\": []}, \"payload\": {\"data\": 1}}"},
        {EDGE_ONESHOT_SERVER, "{\"header\": {\"status\": \"0\", \"command\": {\"type\": \"odd\", "
                              "\"data\": []}}, \"data\": 1}"},
        {EDGE_STREAM_SERVER, "5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        json_t *wire = json(whole[i].wire);
        json_t *shown = form_show(whole[i].edge, wire);

        if (!json_equal(wire, shown))
            fail_msg("%s is shown as %s", whole[i].wire, json_dumps(shown, JSON_ENCODE_ANY));
        json_decref(shown);
        json_decref(wire);
    }
}

static void test_a_password_never_shows(void **state)
{
    static const char *const logins[] = {
        "{\"header\": {\"scope\": \"client\", \"authentication\": {\"username\": \"T\", "
        "\"password\": \"hidden\"}}, \"payload\": {}}",
        "{\"header\": {\"authentication\": {\"password\": \"hidden\"}}, \"odd\": 1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
        json_t *wire = json(logins[i]);
        json_t *shown = form_show(EDGE_CLIENT_SERVER, wire);
        char *text = json_dumps(shown, 0);

        assert_null(strstr(text, "hidden"));
        assert_non_null(strstr(text, "login"));
        free(text);
        json_decref(shown);
        json_decref(wire);
    }
}

static void test_login(void **state)
{
    json_t *words = json("{\"password\": \"p\", \"features\": [\"acks\"]}");
    json_t *wire = form_login(words, "T", "q");
    json_t *wanted = json("{\"header\": {\"scope\": \"client\", \"authentication\": {\"username\": "
                          "\"T\", \"password\": \"p\"}, \"features\": [\"acks\"]}, \"payload\": "
                          "{\"type\": \"dummy\", \"data\": null, \"id\": \"0\"}}");

    (void)state;
    assert_true(json_equal(wire, wanted));
    json_decref(words);
    json_decref(wire);
    json_decref(wanted);
}

/* A login that is expected is open, and says nothing of the password. */
static void test_expected_login(void **state)
{
    struct saying saying;
    char word[FORM_WORD_MAX];
    struct fault fault;
    json_t *words = json("{\"login\": {\"user\": \"T\"}}");
    json_t *wanted =
        json("{\"header\": {\"authentication\": {\"...\": true, \"username\": \"T\"}}}");

    (void)state;
    assert_int_equal(form_read(EDGE_CLIENT_SERVER, false, words, &saying, word, &fault), STATUS_OK);
    assert_int_equal(saying.body, BODY_LOGIN);
    assert_int_equal(saying.open_levels, 2);
    assert_true(json_equal(saying.wire, wanted));
    saying_release(&saying);
    json_decref(words);
    json_decref(wanted);
}

static void test_bytes(void **state)
{
    struct saying saying;
    char word[FORM_WORD_MAX];
    struct fault fault;
    json_t *words = json("{\"hex\": \"02000000 7B7d\"}");

    (void)state;
    assert_int_equal(form_read(EDGE_CLIENT_SERVER, true, words, &saying, word, &fault), STATUS_OK);
    assert_int_equal(saying.body, BODY_HEX);
    assert_int_equal(saying.len, 6);
    assert_memory_equal(saying.bytes, "\2\0\0\0{}", 6);
    saying_release(&saying);
    json_decref(words);
}

static void test_labels(void **state)
{
    struct saying saying;
    char word[FORM_WORD_MAX];
    struct fault fault;
    json_t *words = json("{\"ask\": {\"as\": 1}, \"as\": \"one\"}");

    (void)state;
    assert_int_equal(
        form_read(EDGE_SERVER_ONESHOT, false, words, &saying, word, &fault), STATUS_OK);
    assert_string_equal(saying.label, "one");
    assert_int_equal(json_object_size(saying.wire), 1);
    saying_release(&saying);
    json_decref(words);

    /* Without "ask" it is a member of the data. */
    words = json("{\"as\": \"one\"}");
    assert_int_equal(
        form_read(EDGE_SERVER_ONESHOT, false, words, &saying, word, &fault), STATUS_OK);
    assert_null(saying.label);
    assert_true(json_equal(saying.wire, words));
    saying_release(&saying);
    json_decref(words);
}

static void test_refused(void **state)
{
    static const struct {
        enum edge_kind edge;
        bool doing;
        const char *words;
        const char *word;
    } refused[] = {
        {EDGE_CLIENT_SERVER, DONE, "{\"type\": \"x\", \"dta\": 1}", "dta"},
        {EDGE_CLIENT_SERVER, DONE, "{\"data\": 1}", ""},
        {EDGE_CLIENT_SERVER, DONE, "5", ""},
        {EDGE_CLIENT_SERVER, DONE, "{\"raw\": 5}", "raw"},
        {EDGE_CLIENT_SERVER, DONE, "{\"hex\": \"0\"}", "hex"},
        {EDGE_CLIENT_SERVER, DONE, "{\"hex\": \"0g\"}", "hex"},
        {EDGE_CLIENT_SERVER, DONE, "{\"close\": false}", "close"},
        {EDGE_CLIENT_SERVER, DONE, "{\"login\": {\"username\": \"T\"}}", "login"},
        {EDGE_CLIENT_SERVER, DONE, "{\"login\": true}", "login"},
        {EDGE_SERVER_CLIENT, EXPECTED, "{\"silent\": true}", "silent"},
        {EDGE_SERVER_CLIENT, EXPECTED, "{\"status\": \"good\", \"type\": \"x\"}", "type"},
        {EDGE_SERVER_ONESHOT, EXPECTED, "{\"ask\": 1, \"origin\": {}}", "ask"},
        {EDGE_SERVER_ONESHOT, EXPECTED, "{\"ask\": 1, \"as\": 5}", "as"},
        {EDGE_ONESHOT_SERVER, DONE, "{\"sendClients\": [], \"sendServers\": []}", "sendServers"},
        {EDGE_ONESHOT_SERVER, DONE, "{\"commands\": []}", "commands"},
        {EDGE_STREAM_SERVER, DONE, "{\"commands\": {}}", "commands"},
        {EDGE_STREAM_SERVER, DONE, "{\"sendAll\": []}", "sendAll"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        json_t *words = json(refused[i].words);
        struct saying saying;
        char word[FORM_WORD_MAX];
        struct fault fault = {.text = ""};

        if (form_read(refused[i].edge, refused[i].doing, words, &saying, word, &fault) == STATUS_OK)
            fail_msg("%s should not be taken", refused[i].words);
        assert_string_equal(word, refused[i].word);
        assert_true(strlen(fault.text) > 10);
        json_decref(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_to_wire_and_back),
        cmocka_unit_test(test_shown_whole),
        cmocka_unit_test(test_a_password_never_shows),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_expected_login),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
