#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "besterd/accounts.h"
#include "besterd/accounts_sqlite.h"
#include "besterd/log.h"
#include "tests/besterd/inquirer.h"

enum { PATH_BYTES = 200, HASH_JOBS = 40 };

/* ---- a directory, a loop, and what was answered ---- */

struct fixture {
    struct inquirer inquirer;
    char directory[40];
    char path[PATH_BYTES];
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-accounts-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/accounts.db", self->directory);
    self->inquirer.loop = ev_loop_new(EVFLAG_AUTO);
    *state = self;
    return self->inquirer.loop != NULL && password_init() == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    char path[PATH_BYTES + 8];
    const char *const ends[] = {"", "-wal", "-shm", "-old", "-journal"};
    accounts_free(self->inquirer.accounts);
    ev_loop_destroy(self->inquirer.loop);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", self->path, ends[i]);
        unlink(path);
    }
    rmdir(self->path);
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
    return 0;
}

static void open_accounts(struct fixture *self, enum config_database kind)
{
    struct config config = {.database = kind, .database_path = self->path};
    inquirer_open(&self->inquirer, &config);
}

static void add_user(const char *path, const char *username, const char *password)
{
    char hash[PASSWORD_HASH_CAP];
    struct fault fault = {.text = ""};
    struct account_store *store = account_store_new(path);
    assert_int_equal(password_hash(span_of(password), hash), STATUS_OK);
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(account_store_add(store, username, hash, &fault), STATUS_OK);
    account_store_free(store);
}

/* ---- usernames ---- */

static void test_usernames(void **state)
{
    (void)state;
    char longest[USERNAME_MAX + 1];
    memset(longest, 'n', USERNAME_MAX);
    longest[USERNAME_MAX] = '\0';
    const struct {
        const char *given, *name;
    } samples[] = {{"T", "T"}, {" \t\r\nT \n", "T"},
        {"\xe3\x80\x80\xc2\xa0G\xc3\xb6t\xe2\x80\x83", "G\xc3\xb6t"}, {"two words", "two words"},
        {longest, longest}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"  e\xcc\x81 ", "e\xcc\x81"}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char name[USERNAME_CAP];
        assert_int_equal(username_normalise(span_of(samples[i].given), name, NULL), STATUS_OK);
        assert_string_equal(name, samples[i].name);
    }
}

static void test_usernames_refused(void **state)
{
    (void)state;
    char overlong[USERNAME_MAX + 2];
    memset(overlong, 'n', USERNAME_MAX + 1);
    overlong[USERNAME_MAX + 1] = '\0';
    const struct {
        const char *given, *sentence;
    } samples[] = {{"", "is empty"}, {" \t\xe3\x80\x80", "is empty"}, {"a@b", "holds an '@'"},
        {"a\nb", "cannot be seen (U+000A)"}, {"a\x7f", "cannot be seen (U+007F)"},
        {"a\xe2\x80\xae", "cannot be seen (U+202E)"}, {"a\xff", "is not valid UTF-8"},
        {"a\xc3", "is not valid UTF-8"}, {"\xed\xa0\x80", "is not valid UTF-8"},
        {overlong, "has 65 bytes, at most 64 are allowed"}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char name[USERNAME_CAP] = "untouched";
        struct fault fault;
        assert_int_equal(
            username_normalise(span_of(samples[i].given), name, &fault), STATUS_INVALID);
        assert_string_equal(name, "untouched");
        assert_non_null(strstr(fault.text, samples[i].sentence));
    }
    /* A zero byte, which no C string can hold, is a control character too. */
    char name[USERNAME_CAP];
    assert_int_equal(
        username_normalise((struct span){.at = "a\0b", .len = 3}, name, NULL), STATUS_INVALID);
}

/* ---- passwords ---- */

