/* session: logging in, and messages of other servers. What comes after a login is
 * in test_session_end.c. */
#include "tests/besterd/visit.h"

/* ---- logging in ---- */

static void test_a_login(void **state)
{
    struct visit *self = *state;
    wire_send(&self->far, "%s", LOGIN("{\"password\":\"p w\",\"x\":1,\"username\":\" \\u0054 \"}"));
    RUN_UNTIL(self->loop, self->asked[0]);
    assert_string_equal(self->asked, "T/p w");
    assert_int_equal(self->logins, 0);
    session_verified(self->session, STATUS_OK);
    wire_expect(&self->far,
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":{"
        "\"id\":\"auth_special\",\"server\":{\"name\":\"S1\",\"features\":[],"
        "\"limits\":{\"maxFrame\":2000}}}}");
    assert_int_equal(self->logins, 1);
    assert_string_equal(self->session->user, "T");
    /* Its payload is not dispatched, whatever it holds. */
    assert_int_equal(self->messages, 0);
}

static void test_first_messages_that_are_no_login(void **state)
{
    static const struct {
        const char *message, *reason;
    } rows[] = {
        {MESSAGE("1"), "authRequired"},
        {"{}", "authRequired"},
        {LOGIN("null"), "authRequired"},
        {LOGIN("[]"), "authRequired"},
        {LOGIN("{}"), "authFailed"},
        {LOGIN("{\"username\":\"T\"}"), "authFailed"},
        {LOGIN("{\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\"\",\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\" \\t\",\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\"T\",\"password\":\"\"}"), "authFailed"},
        {LOGIN("{\"username\":7,\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\"T\",\"password\":7}"), "authFailed"},
        {LOGIN("{\"username\":\"T\\u0000\",\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\"a@b\",\"password\":\"p\"}"), "authFailed"},
        {LOGIN("{\"username\":\"T\",\"password\":\"p\",\"username\":\"G\"}"), "malformed"},
        {LOGIN("{\"username\":\"T\",\"password\":\"p\",\"passwor\\u0064\":\"q\"}"), "malformed"},
        {"{\"header\":{\"scope\":\"admin\"}}", "malformed"},
        {"{\"header\":{\"scope\":7}}", "malformed"},
        {"", "malformed"},
        {"null", "malformed"},
        {"{\"header\":{},\"header\":{}}", "malformed"},
        {"\xff", "malformed"},
        {"[[[[[[[[[[[[[[", "malformed"},
        {"{\"payload\":{\"data\":[[[[[[[[[[[[[[", "tooLarge"},
    };
    struct visit *self = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char report[200];
        wire_send(&self->far, "%s", rows[i].message);
        wire_send(&self->far, "%s", MESSAGE("2"));
        snprintf(report, sizeof report,
            "{\"header\":{\"status\":\"bad\"},\"payload\":{\"id\":\"auth_special\","
            "\"reason\":\"%s\"}}",
            rows[i].reason);
        visit_expect_refused(self, report);
        assert_int_equal(self->logins + self->messages, 0);
        assert_int_equal(self->asked[0], '\0');
        visit_start_anew(self);
    }
}

static void test_names_and_passwords_that_are_long(void **state)
{
    struct visit *self = *state;
    char much[2001];
    memset(much, 'x', sizeof much);
    wire_send(&self->far, LOGIN("{\"username\":\"%.*s\",\"password\":\"p\"}"), 300, much);
    visit_expect_refused(self, "{\"payload\":{\"reason\":\"authFailed\"}}");
    visit_start_anew(self);
    wire_send(
        &self->far, LOGIN("{\"username\":\"T\",\"password\":\"%.*s\"}"), PASSWORD_MAX + 1, much);
    visit_expect_refused(self, "{\"payload\":{\"reason\":\"authFailed\"}}");
    visit_start_anew(self);
    wire_send(&self->far, LOGIN("{\"username\":\"T\",\"password\":\"%.*s\"}"), 90, much);
    RUN_UNTIL(self->loop, self->asked[0]);
}

static void test_what_the_accounts_say(void **state)
{
    static const struct {
        enum status status;
        const char *reason;
    } rows[] = {
        {STATUS_AUTH_FAILED, "authFailed"},
        {STATUS_OVERLOADED, "overloaded"},
        {STATUS_INTERNAL, "internal"},
        {STATUS_NO_MEMORY, "internal"},
    };
    struct visit *self = *state;
    for (size_t at_once = 0; at_once < 2; at_once++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            char report[100];
            snprintf(report, sizeof report, "{\"payload\":{\"reason\":\"%s\"}}", rows[i].reason);
            self->accounts_status = at_once ? rows[i].status : STATUS_OK;
            if (at_once && rows[i].status == STATUS_AUTH_FAILED)
                continue; /* never from within the call */
            wire_send(&self->far, "%s", T_LOGIN);
            wire_send(&self->far, "%s", MESSAGE("1"));
            RUN_UNTIL(self->loop, self->asked[0]);
            if (!at_once)
                session_verified(self->session, rows[i].status);
            visit_expect_refused(self, report);
            assert_int_equal(self->logins + self->messages, 0);
            visit_start_anew(self);
        }
}

/* What comes behind the login waits for its answer, and is then taken in order. */
static void test_messages_behind_the_login(void **state)
{
    struct visit *self = *state;
    wire_send(&self->far, "%s", T_LOGIN);
    for (int i = 0; i < 50; i++)
        wire_send(&self->far, MESSAGE("%d"), i);
    RUN_UNTIL(self->loop, self->asked[0]);
    run_turns(self->loop, 5);
    assert_int_equal(self->messages, 0);
    session_verified(self->session, STATUS_OK);
    RUN_UNTIL(self->loop, self->messages == 50);
    assert_string_equal(self->last, "49");
}

