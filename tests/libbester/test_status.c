#include "tests/libbester/support.h"

static void every_status_has_a_text_and_a_sentence(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        enum status status = (enum status)i;
        assert_true(strlen(status_text(status)) > 0);
        assert_true(strlen(status_help(status)) > 0);
        assert_int_equal(status_from_text(span_of(status_text(status))), status);
    }
}

static void a_status_outside_the_table_still_prints(void **state)
{
    (void)state;
    assert_string_equal(status_text(STATUS_COUNT), "internal");
    assert_string_equal(status_help((enum status) - 1), status_help(STATUS_INTERNAL));
    assert_int_equal(status_exit((enum status)1000), status_exit(STATUS_INTERNAL));
}

static void the_texts_are_those_of_the_wire_contract(void **state)
{
    (void)state;
    /* Part II, "Truthful reports", in its order. */
    static const char *const reasons[] = {"malformed", "tooLarge", "authRequired", "authFailed",
        "noHandler", "handlerDown", "handlerTimeout", "handlerError", "badReply", "notAllowed",
        "loop", "unknownUser", "offline", "mailboxFull", "unknownServer", "serverUnreachable",
        "serverRefused", "rateLimited", "overloaded", "shuttingDown", "internal"};
    size_t on_wire = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        enum status status = status_from_text(span_of(reasons[i]));
        assert_int_not_equal(status, STATUS_COUNT);
        assert_true(status_on_wire(status));
    }
    for (unsigned i = 0; i < STATUS_COUNT; i++)
        on_wire += status_on_wire((enum status)i);
    assert_int_equal(on_wire, sizeof reasons / sizeof reasons[0]);
    assert_false(status_on_wire(STATUS_OK));
    assert_false(status_on_wire(STATUS_COUNT));
}

static void other_texts_are_no_status(void **state)
{
    (void)state;
    static const char *const others[] = {"", "Internal", "internal ", "nohandler", "tooLarg"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(status_from_text(span_of(others[i])), STATUS_COUNT);
    assert_int_equal(status_from_text((struct span){0}), STATUS_COUNT);
}

static void exit_statuses_are_those_of_the_clients_table(void **state)
{
    (void)state;
    assert_int_equal(status_exit(STATUS_OK), 0);
    assert_int_equal(status_exit(STATUS_NO_HANDLER), 7);
    assert_int_equal(status_exit(STATUS_AUTH_FAILED), 5);
    assert_int_equal(status_exit(STATUS_UNKNOWN_USER), 6);
    assert_int_equal(status_exit(STATUS_CLOSED), 10);
    assert_int_equal(status_exit(STATUS_IO), 74);
    for (unsigned i = STATUS_OK + 1; i < STATUS_COUNT; i++)
        assert_int_not_equal(status_exit((enum status)i), 0);
}

static void outcomes_go_both_ways(void **state)
{
    (void)state;
    assert_string_equal(outcome_text(OUTCOME_DELIVERED), "delivered");
    assert_string_equal(outcome_text(OUTCOME_STORED), "stored");
    assert_string_equal(outcome_text(OUTCOME_QUEUED), "queued");
    assert_string_equal(outcome_text(OUTCOME_NONE), "");
    assert_string_equal(outcome_text(OUTCOME_COUNT), "");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        assert_int_equal(outcome_from_text(span_of(outcome_text((enum outcome)i))), i);
    assert_int_equal(outcome_from_text(span_of("lost")), OUTCOME_NONE);
    assert_int_equal(outcome_from_text((struct span){0}), OUTCOME_NONE);
}

static void fault_set_returns_its_status_and_takes_no_fault(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(fault_set(&fault, STATUS_LOOP, 17, "byte %d: %s", 17, "here"), STATUS_LOOP);
    assert_int_equal(fault.status, STATUS_LOOP);
    assert_int_equal(fault.offset, 17);
    assert_string_equal(fault.text, "byte 17: here");
    assert_int_equal(fault_set(NULL, STATUS_IO, 0, "nobody reads this"), STATUS_IO);
}

/* Texts that are cut end at a whole character, whatever its size and wherever
 * the cut falls. */
static void a_long_fault_is_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    struct fault fault;
    for (size_t letter = 0; letter < 4; letter++)
        for (size_t shift = 0; shift < 8; shift++) {
            struct span run = repeated(letters[letter], 300);
            fault_set(&fault, STATUS_IO, 0, "%.*s%.*s", (int)shift, "12345678",
                (int)(run.len - run.len % 4), run.at);
            size_t room = sizeof fault.text - 1 - shift;
            assert_int_equal(strlen(fault.text), shift + room - room % (letter + 1));
            exact_free(run);
        }
}

static void a_cut_of_what_is_not_utf8_stays_in_bounds(void **state)
{
    (void)state;
    struct fault fault;
    struct span tails = repeated("\x80", 300);
    fault_set(&fault, STATUS_IO, 0, "%.*s", (int)tails.len, tails.at);
    assert_true(strlen(fault.text) < sizeof fault.text);
    exact_free(tails);
}

static void spans_compare_by_bytes(void **state)
{
    (void)state;
    struct span absent = {0};
    assert_true(span_is(SPAN_LITERAL("abc"), "abc"));
    assert_false(span_is(SPAN_LITERAL("abc"), "abcd"));
    assert_false(span_is(SPAN_LITERAL("ab\0c"), "ab"));
    assert_true(span_is(SPAN_LITERAL(""), ""));
    assert_false(span_is(absent, ""));
    assert_true(span_equal(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0b")));
    assert_false(span_equal(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0c")));
    assert_true(span_equal(absent, SPAN_LITERAL("")));
    assert_null(span_of(NULL).at);
    assert_int_equal(span_of("four").len, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_text_and_a_sentence),
        cmocka_unit_test(a_status_outside_the_table_still_prints),
        cmocka_unit_test(the_texts_are_those_of_the_wire_contract),
        cmocka_unit_test(other_texts_are_no_status),
        cmocka_unit_test(exit_statuses_are_those_of_the_clients_table),
        cmocka_unit_test(outcomes_go_both_ways),
        cmocka_unit_test(fault_set_returns_its_status_and_takes_no_fault),
        cmocka_unit_test(a_long_fault_is_cut_at_a_character),
        cmocka_unit_test(a_cut_of_what_is_not_utf8_stays_in_bounds),
        cmocka_unit_test(spans_compare_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