static void test_passwords(void **state)
{
    (void)state;
    char first[PASSWORD_HASH_CAP];
    char second[PASSWORD_HASH_CAP];
    assert_int_equal(password_hash(span_of("secret"), first), STATUS_OK);
    assert_int_equal(password_hash(span_of("secret"), second), STATUS_OK);
    assert_string_not_equal(first, second); /* salted */
    assert_int_equal(strncmp(first, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_int_equal(password_verify(span_of("secret"), first), STATUS_OK);
    assert_int_equal(password_verify(span_of("secret"), second), STATUS_OK);
    assert_int_equal(password_verify(span_of("Secret"), first), STATUS_AUTH_FAILED);
    assert_int_equal(password_verify(span_of(""), first), STATUS_AUTH_FAILED);
    assert_int_equal(password_verify(span_of("secret"), NULL), STATUS_AUTH_FAILED);
    assert_int_equal(password_verify(span_of("secret"), "secret"), STATUS_INTERNAL);
    assert_int_equal(password_verify(span_of("secret"), "$argon2id$v=19$rubbish"), STATUS_INTERNAL);
    assert_int_equal(password_hash(span_of(""), first), STATUS_INVALID);
}

static void test_longest_password(void **state)
{
    (void)state;
    char text[PASSWORD_MAX + 1];
    char hash[PASSWORD_HASH_CAP];
    memset(text, 'p', sizeof text);
    struct span longest = {.at = text, .len = PASSWORD_MAX};
    struct span overlong = {.at = text, .len = PASSWORD_MAX + 1};
    assert_int_equal(password_hash(longest, hash), STATUS_OK);
    assert_int_equal(password_verify(longest, hash), STATUS_OK);
    assert_int_equal(password_verify(overlong, hash), STATUS_AUTH_FAILED);
    assert_int_equal(password_hash(overlong, hash), STATUS_INVALID);
}

static double processor_time_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Work, not time on the wall: other programs do not disturb it. plain: what is
 * stored instead of a hash. */
static double least_work_s(const char *hash, const char *plain)
{
    double least = 1e9;
    char out[PASSWORD_HASH_CAP];
    for (int i = 0; i < 5; i++) {
        double before = processor_time_s();
        enum status status = plain != NULL
                                 ? password_verify_plain(span_of("guess"), span_of(plain), out)
                                 : password_verify(span_of("guess"), hash);
        assert_int_equal(status, STATUS_AUTH_FAILED);
        double work = processor_time_s() - before;
        least = work < least ? work : least;
    }
    return least;
}

static void test_an_unknown_user_costs_the_same(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_CAP];
    assert_int_equal(password_hash(span_of("secret"), hash), STATUS_OK);
    double known_s = least_work_s(hash, NULL);
    double unknown_s = least_work_s(NULL, NULL);
    double plain_s = least_work_s(NULL, "secret");
    assert_true(unknown_s > known_s / 2 && unknown_s < known_s * 2);
    assert_true(plain_s > known_s / 2 && plain_s < known_s * 2);
}

static void test_plain_text(void **state)
{
    (void)state;
    char overlong[PASSWORD_MAX + 2];
    char hash[PASSWORD_HASH_CAP] = "untouched";
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    const struct {
        const char *given, *plain;
    } wrong[] = {{"guess", "secret"}, {"secre", "secret"}, {"secret", "secre"}, {"secret", ""},
        {"", "secret"}, {"", ""}, {overlong, overlong}, {"x", overlong}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(
            password_verify_plain(span_of(wrong[i].given), span_of(wrong[i].plain), hash),
            STATUS_AUTH_FAILED);
    assert_string_equal(hash, "untouched");
    overlong[PASSWORD_MAX] = '\0'; /* not overlong any more */
    assert_int_equal(password_verify_plain(span_of(overlong), span_of(overlong), hash), STATUS_OK);
    assert_int_equal(password_verify(span_of(overlong), hash), STATUS_OK);
    assert_int_equal(password_verify_plain(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0c"), hash),
        STATUS_AUTH_FAILED);
}

/* ---- the store ---- */

struct names {
    char text[200];
};

static void add_name(const char *username, void *user)
{
    struct names *names = user;
    size_t len = strlen(names->text);
    snprintf(names->text + len, sizeof names->text - len, "%s,", username);
}

static void test_store(void **state)
{
    struct fixture *self = *state;
    struct account_store *store = account_store_new(self->path);
    struct fault fault = {.text = ""};
    char hash[PASSWORD_HASH_CAP];
    struct names names = {.text = ""};
    struct stat stat_now;
    assert_int_equal(account_store_find(store, "T", hash, &fault), STATUS_OVERLOADED);
    assert_int_equal(access(self->path, F_OK), -1); /* asking makes no file */
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(stat(self->path, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0600);
    assert_int_equal(account_store_find(store, "T", hash, &fault), STATUS_NOT_FOUND);
    assert_int_equal(account_store_add(store, "T", "one", &fault), STATUS_OK);
    assert_int_equal(account_store_add(store, "G", "two", &fault), STATUS_OK);
    assert_int_equal(account_store_add(store, "T", "three", &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "the user \"T\" exists already");
    assert_int_equal(account_store_find(store, "T", hash, &fault), STATUS_OK);
    assert_string_equal(hash, "one");
    assert_int_equal(account_store_find(store, "t", hash, &fault), STATUS_NOT_FOUND);
    assert_int_equal(account_store_change(store, "T", "four", &fault), STATUS_OK);
    assert_int_equal(account_store_find(store, "T", hash, &fault), STATUS_OK);
    assert_string_equal(hash, "four");
    assert_int_equal(account_store_list(store, add_name, &names, &fault), STATUS_OK);
    assert_string_equal(names.text, "G,T,");
    assert_int_equal(account_store_remove(store, "T", &fault), STATUS_OK);
    assert_int_equal(account_store_remove(store, "T", &fault), STATUS_NOT_FOUND);
    assert_string_equal(fault.text, "there is no user \"T\"");
    assert_int_equal(account_store_change(store, "T", "x", &fault), STATUS_NOT_FOUND);
    account_store_free(store);
}

static void test_two_stores_at_once(void **state)
{
    struct fixture *self = *state;
    struct account_store *server = account_store_new(self->path);
    struct fault fault = {.text = ""};
    char hash[PASSWORD_HASH_CAP];
    assert_int_equal(account_store_create(server, &fault), STATUS_OK);
    assert_int_equal(account_store_find(server, "T", hash, &fault), STATUS_NOT_FOUND);
    add_user(self->path, "T", "secret"); /* as `besterd user add` does meanwhile */
    assert_int_equal(account_store_find(server, "T", hash, &fault), STATUS_OK);
    account_store_free(server);
}

/* As when servers and `besterd user add` start at the same moment. */
static void test_created_by_several_at_once(void **state)
{
    enum { PROCESSES = 8 };
    struct fixture *self = *state;
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            char name[20];
            struct account_store *store = account_store_new(self->path);
            snprintf(name, sizeof name, "U%d", i);
            bool good = account_store_create(store, NULL) == STATUS_OK &&
                        account_store_add(store, name, "x", NULL) == STATUS_OK;
            account_store_free(store);
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct names names = {.text = ""};
    struct account_store *store = account_store_new(self->path);
    assert_int_equal(account_store_list(store, add_name, &names, NULL), STATUS_OK);
    assert_string_equal(names.text, "U0,U1,U2,U3,U4,U5,U6,U7,");
    account_store_free(store);
}

static void test_readable_by_others(void **state)
{
    struct fixture *self = *state;
    struct stat stat_now;
    struct fault fault = {.text = ""};
    add_user(self->path, "T", "secret");
    assert_int_equal(chmod(self->path, 0644), 0);
    struct account_store *store = account_store_new(self->path);
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(stat(self->path, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0600);
    account_store_free(store);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static enum status create_status(const char *path, struct fault *fault)
{
    struct account_store *store = account_store_new(path);
    enum status status = account_store_create(store, fault);
    account_store_free(store);
    return status;
}

static void test_databases_that_are_not_ours(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {.text = ""};
    run_sql(self->path, "CREATE TABLE others (x)");
    assert_int_equal(create_status(self->path, &fault), STATUS_INTERNAL);
    assert_non_null(strstr(fault.text, "not one of besterd's accounts"));
    unlink(self->path);
    assert_int_equal(create_status(self->path, &fault), STATUS_OK);
    run_sql(self->path, "PRAGMA user_version = 2");
    assert_int_equal(create_status(self->path, &fault), STATUS_INTERNAL);
    assert_non_null(strstr(fault.text, "schema 2, this one knows 1"));
    unlink(self->path);
    assert_int_equal(mkdir(self->path, 0700), 0);
    assert_int_equal(create_status(self->path, &fault), STATUS_INTERNAL);
    assert_non_null(strstr(fault.text, "is not a file"));
    assert_int_equal(create_status("/nonexistent/accounts.db", &fault), STATUS_OVERLOADED);
    assert_non_null(strstr(fault.text, "No such file or directory"));
}

static void overwrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 2000; i++)
        fputs(text, file);
    fclose(file);
}

static void test_a_corrupt_file(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {.text = ""};
    overwrite(self->path, "rubbish ");
    assert_int_equal(create_status(self->path, &fault), STATUS_INTERNAL);
    assert_non_null(strstr(fault.text, "not a database"));
}

/* ---- asked from a loop ---- */

static void test_verify(void **state)
{
    struct fixture *self = *state;
    add_user(self->path, "T", "secret");
    open_accounts(self, DATABASE_SQLITE);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "T", "wrong"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "T", ""), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "G", "secret"), STATUS_AUTH_FAILED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
    assert_int_equal(exists(&self->inquirer, "G"), STATUS_UNKNOWN_USER);
    char overlong[PASSWORD_MAX + 2];
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    assert_int_equal(verify(&self->inquirer, "T", overlong), STATUS_AUTH_FAILED);
    add_user(self->path, "G", "other"); /* while the server runs */
    assert_int_equal(verify(&self->inquirer, "G", "other"), STATUS_OK);
}

/* Each ticket is answered once; hashing does not hold up the other question. */
static void test_many_at_once(void **state)
{
    struct fixture *self = *state;
    add_user(self->path, "T", "secret");
    open_accounts(self, DATABASE_SQLITE);
    for (uint64_t i = 0; i < HASH_JOBS; i++) {
        struct span password = i % 2 == 0 ? SPAN_LITERAL("secret") : SPAN_LITERAL("wrong");
        assert_int_equal(accounts_verify(self->inquirer.accounts, "T", password, 0, i), STATUS_OK);
    }
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", HASH_JOBS), STATUS_OK);
    wait_for(&self->inquirer, HASH_JOBS + 1);
    bool seen[HASH_JOBS + 1] = {false};
    size_t place = 0;
    for (size_t i = 0; i < self->inquirer.count; i++) {
        const struct answer *answer = &self->inquirer.answers[i];
        assert_false(seen[answer->ticket]);
        seen[answer->ticket] = true;
        bool good = answer->ticket == HASH_JOBS || answer->ticket % 2 == 0;
        assert_int_equal(answer->status, good ? STATUS_OK : STATUS_AUTH_FAILED);
        if (!answer->is_verify)
            place = i;
    }
    assert_true(place < HASH_JOBS / 2);
}

static void test_too_many_at_once(void **state)
{
    struct fixture *self = *state;
    open_accounts(self, DATABASE_SQLITE);
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
    open_accounts(self, DATABASE_SQLITE);
    self->inquirer.ask_again = true;
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    wait_for(&self->inquirer, 2);
    assert_int_equal(self->inquirer.answers[1].ticket, 2);
}

/* ---- the database goes wrong under a running server ---- */

static void test_the_file_goes_away_and_comes_back(void **state)
{
    struct fixture *self = *state;
    char old[PATH_BYTES + 8];
    snprintf(old, sizeof old, "%s-old", self->path);
    add_user(self->path, "T", "secret");
    open_accounts(self, DATABASE_SQLITE);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
    assert_int_equal(rename(self->path, old), 0);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OVERLOADED);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OVERLOADED);
    assert_int_equal(access(self->path, F_OK), -1);
    assert_int_equal(rename(old, self->path), 0);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_OK);
}

