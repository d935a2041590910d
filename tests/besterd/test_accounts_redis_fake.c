/* Accounts in Redis where what answers is not Redis, or says what Redis says only
 * at moments that cannot be arranged. */
#include "tests/besterd/inquirer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/besterd/log_watch.h"
#include "tests/besterd/redis_fake.h"

enum { TIMEOUT_MS = 5000, SHORT_MS = 100 };

struct fixture {
    struct inquirer inquirer;
    struct redis_fake redis;
    struct log_watch log;
    struct config config;
    char directory[40];
    char prefix[1];
    char hash[PASSWORD_HASH_CAP];         /* of "secret" */
    char account[PASSWORD_HASH_CAP + 40]; /* the answer to HMGET with it */
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -1;
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-fake-XXXXXX");
    if (mkdtemp(self->directory) == NULL || password_init() != STATUS_OK ||
        password_hash(SPAN_LITERAL("secret"), self->hash) != STATUS_OK)
        return -1;
    snprintf(self->account, sizeof self->account, "*2\r\n$%zu\r\n%s\r\n$-1\r\n", strlen(self->hash),
        self->hash);
    struct config_redis *settings = &self->config.redis;
    self->config.database = DATABASE_REDIS;
    settings->address.kind = ADDRESS_UNIX;
    snprintf(settings->address.path, sizeof settings->address.path, "%s/s", self->directory);
    settings->prefix = self->prefix;
    settings->timeout_ms = TIMEOUT_MS;
    self->inquirer.loop = ev_loop_new(EVFLAG_AUTO);
    log_watch_begin(&self->log, self->inquirer.loop);
    redis_fake_begin(&self->redis, self->inquirer.loop, settings->address.path);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    inquirer_close(&self->inquirer);
    redis_fake_end(&self->redis);
    log_watch_end(&self->log);
    ev_loop_destroy(self->inquirer.loop);
    unlink(self->config.redis.address.path);
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
    return 0;
}

#define SCRIPT(self, rows) redis_fake_set(&(self)->redis, rows, sizeof(rows) / sizeof(rows)[0])

/* A question that finds all well, after whatever there was. */
static void expect_well(struct fixture *self)
{
    enum status status;
    const struct fake_row rows[] = {{"HMGET", self->account}};
    redis_fake_set(&self->redis, NULL, 0);
    while ((status = exists(&self->inquirer, "nobody")) != STATUS_UNKNOWN_USER) {
        assert_true(status == STATUS_OVERLOADED || status == STATUS_INTERNAL);
        ev_run(self->inquirer.loop, EVRUN_ONCE);
    }
    SCRIPT(self, rows);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
}

/* ---- nonsense ---- */

struct nonsense {
    const char *answer;
    enum status status;
    const char *logged;
};

static const struct nonsense nonsense[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"\xff\xfe\xfd", STATUS_INTERNAL, "does not answer as Redis does"},
    {"+OK\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {":1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"$-1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"$3\r\nabc\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*-1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*0\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*1\r\n$-1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*3\r\n$-1\r\n$-1\r\n$-1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*2\r\n:1\r\n:2\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*2\r\n$-1\r\n+OK\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*2\r\n*1\r\n$1\r\na\r\n$-1\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", STATUS_INTERNAL,
        "does not answer as Redis does"},
    {"*2147483648\r\n", STATUS_INTERNAL, "does not answer as Redis does"},
    {"*1000000000\r\n", STATUS_INTERNAL, "a list that is too long"},
    {"*17\r\n", STATUS_INTERNAL, "a list that is too long"},
    {"$1000000000\r\n\x01", STATUS_INTERNAL, "more than an account can hold"},
    {"*2\r\n$1000000000\r\n\x01", STATUS_INTERNAL, "more than an account can hold"},
    {"+\x01", STATUS_INTERNAL, "more than an account can hold"},
    {"*2\r\n$-1\r\n", STATUS_OVERLOADED, "no answer in 100 ms"},
    {"*2\r\n$5\r\nab", STATUS_OVERLOADED, "no answer in 100 ms"},
    {FAKE_SILENCE, STATUS_OVERLOADED, "no answer in 100 ms"},
    {FAKE_HANGS_UP, STATUS_OVERLOADED, "closed the connection"},
    {"-LOADING Redis is loading the dataset in memory\r\n", STATUS_OVERLOADED, "LOADING"},
    {"-CLUSTERDOWN The cluster is down\r\n", STATUS_OVERLOADED, "CLUSTERDOWN"},
    {"-MOVED 3999 127.0.0.1:6381\r\n", STATUS_INTERNAL, "MOVED"},
    {"-\r\n", STATUS_INTERNAL, "Redis at"},
    {"-ERR unknown command `HMGET`, with args beginning with: `T` `argon2id`\r\n", STATUS_INTERNAL,
        "unknown command `HMGET`\n"},
};

