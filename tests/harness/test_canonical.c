/* The layout of values that no file holds, when two texts are the same, and what
 * differs between two texts. tests/harness/test_fmt.py has the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/canonical.h"
#include "harness/linediff.h"
#include "harness/must.h"

static json_t *value_of(const char *text)
{
    return must_json(json_loads(text, JSON_DECODE_ANY, NULL));
}

static void test_of_a_value(void **state)
{
    json_t *play =
        value_of("{\"steps\": [{\"quiet\": [\"T\"]}], \"play\": \"é\", \"servers\": {}}");
    char *text = canonical_value(play);

    (void)state;
    assert_string_equal(text, "{\n    \"play\": \"é\",\n    \"servers\": {},\n    \"steps\": [\n"
                              "        {\"quiet\": [\"T\"]}\n    ]\n}\n");
    free(text);
    json_decref(play);

    json_t *number = json_integer(5);
    text = canonical_value(number);
    assert_string_equal(text, "5\n");
    free(text);
    json_decref(number);
}

/* A step takes the same place alone as in its play. */
static void step_like_in_play(const char *text)
{
    json_t *step = value_of(text);
    json_t *play = json_pack("{s:[O, s]}", "steps", step, "more");
    char *alone = canonical_step(step);
    char *whole = canonical_value(play);
    char *wanted = must_print("        %s,\n", alone);

    assert_non_null(strstr(whole, wanted));
    free(wanted);
    free(alone);
    free(whole);
    json_decref(step);
    json_decref(play);
}

static void test_of_a_step(void **state)
{
    (void)state;
    step_like_in_play("{\"T > S1\": {\"type\": \"h\"}}");
    step_like_in_play("{\"note\": \"a\", \"deadlineMs\": 5, \"T > S1\": {\"type\": \"h\"}}");
    /* Each length from 60 to 140: also where it just fits, and just does not. */
    for (int len = 60; len < 140; len++) {
        char *padding = must_alloc((size_t)len + 1);
        char *step = must_print("{\"T > S1\": {\"type\": \"h\", \"id\": \"%s\"}}",
            (char *)memset(padding, 'x', (size_t)len));

        step_like_in_play(step);
        free(step);
        free(padding);
    }
}

/* 100 characters stand on one line, 101 do not; é is one character. */
static void test_the_last_column(void **state)
{
    json_t *fits = value_of("{\"servers\": {}, \"steps\": [{\"T > S1\": {\"type\": "
                            "\"éééééééééééééééééééééé\", \"data\": [1, 2, 3, 4, 5], "
                            "\"id\": \"a full line\"}}]}");
    char *text = canonical_value(fits);
    char *line = strstr(text, "        {\"T");

    (void)state;
    assert_non_null(strstr(line, "full line\"}}\n"));
    assert_int_equal(strcspn(line, "\n"), 100 + 22);
    free(text);
    json_decref(fits);
    json_t *wide = value_of("{\"servers\": {}, \"steps\": [{\"T > S1\": {\"type\": "
                            "\"éééééééééééééééééééééé\", \"data\": [1, 2, 3, 4, 5], "
                            "\"id\": \"a full line!\"}}]}");
    text = canonical_value(wide);
    assert_non_null(strstr(text, "[1, 2, 3, 4, 5],\n            \"id\": \"a full line!\"}}\n"));
    free(text);
    json_decref(wide);
}

static bool same(const char *a, const char *b)
{
    return canonical_same(span_of(a), span_of(b));
}

static void test_same(void **state)
{
    (void)state;
    assert_true(same("{\"a\": 1, \"b\": [2, {}]}", "{\"b\":[2,{ }],\n\"a\":1}"));
    assert_true(same(" null", "null "));
    assert_false(same("{\"a\": 1}", "{\"a\": 1.0}"));
    assert_false(same("{\"a\": 1}", "{\"a\": 1, \"b\": 1}"));
    assert_false(same("{\"a\": 1, \"b\": 2}", "{\"a\": 2, \"b\": 1}"));
    assert_false(same("{\"a\": 1}", "{\"b\": 1}"));
    assert_false(same("[1, 2]", "[2, 1]"));
    assert_false(same("[]", "{}"));
    assert_false(same("\"\\u0061\"", "\"a\""));
    assert_false(same("[", "["));
    assert_false(same("[]", "["));
}

/* ---- linediff -------------------------------------------------------------------------------- */

static char *diff(const char *before, const char *after)
{
    char *text;
    size_t len;
    FILE *out = must_stream(&text, &len);

    linediff_write(out, "a", span_of(before), "b", span_of(after));
    fclose(out);
    return text;
}

static void differs(const char *before, const char *after, const char *wanted)
{
    char *text = diff(before, after);

    assert_string_equal(text, wanted);
    free(text);
}

static void test_linediff(void **state)
{
    (void)state;
    differs("", "", "");
    differs("a\nb\n", "a\nb\n", "");
    differs("", "a\n", "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+a\n");
    differs("a\n", "", "--- a\n+++ b\n@@ -1,1 +0,0 @@\n-a\n");
    differs("a\nb\nc\n", "a\nX\nc\n", "--- a\n+++ b\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n");
    differs("a", "a\n", "--- a\n+++ b\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
    /* Changes that are far from each other stand in parts of their own. */
    differs("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "2\n3\n4\n5\n6\n7\n8\n9\nX\n",
        "--- a\n+++ b\n@@ -1,4 +1,3 @@\n-1\n 2\n 3\n 4\n@@ -7,4 +6,4 @@\n 7\n 8\n 9\n-10\n+X\n");
}

/* Too many lines to pair them: all that is between is told as one change. */
static void test_linediff_of_much(void **state)
{
    enum { LINES = 5000, ROOM = 8 * LINES };
    char *before = must_alloc(ROOM);
    char *after = must_alloc(ROOM);

    (void)state;
    FILE *old = fmemopen(before, ROOM, "w");
    FILE *new = fmemopen(after, ROOM, "w");
    for (int i = 0; i < LINES; i++) {
        fprintf(old, "%d\n", i);
        fprintf(new, "%d\n", i == 0 || i == LINES - 1 ? -i - 1 : i);
    }
    fclose(old);
    fclose(new);
    char *text = diff(before, after);
    assert_non_null(strstr(text, "@@ -1,5000 +1,5000 @@\n-0\n-1\n"));
    free(text);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_value),
        cmocka_unit_test(test_of_a_step),
        cmocka_unit_test(test_the_last_column),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_linediff),
        cmocka_unit_test(test_linediff_of_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
