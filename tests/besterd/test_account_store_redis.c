/* The accounts' store in Redis: what `besterd user` does, with a real
 * redis-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "tests/besterd/redis_server.h"

enum { TIMEOUT_MS = 2000, SHORT_MS = 100, MANY = 1500, NAMES_MAX = 20000, PROCESSES = 4 };

struct fixture {
    struct redis_server redis;
    struct config_redis settings;
    char prefix[CONFIG_REDIS_PREFIX_MAX + 1];
    struct account_store *store;
    struct fault fault;
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    if (self == NULL || !redis_server_init(&self->redis))
        return -1;
    self->settings.address.kind = ADDRESS_UNIX;
    snprintf(
        self->settings.address.path, sizeof self->settings.address.path, "%s", self->redis.socket);
    self->settings.prefix = self->prefix;
    self->settings.timeout_ms = TIMEOUT_MS;
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    account_store_free(self->store);
    redis_server_release(&self->redis);
    free(self);
    return 0;
}

static void open_store(struct fixture *self)
{
    account_store_free(self->store);
    self->store = account_store_redis_new(&self->settings);
    assert_non_null(self->store);
}

static void start(struct fixture *self)
{
    redis_server_start(&self->redis, NULL);
    open_store(self);
}

#define SAY(self, ...) redis_server_say(&(self)->redis, __VA_ARGS__, NULL)
#define EXPECT(call, expected)                                                  \
    do {                                                                        \
        enum status got_ = (call);                                              \
        if (got_ != (expected))                                                 \
            fail_msg("%s: %s: %s", #call, status_text(got_), self->fault.text); \
    } while (0)

struct names {
    size_t len;
    char text[NAMES_MAX];
};

static void add_name(const char *username, void *user)
{
    struct names *names = user;
    names->len += (size_t)snprintf(
        names->text + names->len, sizeof names->text - names->len, "%s,", username);
    assert_true(names->len < sizeof names->text);
}

static const char *list(struct fixture *self)
{
    static struct names names;
    names.len = 0;
    names.text[0] = '\0';
    EXPECT(account_store_list(self->store, add_name, &names, &self->fault), STATUS_OK);
    return names.text;
}

/* ---- all is well ---- */

static void test_the_life_of_an_account(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP];
    start(self);
    EXPECT(account_store_create(self->store, &self->fault), STATUS_OK);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_NOT_FOUND);
    EXPECT(account_store_add(self->store, "T", "one", &self->fault), STATUS_OK);
    EXPECT(account_store_add(self->store, "G", "two", &self->fault), STATUS_OK);
    EXPECT(account_store_add(self->store, "T", "three", &self->fault), STATUS_INVALID);
    assert_string_equal(self->fault.text, "the user \"T\" exists already");
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OK);
    assert_string_equal(hash, "one");
    EXPECT(account_store_find(self->store, "t", hash, &self->fault), STATUS_NOT_FOUND);
    EXPECT(account_store_change(self->store, "T", "four", &self->fault), STATUS_OK);
    assert_string_equal(SAY(self, "HGETALL", "T"), "argon2id four");
    assert_string_equal(list(self), "G,T,");
    EXPECT(account_store_remove(self->store, "T", &self->fault), STATUS_OK);
    EXPECT(account_store_remove(self->store, "T", &self->fault), STATUS_NOT_FOUND);
    assert_string_equal(self->fault.text, "there is no user \"T\"");
    EXPECT(account_store_change(self->store, "T", "x", &self->fault), STATUS_NOT_FOUND);
    assert_string_equal(SAY(self, "KEYS", "*"), "G");
}

