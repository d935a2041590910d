/* What a reload leaves as it is. The text of a configuration, then another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/config.h"

static struct config *load(const char *text)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    if (config_parse(&config, span_of(text), &mistakes) != STATUS_OK)
        mistakes_print(&mistakes, text, stderr);
    assert_non_null(config);
    mistakes_release(&mistakes);
    return config;
}

/* The new one after it took over from the old one, which is gone then. ignored:
 * the paths that were told, each with a space behind it. */
static struct config *reload(const char *before, const char *after, const char *ignored)
{
    struct config *old = load(before);
    struct config *now = load(after);
    struct mistakes told;
    char paths[400] = "";
    mistakes_init(&told);
    assert_int_equal(config_inherit(now, old, &told), STATUS_OK);
    for (size_t i = 0; i < told.kept; i++) {
        size_t len = strlen(paths);
        snprintf(paths + len, sizeof paths - len, "%s ", told.at[i].where);
    }
    assert_string_equal(paths, ignored);
    mistakes_release(&told);
    config_unref(old);
    return now;
}

#define BASE                                                                                 \
    "\"server\":{\"name\":\"S1\"},\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"port\":1}}," \
    "\"informer\":{\"address\":\"i\"}"

static void test_nothing_to_keep(void **state)
{
    (void)state;
    struct config *config = reload("{" BASE ",\"database\":{\"type\":\"open\"}}",
        "{" BASE ",\"database\":{\"type\":\"open\"},\"limits\":{\"hops\":3},"
        "\"log\":{\"level\":\"debug\"},\"admin\":{\"info\":1}}",
        "");
    assert_int_equal(config->limits.hops, 3);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(json_integer_value(config->admin_info), 1);
    config_unref(config);
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct config *config =
        reload("{" BASE ",\"database\":{\"type\":\"open\"},\"metrics\":{\"address\":\"unix:m\"}}",
            "{\"server\":{\"name\":\"S2\",\"user\":\"root\",\"sandbox\":false},\"network\":{"
            "\"types\":[\"unix\","
            "\"tcp6\"],"
            "\"unix\":{\"address\":\"u\"}},\"database\":{\"type\":\"sqlite\",\"sqlite\":{\"path\":"
            "\"d\"}},"
            "\"informer\":{\"address\":\"j\"}}",
            "server.name server.user server.sandbox network database informer.address "
            "metrics.address ");
    assert_string_equal(config->server_name, "S1");
    assert_null(config->user);
    assert_true(config->sandbox);
    assert_int_equal(config->listener_count, 1);
    assert_int_equal(config->listeners[0].address.port, 1);
    assert_int_equal(config->database, DATABASE_OPEN);
    assert_null(config->database_path);
    assert_string_equal(config->informer_path, "i");
    assert_true(config->has_metrics);
    assert_string_equal(config->metrics_address.path, "m");
    config_unref(config);
}

static void test_redis(void **state)
{
    (void)state;
#define REDIS(port, prefix)                                                                 \
    "{" BASE                                                                                \
    ",\"database\":{\"type\":\"redis\",\"redis\":{\"address\":\"127.0.0.1\",\"port\":" port \
    ",\"prefix\":\"" prefix "\"}}}"
    config_unref(reload(REDIS("7", "p"), REDIS("7", "p"), ""));
    struct config *config = reload(REDIS("7", "p"), REDIS("8", "p"), "database ");
    assert_int_equal(config->redis.address.port, 7);
    config_unref(config);
    config = reload(REDIS("7", "p"), REDIS("7", "q"), "database ");
    assert_string_equal(config->redis.prefix, "p");
    config_unref(config);
    config = reload(REDIS("7", "p"), "{" BASE ",\"database\":{\"type\":\"open\"}}", "database ");
    assert_int_equal(config->database, DATABASE_REDIS);
    assert_string_equal(config->redis.prefix, "p");
    config_unref(config);
    config = reload("{" BASE ",\"database\":{\"type\":\"sqlite\",\"sqlite\":{\"path\":\"d\"}}}",
        REDIS("7", "p"), "database ");
    assert_string_equal(config->database_path, "d");
    assert_null(config->redis.prefix);
    config_unref(config);
}

#define TLS(certificate, types)                                                                \
    "{\"database\":{\"type\":\"open\"},\"informer\":{\"address\":\"i\"},\"server\":{\"name\":" \
    "\"S1\"},"                                                                                 \
    "\"network\":{\"types\":[" types "],\"tls\":{\"certificate\":\"" certificate               \
    "\",\"key\":\"k\"}}}"

/* The same listeners may show another certificate; other listeners stay with the
 * one they have. */
static void test_certificates(void **state)
{
    (void)state;
    struct config *config =
        reload(TLS("a", "\"tcp4\",\"tls4\""), TLS("b", "\"tcp4\",\"tls4\""), "");
    assert_string_equal(config->certificate_path, "b");
    config_unref(config);
    config = reload(TLS("a", "\"tls4\""), TLS("b", "\"tcp4\""), "network ");
    assert_string_equal(config->certificate_path, "a");
    assert_string_equal(config->key_path, "k");
    assert_true(config->listeners[0].tls);
    config_unref(config);
    config = reload(TLS("a", "\"tcp4\""), TLS("b", "\"tls4\""), "network ");
    assert_null(config->certificate_path);
    config_unref(config);
}

static void test_references(void **state)
{
    (void)state;
    struct config *config = load("{" BASE ",\"database\":{\"type\":\"open\"}}");
    const struct config *other = config_ref(config);
    config_unref(config);
    assert_string_equal(other->server_name, "S1"); /* still there; the sanitizer looks too */
    config_unref(other);
    config_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_keep),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_redis),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests_name("config_inherit", tests, NULL, NULL);
}