enum { NONSENSES = sizeof nonsense / sizeof nonsense[0] };

/* Answered to a question. */
static void test_nonsense(void **state)
{
    struct fixture *self = *state;
    self->config.redis.timeout_ms = SHORT_MS;
    inquirer_open(&self->inquirer, &self->config);
    expect_well(self);
    for (size_t i = 0; i < NONSENSES; i++) {
        const struct fake_row rows[] = {{"HMGET", nonsense[i].answer}};
        SCRIPT(self, rows);
        enum status status = verify(&self->inquirer, "T", "secret");
        if (status != nonsense[i].status)
            fail_msg("nonsense %zu: %s", i, status_text(status));
        log_await(&self->log, nonsense[i].logged);
        inquirer_close(&self->inquirer); /* so that each is logged anew */
        inquirer_open(&self->inquirer, &self->config);
        expect_well(self);
    }
    assert_true(self->redis.flooded < (size_t)16 * 1024 * 1024);
}

/* Answered to the greeting. */
static void test_nonsense_at_first(void **state)
{
    struct fixture *self = *state;
    self->config.redis.timeout_ms = SHORT_MS;
    for (size_t i = 0; i < NONSENSES; i++) {
        const struct fake_row rows[] = {{"PING", nonsense[i].answer}};
        if (nonsense[i].answer != NULL && strcmp(nonsense[i].answer, "+OK\r\n") == 0)
            continue;
        SCRIPT(self, rows);
        inquirer_open(&self->inquirer, &self->config);
        enum status status = verify(&self->inquirer, "T", "secret");
        if (status != nonsense[i].status)
            fail_msg("nonsense %zu: %s", i, status_text(status));
        expect_well(self);
        inquirer_close(&self->inquirer);
    }
}

/* More answers than questions: hiredis by itself would end the program. */
static void test_answers_that_nobody_asked_for(void **state)
{
    struct fixture *self = *state;
    static const char *const texts[] = {"+OK\r\n", ":1\r\n", "$-1\r\n", "$1\r\nx\r\n", "*0\r\n",
        "*2\r\n$-1\r\n$-1\r\n", "220 mail.example.org ESMTP\r\n",
        "-ERR max number of clients reached\r\n", "-\r\n"};
    char twice[200];
    inquirer_open(&self->inquirer, &self->config);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_well(self);
        snprintf(twice, sizeof twice, "*2\r\n$-1\r\n$-1\r\n%s", texts[i]);
        const struct fake_row rows[] = {{"HMGET", twice}};
        SCRIPT(self, rows);
        /* The first is an answer; what follows is not one to who asks next. */
        assert_int_equal(exists(&self->inquirer, "T"), STATUS_UNKNOWN_USER);
        enum status status = verify(&self->inquirer, "T", "secret");
        assert_true(status == STATUS_OVERLOADED || status == STATUS_INTERNAL ||
                    status == STATUS_AUTH_FAILED);
    }
    inquirer_close(&self->inquirer);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct fake_row rows[] = {{NULL, texts[i]}};
        SCRIPT(self, rows); /* before anything was asked */
        inquirer_open(&self->inquirer, &self->config);
        enum status status = verify(&self->inquirer, "T", "secret");
        assert_true(status == STATUS_OVERLOADED || status == STATUS_INTERNAL ||
                    status == STATUS_AUTH_FAILED);
        expect_well(self);
        inquirer_close(&self->inquirer);
    }
}

