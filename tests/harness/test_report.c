/* What reports make of performances that no run would give so soon: thousands of
 * plays, frames of megabytes, results of every kind. */
#include "tests/harness/report_fixture.h"

#include "harness/must.h"

/* Everything that a form writes of some performances. */
struct written {
    const struct report_form *form;
    struct summary summary;
    struct report_room room;
    FILE *body;
    char *text;
    size_t len;
};

static void written_begin(struct written *self, const struct report_form *form, size_t planned)
{
    *self = (struct written){.form = form,
        .summary = {.planned = planned, .rounds = 1, .seed = SEED_USUAL, .jobs = 1},
        .body = tmpfile()};
    assert_non_null(self->body);
}

static void written_play(struct written *self, const struct performance *performance)
{
    self->summary.counts[performance->result]++;
    self->form->play_done(self->body, &self->summary, performance, &self->room);
}

static void written_end(struct written *self)
{
    FILE *out = open_memstream(&self->text, &self->len);
    char piece[65536];
    size_t len;

    assert_non_null(out);
    self->form->begin(out, &self->summary, &self->room);
    rewind(self->body);
    while ((len = fread(piece, 1, sizeof(piece), self->body)) > 0)
        fwrite(piece, 1, len, out);
    self->form->end(out, &self->summary, &self->room);
    fclose(out);
    fclose(self->body);
}

/* A conversation with so many messages of so many bytes. */
static void add_attempt(const struct fixture *fixture, struct performance *performance,
    enum cause cause, size_t messages, size_t bytes)
{
    struct timeline *timeline = fixture_timeline(fixture);
    char *frame = must_alloc(bytes + 3);
    struct verdict verdict = {.ms = 12.34};

    memset(frame, '<', bytes + 2);
    frame[0] = frame[bytes + 1] = '"';
    timeline_log(timeline, fixture->J, "2026-11-22T18:33:24.786Z info besterd: <serves> & more");
    for (size_t i = 0; i < messages; i++)
        timeline_seen(timeline, fixture->J, fixture->S, EDGE_SERVER_ONESHOT, span_of(frame));
    free(frame);
    if (cause != CAUSE_NONE) {
        verdict_fail(&verdict, cause, (struct where){9, 5}, "J > S", "It <failed>.");
        verdict.got_event = timeline_last(timeline);
        verdict.got = must_copy("<got>");
        verdict.expected = must_copy("{\"a\": 1}");
    }
    performance_add(performance, &verdict, timeline);
}

static struct performance make(const struct fixture *fixture, size_t number)
{
    return (struct performance){.number = number, .scenario = &fixture->scenario};
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in\n%.3000s", part, text);
}

/* ---- results --------------------------------------------------------------------------------- */

static void test_results(void **state)
{
    struct performance performance = make(*state, 1);

    assert_null(performance_told(&performance));
    add_attempt(*state, &performance, CAUSE_NONE, 1, 1);
    assert_int_equal(performance.result, RESULT_PASSED);
    assert_ptr_equal(performance_told(&performance), &performance.attempts[0]);
    performance_release(&performance);

    performance = make(*state, 1);
    add_attempt(*state, &performance, CAUSE_SILENCE, 1, 1);
    assert_int_equal(performance.result, RESULT_FAILED);
    add_attempt(*state, &performance, CAUSE_LATE, 1, 1);
    assert_int_equal(performance.result, RESULT_FAILED);
    add_attempt(*state, &performance, CAUSE_NONE, 1, 1);
    assert_int_equal(performance.result, RESULT_FLAKY);
    assert_int_equal(performance_told(&performance)->verdict.cause, CAUSE_SILENCE);
    assert_true(performance_ms(&performance) > 37 && performance_ms(&performance) < 37.1);
    performance_release(&performance);
}

