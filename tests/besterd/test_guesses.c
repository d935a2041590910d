/* guesses: who may try a password, at the edges, by a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "besterd/guesses.h"

#define assert_near(found, wanted) assert_true(fabs((found) - (wanted)) < 1e-6)

enum { PAIR_BURST = 3, ADDRESS_BURST = 6, USER_BURST = 8 };

/* One more of a user at an address each 10 s, of an address each 5 s, of a user each 2 s. */
static const struct rate rates[GUESS_LIMITS] = {
    [GUESS_PAIR] = {0.1, PAIR_BURST},
    [GUESS_ADDRESS] = {0.2, ADDRESS_BURST},
    [GUESS_USER] = {0.5, USER_BURST},
};

static double now_s;

static int set_up(void **state)
{
    now_s = 1000;
    *state = guesses_new();
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    guesses_free(*state);
    return 0;
}

/* Keys are hashes. */
static uint64_t mixed(uint64_t number)
{
    number = (number + 1) * 0x9E3779B97F4A7C15u;
    return number ^ number >> 29;
}

static struct guess of(uint64_t user, uint64_t address)
{
    return (struct guess){.keys = {[GUESS_PAIR] = user << 42 | address,
                              [GUESS_ADDRESS] = mixed(address),
                              [GUESS_USER] = mixed(user << 42)}};
}

static double wait_of(
    const struct guesses *self, uint64_t user, uint64_t address, enum guess_limit *which)
{
    struct guess guess = of(user, address);
    return guesses_wait(self, &guess, rates, now_s, which);
}

/* The seconds to wait; where there are none, a wrong password is tried. */
static double wrong(struct guesses *self, uint64_t user, uint64_t address)
{
    struct guess guess = of(user, address);
    enum guess_limit which;
    double wait_s = guesses_wait(self, &guess, rates, now_s, &which);
    if (wait_s <= 0)
        guesses_begin(self, &guess, rates, now_s);
    return wait_s;
}

static void succeed(struct guesses *self, uint64_t user, uint64_t address)
{
    enum guess_limit which;
    struct guess guess = of(user, address);
    assert_true(guesses_wait(self, &guess, rates, now_s, &which) <= 0);
    guesses_begin(self, &guess, rates, now_s);
    guesses_right(self, &guess, rates, now_s);
}

static void test_a_user_at_an_address(void **state)
{
    enum guess_limit which = GUESS_USER;
    struct guess guess = of(1, 1);
    for (unsigned i = 0; i < PAIR_BURST; i++) {
        assert_int_equal(guesses_failed(*state, &guess, rates, now_s), i);
        assert_near(wrong(*state, 1, 1), 0);
    }
    assert_int_equal(guesses_failed(*state, &guess, rates, now_s), PAIR_BURST);
    assert_near(wait_of(*state, 1, 1, &which), 10);
    assert_int_equal(which, GUESS_PAIR);
    assert_near(wrong(*state, 1, 1), 10); /* refused: nothing is added */
    now_s += 9.5;
    assert_near(wrong(*state, 1, 1), 0.5);
    now_s += 0.5;
    assert_near(wrong(*state, 1, 1), 0);
    assert_near(wrong(*state, 1, 1), 10);
    assert_near(wrong(*state, 2, 1), 0); /* another user there */
    assert_near(wrong(*state, 1, 2), 0); /* the user elsewhere */
}

static void test_success_begins_anew(void **state)
{
    for (int i = 0; i < PAIR_BURST - 1; i++)
        assert_near(wrong(*state, 1, 1), 0);
    succeed(*state, 1, 1);
    for (int i = 0; i < PAIR_BURST; i++)
        assert_near(wrong(*state, 1, 1), 0);
    assert_near(wrong(*state, 1, 1), 10);
}

