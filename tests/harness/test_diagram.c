/* A timeline as a diagram: which lifelines in which order, which rows, and what
 * stands on an arrow. */
#include "tests/harness/report_fixture.h"

static void begin(struct diagram *diagram, struct attempt *attempt, size_t max_rows)
{
    diagram_init(diagram, attempt, max_rows);
}

static void end(struct diagram *diagram, struct attempt *attempt)
{
    diagram_release(diagram);
    timeline_free(attempt->timeline);
}

static void assert_columns(const struct diagram *diagram, const char *wanted)
{
    char names[200] = "";

    for (size_t i = 0; i < diagram->column_count; i++)
        snprintf(
            names + strlen(names), sizeof(names) - strlen(names), "%s ", diagram_name(diagram, i));
    assert_string_equal(names, wanted);
}

/* ---- lifelines ------------------------------------------------------------------------------- */

static void test_columns_as_the_play_names_them(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;

    /* Logins alone, in an order that is not the play's. */
    timeline_said(attempt.timeline, self->G, self->J, EDGE_CLIENT_SERVER, SPAN_LITERAL("{}"));
    timeline_said(attempt.timeline, self->T, self->J, EDGE_CLIENT_SERVER, SPAN_LITERAL("{}"));
    timeline_note(attempt.timeline, self->S, "started");
    begin(&diagram, &attempt, 10);
    assert_columns(&diagram, "T J G S ");
    char *role = diagram_role(&diagram, 3);
    assert_string_equal(role, "handler on J");
    free(role);
    end(&diagram, &attempt);
}

static void test_columns_move_where_arrows_are(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;

    timeline_set_line(attempt.timeline, 7);
    for (int i = 0; i < 3; i++)
        timeline_said(attempt.timeline, self->T, self->G, EDGE_CLIENT_SERVER, SPAN_LITERAL("1"));
    timeline_said(attempt.timeline, self->J, self->G, EDGE_CLIENT_SERVER, SPAN_LITERAL("1"));
    timeline_said(attempt.timeline, self->J, self->S, EDGE_CLIENT_SERVER, SPAN_LITERAL("1"));
    begin(&diagram, &attempt, 10);
    assert_columns(&diagram, "T G J S ");
    end(&diagram, &attempt);
}

