/* accounts: whose password is hashed, when, and at what cost; nobody can have it all. */
#include "tests/besterd/inquirer.h"

#include <stdlib.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "besterd/log.h"
#include "tests/besterd/hash_watch.h"

enum { PATH_BYTES = 200, WAITING_MAX = 1024, ATTACKER = 1, HONEST = 2 };

struct fixture {
    struct inquirer inquirer;
    struct accounts_callbacks callbacks;
    enum status admitted; /* what admit says */
    size_t asked;         /* how often it was */
    char directory[40];
    char path[PATH_BYTES];
};

static enum status on_admit(uint64_t ticket, void *user)
{
    struct fixture *self = user; /* the inquirer is its first member */
    assert_false(self->inquirer.is_asking);
    (void)ticket;
    self->asked++;
    return self->admitted;
}

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    struct fault fault = {.text = ""};
    char hash[PASSWORD_HASH_CAP];
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-turns-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/accounts.db", self->directory);
    self->inquirer.loop = ev_loop_new(EVFLAG_AUTO);
    self->callbacks = inquirer_callbacks;
    self->callbacks.admit = on_admit;
    assert_int_equal(password_init(), STATUS_OK);
    struct account_store *store = account_store_new(self->path);
    assert_int_equal(password_hash(SPAN_LITERAL("secret"), hash), STATUS_OK);
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(account_store_add(store, "T", hash, &fault), STATUS_OK);
    account_store_free(store);
    struct config config = {.database = DATABASE_SQLITE, .database_path = self->path};
    inquirer_open(&self->inquirer, &config);
    self->inquirer.accounts->callbacks = &self->callbacks;
    (void)hash_watch_count();
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    char path[PATH_BYTES + 8];
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    hash_watch_hold(false);
    accounts_free(self->inquirer.accounts);
    ev_loop_destroy(self->inquirer.loop);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", self->path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
    return 0;
}

static enum status ask(struct fixture *self, const char *password, uint64_t from, uint64_t ticket)
{
    return accounts_verify(self->inquirer.accounts, "T", span_of(password), from, ticket);
}

/* Whether the user is there, and what is stored for him, costs one hash in any case;
 * what never gets so far costs none. */
static void test_the_same_work(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(hash_watch_count(), 1);
    assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    assert_int_equal(hash_watch_count(), 1);
    assert_int_equal(verify(&self->inquirer, "nobody", "wrong"), STATUS_AUTH_FAILED);
    assert_int_equal(hash_watch_count(), 1);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
    assert_int_equal(hash_watch_count(), 0);
    assert_int_equal(self->asked, 3);
}

static void test_who_is_not_admitted_costs_nothing(void **state)
{
    struct fixture *self = *state;
    self->admitted = STATUS_RATE_LIMITED;
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_RATE_LIMITED);
    assert_int_equal(verify(&self->inquirer, "nobody", "secret"), STATUS_RATE_LIMITED);
    self->admitted = STATUS_CLOSED;
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_CLOSED);
    assert_int_equal(hash_watch_count(), 0);
    assert_int_equal(self->asked, 3);
    self->admitted = STATUS_OK;
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
}

/* All that was asked before has been looked up: there is one thread for that. */
static void await_look_ups(struct fixture *self)
{
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 8), STATUS_OK);
    wait_for(&self->inquirer, 1);
}

static void test_a_flood_from_elsewhere(void **state)
{
    struct fixture *self = *state;
    enum { FLOOD = 50 };
    hash_watch_hold(true);
    for (uint64_t i = 0; i < FLOOD; i++)
        assert_int_equal(ask(self, "held", ATTACKER, i), STATUS_OK);
    assert_int_equal(ask(self, "secret", HONEST, FLOOD), STATUS_OK);
    await_look_ups(self);
    size_t place;
    if (sysconf(_SC_NPROCESSORS_ONLN) > 2) { /* there is more than one thread */
        place = hash_watch_await('s');       /* while the attacker's are held up */
        hash_watch_hold(false);
        assert_true(place <= 4);
    } else {
        hash_watch_hold(false);
        place = hash_watch_await('s');
        assert_true(place <= 1);
    }
    wait_for(&self->inquirer, FLOOD + 1);
    assert_int_equal(hash_watch_count(), FLOOD + 1);
}

/* When all places are taken, the longest line gives way, from its end. */
static void test_a_full_queue(void **state)
{
    struct fixture *self = *state;
    hash_watch_hold(true);
    for (uint64_t i = 0; i < WAITING_MAX; i++)
        assert_int_equal(ask(self, "held", ATTACKER, i), STATUS_OK);
    assert_int_equal(ask(self, "held", ATTACKER, 9999), STATUS_OVERLOADED);
    await_look_ups(self);
    size_t before = self->inquirer.count;
    assert_int_equal(ask(self, "held", ATTACKER, 9999), STATUS_OVERLOADED);
    assert_int_equal(self->inquirer.count, before);
    assert_int_equal(ask(self, "secret", HONEST, 5000), STATUS_OK);
    assert_int_equal(self->inquirer.count, before + 1);
    assert_int_equal(self->inquirer.answers[before].ticket, WAITING_MAX - 1);
    assert_int_equal(self->inquirer.answers[before].status, STATUS_OVERLOADED);
    await_look_ups(self);
    /* Freed with all of them waiting: nobody is called, nothing leaks. */
    hash_watch_hold(false);
    before = self->inquirer.count;
    inquirer_close(&self->inquirer);
    assert_int_equal(self->inquirer.count, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_the_same_work),
        TEST(test_who_is_not_admitted_costs_nothing),
        TEST(test_a_flood_from_elsewhere),
        TEST(test_a_full_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