static void test_the_file_becomes_corrupt(void **state)
{
    struct fixture *self = *state;
    char wal[PATH_BYTES + 8];
    snprintf(wal, sizeof wal, "%s-wal", self->path);
    open_accounts(self, DATABASE_SQLITE);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_UNKNOWN_USER);
    unlink(self->path);
    unlink(wal);
    overwrite(self->path, "rubbish ");
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_INTERNAL);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_INTERNAL);
}

static void test_what_is_stored_is_no_hash(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {.text = ""};
    struct account_store *store = account_store_new(self->path);
    assert_int_equal(account_store_create(store, &fault), STATUS_OK);
    assert_int_equal(account_store_add(store, "T", "secret", &fault), STATUS_OK);
    account_store_free(store);
    open_accounts(self, DATABASE_SQLITE);
    assert_int_equal(verify(&self->inquirer, "T", "secret"), STATUS_INTERNAL);
    assert_int_equal(exists(&self->inquirer, "T"), STATUS_OK);
}

/* A process that has the database locked for itself until it is killed. */
static pid_t lock_in_child(const char *path)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *database = NULL;
        if (sqlite3_open(path, &database) == SQLITE_OK &&
            sqlite3_exec(database,
                "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; SELECT * FROM users", NULL, NULL,
                NULL) == SQLITE_OK)
            (void)!write(ready[1], "x", 1);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void test_the_database_is_locked(void **state)
{
    struct fixture *self = *state;
    add_user(self->path, "T", "secret");
    pid_t child = lock_in_child(self->path);
    struct account_store *store = account_store_new(self->path);
    struct fault fault = {.text = ""};
    char hash[PASSWORD_HASH_CAP];
    enum status locked = account_store_find(store, "T", hash, &fault);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(locked, STATUS_OVERLOADED);
    assert_non_null(strstr(fault.text, "locked"));
    assert_int_equal(account_store_find(store, "T", hash, &fault), STATUS_OK);
    account_store_free(store);
}