static void test_who_never_fails_never_waits(void **state)
{
    enum guess_limit which;
    for (int i = 0; i < 1000; i++)
        succeed(*state, 1, 1);
    for (uint64_t user = 1; user < 100; user++)
        succeed(*state, user, 1);
    for (int i = 0; i < 1000; i++) { /* and so where nobody knows */
        struct guess guess = of(1, 1);
        assert_near(wait_of(*state, 1, 1, &which), 0);
        guesses_begin(*state, &guess, rates, now_s);
        guesses_void(*state, &guess, rates, now_s);
    }
}

static void test_an_address(void **state)
{
    enum guess_limit which = GUESS_USER;
    succeed(*state, 50, 1);
    for (uint64_t user = 1; user <= ADDRESS_BURST; user++)
        assert_near(wrong(*state, user, 1), 0);
    assert_near(wait_of(*state, 20, 1, &which), 5);
    assert_int_equal(which, GUESS_ADDRESS);
    assert_near(wrong(*state, 20, 2), 0); /* elsewhere */
    /* Who has logged in there is known, and can still do so; that opens it to nobody
     * else: somebody may have an account and guess others. */
    succeed(*state, 50, 1);
    assert_near(wait_of(*state, 20, 1, &which), 5);
    for (int i = 0; i < PAIR_BURST; i++)
        assert_near(wrong(*state, 50, 1), 0);
    assert_near(wrong(*state, 50, 1), 10);
}

static void test_a_user_from_everywhere(void **state)
{
    enum guess_limit which = GUESS_PAIR;
    succeed(*state, 1, 100);
    for (uint64_t address = 1; address <= USER_BURST; address++)
        assert_near(wrong(*state, 1, address), 0);
    assert_near(wait_of(*state, 1, 1, &which), 2); /* has guessed already */
    assert_int_equal(which, GUESS_USER);
    /* The user is not locked out: neither where he is known, */
    succeed(*state, 1, 100);
    assert_near(wrong(*state, 1, 100), 0);
    assert_near(wrong(*state, 1, 100), 0);
    /* nor at a new address, where the first try counts and the second has to wait. */
    assert_near(wrong(*state, 1, 200), 0);
    assert_true(wrong(*state, 1, 200) > 0);
    assert_near(wrong(*state, 2, 300), 0);
    assert_true(wrong(*state, 1, 300) > 0); /* an address that guesses somebody else */
    assert_near(wrong(*state, 2, 1), 0);    /* other users do not notice */
}

/* Ten times as many addresses as there are places do not push out whom they guess, nor
 * who is known. */
static void test_many_addresses(void **state)
{
    enum guess_limit which;
    succeed(*state, 1, 7);
    for (int i = 0; i < PAIR_BURST; i++)
        (void)wrong(*state, 2, 9);
    for (uint64_t i = 0; i < UINT64_C(10) * RATES_PLACES; i++)
        (void)wrong(*state, 1, 1000 + i * 7919);
    assert_true(wait_of(*state, 2, 9, &which) > 0);
    assert_near(wait_of(*state, 1, 7, &which), 0);
}

/* Of the known those give way who came the longest ago. */
static void test_the_known_are_bounded(void **state)
{
    enum guess_limit which;
    enum { SETS = 1024, WAYS = 8 };
    for (uint64_t i = 0; i < WAYS + 1; i++) { /* all in one set */
        now_s += 1;
        succeed(*state, 1, i * SETS);
    }
    for (uint64_t i = 1; i <= USER_BURST; i++)
        assert_near(wrong(*state, 1, i * SETS + 1), 0);
    for (uint64_t i = 0; i < WAYS + 1; i++)
        assert_near(wrong(*state, 1, i * SETS), 0); /* once, in any case */
    assert_true(wait_of(*state, 1, 0, &which) > 0);
    for (uint64_t i = 1; i < WAYS + 1; i++)
        assert_near(wait_of(*state, 1, i * SETS, &which), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_user_at_an_address),
        TEST(test_success_begins_anew),
        TEST(test_who_never_fails_never_waits),
        TEST(test_an_address),
        TEST(test_a_user_from_everywhere),
        TEST(test_many_addresses),
        TEST(test_the_known_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
