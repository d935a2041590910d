/* What came, in which order it is handed out, and how it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/timeline.h"

enum { J, T, S };

static struct member members[] = {
    {.kind = MEMBER_SERVER, .name = (char *)"J", .on = -1},
    {.kind = MEMBER_CLIENT, .name = (char *)"T", .on = J},
    {.kind = MEMBER_HANDLER, .name = (char *)"S", .on = J},
};
static const struct scenario scenario = {.members = members, .member_count = 3};

struct fixture {
    struct ev_loop *loop;
    struct timeline *timeline;
    char told[200];
    unsigned turns;
};

static void on_event(struct event *event, void *user)
{
    struct fixture *self = user;

    assert_true(event->pending);
    snprintf(self->told + strlen(self->told), sizeof(self->told) - strlen(self->told), "%.*s ",
        (int)event->len, event->bytes);
}

static void on_turn(void *user)
{
    struct fixture *self = user;

    self->turns++;
}

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));

    if (!self)
        return 1;
    self->loop = ev_loop_new(0);
    self->timeline = timeline_new(self->loop, &scenario, on_event, on_turn, self);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    timeline_free(self->timeline);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

static struct event *frame(struct fixture *self, int from, int to, const char *text, unsigned order)
{
    return timeline_frame(self->timeline, from, to, EDGE_SERVER_ONESHOT, span_of(text), order);
}

static void test_connections_read_in_one_turn_keep_their_order(void **state)
{
    struct fixture *self = *state;

    frame(self, J, S, "3", 3);
    frame(self, J, S, "11", 1);
    frame(self, J, S, "2", 2);
    frame(self, J, S, "12", 1);
    assert_string_equal(self->told, "");
    ev_run(self->loop, EVRUN_NOWAIT);
    assert_string_equal(self->told, "11 12 2 3 ");
    assert_int_equal(self->turns, 1);
    /* What comes in a later turn is later. */
    frame(self, J, S, "10", 0);
    ev_run(self->loop, EVRUN_NOWAIT);
    assert_string_equal(self->told, "11 12 2 3 10 ");
}

static void test_taking(void **state)
{
    struct fixture *self = *state;

    frame(self, J, S, "1", 1);
    frame(self, J, S, "2", 1);
    timeline_end(self->timeline, J, T, EDGE_SERVER_CLIENT, "(over)", 1)->optional = true;
    ev_run(self->loop, EVRUN_NOWAIT);

    struct event *first = timeline_oldest(self->timeline, J, S, false);
    assert_string_equal(first->bytes, "1");
    timeline_take(self->timeline, first);
    timeline_take(self->timeline, first); /* once is enough, twice no harm */
    struct event *second = timeline_oldest(self->timeline, J, S, false);
    assert_string_equal(second->bytes, "2");
    timeline_take(self->timeline, second);
    assert_null(timeline_oldest(self->timeline, J, S, true));
    assert_null(timeline_oldest(self->timeline, S, J, true));
    assert_null(timeline_oldest(self->timeline, J, T, false));
    assert_non_null(timeline_oldest(self->timeline, J, T, true));
}

static void test_it_can_forget(void **state)
{
    struct fixture *self = *state;
    size_t count = 0;

    timeline_keep(self->timeline, 10);
    frame(self, J, S, "pending", 1);
    ev_run(self->loop, EVRUN_NOWAIT);
    for (int i = 0; i < 100; i++)
        timeline_note(self->timeline, J, "%d", i);
    for (const struct event *event = timeline_first(self->timeline); event; event = event->next)
        count++;
    assert_true(count <= 11);
    assert_string_equal(timeline_first(self->timeline)->bytes, "pending");
    assert_string_equal(timeline_last(self->timeline)->bytes, "99");
}

static void assert_reads(
    struct fixture *self, const struct event *event, size_t max, const char *as)
{
    char *text = event_text(self->timeline, event, max);

    assert_string_equal(text, as);
    free(text);
}

static void test_how_it_reads(void **state)
{
    struct fixture *self = *state;

    assert_reads(self, frame(self, J, S, "{\"a\":[1,2]}", 1), 0, "J > S {\"a\": [1, 2]}");
    /* Nothing that came acts on a terminal. */
    assert_reads(self, frame(self, J, S, "\x1b[2J no", 1), 0, "J > S {\"raw\": \"\\u001b[2J no\"}");
    /* Cut at a character, and the whole length told. */
    assert_reads(self, frame(self, J, S, "\"h\xc3\xb4h\xc3\xb4\"", 1), 3, "J > S \"h… (8 bytes)");
    assert_reads(self, timeline_said_text(self->timeline, S, J, EDGE_ONESHOT_SERVER, "(silence)"),
        0, "S > J (silence)");
    timeline_log(self->timeline, J, "a line");
    assert_reads(self, timeline_last(self->timeline), 0, "J | a line");
    timeline_note(self->timeline, J, "exited with %d", 3);
    assert_reads(self, timeline_last(self->timeline), 0, "J * exited with 3");
    assert_true(timeline_has_heard(self->timeline, J));
    assert_false(timeline_has_heard(self->timeline, S));
    ev_run(self->loop, EVRUN_NOWAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_connections_read_in_one_turn_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_can_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_how_it_reads, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
