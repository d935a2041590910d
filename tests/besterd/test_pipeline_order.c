/* pipeline: what one session sends with one type takes effect in the order sent,
 * and its reports come in that order, in whatever order handlers answer. A whole
 * server; the test plays both handlers and answers in every order there is. */
#include "tests/besterd/support.h"

enum { MESSAGES = 6, OPEN_MAX = 4 * MESSAGES, EFFECTS_MAX = 4 * MESSAGES };

struct exchange {
    char number[24];
    int message; /* which one it is about */
    int hop;     /* handlers that it has been through */
    int handler; /* 0: a, 1: b */
};

struct world {
    struct house house;
    struct post posts[2];
    struct wire handlers[2];
    struct wire t, g;
    /* Of the round being played: */
    const char *kinds; /* what each message's answers command, see answer() */
    struct exchange open[OPEN_MAX];
    int open_count;
    int asked_b[EFFECTS_MAX]; /* messages in the order in which b was asked */
    int asked_b_count;
    unsigned long rounds;
};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    place_open(&self->house.place);
    self->house.loop = ev_default_loop(0);
    for (int i = 0; i < 2; i++)
        post_unix(
            &self->posts[i], self->house.loop, place_path(&self->house.place, i ? "b" : "a"), 8);
    house_open(&self->house, "\"handlers\":{\"availableTypes\":[\"a\",\"b\"],\"typeMap\":{"
                             "\"a\":{\"unixDomainSocketPath\":\"%/a\",\"protocol\":\"stream\"},"
                             "\"b\":{\"unixDomainSocketPath\":\"%/b\",\"protocol\":\"stream\"}}},");
    for (int i = 0; i < 2; i++)
        post_accept(&self->posts[i], &self->handlers[i]);
    house_log_in(&self->house, &self->t, "T");
    house_log_in(&self->house, &self->g, "G");
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    house_close(&self->house);
    for (int i = 0; i < 2; i++) {
        wire_close(&self->handlers[i]);
        post_close(&self->posts[i]);
    }
    wire_close(&self->t);
    wire_close(&self->g);
    place_close(&self->house.place);
    free(self);
    return 0;
}

/* ---- a round ---- */

/* Takes the questions that have come. Everything is in one process: a few turns
 * of the loop bring all that is on its way. */
static void take_questions(struct world *self)
{
    run_turns(self->house.loop, 6);
    for (int i = 0; i < 2; i++) {
        struct wire *wire = &self->handlers[i];
        while (wire_take(wire, 65536))
            assert_false(wire->ended);
        while (wire_frame_size(wire) > 0) {
            struct exchange *exchange = &self->open[self->open_count++];
            json_t *question = wire_read(wire);
            json_t *header = json_object_get(question, "header");
            json_t *data = json_object_get(json_object_get(question, "payload"), "data");
            assert_in_range(self->open_count, 1, OPEN_MAX);
            snprintf(exchange->number, sizeof exchange->number, "%s",
                json_string_value(json_object_get(header, "exchange")));
            exchange->message = (int)json_integer_value(json_object_get(data, "n"));
            exchange->hop = (int)json_integer_value(json_object_get(data, "hop"));
            exchange->handler = i;
            if (i == 1 && exchange->hop == 1)
                self->asked_b[self->asked_b_count++] = exchange->message;
            json_decref(question);
        }
    }
}

#define DELIVER "\"status\":\"0\",\"commands\":[{\"type\":\"sendClients\",\"data\":[\"G\"]}]"
#define HOP(to) "\"status\":\"0\",\"commands\":[{\"type\":\"sendHandler\",\"data\":\"" to "\"}]"
#define BOTH                                                                      \
    "\"status\":\"0\",\"commands\":[{\"type\":\"sendClients\",\"data\":[\"G\"]}," \
    "{\"type\":\"sendHandler\",\"data\":\"b\"}]"

/* The kinds of messages: d is delivered to G; r is refused by the handler; g is
 * answered with garbage; u is for a user who is not there; n commands nothing;
 * h goes to handler b and then to G; H through b and a; x to G and to b, and from
 * there to G again; l to b, which refuses it. */
