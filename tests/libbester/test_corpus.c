/* The fixtures as inputs of the fuzzers' targets, whole and with every end cut
 * off. A target that finds something ends the program. */
#include <stdio.h>

#include "tests/fuzz/targets.h"
#include "tests/libbester/support.h"

typedef int target(const uint8_t *data, size_t size);

static void feed(target *run, struct span text)
{
    struct span exact = exact_copy(text.at, text.len);
    assert_int_equal(run((const uint8_t *)exact.at, exact.len), 0);
    exact_free(exact);
}

enum { CUT_UP_TO = 400 }; /* bytes; longer texts are fed whole only */

static void feed_all(target *run, const char *directory, size_t least)
{
    struct fixtures fixtures;
    fixtures_load(&fixtures, directory, least);
    for (size_t i = 0; i < fixtures.count; i++) {
        struct span text = fixtures.at[i].text;
        feed(run, text);
        if (text.len <= CUT_UP_TO)
            while (text.len-- > 0)
                feed(run, text);
    }
    fixtures_free(&fixtures);
}

static const struct {
    const char *directory;
    size_t least;
} directories[] = {
    {"corpus/json/accept", 250},
    {"corpus/json/refuse", 400},
    {"corpus/json/either", 30},
    {"messages/valid", 20},
    {"messages/invalid/malformed", 20},
    {"messages/invalid/tooLarge", 3},
    {"frames/whole", 8},
    {"frames/partial", 6},
    {"frames/bad", 6},
    {"corpus/template", 5},
};

static void feed_everything(target *run)
{
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
        feed_all(run, directories[i].directory, directories[i].least);
}

static void json(void **state)
{
    (void)state;
    feed_everything(fuzz_json);
}

static void frame(void **state)
{
    (void)state;
    feed_everything(fuzz_frame);
}

static void message(void **state)
{
    (void)state;
    feed_everything(fuzz_message);
}

static void template(void **state)
{
    (void)state;
    feed_everything(fuzz_template);
}

/* Streams need two bytes before them, which say how they are cut. */
static void frames_cut_in_many_ways(void **state)
{
    (void)state;
    static const char *const streams[] = {"frames/whole", "frames/partial", "frames/bad"};
    for (size_t i = 0; i < 3; i++) {
        struct fixtures fixtures;
        fixtures_load(&fixtures, streams[i], 6);
        for (size_t j = 0; j < fixtures.count; j++)
            for (unsigned cut = 0; cut < 200; cut++) {
                struct span text = fixtures.at[j].text;
                char *seeded = malloc(text.len + 2);
                assert_non_null(seeded);
                seeded[0] = (char)cut;
                seeded[1] = (char)i;
                memcpy(seeded + 2, text.at, text.len);
                feed(fuzz_frame, (struct span){.at = seeded, .len = text.len + 2});
                free(seeded);
            }
        fixtures_free(&fixtures);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json),
        cmocka_unit_test(frame),
        cmocka_unit_test(message),
        cmocka_unit_test(template),
        cmocka_unit_test(frames_cut_in_many_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
