/* Accounts in Redis, asked from a loop, with a real redis-server. */
#include "tests/besterd/inquirer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "tests/besterd/hash_watch.h"
#include "tests/besterd/log_watch.h"
#include "tests/besterd/redis_server.h"

enum { TIMEOUT_MS = 2000, SHORT_MS = 200, MANY = 40 };

struct fixture {
    struct inquirer inquirer;
    struct redis_server redis;
    struct log_watch log;
    struct config config;
    char prefix[CONFIG_REDIS_PREFIX_MAX + 1];
    char password_file[80];
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    if (self == NULL || !redis_server_init(&self->redis))
        return -1;
    struct config_redis *settings = &self->config.redis;
    self->config.database = DATABASE_REDIS;
    settings->address.kind = ADDRESS_UNIX;
    snprintf(settings->address.path, sizeof settings->address.path, "%s", self->redis.socket);
    settings->prefix = self->prefix;
    settings->timeout_ms = TIMEOUT_MS;
    snprintf(self->password_file, sizeof self->password_file, "%s/password", self->redis.directory);
    self->inquirer.loop = ev_loop_new(EVFLAG_AUTO);
    log_watch_begin(&self->log, self->inquirer.loop);
    *state = self;
    return password_init() == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    inquirer_close(&self->inquirer);
    log_watch_end(&self->log);
    ev_loop_destroy(self->inquirer.loop);
    redis_server_release(&self->redis);
    free(self);
    return 0;
}

static void start(struct fixture *self, const char *const *options)
{
    redis_server_start(&self->redis, options);
    inquirer_open(&self->inquirer, &self->config);
}

static void add_user(struct fixture *self, const char *username, const char *password)
{
    char hash[PASSWORD_HASH_CAP];
    struct fault fault = {.text = ""};
    struct account_store *store = account_store_of(&self->config);
    assert_int_equal(password_hash(span_of(password), hash), STATUS_OK);
    if (account_store_add(store, username, hash, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    account_store_free(store);
}

static void write_password(struct fixture *self, const char *text, mode_t mode)
{
    FILE *file = fopen(self->password_file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(self->password_file, mode), 0);
    self->config.redis.password_file = self->password_file;
}

#define SAY(self, ...) redis_server_say(&(self)->redis, __VA_ARGS__, NULL)

/* Asks until the answer is no more that Redis is away; in between something
 * happens: the next attempt, if nothing else. */
static enum status verify_in_the_end(
    struct fixture *self, const char *username, const char *password)
{
    enum status status;
    while ((status = verify(&self->inquirer, username, password)) == STATUS_OVERLOADED)
        ev_run(self->inquirer.loop, EVRUN_ONCE);
    return status;
}

/* ---- all is well ---- */

static void test_verify(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "T", ""), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "t", "secret"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "G", "secret"), STATUS_AUTH_FAILED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
    assert_int_equal(exists(&self->inquirer, "G"), STATUS_UNKNOWN_USER);
    char overlong[PASSWORD_MAX + 2];
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    assert_int_equal(verify(&self->inquirer, "T", overlong), STATUS_AUTH_FAILED);
    add_user(self, "G\xc3\xb6t \"x\"", "other"); /* while the server runs */
    assert_int_equal(verify(&self->inquirer, "G\xc3\xb6t \"x\"", "other"), STATUS_OK);
    assert_string_equal(SAY(self, "DEL", "T"), "1");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_AUTH_FAILED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_UNKNOWN_USER);
}

static void test_prefix_and_index(void **state)
{
    struct fixture *self = *state;
    snprintf(self->prefix, sizeof self->prefix, "bester:user:");
    self->config.redis.index = 3;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_string_equal(SAY(self, "EXISTS", "bester:user:T"), "0"); /* not in the first */
    assert_string_equal(SAY(self, "SWAPDB", "0", "3"), "OK");
    assert_string_equal(SAY(self, "KEYS", "*"), "bester:user:T");
    assert_string_equal(SAY(self, "HKEYS", "bester:user:T"), "argon2id");
}

