/* The one matching rule, and its reverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pattern.h"

static char *expand(const char *name, void *user)
{
    (void)user;
    return strcmp(name, "S2") == 0 ? strdup("127.0.0.2:99") : NULL;
}

static json_t *json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    if (!value)
        fail_msg("the test's own JSON is wrong: %s", text);
    return value;
}

/* Whether it matches; differences as "path: expected/got; …" into *told. */
static bool match(struct scope *scope, const char *pattern, const char *value, unsigned open_levels,
    char told[1000])
{
    struct differences differences = {0};
    json_t *left = json(pattern);
    json_t *right = json(value);
    bool same = pattern_match(left, right, open_levels, scope, &differences);
    size_t len = 0;

    told[0] = '\0';
    for (size_t i = 0; i < differences.count; i++)
        len += (size_t)snprintf(told + len, 1000 - len, "%s%s: %s/%s", i ? "; " : "",
            differences.items[i].path, differences.items[i].expected, differences.items[i].got);
    assert_int_equal(same, differences.count == 0);
    differences_release(&differences);
    json_decref(left);
    json_decref(right);
    return same;
}

struct row {
    const char *pattern;
    const char *value;
    unsigned open_levels;
    const char *told; /* "": matches */
};

static const struct row rows[] = {
    {"null", "null", 0, ""},
    {"1", "1", 0, ""},
    {"1", "2", 0, ": 1/2"},
    {"1", "1.0", 0, ": 1/1.0"},
    {"\"a\"", "\"a\"", 0, ""},
    {"\"a\"", "\"b\"", 0, ": \"a\"/\"b\""},
    {"\"a\\u0000b\"", "\"a\\u0000b\"", 0, ""},
    {"\"a\\u0000b\"", "\"a\\u0000c\"", 0, ": \"a\\u0000b\"/\"a\\u0000c\""},
    {"true", "false", 0, ": true/false"},
    {"{}", "[]", 0, ": {}/[]"},
    {"\"<any>\"", "{\"x\": 1}", 0, ""},
    {"\"<<b>\"", "\"<b>\"", 0, ""},
    {"\"<<\"", "\"<\"", 0, ""},
    {"\"a<b>\"", "\"a<b>\"", 0, ""},
    {"\"<:int>\"", "7", 0, ""},
    {"\"<:int>\"", "7.5", 0, ": \"<:int>\"/7.5"},
    {"\"<:number>\"", "7.5", 0, ""},
    {"\"<:string>\"", "\"\"", 0, ""},
    {"\"<:string>\"", "7", 0, ": \"<:string>\"/7"},
    {"\"<:bool>\"", "true", 0, ""},
    {"\"<:object>\"", "{}", 0, ""},
    {"\"<:array>\"", "[1]", 0, ""},
    {"\"<:array>\"", "{}", 0, ": \"<:array>\"/{}"},
    {"\"<:/^ab+$/>\"", "\"abbb\"", 0, ""},
    {"\"<:/b/>\"", "\"abc\"", 0, ""},
    {"\"<:/^b/>\"", "\"abc\"", 0, ": \"<:/^b/>\"/\"abc\""},
    {"\"<:/b/>\"", "5", 0, ": \"<:/b/>\"/5"},
    {"\"at ${S2}\"", "\"at 127.0.0.2:99\"", 0, ""},
    {"\"$${S2}\"", "\"${S2}\"", 0, ""},
    {"\"${fill 3}\"", "\"xxx\"", 0, ""},
    {"\"${nobody}\"", "\"x\"", 0, ": \"${nobody}\"/\"x\""},
    /* Exact, unless it says otherwise. */
    {"{\"a\": 1}", "{\"a\": 1, \"b\": 2}", 0, "b: nothing/2"},
    {"{\"a\": 1, \"b\": 2}", "{\"b\": 2}", 0, "a: 1/nothing"},
    {"{\"a\": 1, \"...\": true}", "{\"a\": 1, \"b\": 2}", 0, ""},
    {"{\"...\": true}", "{}", 0, ""},
    {"{\"...\": false}", "{}", 0, "...: false/nothing"},
    {"{\"a\": {\"b\": 1, \"...\": true}}", "{\"a\": {\"b\": 1, \"c\": 2}, \"d\": 3}", 0,
        "d: nothing/3"},
    {"[1, 2]", "[1, 2]", 0, ""},
    {"[1, 2]", "[1]", 0, "[1]: 2/nothing"},
    {"[1]", "[1, 2]", 0, "[1]: nothing/2"},
    {"[1, [2, 3]]", "[1, [2, 4]]", 0, "[1][1]: 3/4"},
    /* Every place is told, not the first alone. */
    {"{\"a\": 1, \"b\": {\"c\": [1, 2]}, \"d\": 4}", "{\"a\": 2, \"b\": {\"c\": [1, 3]}}", 0,
        "a: 1/2; b.c[1]: 2/3; d: 4/nothing"},
    /* The envelope: only what is named is compared, as deep as it is open. */
    {"{}", "{\"header\": {}}", 1, ""},
    {"{\"header\": {\"a\": 1}}", "{\"header\": {\"a\": 1, \"b\": 2}}", 1, "header.b: nothing/2"},
    {"{\"header\": {\"a\": 1}}", "{\"header\": {\"a\": 1, \"b\": 2}, \"c\": 3}", 2, ""},
    {"{\"p\": {\"d\": {}}}", "{\"p\": {\"d\": {\"x\": 1}}}", 2, "p.d.x: nothing/1"},
    {"{\"p\": {\"d\": 1}}", "{\"p\": {}}", 2, "p.d: 1/nothing"},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scope scope = {.expand = expand};
        char told[1000];

        match(&scope, rows[i].pattern, rows[i].value, rows[i].open_levels, told);
        if (strcmp(told, rows[i].told) != 0)
            fail_msg("%s against %s told \"%s\", not \"%s\"", rows[i].pattern, rows[i].value, told,
                rows[i].told);
        bindings_release(&scope.bindings);
    }
}

