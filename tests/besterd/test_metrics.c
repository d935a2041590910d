#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "besterd/metrics.h"

enum { TEXT_MAX = 1 << 20 };

static int setup(void **state)
{
    *state = metrics_new();
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    metrics_free(*state);
    return 0;
}

/* The text, until the next call. */
static const char *render(const struct metrics *self, enum metrics_form form)
{
    static char text[TEXT_MAX];
    struct bytes out;
    bytes_init(&out, TEXT_MAX - 1);
    assert_int_equal(metrics_render(self, form, &out), STATUS_OK);
    memcpy(text, bytes_span(&out).at, out.len);
    text[out.len] = '\0';
    bytes_release(&out);
    return text;
}

/* Whether the line stands in the text, whole. */
static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

#define assert_line(self, line) assert_true(has_line(render((self), METRICS_PROMETHEUS), (line)))

static void test_counting(void **state)
{
    struct metrics *self = *state;
    metrics_count(self, METRIC_CONNECTIONS, 0, 0);
    metrics_count(self, METRIC_CONNECTIONS, 0, 0);
    metrics_count(self, METRIC_LOGINS, metrics_result(STATUS_AUTH_FAILED), 0);
    metrics_set(self, METRIC_SESSIONS, 0, 0, 12345678);
    assert_line(self, "# TYPE bester_connections_total counter");
    assert_line(self, "bester_connections_total 2");
    assert_line(self, "bester_logins_total{result=\"authFailed\"} 1");
    assert_line(self, "bester_logins_total{result=\"good\"} 0");
    assert_line(self, "# TYPE bester_sessions gauge");
    assert_line(self, "bester_sessions 12345678");
}

static void test_results(void **state)
{
    (void)state;
    assert_int_equal(metrics_result(STATUS_OK), STATUS_OK);
    assert_int_equal(metrics_result(STATUS_LOOP), STATUS_LOOP);
    /* What may not travel in a report is our own fault. */
    assert_int_equal(metrics_result(STATUS_NO_MEMORY), STATUS_INTERNAL);
    assert_int_equal(metrics_result(STATUS_CLOSED), STATUS_INTERNAL);
}

static void test_labels(void **state)
{
    struct metrics *self = *state;
    size_t chat = metrics_label(self, AXIS_TYPE, "chat");
    assert_int_equal(chat, TYPE_BUILTIN + 1);
    metrics_count(self, METRIC_MESSAGES, chat, STATUS_OK);
    for (int i = 0; i < 100; i++) {
        char name[20];
        snprintf(name, sizeof name, "type %d", i);
        assert_int_equal(metrics_label(self, AXIS_TYPE, name), chat + 1 + (size_t)i);
    }
    /* The same number again, and what was counted is still there. */
    assert_int_equal(metrics_label(self, AXIS_TYPE, "chat"), chat);
    metrics_count(self, METRIC_MESSAGES, chat, STATUS_OK);
    assert_line(self, "bester_messages_total{type=\"chat\",result=\"good\"} 2");
    /* A type that was never asked about shows a zero; a failure only once there is one. */
    assert_line(self, "bester_messages_total{type=\"type 7\",result=\"good\"} 0");
    assert_null(strstr(render(self, METRICS_PROMETHEUS), "noHandler\"} 1"));
    metrics_count(self, METRIC_MESSAGES, TYPE_OTHER, STATUS_NO_HANDLER);
    assert_line(self, "bester_messages_total{type=\"other\",result=\"noHandler\"} 1");
    /* Peers have numbers of their own. */
    assert_int_equal(metrics_label(self, AXIS_PEER, "chat"), PEER_OTHER + 1);
}

static void test_escapes(void **state)
{
    struct metrics *self = *state;
    size_t odd = metrics_label(self, AXIS_TYPE, "a\\b\"c\nd{}=,\xc3\xa9");
    metrics_count(self, METRIC_HANDLER_RESTARTS, odd, 0);
    assert_line(self, "bester_handler_restarts_total{type=\"a\\\\b\\\"c\\nd{}=,\xc3\xa9\"} 1");
}

static void test_histogram(void **state)
{
    struct metrics *self = *state;
    size_t chat = metrics_label(self, AXIS_TYPE, "chat");
    metrics_observe(self, METRIC_EXCHANGE, chat, 0.001); /* a bound belongs to its bucket */
    metrics_observe(self, METRIC_EXCHANGE, chat, 0.0011);
    metrics_observe(self, METRIC_EXCHANGE, chat, 100);
    metrics_observe(self, METRIC_EXCHANGE, chat, -1); /* a clock that went back */
    assert_line(self, "bester_exchange_seconds_bucket{type=\"chat\",le=\"0.0005\"} 1");
    assert_line(self, "bester_exchange_seconds_bucket{type=\"chat\",le=\"0.001\"} 2");
    assert_line(self, "bester_exchange_seconds_bucket{type=\"chat\",le=\"0.0025\"} 3");
    assert_line(self, "bester_exchange_seconds_bucket{type=\"chat\",le=\"30.0\"} 3");
    assert_line(self, "bester_exchange_seconds_bucket{type=\"chat\",le=\"+Inf\"} 4");
    assert_line(self, "bester_exchange_seconds_count{type=\"chat\"} 4");
    assert_line(self, "bester_exchange_seconds_sum{type=\"chat\"} 100.0021");
    assert_true(metrics_value(self, METRIC_EXCHANGE, chat, 0) == 4);
}