/* Each ticket is answered once; hashing does not hold up the other question. */
static void test_many_at_once(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    inquirer_open(&self->inquirer, &self->config);
    for (uint64_t i = 0; i < MANY; i++) {
        struct span password = i % 2 == 0 ? SPAN_LITERAL("secret") : SPAN_LITERAL("wrong");
        assert_int_equal(accounts_verify(self->inquirer.accounts, "T", password, 0, i), STATUS_OK);
    }
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", MANY), STATUS_OK);
    wait_for(&self->inquirer, MANY + 1);
    bool seen[MANY + 1] = {false};
    size_t place = 0;
    for (size_t i = 0; i < self->inquirer.count; i++) {
        const struct answer *answer = &self->inquirer.answers[i];
        assert_false(seen[answer->ticket]);
        seen[answer->ticket] = true;
        bool good = answer->ticket == MANY || answer->ticket % 2 == 0;
        assert_int_equal(answer->status, good ? STATUS_OK : STATUS_AUTH_FAILED);
        if (!answer->is_verify)
            place = i;
    }
    assert_true(place < MANY / 2);
}

static void test_too_many_at_once(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    size_t taken = 0;
    while (accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("x"), 0, taken) == STATUS_OK)
        assert_true(++taken < ANSWERS_MAX);
    assert_int_equal(
        accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("x"), 0, 0), STATUS_OVERLOADED);
    assert_true(taken >= 1000);
    /* Freed with all of them waiting: nobody is called, nothing leaks. */
    inquirer_close(&self->inquirer);
    assert_int_equal(self->inquirer.count, 0);
}

static void test_asking_from_an_answer(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    self->inquirer.ask_again = true;
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    wait_for(&self->inquirer, 2);
    assert_int_equal(self->inquirer.answers[1].ticket, 2);
}

/* A handler's process must not inherit the connection. */
static void test_descriptors_are_not_inherited(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_UNKNOWN_USER);
    int sockets = 0;
    for (int fd = 3; fd < 100; fd++) {
        struct stat stat_now;
        if (fstat(fd, &stat_now) != 0 || !S_ISSOCK(stat_now.st_mode))
            continue;
        sockets++;
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    assert_int_equal(sockets, 1);
}

/* One hash for each, whoever it is and whether it is right. build/bench/logins has the
 * time. */
static void test_the_same_work(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    SAY(self, "HSET", "P", "password", "secret");
    SAY(self, "SET", "S", "no hash");
    inquirer_open(&self->inquirer, &self->config);
    static const struct {
        const char *user, *password;
        enum status status;
    } rows[] = {{"T", "wrong", STATUS_AUTH_FAILED}, {"T", "secret", STATUS_OK},
        {"nobody", "wrong", STATUS_AUTH_FAILED}, {"S", "wrong", STATUS_AUTH_FAILED},
        {"P", "wrong", STATUS_AUTH_FAILED}, {"P", "secret", STATUS_OK},
        {"P", "wrong", STATUS_AUTH_FAILED}};
    assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK); /* connected */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)hash_watch_count();
        assert_int_equal(verify(&self->inquirer, rows[i].user, rows[i].password), rows[i].status);
        assert_int_equal(hash_watch_count(), 1);
    }
}

/* ---- what the reference stored ---- */

static void test_plain_text_is_replaced(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    SAY(self, "HSET", "T", "password", "secret", "colour", "blue");
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    assert_string_equal(SAY(self, "HGET", "T", "password"), "secret");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_string_equal(SAY(self, "HMGET", "T", "password", "colour"), "(nil) blue");
    assert_int_equal(strncmp(SAY(self, "HGET", "T", "argon2id"), "$argon2id$", 10), 0);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    log_await(&self->log, "the password of \"T\", which was stored as plain text, is a hash now");
}

static void test_many_with_the_same_plain_text(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP];
    start(self, NULL);
    SAY(self, "HSET", "T", "password", "secret");
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("secret"), 0, i), STATUS_OK);
    wait_for(&self->inquirer, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(self->inquirer.answers[i].status, STATUS_OK);
    snprintf(hash, sizeof hash, "%s", SAY(self, "HGET", "T", "argon2id"));
    assert_string_equal(SAY(self, "HKEYS", "T"), "argon2id");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_string_equal(SAY(self, "HGET", "T", "argon2id"), hash); /* once */
}

static void test_many_users_with_plain_text(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        char password[16];
        snprintf(name, sizeof name, "U%d", i);
        snprintf(password, sizeof password, "p%d", i);
        SAY(self, "HSET", name, "password", password);
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, name, span_of(password), 0, (uint64_t)i),
            STATUS_OK);
    }
    wait_for(&self->inquirer, MANY);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "U%d", i);
        assert_int_equal(self->inquirer.answers[i].status, STATUS_OK);
        assert_string_equal(SAY(self, "HKEYS", name), "argon2id");
    }
}