/* An answer that came too late is not one to a later question. */
static void test_late(void **state)
{
    struct fixture *self = *state;
    const struct fake_row silent[] = {{"HMGET", FAKE_SILENCE}};
    self->config.redis.timeout_ms = SHORT_MS;
    inquirer_open(&self->inquirer, &self->config);
    expect_well(self);
    SCRIPT(self, silent);
    assert_int_equal(exists(&self->inquirer, "nobody"), STATUS_OVERLOADED);
    const struct fake_peer *first = self->redis.peers[self->redis.accepted - 1];
    expect_well(self);
    assert_int_equal(first->fd, -1); /* there is nobody it could come to */
}

/* ---- plain text, changed meanwhile ---- */

#define PLAIN(text, len) "*2\r\n$-1\r\n$" #len "\r\n" text "\r\n"

static void test_changed_before_it_is_replaced(void **state)
{
    struct fixture *self = *state;
    const struct fake_row rows[] = {
        {"HMGET", PLAIN("secret", 6)}, {"HMGET", PLAIN("other", 5)}, {"HMGET", PLAIN("other", 5)}};
    inquirer_open(&self->inquirer, &self->config);
    SCRIPT(self, rows);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_AUTH_FAILED);
    assert_string_equal(strstr(self->redis.seen, "HMGET"),
        "HMGET T argon2id password;WATCH T;HMGET T argon2id password;UNWATCH;"
        "HMGET T argon2id password;");
}

static void test_removed_before_it_is_replaced(void **state)
{
    struct fixture *self = *state;
    const struct fake_row rows[] = {{"HMGET", PLAIN("secret", 6)}};
    inquirer_open(&self->inquirer, &self->config);
    SCRIPT(self, rows);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_AUTH_FAILED);
    assert_null(strstr(self->redis.seen, "HSET"));
}

static void test_replaced_by_another_server(void **state)
{
    struct fixture *self = *state;
    const struct fake_row rows[] = {{"HMGET", PLAIN("secret", 6)}, {"HMGET", PLAIN("secret", 6)},
        {"EXEC", "*-1\r\n"}, {"HMGET", self->account}};
    inquirer_open(&self->inquirer, &self->config);
    SCRIPT(self, rows);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_non_null(strstr(self->redis.seen, "HDEL T password;EXEC;HMGET T argon2id password;"));
    assert_null(strstr(strstr(self->redis.seen, "EXEC;") + 5, "EXEC"));
}

static void test_changed_all_the_time(void **state)
{
    struct fixture *self = *state;
    struct fake_row rows[24];
    for (size_t i = 0; i < 24; i++)
        rows[i] = i % 3 == 2 ? (struct fake_row){"EXEC", "*-1\r\n"}
                             : (struct fake_row){"HMGET", PLAIN("secret", 6)};
    inquirer_open(&self->inquirer, &self->config);
    SCRIPT(self, rows);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
}

/* What goes wrong at each step, and what the user is told. After it the next
 * one's password is replaced all the same. */