static void test_who_takes_no_part_has_no_column(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;

    begin(&diagram, &attempt, 10);
    assert_int_equal(diagram.column_count, 0);
    assert_int_equal(diagram.row_count, 0);
    end(&diagram, &attempt);

    attempt.timeline = fixture_timeline(self);
    timeline_note(attempt.timeline, self->J, "started");
    /* What was expected of somebody makes him a part of it. */
    attempt.verdict = (struct verdict){.cause = CAUSE_SILENCE,
        .from = self->J,
        .to = self->G,
        .expected = (char *)"{\"type\": \"afrikaans\", \"data\": 1}"};
    begin(&diagram, &attempt, 10);
    assert_columns(&diagram, "J G ");
    assert_int_equal(diagram.row_count, 2);
    assert_int_equal(diagram.rows[1].kind, DIAGRAM_EXPECTED);
    assert_int_equal(diagram.rows[1].from, 0);
    assert_int_equal(diagram.rows[1].to, 1);
    char *label = diagram_label(&diagram, &diagram.rows[1]);
    assert_string_equal(label, "afrikaans 1");
    free(label);
    end(&diagram, &attempt);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void test_logs_are_gathered(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;

    timeline_log(attempt.timeline, self->J, "one");
    timeline_log(attempt.timeline, self->J, "two");
    timeline_log(attempt.timeline, self->S, "three");
    timeline_log(attempt.timeline, self->J, "four");
    timeline_fault(attempt.timeline, self->J, self->S, "cut");
    timeline_log(attempt.timeline, self->J, "five");
    begin(&diagram, &attempt, 10);
    assert_int_equal(diagram.row_count, 5);
    assert_int_equal(diagram.rows[0].events, 2);
    assert_int_equal(diagram.rows[1].events, 1);
    assert_int_equal(diagram.rows[3].kind, DIAGRAM_FAULT);
    assert_int_not_equal(diagram.rows[3].from, diagram.rows[3].to);
    char *label = diagram_label(&diagram, &diagram.rows[0]);
    assert_string_equal(label, "one");
    free(label);
    end(&diagram, &attempt);
}

static void test_marks(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;
    const struct event *nearest = timeline_frame(
        attempt.timeline, self->J, self->T, EDGE_SERVER_CLIENT, SPAN_LITERAL("1"), 1);
    const struct event *got = timeline_frame(
        attempt.timeline, self->J, self->G, EDGE_SERVER_CLIENT, SPAN_LITERAL("2"), 1);
    struct event *taken = timeline_frame(
        attempt.timeline, self->J, self->S, EDGE_SERVER_CLIENT, SPAN_LITERAL("3"), 1);

    fixture_turn(self);
    timeline_take(attempt.timeline, taken);
    timeline_frame(attempt.timeline, self->J, self->S, EDGE_SERVER_CLIENT, SPAN_LITERAL("4"), 1)
        ->optional = true;
    timeline_frame(attempt.timeline, self->J, self->S, EDGE_SERVER_CLIENT, SPAN_LITERAL("5"), 1);
    attempt.verdict =
        (struct verdict){.cause = CAUSE_OTHER_MESSAGE, .got_event = got, .nearest_event = nearest};
    begin(&diagram, &attempt, 10);
    static const enum diagram_mark wanted[] = {
        MARK_NEAREST, MARK_GOT, MARK_NONE, MARK_NONE, MARK_UNASKED};
    assert_int_equal(diagram.row_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(diagram.rows[i].mark, wanted[i]);
    diagram_release(&diagram);
    /* Of a play that passed nothing is remarkable. */
    attempt.verdict = (struct verdict){0};
    begin(&diagram, &attempt, 10);
    assert_int_equal(diagram.rows[4].mark, MARK_NONE);
    end(&diagram, &attempt);
}

static void test_the_middle_is_left_out(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;

    for (int i = 0; i < 101; i++)
        timeline_note(attempt.timeline, self->J, "%d", i);
    begin(&diagram, &attempt, 11);
    assert_int_equal(diagram.row_count, 11);
    assert_int_equal(diagram.gap_rows, 90);
    assert_int_equal(diagram.gap_at, 6);
    for (size_t i = 0; i < 11; i++) {
        char wanted[16];
        char *label = diagram_label(&diagram, &diagram.rows[i]);

        snprintf(wanted, sizeof(wanted), "%zu", i < 6 ? i : 90 + i);
        assert_string_equal(label, wanted);
        free(label);
    }
    diagram_release(&diagram);
    begin(&diagram, &attempt, 101);
    assert_int_equal(diagram.row_count, 101);
    assert_int_equal(diagram.gap_rows, 0);
    end(&diagram, &attempt);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static const struct {
    enum edge_kind edge;
    const char *wire, *label;
} labels[] = {
    {EDGE_CLIENT_INFORMER, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
        "isClient G"},
    {EDGE_INFORMER_CLIENT, "{\"status\": \"0\", \"data\": [\"G\"]}", "0 [G]"},
    {EDGE_CLIENT_SERVER,
        "{\"header\": {\"authentication\": {\"username\": \"T\", \"password\": \"p\"}}}",
        "login T"},
    {EDGE_CLIENT_SERVER,
        "{\"header\": {}, \"payload\": {\"type\": \"chat\", \"data\": {\"to\": "
        "[\"G\", \"H\"], \"text\": \"a  b\\nc\"}, \"id\": \"1\"}}",
        "chat {to: [G, H], text: a b c}"},
    {EDGE_CLIENT_SERVER, "{\"header\": {}, \"payload\": {\"type\": \"dummy\", \"data\": null}}",
        "dummy"},
    {EDGE_SERVER_CLIENT,
        "{\"header\": {\"messageType\": \"statusReport\", \"status\": \"good\"}, \"payload\": "
        "{\"id\": \"m1\"}}",
        "good m1"},
    {EDGE_SERVER_CLIENT,
        "{\"header\": {\"messageType\": \"statusReport\", \"status\": \"bad\"}, \"payload\": "
        "{\"id\": \"m1\", \"reason\": \"noHandler\"}}",
        "bad noHandler m1"},
    {EDGE_SERVER_ONESHOT, "{\"aan\": \"G\"}", "{aan: G}"},
    {EDGE_SERVER_ONESHOT, "\"text\"", "text"}, {EDGE_SERVER_ONESHOT, "null", "null"},
    {EDGE_SERVER_ONESHOT, "[]", "[]"},
    {EDGE_ONESHOT_SERVER,
        "{\"header\": {\"status\": \"0\", \"command\": {\"type\": \"sendClients\", \"data\": "
        "[\"G\", \"T\"]}}, \"data\": 1}",
        "sendClients G, T: 1"},
    {EDGE_SERVER_CLIENT, "no JSON", "{\"raw\": \"no JSON\"}"},
    {EDGE_SERVER_ONESHOT, "\" <b>\\u001b[1m \"", "<b>\x1b[1m"}, /* whoever draws it makes it safe */
};

static void test_labels(void **state)
{
    const struct fixture *self = *state;

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        struct attempt attempt = {.timeline = fixture_timeline(self)};
        struct diagram diagram;

        timeline_seen(attempt.timeline, self->J, self->S, labels[i].edge, span_of(labels[i].wire));
        begin(&diagram, &attempt, 10);
        char *label = diagram_label(&diagram, &diagram.rows[0]);
        assert_string_equal(label, labels[i].label);
        free(label);
        end(&diagram, &attempt);
    }
}

static void test_labels_of_other_rows(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    static const char *const wanted[] = {"closed", "nobody listens there", "exited with 0"};
    struct diagram diagram;

    timeline_end(
        attempt.timeline, self->J, self->S, EDGE_SERVER_ONESHOT, "(closed the connection)", 1);
    timeline_end(
        attempt.timeline, self->J, self->S, EDGE_SERVER_ONESHOT, "(nobody listens there)", 1);
    timeline_note(attempt.timeline, self->J, "exited with 0");
    begin(&diagram, &attempt, 10);
    for (size_t i = 0; i < 3; i++) {
        char *label = diagram_label(&diagram, &diagram.rows[i]);
        assert_string_equal(label, wanted[i]);
        free(label);
    }
    end(&diagram, &attempt);
}

static void test_a_long_label_is_cut(void **state)
{
    const struct fixture *self = *state;
    struct attempt attempt = {.timeline = fixture_timeline(self)};
    struct diagram diagram;
    char text[1002];

    memset(text, 'x', sizeof(text) - 1);
    text[0] = text[1000] = '"';
    text[1001] = '\0';
    timeline_seen(attempt.timeline, self->J, self->S, EDGE_SERVER_ONESHOT, span_of(text));
    begin(&diagram, &attempt, 10);
    char *label = diagram_label(&diagram, &diagram.rows[0]);
    assert_int_equal(strlen(label), 200 + strlen("…"));
    assert_int_equal(strspn(label, "x"), 200);
    free(label);
    end(&diagram, &attempt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_as_the_play_names_them),
        cmocka_unit_test(test_columns_move_where_arrows_are),
        cmocka_unit_test(test_who_takes_no_part_has_no_column),
        cmocka_unit_test(test_logs_are_gathered),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_the_middle_is_left_out),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_labels_of_other_rows),
        cmocka_unit_test(test_a_long_label_is_cut),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