static void test_two_truths(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    SAY(self, "HSET", "T", "password", "other");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "other"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_string_equal(SAY(self, "HKEYS", "T"), "argon2id");
    log_await(&self->log, "\"T\" has a password as plain text beside the hash");
}

static void test_odd_plain_text(void **state)
{
    struct fixture *self = *state;
    char longest[PASSWORD_MAX + 2];
    start(self, NULL);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    SAY(self, "HSET", "empty", "password", "");
    SAY(self, "HSET", "overlong", "password", longest);
    SAY(self, "HSET", "longest", "password", longest + 1);
    assert_int_equal(verify(&self->inquirer, "empty", ""), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "empty", "x"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "overlong", longest), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "overlong", longest + 1), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "longest", longest + 1), STATUS_OK);
    assert_string_equal(SAY(self, "HKEYS", "longest"), "argon2id");
}

/* ---- keys that are no accounts ---- */

static void test_keys_of_others(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    SAY(self, "SET", "string", "password");
    SAY(self, "RPUSH", "list", "password", "x");
    SAY(self, "HSET", "other", "name", "x");
    const char *const names[] = {"string", "list", "other"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(verify(&self->inquirer, names[i], "x"), STATUS_AUTH_FAILED);
        assert_int_equal(exists(&self->inquirer, names[i]), STATUS_UNKNOWN_USER);
    }
    SAY(self, "HSET", "broken", "argon2id", "secret");
    SAY(self, "HSET", "empty", "argon2id", "");
    assert_int_equal(verify(&self->inquirer, "broken", "secret"), STATUS_INTERNAL);
    assert_int_equal(verify(&self->inquirer, "empty", "secret"), STATUS_INTERNAL);
    assert_int_equal(exists(&self->inquirer, "broken"), STATUS_OK);
    char overlong[PASSWORD_HASH_CAP + 10];
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    SAY(self, "HSET", "overlong", "argon2id", overlong);
    assert_int_equal(verify(&self->inquirer, "overlong", "secret"), STATUS_INTERNAL);
}

/* ---- Redis goes away ---- */

static void test_away_at_the_start(void **state)
{
    struct fixture *self = *state;
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    log_await(&self->log, "No such file or directory; nobody can log in meanwhile");
    redis_server_start(&self->redis, NULL);
    log_await(&self->log, "works again"); /* nobody has asked */
    add_user(self, "T", "secret");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
}

static void test_killed_and_started_again(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    add_user(self, "T", "secret");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        redis_server_kill(&self->redis);
        assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
        redis_server_start(&self->redis, NULL);
        assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK);
        assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    }
}

/* Nothing that was asked is forgotten, and nothing is answered wrongly. */
static void test_killed_with_questions_under_way(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    add_user(self, "T", "secret");
    SAY(self, "HSET", "P", "password", "plain");
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("secret"), 0, i), STATUS_OK);
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "P", SPAN_LITERAL("wrong"), 0, i), STATUS_OK);
        assert_int_equal(accounts_exists(self->inquirer.accounts, "T", i), STATUS_OK);
    }
    wait_for(&self->inquirer, MANY / 2);
    redis_server_kill(&self->redis);
    while (self->inquirer.count < 1 + 3 * MANY)
        wait_for(&self->inquirer, 1 + 3 * MANY - self->inquirer.count);
    for (size_t i = 1; i < self->inquirer.count; i++) {
        enum status status = self->inquirer.answers[i].status;
        assert_true(
            status == STATUS_OK || status == STATUS_AUTH_FAILED || status == STATUS_OVERLOADED);
    }
}

static double elapsed_s(struct timespec since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since.tv_sec) + (double)(now.tv_nsec - since.tv_nsec) / 1e9;
}

