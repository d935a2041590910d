/* What disturbances do to a frame, which are in force, which have touched nothing;
 * and the choices that a seed decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/disturbance.h"
#include "libbester/frame.h"

enum { A, B, C };

static struct chance chance;
static unsigned touches;
static char last[200];

static void on_touch(const struct disturbance *what, const char *how, void *user)
{
    (void)user;
    touches++;
    snprintf(last, sizeof(last), "%s: %s", disturbance_name(what->kind), how);
}

static struct disturbances disturbances;

static int setup(void **state)
{
    (void)state;
    touches = 0;
    chance_init(&chance, 1);
    disturbances = (struct disturbances){.chance = &chance, .on_touch = on_touch};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    disturbances_release(&disturbances);
    return 0;
}

/* A frame of that payload goes from A to B. */
static struct passage pass(const char *payload)
{
    char frame[200];
    size_t len = strlen(payload);
    struct passage out;

    frame_put_header(frame, (uint32_t)len);
    memcpy(frame + FRAME_HEADER_BYTES, payload, len);
    disturbances_apply(&disturbances, A, B, (struct span){frame, FRAME_HEADER_BYTES + len}, &out);
    return out;
}

/* ---- what each does -------------------------------------------------------------------------- */

static void test_each_says_what_it_did(void **state)
{
    static const struct {
        struct disturbance what;
        const char *how;
        const char *described;
    } rows[] = {
        {{.kind = DISTURBANCE_CUT, .from = A, .to = B}, "cut: a frame of 6 bytes", "cut"},
        {{.kind = DISTURBANCE_DELAY, .from = A, .to = B, .ms = 20},
            "delay: a frame of 6 bytes, by 20 ms", "delay of 20 ms"},
        {{.kind = DISTURBANCE_BANDWIDTH, .from = A, .to = B, .bytes_per_s = 7},
            "bandwidth: a frame of 6 bytes", "bandwidth of 7 bytes per second"},
        {{.kind = DISTURBANCE_SPLIT, .from = A, .to = B, .bytes_before = 3},
            "split: a frame of 6 bytes, at 3", "split at byte 3"},
        {{.kind = DISTURBANCE_SPLIT, .from = A, .to = B, .place = PLACE_EVERY},
            "split: a frame of 6 bytes, at every byte", "split at every byte"},
        {{.kind = DISTURBANCE_TRUNCATE, .from = A, .to = B, .bytes_before = 5, .times = 1},
            "truncate: a frame of 6 bytes, after 5", "truncate after byte 5, 1 time"},
        {{.kind = DISTURBANCE_GARBAGE, .from = A, .to = B, .times = 2},
            "garbage: a payload of 2 bytes", "garbage, 2 times"},
        {{.kind = DISTURBANCE_LENGTH, .from = A, .to = B, .length = 9, .both = true},
            "wrong length: 9, where 2 bytes follow", "wrong length of 9 bytes, both ways"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[100];

        setup(state);
        disturbances_add(&disturbances, &rows[i].what);
        assert_true(disturbances_want_frames(&disturbances, A, B));
        assert_ptr_equal(disturbances_useless(&disturbances, A, B, true), &rows[i].what);
        struct passage frame = pass("{}");
        free(frame.bytes);
        assert_string_equal(last, rows[i].how);
        assert_int_equal(touches, 1);
        assert_null(disturbances_useless(&disturbances, A, B, true));
        assert_string_equal(
            disturbance_describe(&rows[i].what, text, sizeof(text)), rows[i].described);
        teardown(state);
    }
}

static void test_split_and_truncate_places(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 10; at++) {
        struct disturbance split = {
            .kind = DISTURBANCE_SPLIT, .from = A, .to = B, .bytes_before = at};
        struct disturbance truncate = {
            .kind = DISTURBANCE_TRUNCATE, .from = A, .to = B, .bytes_before = at};
        unsigned real = at < 6 ? at : 5; /* never behind the last byte */

        disturbances_add(&disturbances, &split);
        struct passage frame = pass("{}");
        assert_int_equal(frame.split_at, real);
        assert_int_equal(frame.len, 6);
        assert_false(frame.ends);
        free(frame.bytes);
        disturbances_release(&disturbances);

        disturbances_add(&disturbances, &truncate);
        frame = pass("{}");
        assert_int_equal(frame.len, real);
        assert_true(frame.ends);
        free(frame.bytes);
        disturbances_release(&disturbances);
    }
}

static void test_bytes(void **state)
{
    struct disturbance garbage = {.kind = DISTURBANCE_GARBAGE, .from = A, .to = B};
    struct disturbance length = {
        .kind = DISTURBANCE_LENGTH, .from = A, .to = B, .length = 0x01020304};

    (void)state;
    disturbances_add(&disturbances, &garbage);
    struct passage frame = pass("1234");
    assert_int_equal(frame.len, 8);
    assert_memory_equal(frame.bytes, "\4\0\0\0", 4);
    assert_memory_not_equal(frame.bytes + 4, "1234", 4);
    assert_int_equal((unsigned char)frame.bytes[4], 0xFF); /* in no UTF-8 */
    free(frame.bytes);
    disturbances_release(&disturbances);

    disturbances_add(&disturbances, &length);
    frame = pass("1234");
    assert_int_equal(frame.len, 8);
    assert_memory_equal(frame.bytes,
        "\4\3\2\1"
        "1234",
        8);
    free(frame.bytes);
    disturbances_release(&disturbances);

    /* Of a frame that holds nothing, nothing can be spoilt. */
    disturbances_add(&disturbances, &garbage);
    frame = pass("");
    assert_memory_equal(frame.bytes, "\0\0\0\0", 4);
    free(frame.bytes);
}

