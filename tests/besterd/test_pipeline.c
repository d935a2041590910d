/* pipeline: the way of a message through a whole server, and what is reported.
 * The test plays the handlers and another server. Order: test_pipeline_order.c. */
#include "tests/besterd/support.h"

struct world {
    struct house house;
    struct post posts[2]; /* of the handlers a and b */
    struct wire a, b;
    struct post s2;
    struct wire t, g;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    char extra[1024];
    assert_non_null(self);
    place_open(&self->house.place);
    self->house.loop = ev_default_loop(0);
    post_unix(&self->posts[0], self->house.loop, place_path(&self->house.place, "a"), 8);
    post_unix(&self->posts[1], self->house.loop, place_path(&self->house.place, "b"), 8);
    post_tcp(&self->s2, self->house.loop);
    snprintf(extra, sizeof extra,
        "\"handlers\":{\"availableTypes\":[\"a\",\"b\"],\"typeMap\":{"
        "\"a\":{\"unixDomainSocketPath\":\"%%/a\",\"protocol\":\"stream\"},"
        "\"b\":{\"unixDomainSocketPath\":\"%%/b\",\"protocol\":\"stream\","
        "\"mayCommand\":[\"sendClients\"]}}},"
        "\"peers\":{\"S2\":{\"address\":\"127.0.0.1:%u\",\"legacy\":true},\"*\":{\"legacy\":true}},"
        "\"limits\":{\"hops\":3},",
        self->s2.port);
    house_open(&self->house, extra);
    post_accept(&self->posts[0], &self->a);
    post_accept(&self->posts[1], &self->b);
    house_log_in(&self->house, &self->t, "T");
    house_log_in(&self->house, &self->g, "G");
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    house_close(&self->house);
    wire_close(&self->a);
    wire_close(&self->b);
    wire_close(&self->t);
    wire_close(&self->g);
    for (int i = 0; i < 2; i++)
        post_close(&self->posts[i]);
    post_close(&self->s2);
    place_close(&self->house.place);
    free(self);
    return 0;
}

/* T sends 7 with type a; handler a answers with these header members and data. */
static void t_asks_a(struct world *self, const char *header, const char *data)
{
    wire_send(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":7,\"id\":\"m\"}}");
    handler_answers(&self->a, handler_reads(&self->a, "7"), header, data);
}

static void expect_bad(struct wire *wire, const char *reason)
{
    char pattern[200];
    snprintf(pattern, sizeof pattern,
        "{\"header\":{\"status\":\"bad\"},\"payload\":{\"id\":\"m\",\"reason\":\"%s\"}}", reason);
    wire_expect(wire, pattern);
}

#define COMMANDS(list) "\"status\":\"0\",\"commands\":[" list "]"
#define TO_G "{\"type\":\"sendClients\",\"data\":[\"G\"]}"
#define TO_B "{\"type\":\"sendHandler\",\"data\":\"b\"}"
#define TO_S2 "{\"type\":\"sendServers\",\"data\":[\"S2\"]}"
#define GOOD "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":{}}"

/* ---- what the server answers itself ---- */

static void test_what_needs_no_handler(void **state)
{
    static const struct {
        const char *message, *answer;
    } rows[] = {
        {"{\"payload\":{\"type\":\"dummy\",\"data\":{\"any\":1},\"id\":\"h\"}}",
            "{\"header\":{\"status\":\"0\"},\"payload\":{\"data\":null,\"type\":\"dummy\","
            "\"id\":\"h\"}}"},
        {"{\"payload\":{\"type\":\"dummy\",\"data\":null}}",
            "{\"payload\":{\"type\":\"dummy\",\"!id\":0}}"},
        {"{\"payload\":{\"type\":\"nobody\",\"data\":1,\"id\":\"m\"}}",
            "{\"header\":{\"status\":\"bad\"},\"payload\":{\"id\":\"m\",\"reason\":\"noHandler\"}"
            "}"},
        {"{\"payload\":{\"type\":\"nobody\",\"data\":1}}",
            "{\"payload\":{\"reason\":\"noHandler\",\"!id\":0}}"},
        {"{\"payload\":{\"type\":7,\"data\":1,\"id\":\"m\"}}",
            "{\"payload\":{\"id\":\"m\",\"reason\":\"malformed\"}}"},
        {"{\"payload\":{\"data\":1,\"id\":\"m\"}}",
            "{\"payload\":{\"id\":\"m\",\"reason\":\"malformed\"}}"},
        {"{\"payload\":{\"type\":\"a\",\"id\":\"m\"}}",
            "{\"payload\":{\"id\":\"m\",\"reason\":\"malformed\"}}"},
        {"{\"payload\":{\"type\":\"a\",\"data\":1,\"id\":7}}",
            "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {"{}", "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
    };
    struct world *self = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_send(&self->t, "%s", rows[i].message);
        wire_expect(&self->t, rows[i].answer);
    }
}

