/* server: its start and its end, in this process. With hostile peers, from
 * outside, it is met in test_hostile.py. */
#include "tests/besterd/support.h"

#include "besterd/log.h"

struct world {
    struct house house;
    struct post post; /* of the handler a */
    struct wire a;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    place_open(&self->house.place);
    self->house.loop = ev_default_loop(0);
    post_unix(&self->post, self->house.loop, place_path(&self->house.place, "a"), 8);
    house_open(&self->house, "\"handlers\":{\"availableTypes\":[\"a\"],\"typeMap\":{"
                             "\"a\":{\"unixDomainSocketPath\":\"%/a\",\"protocol\":\"stream\"}}},"
                             "\"limits\":{\"drainMs\":300,\"stallMs\":1000},");
    post_accept(&self->post, &self->a);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    house_close(&self->house);
    run_turns(self->house.loop, 3); /* nothing of it is left in the loop */
    wire_close(&self->a);
    post_close(&self->post);
    place_close(&self->house.place);
    free(self);
    return 0;
}

static void say(struct wire *wire, int n)
{
    wire_send(wire, "{\"payload\":{\"type\":\"a\",\"data\":%d,\"id\":\"%d\"}}", n, n);
}

static void expect_report(struct wire *wire, int n, const char *status, const char *more)
{
    char pattern[200];
    snprintf(pattern, sizeof pattern,
        "{\"header\":{\"status\":\"%s\"},\"payload\":{\"id\":\"%d\"%s}}", status, n, more);
    wire_expect(wire, pattern);
}

/* ---- the end ---- */

static void test_stopping_an_idle_server(void **state)
{
    struct world *self = *state;
    struct wire t, anonymous;
    house_log_in(&self->house, &t, "T");
    house_connect(&self->house, &anonymous);
    run_turns(self->house.loop, 3);
    server_stop(self->house.server);
    wire_expect_end(&t);
    wire_expect_end(&anonymous);
    wire_close(&t);
    wire_close(&anonymous);
    assert_int_not_equal(access(place_path(&self->house.place, "c"), F_OK), 0);
    assert_int_not_equal(access(place_path(&self->house.place, "i"), F_OK), 0);
}

/* What is in flight gets its report; what comes meanwhile is told no, in its turn. */
static void test_stopping_with_messages_in_flight(void **state)
{
    struct world *self = *state;
    struct wire t;
    char exchange[64];
    house_log_in(&self->house, &t, "T");
    say(&t, 1);
    snprintf(exchange, sizeof exchange, "%s", handler_reads(&self->a, "1"));
    server_stop(self->house.server);
    say(&t, 2);
    wire_send(&t, "{\"payload\":{\"type\":\"dummy\",\"data\":1,\"id\":\"d\"}}");
    wire_expect(&t, "{\"payload\":{\"type\":\"dummy\",\"id\":\"d\"}}");
    handler_answers(&self->a, exchange, SEND_CLIENTS("[\"T\"]"), "\"last\"");
    wire_expect(&t, "{\"payload\":{\"data\":\"last\"}}");
    expect_report(&t, 1, "good", "");
    expect_report(&t, 2, "bad", ",\"reason\":\"shuttingDown\"");
    wire_expect_end(&t);
    wire_close(&t);
}

/* What is not answered when time is up is told so: no message without its report. */
static void test_stopping_does_not_wait_for_ever(void **state)
{
    struct world *self = *state;
    struct wire t, g;
    char exchanges[3][64];
    house_log_in(&self->house, &t, "T");
    house_log_in(&self->house, &g, "G");
    for (int i = 0; i < 3; i++) {
        say(&t, i);
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->a, NULL));
    }
    say(&g, 7);
    free(wire_read_payload(&self->a, NULL));
    handler_answers(&self->a, exchanges[1], SEND_CLIENTS("[\"G\"]"), "1"); /* before its turn */
    server_stop(self->house.server);
    for (int i = 0; i < 3; i++)
        expect_report(&t, i, "bad", ",\"reason\":\"shuttingDown\"");
    expect_report(&g, 7, "bad", ",\"reason\":\"shuttingDown\"");
    handler_answers(&self->a, exchanges[0], SEND_CLIENTS("[\"G\"]"), "0"); /* too late */
    wire_expect_end(&t);
    wire_expect_end(&g);
    wire_close(&t);
    wire_close(&g);
}

/* A recipient who has not taken his message when time is up. */
static void test_stopping_with_a_delivery_under_way(void **state)
{
    struct world *self = *state;
    struct wire t, g;
    static char much[900001];
    memset(much, '7', sizeof much - 1);
    house_log_in(&self->house, &t, "T");
    house_log_in(&self->house, &g, "G");
    say(&t, 1);
    handler_answers(&self->a, handler_reads(&self->a, "1"), SEND_CLIENTS("[\"G\"]"), much);
    run_turns(self->house.loop, 5);
    server_stop(self->house.server);
    expect_report(
        &t, 1, "bad", ",\"reason\":\"shuttingDown\",\"recipients\":{\"G\":\"shuttingDown\"}");
    wire_expect_end(&t);
    wire_close(&t);
    wire_close(&g);
}

static void test_freed_in_the_middle(void **state)
{
    struct world *self = *state;
    struct wire t, g;
    static char much[900001];
    memset(much, '7', sizeof much - 1);
    house_log_in(&self->house, &t, "T");
    house_log_in(&self->house, &g, "G");
    say(&t, 1);
    handler_answers(&self->a, handler_reads(&self->a, "1"), SEND_CLIENTS("[\"G\"]"), much);
    for (int i = 2; i < 5; i++)
        say(&t, i);
    run_turns(self->house.loop, 5);
    server_stop(self->house.server); /* and then freed by tear_down, while it drains */
    wire_close(&t);
    wire_close(&g);
}

static void test_asked_again(void **state)
{
    struct world *self = *state;
    struct wire t;
    house_log_in(&self->house, &t, "T");
    say(&t, 1);
    handler_reads(&self->a, "1");
    server_stop(self->house.server);
    run_turns(self->house.loop, 3);
    server_stop(self->house.server); /* does not wait any more */
    wire_close(&t);
}

/* ---- the start ---- */

static void expect_no_start(const char *text)
{
    struct server *server = NULL;
    struct fault fault = {0};
    struct config *config = config_of("%s", text);
    unsigned before = count_descriptors();
    assert_int_equal(server_new(&server, config, NULL, ev_default_loop(0), &fault), STATUS_IO);
    assert_null(server);
    assert_int_not_equal(fault.text[0], '\0');
    run_turns(ev_default_loop(0), 3);
    assert_int_equal(count_descriptors(), before);
    config_unref(config);
}

static void test_a_start_that_fails_leaves_nothing(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    expect_no_start("{\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"/no/where/c\"}},"
                    "\"database\":{\"type\":\"open\"},\"informer\":{\"address\":\"/tmp/t_s_i\"}}");
    expect_no_start("{\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"/tmp/t_s_c\"}},"
                    "\"database\":{\"type\":\"open\"},\"informer\":{\"address\":\"/no/where/i\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_stopping_an_idle_server),
        TEST(test_stopping_with_messages_in_flight),
        TEST(test_stopping_does_not_wait_for_ever),
        TEST(test_stopping_with_a_delivery_under_way),
        TEST(test_freed_in_the_middle),
        TEST(test_asked_again),
        cmocka_unit_test(test_a_start_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
