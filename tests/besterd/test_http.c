#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/http.h"

#define HOST "Host: x\r\n"

static enum pull parse(const char *text, struct http_request *out, int *code)
{
    return http_parse(span_of(text), out, code);
}

/* ---- what is understood ---- */

static const struct good {
    const char *text, *method, *path, *accept;
} good[] = {
    {"GET /metrics HTTP/1.1\r\n" HOST "\r\n", "GET", "/metrics", NULL},
    {"GET /metrics HTTP/1.0\r\n\r\n", "GET", "/metrics", NULL},
    {"GET /metrics HTTP/1.9\r\n" HOST "\r\n", "GET", "/metrics", NULL},
    {"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", NULL},
    {"GET /metrics?a=/b?c HTTP/1.1\r\n" HOST "\r\n", "GET", "/metrics", NULL},
    {"GET http://h:1/metrics?x HTTP/1.1\r\n" HOST "\r\n", "GET", "/metrics", NULL},
    {"HEAD HTTP://h/metrics HTTP/1.1\r\n" HOST "\r\n", "HEAD", "/metrics", NULL},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", NULL},
    {"BREW /pot HTTP/1.1\r\n" HOST "\r\n", "BREW", "/pot", NULL},
    {"GET / HTTP/1.1\r\nhOsT:\r\nAccept: \ta, b ;q=1 \r\naccept: c\r\n\r\n", "GET", "/",
        "a, b ;q=1"},
    {"GET / HTTP/1.1\r\nX!#$%&'*+-.^_`|~9: \x80\xff\t z\r\n" HOST "\r\nbody", "GET", "/", NULL},
};

static void assert_good(const struct good *row, const struct http_request *request)
{
    assert_true(span_is(request->method, row->method));
    assert_true(span_is(request->path, row->path));
    if (row->accept != NULL)
        assert_true(span_is(request->accept, row->accept));
    else
        assert_null(request->accept.at);
}

static void test_good(void **state)
{
    struct http_request request;
    int code;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(parse(good[i].text, &request, &code), PULL_READY);
        assert_good(&good[i], &request);
    }
}

/* Every beginning of what is understood waits for more, up to the empty line. */
static void test_trickle(void **state)
{
    struct http_request request;
    int code;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const char *end = strstr(good[i].text + 2, "\r\n\r\n");
        size_t whole = (size_t)(end - good[i].text) + 4;
        for (size_t len = 0; len < whole; len++) {
            /* A copy of its own, so that a read behind it is seen. */
            char *copy = malloc(len + 1);
            assert_non_null(copy);
            memcpy(copy, good[i].text, len);
            struct span text = {.at = copy, .len = len};
            assert_int_equal(http_parse(text, &request, &code), PULL_MORE);
            free(copy);
        }
    }
}

/* ---- what is refused ---- */

static void test_bad(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"\x16\x03\x01", 400}, /* TLS, at its first bytes */
        {"{\"a\": 1}", 400},
        {" GET / HTTP/1.1\r\n", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1 \r\n", 400},
        {"GET /\r\n", 400},
        {"GET / http/1.1\r\n", 400},
        {"GET / HTTP/1.11\r\n", 400},
        {"GET / HTTP/a.1\r\n", 400},
        {"GET / HTTP/2.0\r\n", 505},
        {"GET / HTTP/0.9\r\n", 505},
        {"G@T / HTTP/1.1\r\n", 400},
        {"GET metrics HTTP/1.1\r\n", 400},
        {"GET http:///metrics HTTP/1.1\r\n", 400},
        {"GET https://x/metrics HTTP/1.1\r\n", 400},
        {"GET /\x7f HTTP/1.1\r\n", 400},
        {"GET /\xc3\xa9 HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\ry\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : x\r\n", 400},
        {"GET / HTTP/1.1\r\n folded\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n", 400},
        {"GET / HTTP/1.1\r\nHost\r\n", 400},
        {"GET / HTTP/1.1\r\nA: \x01\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400},
    };
    struct http_request request;
    int code;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        code = 0;
        if (parse(rows[i].text, &request, &code) != PULL_BAD || code != rows[i].code)
            fail_msg("row %zu: code %d", i, code);
    }
}

static void test_zero_byte(void **state)
{
    static const char text[] = "GET /\0 HTTP/1.1\r\n";
    struct http_request request;
    int code;
    (void)state;
    assert_int_equal(
        http_parse((struct span){.at = text, .len = sizeof text - 1}, &request, &code), PULL_BAD);
    assert_int_equal(http_parse((struct span){.at = "G\0", .len = 2}, &request, &code), PULL_BAD);
}

static void test_too_long(void **state)
{
    char text[HTTP_HEAD_MAX];
    struct http_request request;
    int code;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    struct span span = {.at = text, .len = sizeof text - 1};
    assert_int_equal(http_parse(span, &request, &code), PULL_MORE);
    span.len++;
    assert_int_equal(http_parse(span, &request, &code), PULL_BAD);
    assert_int_equal(code, 431);
    static const char end[] = " HTTP/1.0\r\n\r\n";
    memcpy(text + sizeof text - (sizeof end - 1), end, sizeof end - 1);
    assert_int_equal(http_parse(span, &request, &code), PULL_READY);
    assert_int_equal(request.path.len, sizeof text - 4 - (sizeof end - 1));
}

/* ---- the rest ---- */

static void test_accepts(void **state)
{
    static const char type[] = "application/openmetrics-text";
    (void)state;
    assert_true(http_accepts(span_of("application/openmetrics-text"), type));
    assert_true(
        http_accepts(span_of("text/plain, Application/OpenMetrics-Text ; v=1;q=0.7"), type));
    assert_false(http_accepts(span_of("application/openmetrics-textual"), type));
    assert_false(http_accepts(span_of("a;x=application/openmetrics-text"), type));
    assert_false(http_accepts(span_of("*/*"), type));
    assert_false(http_accepts(span_of(" , ;"), type));
    assert_false(http_accepts((struct span){.at = NULL, .len = 0}, type));
}

static void test_status(void **state)
{
    (void)state;
    assert_string_equal(http_status(404), "404 Not Found");
    assert_string_equal(http_status(1), "500 Internal Server Error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_trickle),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_zero_byte),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