static void test_gauges_are_forgotten(void **state)
{
    struct metrics *self = *state;
    size_t chat = metrics_label(self, AXIS_TYPE, "chat");
    assert_null(strstr(render(self, METRICS_PROMETHEUS), "bester_handler_state{"));
    metrics_set(self, METRIC_HANDLER_STATE, chat, HANDLER_UP, 1);
    metrics_count(self, METRIC_HANDLER_RESTARTS, chat, 0);
    assert_line(self, "bester_handler_state{type=\"chat\",state=\"up\"} 1");
    metrics_forget_gauges(self);
    assert_null(strstr(render(self, METRICS_PROMETHEUS), "bester_handler_state{"));
    assert_line(self, "bester_handler_restarts_total{type=\"chat\"} 1");
}

static void test_process(void **state)
{
    struct metrics *self = *state;
    metrics_measure_process(self);
    assert_true(metrics_value(self, METRIC_RESIDENT, 0, 0) > 100000);
    assert_true(
        metrics_value(self, METRIC_VIRTUAL, 0, 0) > metrics_value(self, METRIC_RESIDENT, 0, 0));
    double before = metrics_value(self, METRIC_OPEN_FDS, 0, 0);
    FILE *file = fopen("/dev/null", "r");
    assert_non_null(file);
    metrics_measure_process(self);
    assert_true(metrics_value(self, METRIC_OPEN_FDS, 0, 0) == before + 1);
    fclose(file);
    assert_true(metrics_value(self, METRIC_MAX_FDS, 0, 0) > before);
    assert_true(metrics_value(self, METRIC_CPU, 0, 0) > 0);
    double started = metrics_value(self, METRIC_START_TIME, 0, 0);
    assert_true(started <= (double)time(NULL) + 1 && started > (double)time(NULL) - 3600);
}

static void test_openmetrics(void **state)
{
    struct metrics *self = *state;
    metrics_count(self, METRIC_CONNECTIONS, 0, 0);
    const char *text = render(self, METRICS_OPENMETRICS);
    assert_true(has_line(text, "# TYPE bester_connections counter"));
    assert_true(has_line(text, "bester_connections_total 1"));
    assert_true(has_line(text,
        "# HELP bester_reports Status reports sent, by reason; \\\"good\\\" where there is none."));
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    assert_null(strstr(render(self, METRICS_PROMETHEUS), "# EOF"));
    assert_string_equal(metrics_content_type(METRICS_OPENMETRICS),
        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

static void test_no_room(void **state)
{
    struct bytes out;
    bytes_init(&out, 100);
    assert_int_equal(metrics_render(*state, METRICS_PROMETHEUS, &out), STATUS_TOO_LARGE);
    bytes_release(&out);
}

static void test_nobody(void **state)
{
    (void)state;
    metrics_free(NULL);
    metrics_count(NULL, METRIC_CONNECTIONS, 0, 0);
    metrics_set(NULL, METRIC_SESSIONS, 0, 0, 1);
    metrics_observe(NULL, METRIC_LOOP_TURN, 0, 1);
    assert_int_equal(metrics_label(NULL, AXIS_TYPE, "chat"), 0);
}

/* Prometheus' data model, for every row of the table. */
static void test_table(void **state)
{
    static const char *const names[] = {
#define X(id, name, kind, first, second, help) name,
        METRIC_TABLE(X)
#undef X
    };
    static const char *const helps[] = {
#define X(id, name, kind, first, second, help) help,
        METRIC_TABLE(X)
#undef X
    };
    (void)state;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        size_t len = strlen(names[i]);
        assert_int_equal(strspn(names[i], "abcdefghijklmnopqrstuvwxyz_"), len);
        assert_true(strncmp(names[i], "bester_", 7) == 0 || strncmp(names[i], "process_", 8) == 0);
        assert_null(strstr(names[i], "_total")); /* a counter's samples get it by themselves */
        assert_null(strpbrk(helps[i], "\\\n"));
        assert_int_equal(helps[i][strlen(helps[i]) - 1], '.');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counting),
        TEST(test_results),
        TEST(test_labels),
        TEST(test_escapes),
        TEST(test_histogram),
        TEST(test_gauges_are_forgotten),
        TEST(test_process),
        TEST(test_openmetrics),
        TEST(test_no_room),
        TEST(test_nobody),
        TEST(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
