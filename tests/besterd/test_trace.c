#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/trace.h"

enum { MANY = 100000 };

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_each_is_another(void **state)
{
    struct trace_source source;
    struct trace *traces = calloc(MANY, sizeof *traces);
    (void)state;
    assert_non_null(traces);
    trace_source_init(&source);
    for (size_t i = 0; i < MANY; i++) {
        trace_make(&traces[i], &source);
        assert_int_equal(strlen(traces[i].text), 16);
        assert_int_equal(strspn(traces[i].text, "0123456789abcdef"), 16);
    }
    qsort(traces, MANY, sizeof *traces, by_text);
    for (size_t i = 1; i < MANY; i++)
        assert_string_not_equal(traces[i - 1].text, traces[i].text);
    free(traces);
}

/* Two servers, or one started twice. */
static void test_sources_differ(void **state)
{
    struct trace_source a, b;
    (void)state;
    trace_source_init(&a);
    trace_source_init(&b);
    assert_true(a.key != b.key);
}

static void test_taken(void **state)
{
    static const char *const good[] = {"\"a\"", "\"5f0c0123456789ab\"", "\"A-Z_a.9\"",
        "\"12345678901234567890123456789012\"", "\"\\u0061\""};
    static const char *const bad[] = {"\"\"", "\"a b\"", "\"a\\nb\"", "\"a\\u0000b\"",
        "\"\xc3\xa9\"", "\"123456789012345678901234567890123\"", "5", "null", "{}", "\"]\""};
    struct trace trace;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(trace_take(&trace, span_of(good[i])));
    assert_string_equal(trace.text, "a");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(trace_take(&trace, span_of(bad[i])));
    assert_false(trace_take(&trace, (struct span){.at = NULL, .len = 0}));
    assert_string_equal(trace.text, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_another),
        cmocka_unit_test(test_sources_differ),
        cmocka_unit_test(test_taken),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