/* ---- the other kinds ---- */

static void test_open(void **state)
{
    struct fixture *self = *state;
    open_accounts(self, DATABASE_OPEN);
    assert_int_equal(verify(&self->inquirer, "anybody", "anything"), STATUS_OK);
    assert_int_equal(verify(&self->inquirer, "", "anything"), STATUS_AUTH_FAILED);
    assert_int_equal(verify(&self->inquirer, "anybody", ""), STATUS_AUTH_FAILED);
    assert_int_equal(exists(&self->inquirer, "anybody"), STATUS_OFFLINE);
    self->inquirer.ask_again = true;
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(
            accounts_verify(self->inquirer.accounts, "T", SPAN_LITERAL("x"), 0, i), STATUS_OK);
    wait_for(&self->inquirer, 101);
    for (size_t i = 0; i < 100; i++) /* in order */
        assert_int_equal(self->inquirer.answers[self->inquirer.count - 101 + i].ticket, i);
}

static void test_open_is_freed_while_questions_wait(void **state)
{
    struct fixture *self = *state;
    open_accounts(self, DATABASE_OPEN);
    assert_int_equal(accounts_exists(self->inquirer.accounts, "T", 1), STATUS_OK);
    inquirer_close(&self->inquirer);
    ev_run(self->inquirer.loop, EVRUN_NOWAIT);
    assert_int_equal(self->inquirer.count, 0);
}

