/* config: what a handler may do, and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "besterd/config.h"

static struct config *parse(const char *text)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(config_parse(&config, span_of(text), &mistakes), STATUS_OK);
    mistakes_release(&mistakes);
    return config;
}

#define HANDLER(more)                                                                         \
    "{\"handlers\":{\"availableTypes\":[\"a\"],\"typeMap\":{\"a\":{\"unixDomainSocketPath\":" \
    "\"x\"" more "}}}}"

static void test_to_whom(void **state)
{
    struct config *config =
        parse(HANDLER(",\"mayCommand\":{\"sendClients\":[\"T\",\"guest-*\"],\"sendHandler\":[]}"));
    const struct config_handler *handler = &config->handlers[0];
    (void)state;
    assert_int_equal(handler->may_command, MAY_SEND_CLIENTS | MAY_SEND_HANDLER);
    assert_true(nameset_has(handler->may_name[0], "T"));
    assert_true(nameset_has(handler->may_name[0], "guest-1"));
    assert_false(nameset_has(handler->may_name[0], "G"));
    assert_null(handler->may_name[1]);
    assert_false(nameset_has(handler->may_name[2], "chat"));
    config_unref(config);
}

static void test_to_everybody(void **state)
{
    static const struct {
        const char *text;
        unsigned may;
    } rows[] = {
        {HANDLER(""), MAY_ALL},
        {HANDLER(",\"mayCommand\":[]"), 0},
        {HANDLER(",\"mayCommand\":{}"), 0},
        {HANDLER(",\"mayCommand\":[\"sendServers\"]"), MAY_SEND_SERVERS},
        {HANDLER(",\"mayCommand\":{\"sendServers\":[\"*\"]}"), MAY_SEND_SERVERS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *config = parse(rows[i].text);
        const struct config_handler *handler = &config->handlers[0];
        assert_int_equal(handler->may_command, rows[i].may);
        assert_true(!handler->may_name[1] || nameset_has(handler->may_name[1], "anybody:1"));
        config_unref(config);
    }
}

static void test_words(void **state)
{
    struct config *config = parse(HANDLER(",\"protocol\":\"stream\""));
    (void)state;
    assert_int_equal(config->handlers[0].words_per_s, 1000);
    assert_int_equal(config->handlers[0].word_burst, 1000);
    assert_int_equal(config->handlers[0].words_in_flight, 256);
    config_unref(config);
    config = parse(HANDLER(",\"protocol\":\"stream\",\"wordsPerSecond\":5,\"wordBurst\":6,"
                           "\"wordsInFlight\":7"));
    assert_int_equal(config->handlers[0].words_per_s, 5);
    assert_int_equal(config->handlers[0].word_burst, 6);
    assert_int_equal(config->handlers[0].words_in_flight, 7);
    config_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_whom),
        cmocka_unit_test(test_to_everybody),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