static void test_captures_bind_then_must_be_equal(void **state)
{
    struct scope scope = {.expand = expand};
    char told[1000];

    (void)state;
    assert_true(match(&scope, "{\"a\": \"<x>\", \"b\": \"<x>\"}", "{\"a\": 1, \"b\": 1}", 0, told));
    assert_int_equal(json_integer_value(bindings_get(&scope.bindings, "x")), 1);
    assert_false(match(&scope, "\"<x>\"", "2", 0, told));
    assert_string_equal(told, ": 1/2");
    assert_true(match(&scope, "\"<y:string>\"", "\"why\"", 0, told));
    assert_true(match(&scope, "\"${y}, ${x}?\"", "\"why, 1?\"", 0, told));
    bindings_release(&scope.bindings);
}

static void test_what_does_not_match_binds_nothing(void **state)
{
    struct scope scope = {.expand = expand};
    char told[1000];

    (void)state;
    assert_false(match(&scope, "{\"a\": \"<x>\", \"b\": 2}", "{\"a\": 1, \"b\": 3}", 0, told));
    assert_null(bindings_get(&scope.bindings, "x"));
    assert_false(match(&scope, "[\"<x>\", \"<x>\"]", "[1, 2]", 0, told));
    assert_string_equal(told, "[1]: 1/2");
    assert_int_equal(scope.bindings.count, 0);
    assert_false(match(&scope, "\"<x:int>\"", "\"1\"", 0, told));
    assert_int_equal(scope.bindings.count, 0);
    bindings_release(&scope.bindings);
}

static void test_filling(void **state)
{
    struct scope scope = {.expand = expand};
    struct fault fault = {.text = ""};
    json_t *pattern = json(
        "{\"id\": \"<m>\", \"again\": [\"<m>\", \"<<m>\", 5], \"to\": \"${S2}\", \"n\": \"<n>\"}");

    (void)state;
    bindings_add(&scope.bindings, "n", json_null());
    json_t *filled = pattern_fill(pattern, &scope, &fault);
    char *text = json_dumps(filled, JSON_COMPACT);
    assert_string_equal(
        text, "{\"id\":\"m-1\",\"again\":[\"m-1\",\"<m>\",5],\"to\":\"127.0.0.2:99\",\"n\":null}");
    free(text);
    json_decref(filled);
    json_decref(pattern);

    pattern = json("{\"a\": [\"${nobody}\"]}");
    assert_null(pattern_fill(pattern, &scope, &fault));
    assert_string_equal(fault.text, "${nobody} stands for nothing");
    json_decref(pattern);
    bindings_release(&scope.bindings);
}

static void test_fresh_ids_differ(void **state)
{
    struct scope scope = {.expand = expand};
    struct fault fault;
    json_t *pattern = json("\"<m>\"");

    (void)state;
    for (int i = 1; i < 4; i++) {
        json_t *filled = pattern_fill(pattern, &scope, &fault);
        char wanted[16];

        snprintf(wanted, sizeof(wanted), "m-%d", i);
        assert_string_equal(json_string_value(filled), wanted);
        json_decref(filled);
        bindings_roll_back(&scope.bindings, 0);
    }
    json_decref(pattern);
    bindings_release(&scope.bindings);
}

static bool visited(const char *name, const char *path, const json_t *at, void *user)
{
    char *told = user;

    (void)at;
    snprintf(told + strlen(told), 200 - strlen(told), "<%s>@%s ", name, path);
    return true;
}

static bool visited_name(const char *name, const json_t *at, void *user)
{
    char *told = user;

    (void)at;
    snprintf(told + strlen(told), 200 - strlen(told), "${%s} ", name);
    return true;
}

static void test_walking_visits_in_order(void **state)
{
    char told[200] = "";
    struct pattern_visit visit = {.capture = visited, .name = visited_name, .user = told};
    const json_t *where;
    struct fault fault;
    json_t *pattern = json("{\"a\": \"<x:int>\", \"b\": [1, \"to ${S2}, ${fill 9}\", \"<any>\"]}");

    (void)state;
    assert_true(pattern_walk(pattern, &visit, &where, &fault));
    assert_string_equal(told, "<x>@a ${S2} <>@b[2] ");
    json_decref(pattern);
}

static void test_wrong_forms(void **state)
{
    static const char *const wrong[] = {"<", "<>", "<x", "<x>y", "<1>", "<x:>", "<x:integer>",
        "<x:/(/>", "<a b>", "${", "${}", "${a b}", "${fill x}", "${fill 99999999999}", "a ${b"};
    struct pattern_visit visit = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        json_t *pattern = json_string(wrong[i]);
        const json_t *where = NULL;
        struct fault fault = {.text = ""};

        if (pattern_walk(pattern, &visit, &where, &fault))
            fail_msg("\"%s\" should not be taken", wrong[i]);
        assert_ptr_equal(where, pattern);
        assert_true(strlen(fault.text) > 10);
        json_decref(pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_captures_bind_then_must_be_equal),
        cmocka_unit_test(test_what_does_not_match_binds_nothing),
        cmocka_unit_test(test_filling),
        cmocka_unit_test(test_fresh_ids_differ),
        cmocka_unit_test(test_walking_visits_in_order),
        cmocka_unit_test(test_wrong_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