/* ---- to clients ---- */

/* A sender that is among the recipients has the message before its report. */
static void test_the_message_before_its_report(void **state)
{
    struct world *self = *state;
    t_asks_a(self, SEND_CLIENTS("[\"T\",\"G\"]"), "5");
    wire_expect(&self->t, "{\"header\":{\"from\":\"T@S1\",\"id\":\"m\"},\"payload\":{\"data\":5}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"m\"}}");
    wire_expect(&self->g, "{\"payload\":{\"type\":\"a\",\"data\":5}}");
}

static void test_a_message_without_an_id(void **state)
{
    struct world *self = *state;
    wire_send(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":7}}");
    handler_answers(&self->a, handler_reads(&self->a, "7"), SEND_CLIENTS("[\"G\"]"), "1");
    wire_expect(&self->g, "{\"header\":{\"!id\":0},\"payload\":{\"data\":1}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"!id\":0}}");
}

/* Scope and authentication of later messages are nothing. */
static void test_later_headers_are_ignored(void **state)
{
    struct world *self = *state;
    wire_send(&self->t, "{\"header\":{\"scope\":\"server\",\"authentication\":{\"username\":\"G\","
                        "\"password\":\"x\"},\"origin\":{\"user\":\"X\",\"server\":\"S9\"}},"
                        "\"payload\":{\"type\":\"a\",\"data\":7,\"id\":\"m\"}}");
    handler_answers(&self->a, handler_reads(&self->a, "7"), SEND_CLIENTS("[\"G\"]"), "1");
    wire_expect(&self->g, "{\"header\":{\"from\":\"T@S1\"},\"payload\":{\"data\":1}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"m\"}}");
}

/* ---- through several handlers ---- */

static void test_a_chain(void **state)
{
    struct world *self = *state;
    t_asks_a(self, COMMANDS(TO_B), "\"from a\"");
    json_t *question = wire_read(&self->b);
    json_must_cover(question,
        "{\"header\":{\"origin\":{\"user\":\"T\",\"server\":\"S1\"},\"id\":\"m\"},"
        "\"payload\":{\"type\":\"b\",\"data\":\"from a\"}}");
    handler_answers(&self->b,
        json_string_value(json_object_get(json_object_get(question, "header"), "exchange")),
        SEND_CLIENTS("[\"G\"]"), "\"from b\"");
    json_decref(question);
    /* The type is that of the handler that answered last. */
    wire_expect(&self->g, "{\"payload\":{\"type\":\"b\",\"data\":\"from b\"}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"m\"}}");
}

static void test_a_chain_to_nobody(void **state)
{
    struct world *self = *state;
    t_asks_a(self, COMMANDS("{\"type\":\"sendHandler\",\"data\":\"c\"}"), "1");
    expect_bad(&self->t, "noHandler");
    t_asks_a(self, COMMANDS("{\"type\":\"sendHandler\",\"data\":\"dummy\"}"), "1");
    expect_bad(&self->t, "noHandler");
}

static void test_a_chain_that_never_ends(void **state)
{
    struct world *self = *state;
    wire_send(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":0,\"id\":\"m\"}}");
    for (int i = 0; i <= 3; i++) {
        char data[8];
        snprintf(data, sizeof data, "%d", i);
        const char *exchange = handler_reads(&self->a, data);
        snprintf(data, sizeof data, "%d", i + 1);
        handler_answers(
            &self->a, exchange, COMMANDS("{\"type\":\"sendHandler\",\"data\":\"a\"}"), data);
    }
    expect_bad(&self->t, "loop");
}

static void test_what_a_handler_may_not(void **state)
{
    struct world *self = *state;
    t_asks_a(self, COMMANDS(TO_B), "1");
    handler_answers(&self->b, handler_reads(&self->b, "1"), COMMANDS(TO_S2), "2");
    expect_bad(&self->t, "notAllowed");
}