static void answer(struct world *self, int which)
{
    struct exchange exchange = self->open[which];
    char kind = self->kinds[exchange.message];
    const char *header = DELIVER;
    char data[64];
    int hop = exchange.hop;
    self->open[which] = self->open[--self->open_count];
    if (kind == 'r' || (kind == 'l' && hop == 1))
        header = "\"status\":\"7\",\"detail\":\"no\"";
    else if (kind == 'u')
        header = SEND_CLIENTS("[\"nobody\"]");
    else if (kind == 'n')
        header = "\"status\":\"0\",\"commands\":[]";
    else if ((strchr("hHl", kind) && hop == 0))
        header = HOP("b");
    else if (kind == 'H' && hop == 1)
        header = HOP("a");
    else if (kind == 'x' && hop == 0)
        header = BOTH;
    snprintf(data, sizeof data, kind == 'g' ? "garbage}" : "{\"n\":%d,\"hop\":%d}",
        exchange.message, hop + 1);
    handler_answers(&self->handlers[exchange.handler], exchange.number, header, data);
}

/* What G and T must see of a message, and what b must. */
static void expect_effects(struct world *self)
{
    int asked = 0;
    for (int i = 0; i < (int)strlen(self->kinds); i++) {
        char kind = self->kinds[i];
        char pattern[200];
        int times = kind == 'x' ? 2 : strchr("dhH", kind) ? 1 : 0;
        for (int k = 0; k < times; k++) {
            snprintf(pattern, sizeof pattern, "{\"payload\":{\"data\":{\"n\":%d}}}", i);
            wire_expect(&self->g, pattern);
        }
        snprintf(pattern, sizeof pattern,
            "{\"header\":{\"status\":\"%s\"},\"payload\":{\"id\":\"%lu-%d\"%s}}",
            strchr("rgul", kind) ? "bad" : "good", self->rounds, i,
            kind == 'g'                  ? ",\"reason\":\"badReply\""
            : kind == 'u'                ? ",\"reason\":\"offline\""
            : kind == 'r' || kind == 'l' ? ",\"reason\":\"handlerError\""
                                         : "");
        wire_expect(&self->t, pattern);
        if (strchr("hHxl", kind))
            assert_int_equal(self->asked_b[asked++], i);
    }
    assert_int_equal(asked, self->asked_b_count);
    assert_int_equal(self->g.in_len + self->t.in_len, 0); /* nothing more */
}

/* pick(context, open) says which of the open exchanges is answered next. */
static void play(
    struct world *self, const char *kinds, int (*pick)(void *context, int open), void *context)
{
    self->kinds = kinds;
    self->open_count = self->asked_b_count = 0;
    self->rounds++;
    for (int i = 0; i < (int)strlen(kinds); i++)
        wire_send(&self->t,
            "{\"header\":{},\"payload\":{\"type\":\"a\",\"data\":{\"n\":%d,\"hop\":0},"
            "\"id\":\"%lu-%d\"}}",
            i, self->rounds, i);
    take_questions(self);
    assert_int_equal(self->open_count, strlen(kinds));
    while (self->open_count > 0) {
        answer(self, pick(context, self->open_count));
        take_questions(self);
    }
    expect_effects(self);
}

/* ---- in every order ---- */

/* The next order of the first answers, 0 .. MESSAGES!-1, then as they come. */
static int pick_by_number(void *context, int open)
{
    int *number = context;
    int which = *number % open;
    *number /= open;
    return which;
}

static void play_all_orders(struct world *self, const char *kinds)
{
    int orders = 1;
    for (int i = 2; i <= (int)strlen(kinds); i++)
        orders *= i;
    for (int order = 0; order < orders; order++) {
        int number = order;
        play(self, kinds, pick_by_number, &number);
    }
}