static void test_accounts_of_the_reference(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP] = "x";
    start(self);
    SAY(self, "HSET", "T", "password", "secret", "colour", "blue");
    SAY(self, "HSET", "G", "password", "secret");
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OK);
    assert_string_equal(hash, "");
    EXPECT(account_store_add(self->store, "T", "one", &self->fault), STATUS_INVALID);
    assert_string_equal(list(self), "G,T,");
    EXPECT(account_store_change(self->store, "T", "one", &self->fault), STATUS_OK);
    assert_string_equal(
        SAY(self, "HMGET", "T", "argon2id", "password", "colour"), "one (nil) blue");
    EXPECT(account_store_remove(self->store, "G", &self->fault), STATUS_OK);
    assert_string_equal(SAY(self, "KEYS", "*"), "T");
}

static void test_keys_of_others(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP];
    char overlong[PASSWORD_HASH_CAP + 1];
    start(self);
    SAY(self, "SET", "string", "x");
    SAY(self, "HSET", "other", "name", "x");
    SAY(self, "HSET", "a@b", "password", "x"); /* nobody can log in so */
    SAY(self, "HSET", " blank", "password", "x");
    const char *const names[] = {"string", "other"};
    for (size_t i = 0; i < 2; i++) {
        EXPECT(account_store_find(self->store, names[i], hash, &self->fault), STATUS_NOT_FOUND);
        EXPECT(account_store_change(self->store, names[i], "x", &self->fault), STATUS_NOT_FOUND);
        EXPECT(account_store_remove(self->store, names[i], &self->fault), STATUS_NOT_FOUND);
        EXPECT(account_store_add(self->store, names[i], "x", &self->fault), STATUS_INVALID);
        assert_non_null(strstr(self->fault.text, "holds something that is no account"));
    }
    assert_string_equal(list(self), "");
    assert_string_equal(SAY(self, "HGETALL", "other"), "name x");
    assert_string_equal(SAY(self, "GET", "string"), "x");
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    SAY(self, "HSET", "T", "argon2id", overlong);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_INTERNAL);
    assert_non_null(strstr(self->fault.text, "no password hash"));
}

static void test_prefixes(void **state)
{
    struct fixture *self = *state;
    static const char *const prefixes[] = {"bester:", "a*", "[b]", "?", "\\", "^x-y", "\xc3\xb6"};
    redis_server_start(&self->redis, NULL);
    SAY(self, "HSET", "T", "password", "x");
    SAY(self, "HSET", "abT", "password", "x");
    SAY(self, "HSET", "bT", "password", "x");
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char key[CONFIG_REDIS_PREFIX_MAX + 10];
        snprintf(self->prefix, sizeof self->prefix, "%s", prefixes[i]);
        open_store(self);
        assert_string_equal(list(self), "");
        EXPECT(account_store_add(self->store, "U", "hash", &self->fault), STATUS_OK);
        snprintf(key, sizeof key, "%sU", prefixes[i]);
        assert_string_equal(SAY(self, "HGETALL", key), "argon2id hash");
        assert_string_equal(list(self), "U,");
        EXPECT(account_store_remove(self->store, "U", &self->fault), STATUS_OK);
    }
    memset(self->prefix, '*', CONFIG_REDIS_PREFIX_MAX);
    open_store(self);
    EXPECT(account_store_add(self->store, "U", "hash", &self->fault), STATUS_OK);
    assert_string_equal(list(self), "U,");
}

/* More than one step of SCAN; sorted, each once. */
static void test_many(void **state)
{
    struct fixture *self = *state;
    struct names *expected = calloc(1, sizeof *expected);
    start(self);
    for (int i = MANY - 1; i >= 0; i--) {
        char name[16];
        snprintf(name, sizeof name, "u%04d", i);
        EXPECT(account_store_add(self->store, name, "hash", &self->fault), STATUS_OK);
    }
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%04d", i);
        add_name(name, expected);
    }
    assert_string_equal(list(self), expected->text);
    free(expected);
}

/* ---- others at the same time ---- */

/* Runs work in several processes at once; returns how many gave STATUS_OK. */
static int run_at_once(struct fixture *self, enum status (*work)(struct fixture *self, int number))
{
    pid_t children[PROCESSES];
    int good = 0;
    int gate[2];
    char byte;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until the gate opens */
            self->store = account_store_redis_new(&self->settings);
            enum status status = work(self, i);
            account_store_free(self->store);
            _exit(status == STATUS_OK ? 0 : 1);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        good += WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    return good;
}

