#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bester-send/ledger.h"

struct heard {
    char text[400];
};

static void hear(const struct told *told, void *user)
{
    struct heard *self = user;
    size_t used = strlen(self->text);
    if (told->invalid != NULL)
        snprintf(self->text + used, sizeof self->text - used, "[%u invalid %s]",
            (unsigned)told->number, told->invalid);
    else
        snprintf(self->text + used, sizeof self->text - used, "[%u %s %s %s %s %.*s]",
            (unsigned)told->number, client_fate_text(told->result->fate), told->result->id,
            told->result->reason_text, told->result->detail, (int)told->result->recipients.len,
            told->result->recipients.at == NULL ? "" : told->result->recipients.at);
}

static void settle(struct ledger *ledger, uint64_t ticket, enum client_fate fate)
{
    char id[20]; /* gone when the call has returned */
    snprintf(id, sizeof id, "i%u", (unsigned)ticket);
    struct client_result result = {.ticket = ticket,
        .id = id,
        .fate = fate,
        .reason = fate == CLIENT_BAD ? STATUS_OFFLINE : STATUS_OK,
        .reason_text = fate == CLIENT_BAD ? "offline" : "",
        .detail = "d",
        .recipients = SPAN_LITERAL("{\"G\":1}")};
    ledger_settle(ledger, &result);
    memset(id, 'x', sizeof id);
}

static void test_told_in_the_order_of_the_input(void **state)
{
    (void)state;
    struct ledger ledger;
    struct heard heard = {""};
    assert_int_equal(ledger_init(&ledger, 4, ACK_DELIVERED, hear, &heard), STATUS_OK);
    ledger_add(&ledger, 10, 1, NULL);
    ledger_add(&ledger, 11, 2, NULL);
    ledger_add_invalid(&ledger, 12, "why", NULL);
    ledger_add(&ledger, 13, 3, NULL);
    assert_true(ledger_is_full(&ledger));
    settle(&ledger, 3, CLIENT_GOOD);
    settle(&ledger, 2, CLIENT_BAD);
    assert_string_equal(heard.text, "");
    settle(&ledger, 7, CLIENT_BAD); /* none of ours */
    settle(&ledger, 1, CLIENT_GOOD);
    assert_string_equal(heard.text, "[10 good i1  d {\"G\":1}][11 bad i2 offline d {\"G\":1}]"
                                    "[12 invalid why][13 good i3  d {\"G\":1}]");
    assert_true(ledger_is_empty(&ledger));
    settle(&ledger, 1, CLIENT_GOOD); /* again: nothing */
    assert_int_equal(ledger.tally.good, 2);
    assert_int_equal(ledger_exit(&ledger), EXIT_BAD_INPUT);
    ledger_release(&ledger);
}

/* The ring goes round many times, in every order within the window. */
static void test_round_and_round(void **state)
{
    (void)state;
    struct ledger ledger;
    struct heard heard = {""};
    uint64_t ticket = 0;
    assert_int_equal(ledger_init(&ledger, 3, ACK_DELIVERED, hear, &heard), STATUS_OK);
    for (unsigned round = 0; round < 60; round++) {
        static const unsigned orders[6][3] = {
            {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        char expected[400];
        heard.text[0] = '\0';
        for (unsigned i = 0; i < 3; i++)
            ledger_add(&ledger, i, ticket + i + 1, NULL);
        for (unsigned i = 0; i < 3; i++)
            settle(&ledger, ticket + orders[round % 6][i] + 1, CLIENT_GOOD);
        snprintf(expected, sizeof expected,
            "[0 good i%u  d {\"G\":1}][1 good i%u  d {\"G\":1}][2 good i%u  d {\"G\":1}]",
            (unsigned)ticket + 1, (unsigned)ticket + 2, (unsigned)ticket + 3);
        assert_string_equal(heard.text, expected);
        ticket += 3;
    }
    assert_int_equal(ledger_exit(&ledger), EXIT_ALL_GOOD);
    ledger_release(&ledger);
}

static void test_what_waits_is_freed(void **state)
{
    (void)state;
    struct ledger ledger;
    struct heard heard = {""};
    assert_int_equal(ledger_init(&ledger, 3, ACK_DELIVERED, hear, &heard), STATUS_OK);
    ledger_add(&ledger, 1, 1, NULL);
    ledger_add(&ledger, 2, 2, NULL);
    settle(&ledger, 2, CLIENT_GOOD);
    ledger_release(&ledger);
}

static void test_exit_of_many(void **state)
{
    (void)state;
    static const struct {
        const char *fates; /* g: good, o: offline, n: noHandler, t: timeout, u: unknown */
        enum client_exit exit_status;
    } cases[] = {
        {"", EXIT_ALL_GOOD},
        {"gg", EXIT_ALL_GOOD},
        {"o", EXIT_REJECTED},
        {"oo", EXIT_REJECTED},
        {"nn", EXIT_NO_HANDLER},
        {"go", EXIT_SOME_FAILED},
        {"on", EXIT_SOME_FAILED},
        {"got", EXIT_REPORT_TIMEOUT},
        {"gotu", EXIT_CONNECTION_LOST},
        {"u", EXIT_CONNECTION_LOST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_tally tally = {0};
        for (const char *at = cases[i].fates; *at != '\0'; at++)
            client_tally_add(
                &tally, &(struct client_result){.fate = *at == 'g'   ? CLIENT_GOOD
                                                        : *at == 't' ? CLIENT_TIMEOUT
                                                        : *at == 'u' ? CLIENT_UNKNOWN
                                                                     : CLIENT_BAD,
                            .reason = *at == 'n' ? STATUS_NO_HANDLER : STATUS_OFFLINE});
        assert_int_equal(client_tally_exit(&tally), cases[i].exit_status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_in_the_order_of_the_input),
        cmocka_unit_test(test_round_and_round),
        cmocka_unit_test(test_what_waits_is_freed),
        cmocka_unit_test(test_exit_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