/* ---- which are in force ---------------------------------------------------------------------- */

static void test_delays_add_up_and_end(void **state)
{
    struct disturbance delay = {.kind = DISTURBANCE_DELAY, .from = A, .to = B, .ms = 20};
    struct disturbance once = {
        .kind = DISTURBANCE_DELAY, .from = A, .to = B, .ms = 100, .times = 1};

    (void)state;
    disturbances_add(&disturbances, &delay);
    disturbances_add(&disturbances, &once);
    struct passage frame = pass("{}");
    assert_true(frame.delay_s > 0.119 && frame.delay_s < 0.121);
    free(frame.bytes);
    frame = pass("{}");
    assert_true(frame.delay_s > 0.019 && frame.delay_s < 0.021);
    free(frame.bytes);
    assert_int_equal(touches, 3);
}

static void test_edges(void **state)
{
    struct disturbance forth = {.kind = DISTURBANCE_CUT, .from = A, .to = B};
    struct disturbance both = {.kind = DISTURBANCE_CUT, .from = B, .to = C, .both = true};

    (void)state;
    disturbances_add(&disturbances, &forth);
    disturbances_add(&disturbances, &both);
    assert_non_null(disturbances_find(&disturbances, DISTURBANCE_CUT, A, B));
    assert_null(disturbances_find(&disturbances, DISTURBANCE_CUT, B, A));
    assert_null(disturbances_find(&disturbances, DISTURBANCE_DELAY, A, B));
    assert_non_null(disturbances_find(&disturbances, DISTURBANCE_CUT, B, C));
    assert_non_null(disturbances_find(&disturbances, DISTURBANCE_CUT, C, B));

    /* One way is not both, and both not one way. */
    disturbances_heal(&disturbances, B, A, false);
    assert_non_null(disturbances_find(&disturbances, DISTURBANCE_CUT, A, B));
    disturbances_heal(&disturbances, B, A, true);
    assert_null(disturbances_find(&disturbances, DISTURBANCE_CUT, A, B));
    disturbances_heal(&disturbances, B, C, false);
    assert_non_null(disturbances_find(&disturbances, DISTURBANCE_CUT, B, C));
    disturbances_heal(&disturbances, C, B, true);
    assert_null(disturbances_find(&disturbances, DISTURBANCE_CUT, B, C));
}

static void test_useless(void **state)
{
    struct disturbance cut = {.kind = DISTURBANCE_CUT, .from = A, .to = B};
    struct disturbance refuse = {.kind = DISTURBANCE_REFUSE, .from = A, .to = B};

    (void)state;
    disturbances_add(&disturbances, &cut);
    disturbances_add(&disturbances, &refuse);
    assert_ptr_equal(disturbances_useless(&disturbances, A, B, false), &cut);
    assert_null(disturbances_useless(&disturbances, A, C, true));
    disturbances_touch(
        &disturbances, disturbances_find(&disturbances, DISTURBANCE_CUT, A, B), "a frame");
    assert_ptr_equal(disturbances_useless(&disturbances, -1, -1, true), &refuse);
    disturbances.refusals_unseen = true;
    assert_null(disturbances_useless(&disturbances, -1, -1, true));
    disturbances.refusals_unseen = false;
    disturbances_touch(
        &disturbances, disturbances_find(&disturbances, DISTURBANCE_REFUSE, A, B), "somebody");
    assert_null(disturbances_useless(&disturbances, -1, -1, true));
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* What a seed has chosen once it chooses for ever, on every machine: plays are
 * replayed by their seeds. */
static void test_seeds(void **state)
{
    struct chance one;
    struct chance other;
    unsigned seen[6] = {0};
    unsigned same = 0;

    (void)state;
    chance_init(&one, 1);
    chance_init(&other, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(chance_next(&one), chance_next(&other));
    chance_init(&one, 1);
    chance_init(&other, 2);
    for (int i = 0; i < 1000; i++)
        same += chance_choose(&one, 1000) == chance_choose(&other, 1000);
    assert_true(same < 20);
    for (int i = 0; i < 6000; i++) {
        unsigned chosen = chance_choose(&one, 6);

        assert_true(chosen < 6);
        seen[chosen]++;
    }
    for (int i = 0; i < 6; i++)
        assert_true(seen[i] > 800 && seen[i] < 1200);
    assert_int_equal(chance_choose(&one, 1), 0);
}

static void test_any_place_is_the_seeds(void **state)
{
    struct disturbance split = {.kind = DISTURBANCE_SPLIT, .from = A, .to = B, .place = PLACE_ANY};
    size_t places[20];
    bool differs = false;

    (void)state;
    disturbances_add(&disturbances, &split);
    for (int round = 0; round < 2; round++) {
        chance_init(&chance, 7);
        for (size_t i = 0; i < 20; i++) {
            struct passage frame = pass("{\"a\": 1}");

            assert_true(frame.split_at >= 1 && frame.split_at < frame.len);
            if (round == 0)
                places[i] = frame.split_at;
            else
                assert_int_equal(frame.split_at, places[i]);
            differs = differs || frame.split_at != places[0];
            free(frame.bytes);
        }
    }
    assert_true(differs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_says_what_it_did),
        cmocka_unit_test_setup_teardown(test_split_and_truncate_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delays_add_up_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_useless, setup, teardown),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test_setup_teardown(test_any_place_is_the_seeds, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