static enum status add_one(struct fixture *self, int number)
{
    char hash[16];
    snprintf(hash, sizeof hash, "hash%d", number);
    return account_store_add(self->store, "T", hash, &self->fault);
}

/* Puts T in and out; fails on anything that one alone could not see. */
static enum status add_and_remove(struct fixture *self, int number)
{
    for (int i = 0; i < 200; i++) {
        enum status status = number % 2 == 0
                                 ? account_store_add(self->store, "T", "hash", &self->fault)
                                 : account_store_remove(self->store, "T", &self->fault);
        if (status != STATUS_OK && status != STATUS_INVALID && status != STATUS_NOT_FOUND &&
            status != STATUS_OVERLOADED)
            return status;
    }
    return STATUS_OK;
}

static void test_several_at_once(void **state)
{
    struct fixture *self = *state;
    redis_server_start(&self->redis, NULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run_at_once(self, add_one), 1); /* one of them, not two */
        assert_string_equal(SAY(self, "DEL", "T"), "1");
    }
    assert_int_equal(run_at_once(self, add_and_remove), PROCESSES);
}

/* ---- Redis is away, or cannot ---- */

static void test_away(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP];
    open_store(self);
    EXPECT(account_store_create(self->store, &self->fault), STATUS_OVERLOADED);
    assert_non_null(strstr(self->fault.text, "No such file or directory"));
    assert_non_null(strstr(self->fault.text, self->redis.socket));
    redis_server_start(&self->redis, NULL);
    EXPECT(account_store_add(self->store, "T", "hash", &self->fault), STATUS_OK);
    redis_server_kill(&self->redis);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OVERLOADED);
    EXPECT(account_store_remove(self->store, "T", &self->fault), STATUS_OVERLOADED);
    EXPECT(account_store_list(self->store, add_name, NULL, &self->fault), STATUS_OVERLOADED);
    redis_server_start(&self->redis, NULL);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OK);
    redis_server_stop(&self->redis);
    self->settings.timeout_ms = SHORT_MS;
    open_store(self);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OVERLOADED);
    assert_non_null(strstr(self->fault.text, "no answer in 100 ms"));
    redis_server_continue(&self->redis);
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OK);
}

static void test_refusals(void **state)
{
    struct fixture *self = *state;
    char hash[PASSWORD_HASH_CAP];
    start(self);
    EXPECT(account_store_add(self->store, "T", "hash", &self->fault), STATUS_OK);
    SAY(self, "REPLICAOF", "127.0.0.1", "1");
    EXPECT(account_store_find(self->store, "T", hash, &self->fault), STATUS_OK);
    EXPECT(account_store_change(self->store, "T", "x", &self->fault), STATUS_OVERLOADED);
    assert_non_null(strstr(self->fault.text, "READONLY"));
    EXPECT(account_store_remove(self->store, "T", &self->fault), STATUS_OVERLOADED);
    SAY(self, "REPLICAOF", "NO", "ONE");
    EXPECT(account_store_change(self->store, "T", "x", &self->fault), STATUS_OK);
    SAY(self, "ACL", "SETUSER", "default", "-exec");
    EXPECT(account_store_change(self->store, "T", "y", &self->fault), STATUS_INTERNAL);
    assert_non_null(strstr(self->fault.text, "NOPERM"));
    SAY(self, "ACL", "SETUSER", "default", "+exec", "-watch");
    EXPECT(account_store_change(self->store, "T", "y", &self->fault), STATUS_INTERNAL);
    SAY(self, "ACL", "SETUSER", "default", "+watch");
    assert_string_equal(SAY(self, "HGETALL", "T"), "argon2id x");
    SAY(self, "CONFIG", "SET", "requirepass", "pw");
    open_store(self);
    EXPECT(account_store_create(self->store, &self->fault), STATUS_INTERNAL);
    assert_non_null(strstr(self->fault.text, "NOAUTH"));
}

