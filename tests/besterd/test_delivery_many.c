/* delivery: several recipients, each with an outcome of his own. */
#include "tests/besterd/courier.h"

/* ---- several recipients ---- */

static void test_each_by_himself(void **state)
{
    struct courier *self = *state;
    courier_log_in(self, "G");
    courier_log_in(self, "K");
    courier_deliver(self, "[\"G\",\"H\",\"K\",\"a@b\"]", "1");
    wire_expect(&self->far[0], "{\"payload\":{\"data\":1}}");
    wire_expect(&self->far[1], "{\"payload\":{\"data\":1}}");
    assert_int_equal(self->resolved, 2);
    assert_int_equal(self->ticket->open, 1);
    courier_account_says(self, 0, STATUS_OFFLINE);
    assert_int_equal(self->resolved, 3);
    courier_expect_report(self,
        "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"unknownUser\",\"recipients\":{"
        "\"G\":\"delivered\",\"H\":\"offline\",\"K\":\"delivered\",\"a@b\":\"unknownUser\"}}}");
}

static void test_named_twice_is_told_once(void **state)
{
    struct courier *self = *state;
    courier_log_in(self, "G");
    courier_deliver(self, "[\"G\",\"G\",\"\\u0047\",\"G\"]", "1");
    courier_deliver(self, "[\"G\"]", "2"); /* another command is another message */
    wire_expect(&self->far[0], "{\"payload\":{\"data\":1}}");
    wire_expect(&self->far[0], "{\"payload\":{\"data\":2}}");
    run_turns(self->loop, 3);
    assert_false(wire_take(&self->far[0], 100));
    assert_int_equal(self->resolved, 2);
    courier_expect_report(self, "{\"payload\":{\"recipients\":{\"G\":\"delivered\"}}}");
}

static char *list_of(unsigned count)
{
    char *list = malloc(16 * (size_t)count + 16);
    size_t used = 1;
    list[0] = '[';
    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(list + used, 16, "%s\"u%u\"", i ? "," : "", i);
    snprintf(list + used, 16, "]");
    return list;
}

static void test_too_many_recipients(void **state)
{
    struct courier *self = *state;
    char *list = list_of(1001);
    courier_deliver(self, list, "1");
    free(list);
    assert_int_equal(self->asked_count, 0);
    assert_int_equal(self->ticket->failure, STATUS_NOT_ALLOWED);
    courier_expect_report(self, "{\"payload\":{\"reason\":\"notAllowed\",\"!recipients\":0}}");
    courier_new_ticket(self, "\"m2\"");
    self->accounts_status = STATUS_OVERLOADED; /* told at once */
    list = list_of(1000);
    courier_deliver(self, list, "1");
    free(list);
    assert_int_equal(self->ticket->target_count, 1000);
    courier_expect_report(
        self, "{\"payload\":{\"recipients\":{\"u0\":\"overloaded\",\"u999\":\"overloaded\"}}}");
}

static void test_nobody(void **state)
{
    struct courier *self = *state;
    courier_deliver(self, "[]", "1");
    courier_expect_report(self,
        "{\"header\":{\"status\":\"good\"},\"payload\":{\"outcome\":\"delivered\","
        "\"!recipients\":0}}");
}

/* What comes for a ticket that is gone, or for a delivery that is over. */
static void test_late_news(void **state)
{
    struct courier *self = *state;
    courier_deliver(self, "[\"H\"]", "1");
    courier_account_says(self, 0, STATUS_OFFLINE);
    courier_account_says(self, 0, STATUS_OK);
    delivery_took(&self->deliveries, 0, STATUS_OK, NULL);
    delivery_took(&self->deliveries, 12345, STATUS_OFFLINE, "x");
    assert_int_equal(self->resolved, 1);
    courier_expect_report(self, "{\"payload\":{\"recipients\":{\"H\":\"offline\"}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, courier_set_up, courier_tear_down)
        TEST(test_each_by_himself),
        TEST(test_named_twice_is_told_once),
        TEST(test_too_many_recipients),
        TEST(test_nobody),
        TEST(test_late_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
