/* limits: what one address and one user may take, at the edges, by a clock that the
 * test moves. */
#include "tests/besterd/support.h"

#include <arpa/inet.h>
#include <math.h>

#include "besterd/limits.h"
#include "besterd/log.h"

#define assert_near(found, wanted) assert_true(fabs((found) - (wanted)) < 1e-6)

static double clock_s;

static double now_s(void)
{
    return clock_s;
}

struct world {
    struct config *config;
    struct metrics *metrics;
    struct limits *limits;
};

#define LIMITS                                                                                   \
    "\"sessionsPerUser\":2,\"sessionsPerAddress\":4,\"connectsPerSecond\":1,\"connectBurst\":6," \
    "\"addressMessagesPerSecond\":10,\"addressMessageBurst\":20,"                                \
    "\"userMessagesPerSecond\":5,\"userMessageBurst\":8"

static struct config *configure(const char *extra)
{
    return config_of("{\"database\":{\"type\":\"open\"},"
                     "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"/nowhere\"}},"
                     "\"peers\":{\"S2\":{\"address\":\"192.0.2.99:2223\",\"legacy\":true},"
                     "\"S3\":{\"address\":\"[2001:db8:7::1]:2223\",\"legacy\":true},"
                     "\"S4\":{\"address\":\"a.name.example:1\",\"legacy\":true}},"
                     "\"limits\":{" LIMITS "%s}}",
        extra);
}

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    clock_s = 1000;
    self->config = configure("");
    self->metrics = metrics_new();
    self->limits = limits_new(self->config, self->metrics, now_s);
    assert_non_null(self->limits);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    limits_free(self->limits);
    metrics_free(self->metrics);
    config_unref(self->config);
    free(self);
    return 0;
}

static enum status admit(struct world *self, const char *address, struct guest **guest)
{
    struct sockaddr_storage from = {.ss_family = AF_INET};
    struct fault fault = {.text = ""};
    if (address == NULL)
        from.ss_family = AF_UNIX;
    else if (strchr(address, ':') != NULL)
        from.ss_family = AF_INET6;
    if (from.ss_family == AF_INET)
        assert_int_equal(inet_pton(AF_INET, address, &((struct sockaddr_in *)&from)->sin_addr), 1);
    if (from.ss_family == AF_INET6)
        assert_int_equal(
            inet_pton(AF_INET6, address, &((struct sockaddr_in6 *)&from)->sin6_addr), 1);
    enum status status = limits_admit_from(self->limits, &from, 1000, guest, &fault);
    assert_int_equal(status == STATUS_OK, fault.text[0] == '\0');
    return status;
}

static unsigned hits(const struct world *self, enum limit limit)
{
    return (unsigned)metrics_value(self->metrics, METRIC_LIMIT_HITS, limit, 0);
}

static void test_connections_of_an_address(void **state)
{
    struct world *self = *state;
    struct guest *guests[4], *other;
    for (int i = 0; i < 4; i++)
        assert_int_equal(admit(self, "192.0.2.1", &guests[i]), STATUS_OK);
    assert_ptr_equal(guests[0], guests[3]);
    assert_int_equal(admit(self, "192.0.2.1", &other), STATUS_RATE_LIMITED);
    assert_null(other);
    assert_int_equal(hits(self, LIMIT_SESSIONS_PER_ADDRESS), 1);
    assert_int_equal(admit(self, "192.0.2.2", &other), STATUS_OK);
    limits_leave(self->limits, other);
    limits_leave(self->limits, guests[0]);
    assert_int_equal(admit(self, "192.0.2.1", &guests[0]), STATUS_OK);
    for (int i = 0; i < 4; i++)
        limits_leave(self->limits, guests[i]);
}

static void test_connects_in_a_second(void **state)
{
    struct world *self = *state;
    struct guest *guest;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(admit(self, "192.0.2.1", &guest), STATUS_OK);
        limits_leave(self->limits, guest);
    }
    assert_int_equal(admit(self, "192.0.2.1", &guest), STATUS_RATE_LIMITED);
    assert_int_equal(hits(self, LIMIT_CONNECTS), 1);
    clock_s += 1;
    assert_int_equal(admit(self, "192.0.2.1", &guest), STATUS_OK);
    limits_leave(self->limits, guest);
    assert_int_equal(admit(self, "192.0.2.1", &guest), STATUS_RATE_LIMITED);
}

static void test_who_is_the_same(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"2001:db8::1", "2001:db8::ffff:0:0:2", true}, /* a /64 */
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"::ffff:192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
    };
    struct world *self = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct guest *one, *other;
        assert_int_equal(admit(self, rows[i].one, &one), STATUS_OK);
        assert_int_equal(admit(self, rows[i].other, &other), STATUS_OK);
        assert_int_equal(one == other, rows[i].same);
        limits_leave(self->limits, one);
        limits_leave(self->limits, other);
    }
}