static void test_summary(void **state)
{
    struct summary summary = {.counts = {[RESULT_PASSED] = 5,
                                  [RESULT_FLAKY] = 2,
                                  [RESULT_FAILED] = 1,
                                  [RESULT_SKIPPED] = 3,
                                  [RESULT_NOT_RUN] = 4}};

    (void)state;
    assert_int_equal(summary_told(&summary), 15);
    assert_int_equal(summary_bad(&summary), 3);
    summary.allow_flaky = true;
    assert_int_equal(summary_bad(&summary), 1);
    assert_false(summary_is_bad(&summary, RESULT_FLAKY));
    assert_false(summary_is_bad(&summary, RESULT_SKIPPED));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *parse(const struct written *written)
{
    json_error_t error;
    json_t *value = json_loadb(written->text, written->len, JSON_REJECT_DUPLICATES, &error);

    if (!value)
        fail_msg("%d:%d: %s", error.line, error.column, error.text);
    return value;
}

static void test_json_of_every_result(void **state)
{
    struct written written;
    const char *const names[] = {"passed", "failed", "flaky", "skipped", "notRun"};

    written_begin(&written, &report_json, 5);
    for (size_t i = 0; i < 5; i++) {
        struct performance performance = make(*state, i + 1);

        if (i == 1 || i == 2)
            add_attempt(*state, &performance, CAUSE_SILENCE, 2, 3);
        if (i == 0 || i == 2)
            add_attempt(*state, &performance, CAUSE_NONE, 2, 3);
        if (i > 2) {
            performance.result = i == 3 ? RESULT_SKIPPED : RESULT_NOT_RUN;
            performance.reason = "it needs \"<more>\"";
        }
        written_play(&written, &performance);
        performance_release(&performance);
    }
    written_end(&written);
    json_t *run = parse(&written);
    json_t *plays = json_object_get(run, "plays");
    assert_int_equal(json_array_size(plays), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *play = json_array_get(plays, i);
        const json_t *counts = json_object_get(run, "counts");

        assert_int_equal(json_integer_value(json_object_get(play, "number")), i + 1);
        assert_string_equal(json_string_value(json_object_get(play, "result")), names[i]);
        assert_int_equal(json_integer_value(json_object_get(counts, names[i])), 1);
        assert_int_equal(json_object_get(play, "reason") != NULL, i > 2);
    }
    assert_true(json_is_false(json_object_get(run, "good")));
    json_decref(run);
    free(written.text);
}

/* Frames as long as a server takes are not repeated, but told of. */
static void test_json_of_a_long_frame(void **state)
{
    struct performance performance = make(*state, 1);
    struct written written;
    json_int_t bytes = 0;

    add_attempt(*state, &performance, CAUSE_NONE, 1, 100);
    add_attempt(*state, &performance, CAUSE_NONE, 1, 1 << 20);
    written_begin(&written, &report_json, 1);
    written_play(&written, &performance);
    written_end(&written);
    assert_true(written.len < 4000);
    json_t *run = parse(&written);
    for (size_t i = 0; i < 2; i++) {
        const json_t *attempt = json_array_get(
            json_object_get(json_array_get(json_object_get(run, "plays"), 0), "attempts"), i);
        const json_t *event = json_array_get(json_object_get(attempt, "timeline"), 1);

        assert_int_equal(json_object_get(event, "frame") != NULL, i == 0);
        bytes = json_integer_value(json_object_get(event, "bytes"));
        assert_int_equal(bytes, i == 0 ? 102 : (1 << 20) + 2);
    }
    json_decref(run);
    free(written.text);
    performance_release(&performance);
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static void write_many(
    struct written *written, const struct fixture *fixture, size_t plays, enum cause cause)
{
    written_begin(written, &report_html, plays);
    for (size_t i = 0; i < plays; i++) {
        struct performance performance = make(fixture, i + 1);

        add_attempt(fixture, &performance, cause, 20, 200);
        written_play(written, &performance);
        performance_release(&performance);
    }
    written_end(written);
}

static void test_page_of_a_thousand_that_passed(void **state)
{
    struct written written;

    write_many(&written, *state, 1000, CAUSE_NONE);
    assert_in_range(written.len, 1 << 20, 3 << 20);
    assert_int_equal(count(written.text, "<details class=\"play passed\""), 1000);
    assert_int_equal(
        count(written.text, "Not on this page, to keep it small."), written.room.left_out);
    assert_in_range(written.room.left_out, 500, 950);
    assert_has(written.text, "To keep this page small, ");
    assert_has(written.text, "1000 plays, none failed");
    free(written.text);
}

/* Why a play failed is told of each, its conversation only of some. */
static void test_page_of_a_thousand_that_failed(void **state)
{
    struct written written;

    write_many(&written, *state, 1000, CAUSE_OTHER_MESSAGE);
    assert_in_range(written.len, 1 << 20, 6 << 20);
    assert_int_equal(count(written.text, "It &lt;failed&gt;."), 1000);
    assert_in_range(written.room.left_out, 500, 950);
    assert_has(written.text, "1000 of 1000 plays failed");
    free(written.text);
}

static void test_page_of_very_many(void **state)
{
    struct written written;

    write_many(&written, *state, 20000, CAUSE_NONE);
    assert_true(written.len < 6 << 20);
    assert_int_equal(count(written.text, "<details class=\"play passed\""), 5000);
    assert_has(written.text, "and 15000 more that passed are not even named");
    free(written.text);
}

static void test_page_of_one_monster(void **state)
{
    struct performance performance = make(*state, 1);
    struct written written;

    add_attempt(*state, &performance, CAUSE_SILENCE, 600, 20000);
    written_begin(&written, &report_html, 1);
    written_play(&written, &performance);
    written_end(&written);
    assert_true(written.len < 300 << 10);
    assert_has(written.text, " more stood here and were left out");
    assert_has(written.text, " of 20002 bytes.</p>");
    free(written.text);
    performance_release(&performance);
}

/* ---- JUnit and TAP --------------------------------------------------------------------------- */

static void test_skipped_and_allowed(void **state)
{
    struct performance skipped = make(*state, 1);
    struct performance flaky = make(*state, 2);
    const struct report_form *const forms[] = {&report_junit, &report_tap};
    static const char *const wanted[2][2] = {
        {"<skipped message=\"needs &quot;stream&quot;\"/></testcase>",
            "<flakyFailure type=\"flaky\" message=\"SILENCE at line 9: It &lt;failed&gt;.\">"},
        {"ok 1 - fixtures/scenarios/worked_example.json: T speaks Afrikaans to G through J # SKIP "
         "needs \"stream\"\n",
            "\nok 2 - fixtures/scenarios/worked_example.json: T speaks Afrikaans to G through J "
            "(25 "
            "ms; FLAKY: passed at attempt 2)\n"},
    };

    skipped.result = RESULT_SKIPPED;
    skipped.reason = "needs \"stream\"";
    add_attempt(*state, &flaky, CAUSE_SILENCE, 1, 1);
    add_attempt(*state, &flaky, CAUSE_NONE, 1, 1);
    for (size_t i = 0; i < 2; i++) {
        struct written written;

        written_begin(&written, forms[i], 2);
        written.summary.allow_flaky = true;
        written_play(&written, &skipped);
        written_play(&written, &flaky);
        written_end(&written);
        assert_has(written.text, wanted[i][0]);
        assert_has(written.text, wanted[i][1]);
        assert_null(strstr(written.text, "not ok"));
        free(written.text);
    }
    performance_release(&flaky);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_json_of_every_result),
        cmocka_unit_test(test_json_of_a_long_frame),
        cmocka_unit_test(test_page_of_a_thousand_that_passed),
        cmocka_unit_test(test_page_of_a_thousand_that_failed),
        cmocka_unit_test(test_page_of_very_many),
        cmocka_unit_test(test_page_of_one_monster),
        cmocka_unit_test(test_skipped_and_allowed),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
