/* config: listeners without TLS, which must not be reached by others than this
 * machine unless the configuration says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/check_command.h"
#include "besterd/config.h"

/* The configuration, NULL if text has mistakes; "where: sentence\n" for each of them,
 * the caller's. */
static char *told_of(const char *text, struct config **config)
{
    struct mistakes mistakes;
    struct config *made = NULL;
    char *lines = NULL;
    size_t len = 0;
    mistakes_init(&mistakes);
    (void)!config_parse(&made, span_of(text), &mistakes);
    FILE *out = open_memstream(&lines, &len);
    assert_non_null(out);
    mistakes_print(&mistakes, "", out);
    fclose(out);
    mistakes_release(&mistakes);
    if (config != NULL)
        *config = made;
    else
        config_unref(made);
    return lines;
}

enum plain { PLAIN_REFUSED, PLAIN_NARROWED, PLAIN_OPEN };

/* One listener without TLS, and what becomes of it. */
static void test_plain_text(void **state)
{
    static const struct {
        const char *text;
        enum plain plain;
        const char *address;
    } rows[] = {
        /* What the reference has: it starts, on loopback. */
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\",\"port\":\"2223\"},"
         "\"tcp6\":{\"address\":\"::\",\"port\":\"1\"},\"unix\":{\"address\":\"s\"}},"
         "\"handlers\":{\"availableTypes\":[\"a\"],\"typeMap\":{\"a\":{\"handlerBinary\":\"./"
         "h.py\","
         "\"unixDomainSocketPath\":\"aSock\"}}},\"database\":{\"type\":\"redis\",\"redis\":"
         "{\"address\":\"127.0.0.1\",\"port\":\"6379\"}},\"admin\":{\"info\":{}}}",
            PLAIN_NARROWED, "tcp4://127.0.0.1:2223"},
        {"{\"network\":{\"types\":[\"tcp6\"],\"tcp6\":{\"address\":\"::\"}}}", PLAIN_NARROWED,
            "tcp6://[::1]:2223"},
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"128.0.0.1\"}}}",
            PLAIN_NARROWED, "tcp4://127.0.0.1:2223"},
        {"{\"network\":{\"types\":[\"tcp6\"],\"tcp6\":{\"address\":\"::ffff:10.0.0.1\"}}}",
            PLAIN_NARROWED, "tcp6://[::1]:2223"},
        /* All of loopback is loopback. */
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"127.255.0.9\"}}}", PLAIN_OPEN,
            "tcp4://127.255.0.9:2223"},
        /* One member or value of ours, wherever it is. */
        {"{\"log\":{},\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\"}}}",
            PLAIN_REFUSED, NULL},
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\"}},"
         "\"database\":{\"redis\":{\"index\":1},\"type\":\"redis\"}}",
            PLAIN_REFUSED, NULL},
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\"}},"
         "\"database\":{\"type\":\"sqlite\"}}",
            PLAIN_REFUSED, NULL},
        {"{\"network\":{\"types\":[\"tcp4\",\"tls4\"],\"tcp4\":{\"address\":\"0.0.0.0\"}}}",
            PLAIN_REFUSED, NULL},
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\"},"
         "\"insecure\":false}}",
            PLAIN_REFUSED, NULL},
        {"{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"0.0.0.0\"},"
         "\"insecure\":true}}",
            PLAIN_OPEN, "tcp4://0.0.0.0:2223"},
        /* What is not opened is nobody's concern; what has TLS is meant for others. */
        {"{\"log\":{},\"network\":{\"types\":[\"tls4\"],\"tcp4\":{\"address\":\"0.0.0.0\"},"
         "\"tls4\":{\"address\":\"0.0.0.0\"}}}",
            PLAIN_OPEN, "tcp4://0.0.0.0:2224"},
        {"{\"network\":{\"types\":[\"peer6\"],\"peer6\":{\"address\":\"::\"}}}", PLAIN_OPEN,
            "tcp6://[::]:2225"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].plain == PLAIN_REFUSED) {
            char *told = told_of(rows[i].text, NULL);
            assert_non_null(strstr(told, "network.tcp4.address: is not on loopback"));
            free(told);
            continue;
        }
        struct config *config = NULL;
        char text[ADDRESS_TEXT_MAX];
        free(told_of(rows[i].text, &config));
        assert_non_null(config);
        assert_string_equal(
            address_format(&config->listeners[0].address, text, sizeof text), rows[i].address);
        assert_int_equal(config->listeners[0].narrowed, rows[i].plain == PLAIN_NARROWED);
        config_unref(config);
    }
}

/* `besterd check` says it, too, and where the way out is. */
static void test_plain_text_is_told(void **state)
{
    char name[] = "/tmp/bester-plain-XXXXXX";
    char check[] = "check";
    char *argv[] = {check, name, NULL};
    char *printed = NULL;
    size_t len = 0;
    int fd = mkstemp(name);
    static const char text[] = "{\"network\":{\"types\":[\"tcp6\"],\"tcp6\":{\"address\":\"::\"}}}";
    (void)state;
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    FILE *out = open_memstream(&printed, &len);
    assert_non_null(out);
    int code = check_command(2, argv, out, out);
    fclose(out);
    unlink(name);
    assert_int_equal(code, 0);
    assert_non_null(strstr(printed, ": warning: network.tcp6.address: \"::\" is not on loopback"));
    assert_non_null(strstr(printed, "::1 alone is listened on"));
    assert_non_null(strstr(printed, "\"insecure\": true in network"));
    assert_non_null(strstr(printed, ": ok\n"));
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_plain_text_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