static void test_every_step_of_replacing_fails(void **state)
{
    static const char *const steps[] = {"WATCH", "HMGET", "MULTI", "HSET", "HDEL", "EXEC"};
    static const struct {
        const char *answer;
        enum status status;
    } failures[] = {{"-READONLY no\r\n", STATUS_OVERLOADED}, {"-OOM no\r\n", STATUS_OVERLOADED},
        {"-NOPERM no\r\n", STATUS_INTERNAL}, {":7\r\n", STATUS_INTERNAL},
        {"*1\r\n-MISCONF no\r\n", STATUS_INTERNAL}, {"rubbish\r\n", STATUS_INTERNAL},
        {FAKE_HANGS_UP, STATUS_OVERLOADED}, {FAKE_SILENCE, STATUS_OVERLOADED}};
    struct fixture *self = *state;
    self->config.redis.timeout_ms = SHORT_MS;
    inquirer_open(&self->inquirer, &self->config);
    expect_well(self);
    for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++)
        for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
            const struct fake_row rows[] = {{"HMGET", PLAIN("secret", 6)},
                {strcmp(steps[step], "HMGET") == 0 ? "none" : "HMGET", PLAIN("secret", 6)},
                {steps[step], failures[i].answer},
                {strcmp(steps[step], "EXEC") == 0 ? "none" : "EXEC", "-EXECABORT because\r\n"}};
            SCRIPT(self, rows);
            enum status status = verify(&self->inquirer, "T", "secret");
            if (status != failures[i].status)
                fail_msg("%s, failure %zu: %s", steps[step], i, status_text(status));
            const struct fake_row good[] = {
                {"HMGET", PLAIN("secret", 6)}, {"HMGET", PLAIN("secret", 6)}};
            SCRIPT(self, good);
            while ((status = verify(&self->inquirer, "T", "secret")) == STATUS_OVERLOADED ||
                   status == STATUS_INTERNAL)
                ev_run(self->inquirer.loop, EVRUN_ONCE);
            assert_int_equal(status, STATUS_OK);
        }
}

/* Two wait while one is being replaced; the connection goes away. */
static void test_a_queue_of_replacements_fails(void **state)
{
    struct fixture *self = *state;
    const struct fake_row rows[] = {{"HMGET", PLAIN("secret", 6)}, {"HMGET", PLAIN("secret", 6)},
        {"HMGET", PLAIN("secret", 6)}, {"WATCH", FAKE_SILENCE}};
    self->config.redis.timeout_ms = SHORT_MS;
    inquirer_open(&self->inquirer, &self->config);
    expect_well(self);
    SCRIPT(self, rows);
    size_t before = self->inquirer.count;
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("secret"), 0, i), STATUS_OK);
    wait_for(&self->inquirer, 3);
    for (size_t i = before; i < self->inquirer.count; i++) {
        enum status status = self->inquirer.answers[i].status;
        assert_true(status == STATUS_OVERLOADED || status == STATUS_AUTH_FAILED);
    }
    expect_well(self);
}

/* ---- connecting ---- */

static void test_over_tcp(void **state)
{
    struct fixture *self = *state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    redis_fake_end(&self->redis);
    redis_fake_begin(&self->redis, self->inquirer.loop, NULL);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct address *address = &self->config.redis.address;
        *address = (struct address){.kind = ADDRESS_TCP, .port = self->redis.port};
        snprintf(address->host, sizeof address->host, "%s", hosts[i]);
        inquirer_open(&self->inquirer, &self->config);
        expect_well(self);
        inquirer_close(&self->inquirer);
    }
    /* Nobody is there any more. */
    redis_fake_end(&self->redis);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        snprintf(self->config.redis.address.host, sizeof self->config.redis.address.host, "%s",
            hosts[i]);
        inquirer_open(&self->inquirer, &self->config);
        assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
        log_await(&self->log, "Connection refused");
        inquirer_close(&self->inquirer);
    }
    snprintf(self->config.redis.address.host, sizeof self->config.redis.address.host,
        "no-such-host.invalid");
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    log_await(&self->log, "no-such-host.invalid: ");
    inquirer_close(&self->inquirer);
    /* Freed while the name is looked up. */
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    ev_run(self->inquirer.loop, EVRUN_NOWAIT);
    inquirer_close(&self->inquirer);
    snprintf(self->config.redis.address.path, sizeof self->config.redis.address.path, "%s/s",
        self->directory);
    redis_fake_begin(&self->redis, self->inquirer.loop, NULL);
}