static void test_standing_still(void **state)
{
    struct fixture *self = *state;
    struct timespec before;
    self->config.redis.timeout_ms = SHORT_MS;
    start(self, NULL);
    add_user(self, "T", "secret");
    assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK);
    redis_server_stop(&self->redis);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    assert_true(elapsed_s(before) < 100 * SHORT_MS / 1000.); /* some time, not for ever */
    log_await(&self->log, "no answer in 200 ms");
    log_await(&self->log, "no connection in 200 ms");
    redis_server_continue(&self->redis);
    assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK);
    /* Late answers to what was asked before must not reach who asks now. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(exists(&self->inquirer, "nobody"), STATUS_UNKNOWN_USER);
        assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    }
}

static void test_freed_whatever_it_does(void **state)
{
    struct fixture *self = *state;
    /* Before the first turn of the loop, while away, while it stands still. */
    inquirer_open(&self->inquirer, &self->config);
    inquirer_close(&self->inquirer);
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    inquirer_close(&self->inquirer);
    start(self, NULL);
    SAY(self, "HSET", "P", "password", "plain");
    assert_int_equal(exists(&self->inquirer, "P"), STATUS_OK);
    redis_server_stop(&self->redis);
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "P", SPAN_LITERAL("plain"), 0, i), STATUS_OK);
    ev_run(self->inquirer.loop, EVRUN_NOWAIT);
    inquirer_close(&self->inquirer);
    inquirer_open(&self->inquirer, &self->config); /* connects, and nobody greets */
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    ev_run(self->inquirer.loop, EVRUN_NOWAIT);
    inquirer_close(&self->inquirer);
    redis_server_continue(&self->redis);
    assert_int_equal(self->inquirer.count, 2);
}

/* Freed while plain text is being replaced: it is the one or the other. */
static void test_freed_while_replacing(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    for (int turns = 1; turns < 12; turns++) {
        SAY(self, "DEL", "P");
        SAY(self, "HSET", "P", "password", "plain");
        inquirer_open(&self->inquirer, &self->config);
        for (uint64_t i = 0; i < 4; i++)
            assert_int_equal(
                accounts_verify(self->inquirer.accounts, "P", SPAN_LITERAL("plain"), 0, i),
                STATUS_OK);
        for (int i = 0; i < turns; i++)
            ev_run(self->inquirer.loop, EVRUN_ONCE);
        inquirer_close(&self->inquirer);
        const char *fields = SAY(self, "HKEYS", "P");
        assert_true(strcmp(fields, "password") == 0 || strcmp(fields, "argon2id") == 0);
    }
}

/* ---- Redis is there and cannot ---- */

static void test_read_only(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    add_user(self, "T", "secret");
    SAY(self, "HSET", "P", "password", "plain");
    assert_string_equal(SAY(self, "REPLICAOF", "127.0.0.1", "1"), "OK");
    /* What can be read is answered. What would have to be written is not. */
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "P", "wrong"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_OVERLOADED);
    log_await(&self->log, "cannot be replaced, so nobody with such a one can log in");
    assert_string_equal(SAY(self, "HGETALL", "P"), "password plain");
    SAY(self, "CONFIG", "SET", "replica-serve-stale-data", "no");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    log_await(&self->log, "MASTERDOWN");
    assert_string_equal(SAY(self, "REPLICAOF", "NO", "ONE"), "OK");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_OK);
    log_await(&self->log, "are replaced again");
}

static void test_no_memory(void **state)
{
    struct fixture *self = *state;
    start(self, NULL);
    add_user(self, "T", "secret");
    SAY(self, "HSET", "P", "password", "plain");
    SAY(self, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_OVERLOADED);
    SAY(self, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_OK);
}

static void test_busy(void **state)
{
    static const char *const options[] = {"--busy-reply-threshold", "1", NULL};
    struct fixture *self = *state;
    start(self, options);
    add_user(self, "T", "secret");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    void *script = redis_server_run_script(&self->redis, "while true do end");
    while (strncmp(SAY(self, "PING"), "BUSY", 4) != 0)
        ; /* the script has begun */
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    assert_string_equal(SAY(self, "SCRIPT", "KILL"), "OK");
    redis_server_hang_up(script);
    assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK);
}

static void test_no_room_for_another_client(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    add_user(self, "T", "secret");
    assert_string_equal(SAY(self, "CONFIG", "SET", "maxclients", "1"), "OK");
    void *other = redis_server_run_script(&self->redis, "return 1");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    log_await(&self->log, "max number of clients reached");
    redis_server_hang_up(other);
    assert_int_equal(verify_in_the_end(self, "T", "secret"), STATUS_OK);
}

/* ---- who may ---- */

static void test_passwords_of_redis(void **state)
{
    static const char *const options[] = {"--requirepass", "first word", NULL};
    struct fixture *self = *state;
    redis_server_start(&self->redis, options);
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_INTERNAL);
    log_await(&self->log, "NOAUTH");
    inquirer_close(&self->inquirer);
    write_password(self, "wrong\n", 0600);
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_INTERNAL);
    log_await(&self->log, "WRONGPASS");
    /* The file is read again at each connection. */
    write_password(self, "first word\n", 0640);
    log_await(&self->log, "works again");
    add_user(self, "T", "secret");
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
}