static void test_who_is_not_limited(void **state)
{
    static const char *const addresses[] = {
        NULL, "127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "192.0.2.99", "2001:db8:7::5"};
    struct world *self = *state;
    struct guest *guest;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        for (int k = 0; k < 20; k++) {
            assert_int_equal(admit(self, addresses[i], &guest), STATUS_OK);
            assert_null(guest);
        }
    assert_true(limits_message(self->limits, NULL, 1) == 0);
    /* A reload says otherwise, of those of this machine; peers stay. */
    struct config *config = configure(",\"alsoLocal\":true");
    limits_reconfigure(self->limits, config);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        assert_int_equal(admit(self, addresses[i], &guest), STATUS_OK);
        assert_int_equal(guest != NULL, i < 5);
        limits_leave(self->limits, guest);
    }
    limits_reconfigure(self->limits, self->config);
    config_unref(config);
}

static void test_logins_of_a_user(void **state)
{
    struct world *self = *state;
    struct fault fault;
    assert_int_equal(limits_log_in(self->limits, 0, &fault), STATUS_OK);
    assert_int_equal(limits_log_in(self->limits, 1, &fault), STATUS_OK);
    assert_int_equal(limits_log_in(self->limits, 2, &fault), STATUS_RATE_LIMITED);
    assert_string_equal(fault.text, "logged in 2 times already; 2 are allowed");
    assert_int_equal(hits(self, LIMIT_SESSIONS_PER_USER), 1);
}

/* A user's messages count together wherever he is, an address' whoever is there. */
static void test_messages_in_a_second(void **state)
{
    struct world *self = *state;
    struct guest *here, *there;
    uint64_t t = limits_user(self->limits, "T"), g = limits_user(self->limits, "G");
    assert_int_equal(admit(self, "192.0.2.1", &here), STATUS_OK);
    assert_int_equal(admit(self, "192.0.2.2", &there), STATUS_OK);
    for (int i = 0; i < 7; i++)
        assert_true(limits_message(self->limits, i % 2 ? here : there, t) == 0);
    assert_int_equal(hits(self, LIMIT_USER_MESSAGES), 0);
    assert_near(limits_message(self->limits, here, t), 0.2); /* that was the 8th */
    assert_int_equal(hits(self, LIMIT_USER_MESSAGES), 1);
    for (int i = 0; i < 7; i++)
        assert_true(limits_message(self->limits, here, g) == 0);
    clock_s += 0.1; /* the address gets one: it has sent 11 */
    for (uint64_t i = 0; i < 8; i++)
        assert_true(limits_message(self->limits, here, 1000 + i) == 0);
    assert_int_equal(hits(self, LIMIT_ADDRESS_MESSAGES), 0);
    (void)limits_message(self->limits, here, 1008);
    assert_near(limits_message(self->limits, here, 1009), 0.1);
    assert_int_equal(hits(self, LIMIT_ADDRESS_MESSAGES), 1);
    limits_leave(self->limits, here);
    limits_leave(self->limits, there);
}