static void test_the_last_handler_refuses(void **state)
{
    struct world *self = *state;
    t_asks_a(self, COMMANDS(TO_B), "1");
    handler_answers(
        &self->b, handler_reads(&self->b, "1"), "\"status\":\"9\",\"detail\":\"not so\"", "2");
    wire_expect(&self->t, "{\"header\":{\"status\":\"bad\"},\"payload\":{\"id\":\"m\","
                          "\"reason\":\"handlerError\",\"detail\":\"b: not so\"}}");
}

/* ---- to servers ---- */

static void test_to_another_server(void **state)
{
    struct world *self = *state;
    struct wire s2;
    t_asks_a(self, COMMANDS(TO_S2 "," TO_G), "5");
    wire_expect(&self->g, "{\"payload\":{\"data\":5}}");
    post_accept(&self->s2, &s2);
    wire_expect(&s2, "{\"header\":{\"scope\":\"server\",\"hops\":1,\"origin\":{\"user\":\"T\","
                     "\"server\":\"S1\"}},\"payload\":{\"type\":\"a\",\"data\":5,\"id\":\"m\"}}");
    wire_send(&s2, GOOD);
    wire_expect(&self->t,
        "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"m\","
        "\"recipients\":{\"G\":\"delivered\"},\"servers\":{\"S2\":\"delivered\"}}}");
    wire_close(&s2);
}

/* A message without an id gets one for its way: a Part I server would drop it. */
static void test_an_id_for_the_way(void **state)
{
    struct world *self = *state;
    struct wire s2;
    char ids[2][64];
    for (int i = 0; i < 2; i++) {
        wire_send(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":7}}");
        handler_answers(&self->a, handler_reads(&self->a, "7"), COMMANDS(TO_S2), "5");
        post_accept(&self->s2, &s2);
        json_t *message = wire_read(&s2);
        snprintf(ids[i], sizeof ids[i], "%s",
            json_string_value(json_object_get(json_object_get(message, "payload"), "id")));
        json_decref(message);
        wire_send(&s2, GOOD);
        wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"!id\":0}}");
        wire_close(&s2);
    }
    assert_int_not_equal(ids[0][0], '\0');
    assert_string_not_equal(ids[0], ids[1]);
}

static void test_servers_each_by_itself(void **state)
{
    struct world *self = *state;
    struct wire s2;
    post_close(&self->posts[1]);
    t_asks_a(self,
        COMMANDS("{\"type\":\"sendServers\",\"data\":[\"S2\",\"S3\",\"127.0.0.1:1\",\"S2\"]}"),
        "5");
    post_accept(&self->s2, &s2);
    free(wire_read_payload(&s2, NULL));
    wire_send(&s2, "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"offline\"}}");
    wire_expect(&self->t,
        "{\"header\":{\"status\":\"bad\"},\"payload\":{\"id\":\"m\",\"reason\":\"unknownServer\","
        "\"servers\":{\"S2\":\"serverRefused\",\"S3\":\"unknownServer\","
        "\"127.0.0.1:1\":\"serverUnreachable\"}}}");
    wire_close(&s2);
    assert_false(post_accept_now(&self->s2, &s2)); /* named twice, told once */
}

/* ---- from servers ---- */

static void test_from_another_server(void **state)
{
    struct world *self = *state;
    struct wire s2;
    house_connect(&self->house, &s2);
    wire_send(&s2, "{\"header\":{\"scope\":\"server\",\"hops\":2,\"origin\":{\"user\":\"U\","
                   "\"server\":\"S2\"}},\"payload\":{\"type\":\"a\",\"data\":7,\"id\":\"x\"}}");
    handler_answers(&self->a, handler_reads(&self->a, "7"), COMMANDS(TO_G "," TO_S2), "8");
    wire_expect(&self->g, "{\"header\":{\"from\":\"U@S2\",\"authenticated\":false,\"id\":\"x\"},"
                          "\"payload\":{\"data\":8}}");
    struct wire next;
    post_accept(&self->s2, &next);
    wire_expect(&next, "{\"header\":{\"hops\":3,\"origin\":{\"user\":\"U\",\"server\":\"S2\"}}}");
    wire_send(&next, GOOD);
    wire_expect(&s2, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"x\"}}");
    wire_expect_end(&s2);
    wire_close(&s2);
    wire_close(&next);
}

