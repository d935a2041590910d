/* nameset: whole names and patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/nameset.h"

static void test_rows(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool has;
    } rows[] = {
        {"T", "T", true},
        {"T", "t", false},
        {"T", "TT", false},
        {"T", "", false},
        {"", "", true},
        {"", "T", false},
        {"*", "", true},
        {"*", "T", true},
        {"guest-*", "guest-", true},
        {"guest-*", "guest-17", true},
        {"guest-*", "guest", false},
        {"guest-*", "a guest-17", false},
        {"*-bot", "a-bot", true},
        {"*-bot", "-bot-bot", true},
        {"*-bot", "a-bott", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "a-b-b-c-b-c", true},
        {"a*b*c", "acb", false},
        {"**", "T", true},
        {"a**", "a", true},
        {"?", "T", false},
        {"?", "?", true},
        {"[ab]", "a", false},
        {"\\*", "*", false},
        {"\\*", "\\x", true},
        {"é*", "éa", true},
        {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            false},
        {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *list[] = {(char *)rows[i].pattern, NULL};
        struct nameset *names = nameset_new(list);
        assert_non_null(names);
        if (nameset_has(names, rows[i].name) != rows[i].has)
            fail_msg("%s and %s", rows[i].pattern, rows[i].name);
        nameset_free(names);
    }
}

static void test_many(void **state)
{
    enum { COUNT = 2000 };
    static char texts[COUNT][16];
    static char *list[COUNT + 1];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], i % 100 == 7 ? "p%zu-*" : "n%zu", i);
        list[i] = texts[i];
    }
    list[COUNT - 1] = texts[0]; /* twice */
    struct nameset *names = nameset_new(list);
    assert_non_null(names);
    for (size_t i = 0; i + 1 < COUNT; i++) {
        char name[24];
        snprintf(name, sizeof name, "%.*sx", (int)strcspn(texts[i], "*"), texts[i]);
        assert_true(nameset_has(names, name) == (i % 100 == 7));
        assert_true(i % 100 == 7 || nameset_has(names, texts[i]));
    }
    assert_false(nameset_has(names, "n7"));
    assert_false(nameset_has(names, "p8-x"));
    nameset_free(names);
}

static void test_nobody(void **state)
{
    char *list[] = {NULL};
    struct nameset *names = nameset_new(list);
    (void)state;
    assert_non_null(names);
    assert_false(nameset_has(names, ""));
    assert_false(nameset_has(names, "T"));
    nameset_free(names);
    nameset_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
