/* What is read of Prometheus' text format, and questions to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exposition.h"

static const char text[] = "# HELP m Messages, by type.\n"
                           "# TYPE m counter\n"
                           "m{type=\"chat\",result=\"good\"} 3\n"
                           "m{type=\"chat\",result=\"bad\"} 2 1700000000\n"
                           "m{ type = \"echo\" , result=\"good\", } 1e2\n"
                           "\n"
                           "# TYPE idle gauge\n"
                           "# a remark\n"
                           "#\n"
                           "plain 0.5\n"
                           "odd{a=\"x\\\"y\\\\z\\n}\"} -1\n"
                           "h_bucket{le=\"+Inf\"} 7";

static double sum(const struct exposition *exposition, const char *selector)
{
    char *name = NULL;
    json_t *labels = NULL;
    struct fault fault = {.text = ""};
    double value = -99;

    if (selector_read(span_of(selector), &name, &labels, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    exposition_sum(exposition, name, labels, &value);
    free(name);
    json_decref(labels);
    return value;
}

static void test_sums(void **state)
{
    static const struct {
        const char *selector;
        double sum;
    } rows[] = {
        {"m", 105},
        {"m{}", 105},
        {"m{type=\"chat\"}", 5},
        {"m{result=\"good\", type=\"chat\"}", 3},
        {"m{type=\"echo\"}", 100},
        {"m{type=\"nobody\"}", 0},
        {"m{kind=\"chat\"}", 0},
        {"idle", 0}, /* known, but of nothing yet */
        {"plain", 0.5},
        {"odd{a=\"x\\\"y\\\\z\\n}\"}", -1},
        {"h_bucket{le=\"+Inf\"}", 7},
        {"remark", -99},
        {"h", -99},
    };
    struct exposition exposition;
    struct fault fault = {.text = ""};

    (void)state;
    if (exposition_read(&exposition, span_of(text), &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sum(&exposition, rows[i].selector) != rows[i].sum)
            fail_msg("%s is %g, not %g", rows[i].selector, sum(&exposition, rows[i].selector),
                rows[i].sum);
    assert_string_equal(exposition_nearest(&exposition, "plane"), "plain");
    assert_null(exposition_nearest(&exposition, "x"));
    exposition_release(&exposition);
}

/* Cut off anywhere it is read or refused, and nothing is read behind its end. */
static void test_cut_off(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(text); len++) {
        struct exposition exposition;
        struct fault fault;
        char *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, text, len);
        if (exposition_read(&exposition, (struct span){copy, len}, &fault) == STATUS_OK)
            exposition_release(&exposition);
        free(copy);
    }
}

static void test_no_metrics(void **state)
{
    static const char *const rows[] = {
        "<html>", "m", "m {", "m{a} 1", "m{a=\"x} 1", "m{a=\"x\" b=\"y\"} 1", "m x", "{} 1"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exposition exposition;
        struct fault fault = {.text = ""};

        if (exposition_read(&exposition, span_of(rows[i]), &fault) != STATUS_INVALID)
            fail_msg("this should not be taken: %s", rows[i]);
        assert_non_null(strstr(fault.text, rows[i]));
    }
}

static void test_no_selectors(void **state)
{
    static const char *const rows[] = {"", "{}", "m{", "m{a=}", "m{a=\"b\"", "m 5", "m-n"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *name;
        json_t *labels;
        struct fault fault;

        if (selector_read(span_of(rows[i]), &name, &labels, &fault) != STATUS_INVALID)
            fail_msg("this should not be taken: %s", rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_no_metrics),
        cmocka_unit_test(test_no_selectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