static void test_no_login_in_time(void **state)
{
    struct visit *self = *state;
    wire_send_bytes(&self->far, "\x10\0\0\0{", 5);
    visit_expect_refused(
        self, "{\"payload\":{\"id\":\"auth_special\",\"reason\":\"authRequired\"}}");
}

/* The time is for the client to log in, not for the accounts to answer. */
static void test_the_deadline_ends_with_the_login(void **state)
{
    struct visit *self = *state;
    visit_log_in(self);
    run_for(self->loop, 1.1);
    wire_send(&self->far, "%s", MESSAGE("1"));
    RUN_UNTIL(self->loop, self->messages == 1);
}

/* It is not the client's fault then. */
static void test_accounts_that_never_answer(void **state)
{
    struct visit *self = *state;
    wire_send(&self->far, "%s", T_LOGIN);
    RUN_UNTIL(self->loop, self->asked[0]);
    wire_expect(&self->far, "{\"payload\":{\"id\":\"auth_special\",\"reason\":\"overloaded\"}}");
    session_verified(self->session, STATUS_OK); /* too late */
    wire_expect_end(&self->far);
    assert_int_equal(self->logins, 0);
}

static void test_gone_while_verified(void **state)
{
    struct visit *self = *state;
    wire_send(&self->far, "%s", T_LOGIN);
    RUN_UNTIL(self->loop, self->asked[0]);
    session_drop(self->session);
    assert_int_equal(self->goings, 1);
    session_verified(self->session, STATUS_OK); /* it changes nothing any more */
    assert_int_equal(self->logins, 0);
}

/* A client that has said all and only listens is logged in and heard. */
static void test_half_closed_behind_the_login(void **state)
{
    struct visit *self = *state;
    wire_send(&self->far, "%s", T_LOGIN);
    wire_send(&self->far, "%s", MESSAGE("1"));
    assert_int_equal(shutdown(self->far.fd, SHUT_WR), 0);
    RUN_UNTIL(self->loop, self->asked[0]);
    run_turns(self->loop, 5);
    session_verified(self->session, STATUS_OK);
    wire_expect(&self->far, GOOD_LOGIN);
    wire_expect_end(&self->far);
    assert_int_equal(self->messages, 1);
}

/* ---- another server ---- */

#define FROM_PEER(header, id)                                                      \
    "{\"header\":{\"scope\":\"server\"" header "},\"payload\":{\"type\":\"chat\"," \
    "\"data\":5" id "}}"

static void test_a_message_of_another_server(void **state)
{
    struct visit *self = *state;
    self->hold = 1;
    wire_send(&self->far, "%s",
        FROM_PEER(",\"hops\":2,\"origin\":{\"user\":\"U\",\"server\":\"S2\"}", ",\"id\":\"1\""));
    wire_send(&self->far, "%s", FROM_PEER("", ""));
    RUN_UNTIL(self->loop, self->messages == 1);
    run_turns(self->loop, 5);
    assert_int_equal(self->messages, 1); /* one message, then the end */
    assert_int_equal(self->session->hops, 2);
    assert_false(self->session->origin->authenticated);
    session_report(self->session, &(struct report){.good = true});
    session_leave_flight(self->session);
    visit_expect_refused(self, "{\"header\":{\"status\":\"good\"}}");
}

static void test_messages_of_other_servers_that_are_refused(void **state)
{
    static const struct {
        const char *message, *report;
    } rows[] = {
        {FROM_PEER(",\"hops\":4", ",\"id\":\"1\""),
            "{\"payload\":{\"id\":\"1\",\"reason\":\"loop\"}}"},
        {FROM_PEER(",\"hops\":-1", ",\"id\":\"1\""), "{\"payload\":{\"reason\":\"malformed\"}}"},
        {FROM_PEER(",\"hops\":1.5", ",\"id\":\"1\""), "{\"payload\":{\"reason\":\"malformed\"}}"},
        {FROM_PEER(",\"hops\":99999999999999999999", ""),
            "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {FROM_PEER(",\"hops\":null", ",\"id\":{\"x\":1}"),
            "{\"payload\":{\"reason\":\"malformed\",\"!id\":0}}"},
        {FROM_PEER(",\"origin\":{\"user\":\"T\",\"server\":\"S1\"}", ",\"id\":\"1\""),
            "{\"payload\":{\"id\":\"1\",\"reason\":\"notAllowed\"}}"},
        {FROM_PEER(",\"origin\":[]", ",\"id\":\"1\""), "{\"payload\":{\"reason\":\"malformed\"}}"},
    };
    struct visit *self = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_send(&self->far, "%s", rows[i].message);
        visit_expect_refused(self, rows[i].report);
        assert_int_equal(self->messages, 0);
        visit_start_anew(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, visit_set_up, visit_tear_down)
        TEST(test_a_login),
        TEST(test_first_messages_that_are_no_login),
        TEST(test_names_and_passwords_that_are_long),
        TEST(test_what_the_accounts_say),
        TEST(test_messages_behind_the_login),
        TEST(test_no_login_in_time),
        TEST(test_the_deadline_ends_with_the_login),
        TEST(test_accounts_that_never_answer),
        TEST(test_gone_while_verified),
        TEST(test_half_closed_behind_the_login),
        TEST(test_a_message_of_another_server),
        TEST(test_messages_of_other_servers_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