static void test_all_that_is_said_at_first(void **state)
{
    struct fixture *self = *state;
    char user[] = "me";
    char file[sizeof self->directory + 16];
    snprintf(file, sizeof file, "%s/password", self->directory);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs("pass word\r\nnot this\n", out);
    fclose(out);
    assert_int_equal(chmod(file, 0600), 0);
    self->config.redis.user = user;
    self->config.redis.password_file = file;
    self->config.redis.index = 12;
    inquirer_open(&self->inquirer, &self->config);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_UNKNOWN_USER);
    assert_string_equal(
        self->redis.seen, "AUTH me pass word;SELECT 12;PING;HMGET T argon2id password;");
    /* The password is not there any more when it connects again. */
    unlink(file);
    const struct fake_row rows[] = {{"HMGET", FAKE_HANGS_UP}};
    SCRIPT(self, rows);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    log_await(&self->log, "password: No such file or directory");
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_INTERNAL);
    assert_null(strstr(self->redis.seen, "AUTH"));
}

/* Each pause is longer than the one before; nobody asks. */
static void test_pauses_grow(void **state)
{
    enum { ATTEMPTS = 4 };
    struct fixture *self = *state;
    struct fake_row rows[20];
    for (size_t i = 0; i < 20; i++)
        rows[i] = (struct fake_row){NULL, FAKE_HANGS_UP};
    SCRIPT(self, rows);
    inquirer_open(&self->inquirer, &self->config);
    while (self->redis.accepted < ATTEMPTS)
        ev_run(self->inquirer.loop, EVRUN_ONCE);
    double least_s = 0.1;
    for (size_t i = 1; i < ATTEMPTS; i++) {
        double pause_s = self->redis.accepted_at[i] - self->redis.accepted_at[i - 1];
        assert_true(pause_s > 0.9 * least_s);
        least_s *= 2;
    }
    /* A question does not wait for the end of the pause, which is 0.8 s or, if
     * this machine is that slow, more the next time. */
    double waited_s;
    do {
        size_t before = self->redis.accepted;
        double failed_at = ev_now(self->inquirer.loop);
        while (ev_now(self->inquirer.loop) - failed_at < 0.15 && self->redis.accepted == before)
            ev_run(self->inquirer.loop, EVRUN_NOWAIT);
        double asked_at = ev_now(self->inquirer.loop);
        assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
        assert_true(self->redis.accepted > before);
        waited_s = ev_now(self->inquirer.loop) - asked_at;
        least_s *= 2;
    } while (waited_s > least_s / 4 && self->redis.accepted < 20);
    assert_true(waited_s < least_s / 4);
    expect_well(self);
}

/* Questions one after the other while it is away make no storm of attempts. */
static void test_no_storm(void **state)
{
    struct fixture *self = *state;
    struct fake_row rows[20];
    for (size_t i = 0; i < 20; i++)
        rows[i] = (struct fake_row){NULL, FAKE_HANGS_UP};
    SCRIPT(self, rows);
    inquirer_open(&self->inquirer, &self->config);
    double began = ev_time();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
        ev_run(self->inquirer.loop, EVRUN_NOWAIT);
    }
    assert_true(self->redis.accepted > 0);
    assert_true((double)self->redis.accepted <= 2 + (ev_time() - began) / 0.1);
}

int main(void)
{
    log_open(-1, LOG_LEVEL_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nonsense),
        TEST(test_nonsense_at_first),
        TEST(test_answers_that_nobody_asked_for),
        TEST(test_late),
        TEST(test_changed_before_it_is_replaced),
        TEST(test_removed_before_it_is_replaced),
        TEST(test_replaced_by_another_server),
        TEST(test_changed_all_the_time),
        TEST(test_every_step_of_replacing_fails),
        TEST(test_a_queue_of_replacements_fails),
        TEST(test_over_tcp),
        TEST(test_all_that_is_said_at_first),
        TEST(test_pauses_grow),
        TEST(test_no_storm),
    };
    return cmocka_run_group_tests_name("accounts_redis_fake", tests, NULL, NULL);
}
