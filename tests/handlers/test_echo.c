#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The handler of docs/handlers.md, its main under another name. */
#define main echo_main
int echo_main(int argc, char **argv);
#include "docs/examples/echo.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

static void test_echo(void **state)
{
    (void)state;
    const struct handler_request request = {.data = SPAN_LITERAL("{\"a\": [1]}"),
        .user = "T",
        .server = "S1",
        .via = "S1",
        .scope = "client",
        .type = "echo"};
    struct blob *answer = handler_sdk_answer(&request, HANDLER_SDK_STREAM, handle, NULL);
    assert_non_null(answer);
    assert_true(span_is(blob_span(answer),
        "{\"header\":{\"exchange\":\"1\",\"status\":\"0\",\"commands\":[{\"type\":\"sendClients\","
        "\"data\":[\"T\"]}]},\"data\":{\"a\": [1]}}"));
    blob_unref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_echo)};
    return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