static void test_password_and_index(void **state)
{
    static const char *const options[] = {"--requirepass", "pw", NULL};
    struct fixture *self = *state;
    char file[80];
    snprintf(file, sizeof file, "%s/password", self->redis.directory);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs("pw\n", out);
    fclose(out);
    assert_int_equal(chmod(file, 0600), 0);
    self->settings.password_file = file;
    self->settings.index = 5;
    redis_server_start(&self->redis, options);
    open_store(self);
    EXPECT(account_store_add(self->store, "T", "hash", &self->fault), STATUS_OK);
    assert_string_equal(list(self), "T,");
    self->settings.index = 16; /* there are 16, from 0 on */
    open_store(self);
    EXPECT(account_store_create(self->store, &self->fault), STATUS_INTERNAL);
    assert_non_null(strstr(self->fault.text, "out of range"));
    assert_int_equal(chmod(file, 0644), 0);
    open_store(self);
    EXPECT(account_store_create(self->store, &self->fault), STATUS_IO);
}

/* ---- what answers is not Redis ---- */

/* A child that answers whoever connects with text, whatever is said, and waits
 * for the end. */
static pid_t answer_in_child(struct fixture *self, const char *text, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    unlink(self->redis.socket);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", self->redis.socket);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char said[4096];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = accept(listener, NULL, NULL);
        (void)!send(fd, text, len, MSG_NOSIGNAL);
        while (read(fd, said, sizeof said) > 0)
            ;
        _exit(0);
    }
    close(listener);
    return child;
}

static void test_nonsense(void **state)
{
    struct fixture *self = *state;
    self->settings.timeout_ms = SHORT_MS;
    const struct {
        const char *text;
        enum status status;
    } samples[] = {{"220 mail.example.org ESMTP\r\n", STATUS_INTERNAL}, {"", STATUS_OVERLOADED},
        {":1\r\n", STATUS_INTERNAL}, {"+PONG\r\n:1\r\n", STATUS_INTERNAL},
        {"+PONG\r\n*0\r\n", STATUS_INTERNAL}, {"+PONG\r\n*2\r\n$1\r\n0\r\n:1\r\n", STATUS_INTERNAL},
        {"+PONG\r\n*2\r\n:0\r\n*0\r\n", STATUS_INTERNAL},
        {"+PONG\r\n*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", STATUS_INTERNAL},
        {"+PONG\r\n*2\r\n$40\r\n0123456789012345678901234567890123456789\r\n*0\r\n",
            STATUS_INTERNAL},
        {"+PONG\r\n*2\r\n$1\r\n0\r\n*1000000000\r\n", STATUS_INTERNAL},
        {"+PONG\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\nT\r\n:1\r\n", STATUS_INTERNAL},
        {"+PONG\r\n-ERR unknown command `SCAN`, with args beginning with: `0`\r\n",
            STATUS_INTERNAL},
        {"+PONG\r\n", STATUS_OVERLOADED}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        pid_t child = answer_in_child(self, samples[i].text, strlen(samples[i].text));
        open_store(self);
        enum status status = account_store_list(self->store, add_name, NULL, &self->fault);
        if (status != samples[i].status)
            fail_msg("%zu: %s: %s", i, status_text(status), self->fault.text);
        assert_null(strstr(self->fault.text, "with args"));
        account_store_free(self->store);
        self->store = NULL;
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_life_of_an_account),
        TEST(test_accounts_of_the_reference),
        TEST(test_keys_of_others),
        TEST(test_prefixes),
        TEST(test_many),
        TEST(test_several_at_once),
        TEST(test_away),
        TEST(test_refusals),
        TEST(test_password_and_index),
        TEST(test_nonsense),
    };
    return cmocka_run_group_tests_name("account_store_redis", tests, NULL, NULL);
}