static void test_kinds_that_cannot_be_opened(void **state)
{
    struct fixture *self = *state;
    struct fault fault = {.text = ""};
    char path[] = "/nonexistent/accounts.db";
    struct config config = {.database = DATABASE_SQLITE, .database_path = path};
    assert_int_equal(accounts_open(&self->inquirer.accounts, &config, self->inquirer.loop,
                         &inquirer_callbacks, &self->inquirer, &fault),
        STATUS_IO);
    assert_non_null(strstr(fault.text, path));
    assert_null(self->inquirer.accounts);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    log_open(-1, LOG_LEVEL_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_usernames),
        TEST(test_usernames_refused),
        TEST(test_passwords),
        TEST(test_longest_password),
        TEST(test_an_unknown_user_costs_the_same),
        TEST(test_plain_text),
        TEST(test_store),
        TEST(test_two_stores_at_once),
        TEST(test_created_by_several_at_once),
        TEST(test_readable_by_others),
        TEST(test_databases_that_are_not_ours),
        TEST(test_a_corrupt_file),
        TEST(test_verify),
        TEST(test_many_at_once),
        TEST(test_too_many_at_once),
        TEST(test_asking_from_an_answer),
        TEST(test_the_file_goes_away_and_comes_back),
        TEST(test_the_file_becomes_corrupt),
        TEST(test_what_is_stored_is_no_hash),
        TEST(test_the_database_is_locked),
        TEST(test_open),
        TEST(test_open_is_freed_while_questions_wait),
        TEST(test_kinds_that_cannot_be_opened),
    };
    return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