static void test_deliveries(void **state)
{
    static const char *const kinds[] = {"d", "dd", "ddd", "dddd", "dddddd"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        play_all_orders(*state, kinds[i]);
}

static void test_failures_among_them(void **state)
{
    static const char *const kinds[] = {"rd", "gd", "ud", "nd", "drd", "ddr", "gud", "dugrn"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        play_all_orders(*state, kinds[i]);
}

static void test_hops_among_them(void **state)
{
    static const char *const kinds[] = {
        "h", "hh", "hd", "dh", "hhh", "HdH", "xd", "xh", "hx", "xHld", "hHdxl"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        play_all_orders(*state, kinds[i]);
}

/* ---- at random ---- */

static int pick_at_random(void *context, int open)
{
    uint32_t *random = context;
    *random = *random * 1664525u + 1013904223u;
    return (int)((*random >> 10) % (unsigned)open);
}

static void test_all_kinds_at_random(void **state)
{
    static const char all[] = "ddhhHxrguln";
    uint32_t random = 20261122;
    for (int round = 0; round < 1500; round++) {
        char kinds[MESSAGES + 1] = "";
        for (int i = 0; i < MESSAGES; i++)
            kinds[i] = all[pick_at_random(&random, sizeof all - 1)];
        play(*state, kinds, pick_at_random, &random);
    }
}

/* ---- different lanes do not wait for each other ---- */

static void test_types_and_sessions_do_not_wait(void **state)
{
    struct world *self = *state;
    char stuck[24];
    wire_send(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":1,\"id\":\"stuck\"}}");
    snprintf(stuck, sizeof stuck, "%s", handler_reads(&self->handlers[0], "1"));
    /* Another type of the same session. */
    wire_send(&self->t, "{\"payload\":{\"type\":\"b\",\"data\":2,\"id\":\"free\"}}");
    handler_answers(
        &self->handlers[1], handler_reads(&self->handlers[1], "2"), SEND_CLIENTS("[\"G\"]"), "2");
    wire_expect(&self->g, "{\"payload\":{\"type\":\"b\",\"data\":2}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"free\"}}");
    /* The same type of another session. */
    wire_send(&self->g, "{\"payload\":{\"type\":\"a\",\"data\":3,\"id\":\"too\"}}");
    handler_answers(
        &self->handlers[0], handler_reads(&self->handlers[0], "3"), SEND_CLIENTS("[\"T\"]"), "3");
    wire_expect(&self->t, "{\"payload\":{\"type\":\"a\",\"data\":3}}");
    wire_expect(&self->g, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"too\"}}");
    /* And the stuck one is as good as ever. */
    handler_answers(&self->handlers[0], stuck, SEND_CLIENTS("[\"G\"]"), "1");
    wire_expect(&self->g, "{\"payload\":{\"type\":\"a\",\"data\":1}}");
    wire_expect(&self->t, "{\"header\":{\"status\":\"good\"},\"payload\":{\"id\":\"stuck\"}}");
}

/* What the session sent is carried out though it has gone. */
static void test_the_sender_goes(void **state)
{
    struct world *self = *state;
    struct wire u;
    char exchanges[3][24];
    house_log_in(&self->house, &u, "U");
    for (int i = 0; i < 3; i++)
        wire_send(&u, "{\"payload\":{\"type\":\"a\",\"data\":%d,\"id\":\"%d\"}}", i, i);
    for (int i = 0; i < 3; i++)
        snprintf(exchanges[i], sizeof exchanges[i], "%s", handler_reads(&self->handlers[0], NULL));
    handler_answers(&self->handlers[0], exchanges[1], SEND_CLIENTS("[\"G\"]"), "1");
    run_turns(self->house.loop, 5);
    wire_close(&u);
    run_turns(self->house.loop, 5);
    handler_answers(&self->handlers[0], exchanges[2], SEND_CLIENTS("[\"G\"]"), "2");
    handler_answers(&self->handlers[0], exchanges[0], SEND_CLIENTS("[\"G\"]"), "0");
    for (int i = 0; i < 3; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "{\"payload\":{\"data\":%d}}", i);
        wire_expect(&self->g, pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_deliveries),
        TEST(test_failures_among_them),
        TEST(test_hops_among_them),
        TEST(test_all_kinds_at_random),
        TEST(test_types_and_sessions_do_not_wait),
        TEST(test_the_sender_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