/* A flood does not fill the log, and the metrics miss nothing of it. */
static void test_the_log_is_bounded(void **state)
{
    struct world *self = *state;
    struct guest *guest;
    char text[8192];
    FILE *file = tmpfile();
    assert_non_null(file);
    log_open(fileno(file), LOG_LEVEL_WARNING);
    for (int second = 0; second < 2; second++) {
        for (int i = 0; i < 6 + 1000; i++)
            if (admit(self, "192.0.2.1", &guest) == STATUS_OK)
                limits_leave(self->limits, guest);
        clock_s += 1;
    }
    for (int i = 0; i < 1000; i++)
        limits_log(self->limits, LOG_LEVEL_WARNING, "session 1", "%d", i);
    log_close();
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unsigned lines = 0;
    for (const char *at = text; (at = strstr(at, "limits.connectsPerSecond")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 2 * LOG_VALVE_LINES);
    assert_non_null(strstr(text, "995 lines more like the last were not written"));
    assert_non_null(strstr(text, "session 1: 4\n"));
    assert_null(strstr(text, "session 1: 5\n"));
    assert_int_equal(hits(self, LIMIT_CONNECTS), 1000 + 1005);
}

/* ---- logins ---- */

/* Seconds to wait, of what it says; 0: it may be tried, and fails. */
static unsigned wrong(struct world *self, const struct guest *guest, const char *name)
{
    unsigned taken;
    struct fault fault = {.text = ""};
    enum status status = limits_guess(self->limits, guest, name, &taken, &fault);
    if (status == STATUS_OK) {
        limits_guessed(self->limits, guest, name, taken, STATUS_AUTH_FAILED);
        return 0;
    }
    assert_int_equal(status, STATUS_RATE_LIMITED);
    static const char before[] = "too many failed logins; try again in ";
    char *end;
    assert_int_equal(strncmp(fault.text, before, sizeof before - 1), 0);
    unsigned long wait_s = strtoul(fault.text + sizeof before - 1, &end, 10);
    assert_string_equal(end, " seconds");
    return (unsigned)wait_s;
}

static void right(struct world *self, const struct guest *guest, const char *name)
{
    unsigned taken;
    struct fault fault;
    assert_int_equal(limits_guess(self->limits, guest, name, &taken, &fault), STATUS_OK);
    limits_guessed(self->limits, guest, name, taken, STATUS_OK);
}

/* The defaults: 10 at once and 2 in a minute of one user at one address, and ten times
 * as many for all users there. An IPv6 address is its first 64 bits. */
static void test_failed_logins(void **state)
{
    struct world *self = *state;
    struct guest *here, *next_door, *elsewhere;
    struct fault fault;
    assert_int_equal(admit(self, "2001:db8::1", &here), STATUS_OK);
    assert_int_equal(admit(self, "2001:db8::2:3:4:5", &next_door), STATUS_OK);
    assert_int_equal(admit(self, "2001:db8:0:1::1", &elsewhere), STATUS_OK);
    assert_int_equal(limits_address(here), limits_address(next_door));
    assert_int_not_equal(limits_address(here), limits_address(elsewhere));
    for (int i = 0; i < 10; i++)
        assert_int_equal(wrong(self, i % 2 ? here : next_door, "T"), 0);
    assert_int_equal(hits(self, LIMIT_GUESSES), 0);
    assert_int_equal(wrong(self, here, "T"), 30);
    assert_int_equal(hits(self, LIMIT_GUESSES), 1);
    assert_int_equal(limits_login(self->limits, next_door, "T", &fault), STATUS_RATE_LIMITED);
    assert_int_equal(limits_login(self->limits, elsewhere, "T", &fault), STATUS_OK);
    clock_s += 0.5;
    assert_int_equal(wrong(self, here, "T"), 30); /* not told too early */
    clock_s += 29.5;
    right(self, here, "T");
    for (int i = 0; i < 10; i++)
        assert_int_equal(wrong(self, here, "T"), 0);
    char name[8];
    for (int i = 0; hits(self, LIMIT_ADDRESS_GUESSES) == 0; i++) {
        snprintf(name, sizeof name, "u%u", (unsigned)i % 1000);
        assert_int_equal(wrong(self, here, name), i < 90 ? 0 : 3); /* 10 were before, of T */
    }
    limits_leave(self->limits, here);
    limits_leave(self->limits, next_door);
    limits_leave(self->limits, elsewhere);
}

static void test_failed_logins_from_everywhere(void **state)
{
    struct world *self = *state;
    struct guest *guests[101];
    char address[20];
    struct guest *home;
    assert_int_equal(admit(self, "198.51.100.7", &home), STATUS_OK);
    right(self, home, "T");
    for (int i = 0; i < 101; i++) {
        snprintf(address, sizeof address, "192.0.2.%d", i + 100);
        assert_int_equal(admit(self, address, &guests[i]), STATUS_OK);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(wrong(self, guests[i], "T"), 0);
    assert_int_equal(hits(self, LIMIT_USER_GUESSES), 0);
    assert_int_equal(wrong(self, guests[0], "T"), 3);
    assert_int_equal(hits(self, LIMIT_USER_GUESSES), 1);
    assert_int_equal(wrong(self, guests[100], "T"), 0); /* once */
    assert_int_equal(wrong(self, guests[100], "T"), 3);
    right(self, home, "T");
    for (int i = 0; i < 101; i++)
        limits_leave(self->limits, guests[i]);
    limits_leave(self->limits, home);
}

/* Local ones are nobody in particular. */
static void test_failed_logins_here(void **state)
{
    struct world *self = *state;
    struct guest *guest;
    assert_int_equal(admit(self, NULL, &guest), STATUS_OK);
    assert_int_equal(limits_address(guest), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(wrong(self, guest, "T"), 0);
    limits_leave(self->limits, guest);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_connections_of_an_address),
        TEST(test_connects_in_a_second),
        TEST(test_who_is_the_same),
        TEST(test_who_is_not_limited),
        TEST(test_logins_of_a_user),
        TEST(test_messages_in_a_second),
        TEST(test_the_log_is_bounded),
        TEST(test_failed_logins),
        TEST(test_failed_logins_from_everywhere),
        TEST(test_failed_logins_here),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