static void test_through_too_many_servers(void **state)
{
    struct world *self = *state;
    struct wire s2;
    house_connect(&self->house, &s2);
    wire_send(&s2, "{\"header\":{\"scope\":\"server\",\"hops\":3},\"payload\":{\"type\":\"a\","
                   "\"data\":7,\"id\":\"m\"}}");
    handler_answers(&self->a, handler_reads(&self->a, "7"), COMMANDS(TO_S2), "8");
    expect_bad(&s2, "loop");
    wire_expect_end(&s2);
    wire_close(&s2);
}

static void test_other_servers_have_no_builtins(void **state)
{
    struct world *self = *state;
    struct wire s2;
    house_connect(&self->house, &s2);
    wire_send(&s2, "{\"header\":{\"scope\":\"server\"},\"payload\":{\"type\":\"builtin\","
                   "\"data\":{\"command\":{\"type\":\"whoami\"}},\"id\":\"m\"}}");
    expect_bad(&s2, "notAllowed");
    wire_close(&s2);
}

/* ---- a handler that speaks first ---- */

static void test_a_handler_speaks_first(void **state)
{
    struct world *self = *state;
    struct wire s2;
    wire_send(&self->a, "{\"header\":{" COMMANDS(TO_G "," TO_S2 "," TO_B) "},\"data\":\"tick\"}");
    wire_expect(&self->g, "{\"header\":{\"!from\":0,\"!id\":0},\"payload\":{\"type\":\"a\","
                          "\"data\":\"tick\"}}");
    post_accept(&self->s2, &s2);
    wire_expect(
        &s2, "{\"header\":{\"scope\":\"server\",\"!origin\":0},\"payload\":{\"data\":\"tick\"}}");
    wire_send(&s2, GOOD);
    wire_close(&s2);
    handler_answers(
        &self->b, handler_reads(&self->b, "\"tick\""), SEND_CLIENTS("[\"T\"]"), "\"tock\"");
    wire_expect(&self->t, "{\"payload\":{\"type\":\"b\",\"data\":\"tock\"}}");
    /* One that makes no sense hurts nobody. */
    wire_send(&self->a, "{\"header\":{" COMMANDS("7") "},\"data\":1}");
    wire_send(&self->a, "{\"header\":{" COMMANDS(TO_G) "},\"data\":\"after\"}");
    wire_expect(&self->g, "{\"payload\":{\"data\":\"after\"}}");
}

/* ---- sessions that go ---- */

/* The sender goes while its message is with the handler, with another server, or
 * on its way to a recipient: it takes effect all the same. */
static void test_the_sender_goes_at_every_stage(void **state)
{
    struct world *self = *state;
    struct wire u, s2;
    for (int stage = 0; stage < 3; stage++) {
        house_log_in(&self->house, &u, "U");
        wire_send(&u, "{\"payload\":{\"type\":\"a\",\"data\":7,\"id\":\"m\"}}");
        const char *exchange = handler_reads(&self->a, "7");
        if (stage == 0) {
            wire_close(&u);
            run_turns(self->house.loop, 5);
        }
        handler_answers(&self->a, exchange, COMMANDS(TO_S2 "," TO_G), "5");
        if (stage == 1) {
            wire_expect(&self->g, "{\"payload\":{\"data\":5}}");
            wire_close(&u);
            run_turns(self->house.loop, 5);
        }
        post_accept(&self->s2, &s2);
        free(wire_read_payload(&s2, NULL));
        if (stage == 2) {
            wire_close(&u);
            run_turns(self->house.loop, 5);
        }
        wire_send(&s2, GOOD);
        wire_expect_end(&s2);
        wire_close(&s2);
        if (stage != 1)
            wire_expect(&self->g, "{\"payload\":{\"data\":5}}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_what_needs_no_handler),
        TEST(test_the_message_before_its_report),
        TEST(test_a_message_without_an_id),
        TEST(test_later_headers_are_ignored),
        TEST(test_a_chain),
        TEST(test_a_chain_to_nobody),
        TEST(test_a_chain_that_never_ends),
        TEST(test_what_a_handler_may_not),
        TEST(test_the_last_handler_refuses),
        TEST(test_to_another_server),
        TEST(test_an_id_for_the_way),
        TEST(test_servers_each_by_itself),
        TEST(test_from_another_server),
        TEST(test_through_too_many_servers),
        TEST(test_other_servers_have_no_builtins),
        TEST(test_a_handler_speaks_first),
        TEST(test_the_sender_goes_at_every_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