static void test_a_password_that_redis_does_not_want(void **state)
{
    struct fixture *self = *state;
    write_password(self, "not wanted", 0600);
    start(self, NULL);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_INTERNAL);
    log_await(&self->log, "without any password configured");
    assert_null(strstr(self->log.text, "not wanted"));
}

static void test_password_files(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {.text = ""};
    const struct {
        const char *text;
        mode_t mode;
        const char *sentence;
    } samples[] = {{"", 0600, "no password"}, {"\n", 0600, "is empty"},
        {"x\n", 0604, "everybody may read"}, {"x\n", 0602, "everybody may read or write"}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        write_password(self, samples[i].text, samples[i].mode);
        enum status status = accounts_open(&self->inquirer.accounts, &self->config,
            self->inquirer.loop, &inquirer_callbacks, &self->inquirer, &fault);
        assert_int_equal(status, STATUS_IO);
        if (strstr(fault.text, self->password_file) == NULL ||
            (i > 0 && strstr(fault.text, samples[i].sentence) == NULL))
            fail_msg("%zu: %s", i, fault.text);
    }
    unlink(self->password_file);
    assert_int_equal(accounts_open(&self->inquirer.accounts, &self->config, self->inquirer.loop,
                         &inquirer_callbacks, &self->inquirer, &fault),
        STATUS_IO);
    assert_non_null(strstr(fault.text, "No such file"));
    self->config.redis.password_file = self->redis.directory;
    assert_int_equal(accounts_open(&self->inquirer.accounts, &self->config, self->inquirer.loop,
                         &inquirer_callbacks, &self->inquirer, &fault),
        STATUS_IO);
    assert_non_null(strstr(fault.text, "is not a file"));
    assert_null(self->inquirer.accounts);
}

static void test_a_user_of_redis(void **state)
{
    struct fixture *self = *state;
    char user[] = "bester";
    snprintf(self->prefix, sizeof self->prefix, "acc:");
    write_password(self, "pw", 0600);
    redis_server_start(&self->redis, NULL);
    self->config.redis.user = user;
    SAY(self, "ACL", "SETUSER", "bester", "on", ">pw", "~acc:*", "+ping", "+hmget");
    SAY(self, "HSET", "acc:P", "password", "plain");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(exists(&self->inquirer, "P"), STATUS_OK);
    /* May look, and not replace. */
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_INTERNAL);
    log_await(&self->log, "NOPERM");
    assert_string_equal(SAY(self, "HGETALL", "acc:P"), "password plain");
    SAY(self, "ACL", "SETUSER", "bester", "+watch", "+multi", "+exec", "+unwatch", "+hset",
        "+hdel");
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_OK);
    /* Everything but WATCH: without that it must not write. */
    SAY(self, "HSET", "acc:Q", "password", "plain");
    SAY(self, "ACL", "SETUSER", "bester", "-watch");
    assert_int_equal(verify(&self->inquirer, "Q", "plain"), STATUS_INTERNAL);
    assert_string_equal(SAY(self, "HGETALL", "acc:Q"), "password plain");
    SAY(self, "ACL", "SETUSER", "bester", "-hmget");
    assert_int_equal(verify(&self->inquirer, "P", "plain"), STATUS_INTERNAL);
    log_await(&self->log, "NOPERM");
}

int main(void)
{
    log_open(-1, LOG_LEVEL_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_verify),
        TEST(test_prefix_and_index),
        TEST(test_many_at_once),
        TEST(test_too_many_at_once),
        TEST(test_asking_from_an_answer),
        TEST(test_descriptors_are_not_inherited),
        TEST(test_the_same_work),
        TEST(test_plain_text_is_replaced),
        TEST(test_many_with_the_same_plain_text),
        TEST(test_many_users_with_plain_text),
        TEST(test_two_truths),
        TEST(test_odd_plain_text),
        TEST(test_keys_of_others),
        TEST(test_away_at_the_start),
        TEST(test_killed_and_started_again),
        TEST(test_killed_with_questions_under_way),
        TEST(test_standing_still),
        TEST(test_freed_whatever_it_does),
        TEST(test_freed_while_replacing),
        TEST(test_read_only),
        TEST(test_no_memory),
        TEST(test_busy),
        TEST(test_no_room_for_another_client),
        TEST(test_passwords_of_redis),
        TEST(test_a_password_that_redis_does_not_want),
        TEST(test_password_files),
        TEST(test_a_user_of_redis),
    };
    return cmocka_run_group_tests_name("accounts_redis", tests, NULL, NULL);
}
