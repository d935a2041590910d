#define _DEFAULT_SOURCE /* forkpty */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "besterd/account_store.h"
#include "besterd/user_command.h"

enum { PATH_BYTES = 200, ARGUMENTS_MAX = 8, TEXT_MAX = 4096 };

struct fixture {
    char directory[40];
    char config[PATH_BYTES];
    char database[PATH_BYTES];
    char *out; /* of the last run */
    char *err;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-user-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->config, sizeof self->config, "%s/config.json", self->directory);
    snprintf(self->database, sizeof self->database, "%s/accounts.db", self->directory);
    char text[2 * PATH_BYTES];
    snprintf(text, sizeof text, "{\"database\": {\"sqlite\": {\"path\": \"%s\"}}}", self->database);
    write_file(self->config, text);
    setenv("XDG_STATE_HOME", self->directory, 1);
    setenv("XDG_RUNTIME_DIR", self->directory, 1);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    char path[2 * PATH_BYTES];
    const char *const inside[] = {"config.json", "accounts.db", "accounts.db-wal",
        "accounts.db-shm", "bester/accounts.db", "bester/accounts.db-wal", "bester/accounts.db-shm",
        "bester"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", self->directory, inside[i]);
        remove(path);
    }
    assert_int_equal(rmdir(self->directory), 0);
    free(self->out);
    free(self->err);
    free(self);
    return 0;
}

/* Splits line at blanks ("%" stands for the configuration's path). */
static int split(struct fixture *self, char *line, char *argv[ARGUMENTS_MAX])
{
    int argc = 0;
    for (char *at = line; *at != '\0' && argc < ARGUMENTS_MAX - 1; argc++) {
        argv[argc] = at;
        at += strcspn(at, " ");
        if (*at != '\0')
            *at++ = '\0';
        if (strcmp(argv[argc], "%") == 0)
            argv[argc] = self->config;
    }
    argv[argc] = NULL;
    return argc;
}

/* Runs the command with input on a pipe; returns its exit status. */
static int run_with(
    struct fixture *self, const char *config_file, const char *arguments, const char *input)
{
    int ends[2];
    char line[TEXT_MAX];
    char *argv[ARGUMENTS_MAX];
    size_t out_len = 0;
    size_t err_len = 0;
    free(self->out);
    free(self->err);
    snprintf(line, sizeof line, "user %s", arguments);
    int argc = split(self, line, argv);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
    close(ends[1]);
    struct user_command_io io = {.in = ends[0],
        .out = open_memstream(&self->out, &out_len),
        .err = open_memstream(&self->err, &err_len)};
    assert_non_null(io.out);
    assert_non_null(io.err);
    int code = user_command(config_file, argc, argv, &io);
    fclose(io.out);
    fclose(io.err);
    close(ends[0]);
    return code;
}

static int run(struct fixture *self, const char *arguments, const char *input)
{
    return run_with(self, self->config, arguments, input);
}

static enum status password_status(struct fixture *self, const char *username, const char *password)
{
    char hash[PASSWORD_HASH_CAP];
    struct account_store *store = account_store_new(self->database);
    enum status status = account_store_find(store, username, hash, NULL);
    account_store_free(store);
    return status == STATUS_OK ? password_verify(span_of(password), hash) : status;
}

/* ---- from a pipe ---- */

static void test_the_life_of_an_account(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(run(self, "list", ""), 0);
    assert_string_equal(self->out, "");
    assert_int_equal(run(self, "add T", "secret\nnot this\n"), 0);
    assert_string_equal(self->err, "");
    assert_int_equal(run(self, "add G", "other"), 0); /* the line's end may be missing */
    assert_int_equal(password_status(self, "T", "secret"), STATUS_OK);
    assert_int_equal(password_status(self, "G", "other"), STATUS_OK);
    assert_int_equal(run(self, "list", ""), 0);
    assert_string_equal(self->out, "G\nT\n");
    assert_int_equal(run(self, "passwd T", "new one\r\n"), 0);
    assert_int_equal(password_status(self, "T", "new one"), STATUS_OK);
    assert_int_equal(password_status(self, "T", "secret"), STATUS_AUTH_FAILED);
    assert_int_equal(run(self, "remove T", ""), 0);
    assert_int_equal(password_status(self, "T", "new one"), STATUS_NOT_FOUND);
    assert_int_equal(run(self, "list", ""), 0);
    assert_string_equal(self->out, "G\n");
}

static void test_sentences(void **state)
{
    struct fixture *self = *state;
    char overlong[PASSWORD_MAX + 3];
    memset(overlong, 'x', sizeof overlong - 2);
    overlong[sizeof overlong - 2] = '\n';
    overlong[sizeof overlong - 1] = '\0';
    assert_int_equal(run(self, "add T", "secret\n"), 0);
    const struct {
        const char *arguments, *input;
        int code;
        const char *sentence;
    } samples[] = {
        {"add T", "secret\n", 1, "the user \"T\" exists already"},
        {"passwd G", "secret\n", 1, "there is no user \"G\""},
        {"remove G", "", 1, "there is no user \"G\""},
        {"add a@b", "secret\n", 65, "the username holds an '@'"},
        {"add X", "\n", 65, "the password is empty"},
        {"add X", "", 65, "no password was given"},
        {"add X", overlong, 65, "the password is too long"},
        {"passwd T", "\n", 65, "the password is empty"},
        {"", "", 2, "add NAME, passwd NAME, remove NAME or list is needed"},
        {"add", "", 2, "add NAME, passwd NAME, remove NAME or list is needed"},
        {"add X secret", "", 2, "add NAME, passwd NAME, remove NAME or list is needed"},
        {"list X", "", 2, "add NAME, passwd NAME, remove NAME or list is needed"},
        {"frobnicate X", "", 2, "add NAME, passwd NAME, remove NAME or list is needed"},
        {"add X --password secret", "", 2, "password"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        int code = run(self, samples[i].arguments, samples[i].input);
        if (code != samples[i].code || strstr(self->err, samples[i].sentence) == NULL)
            fail_msg("user %s: %d, \"%s\"", samples[i].arguments, code, self->err);
        assert_string_equal(self->out, "");
    }
    /* Nothing of all that changed anything. */
    assert_int_equal(run(self, "list", ""), 0);
    assert_string_equal(self->out, "T\n");
    assert_int_equal(password_status(self, "T", "secret"), STATUS_OK);
}

static void test_configurations(void **state)
{
    struct fixture *self = *state;
    /* Named among the arguments, before the one that was named earlier. */
    assert_int_equal(run_with(self, "/nonexistent", "add T --config %", "secret\n"), 0);
    assert_int_equal(run_with(self, NULL, "list -c %", ""), 0);
    assert_string_equal(self->out, "T\n");
    assert_int_equal(run_with(self, "/nonexistent", "list", ""), 74);
    assert_non_null(strstr(self->err, "/nonexistent: cannot be read"));
    /* The embedded default, whose directory is made. */
    assert_int_equal(run_with(self, NULL, "list", ""), 0);
    assert_string_equal(self->out, "");
    write_file(self->config, "{\"database\": {\"type\": \"open\"}}");
    assert_int_equal(run(self, "list", ""), 78);
    assert_non_null(strstr(self->err, "there are no accounts"));
    write_file(self->config,
        "{\"database\": {\"type\": \"redis\", \"redis\": {\"address\": \"/nonexistent/s\"}}}");
    assert_int_equal(run(self, "list", ""), 74);
    assert_non_null(strstr(self->err, "Redis at /nonexistent/s: No such file"));
    write_file(self->config, "{\"database\": {\"sqlite\": {\"path\": \"/nonexistent/x.db\"}}}");
    assert_int_equal(run(self, "list", ""), 74);
    assert_non_null(strstr(self->err, "/nonexistent/x.db: No such file"));
}

static void test_help(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(run(self, "--help", ""), 0);
    assert_non_null(strstr(self->out, "besterd user add NAME"));
}

/* ---- at a terminal ---- */

struct terminal {
    int master;
    pid_t child;
    char seen[TEXT_MAX];
    size_t len;
};

/* Runs the command in a child whose terminal we hold. */
static struct terminal start(struct fixture *self, const char *arguments)
{
    struct terminal terminal = {.len = 0};
    char line[TEXT_MAX];
    char *argv[ARGUMENTS_MAX];
    snprintf(line, sizeof line, "user %s", arguments);
    int argc = split(self, line, argv);
    terminal.child = forkpty(&terminal.master, NULL, NULL, NULL);
    assert_true(terminal.child >= 0);
    if (terminal.child == 0) {
        struct user_command_io io = {.in = STDIN_FILENO, .out = stdout, .err = stderr};
        int code = user_command(self->config, argc, argv, &io);
        fflush(stdout);
        _exit(code);
    }
    return terminal;
}

/* Reads until text has been seen. */
static void expect(struct terminal *self, const char *text)
{
    while (strstr(self->seen, text) == NULL) {
        ssize_t got = read(self->master, self->seen + self->len, sizeof self->seen - 1 - self->len);
        if (got <= 0)
            fail_msg("\"%s\" did not come, but \"%s\"", text, self->seen);
        self->len += (size_t)got;
        self->seen[self->len] = '\0';
    }
}

static bool echoes(const struct terminal *self)
{
    struct termios settings;
    assert_int_equal(tcgetattr(self->master, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

static void type(const struct terminal *self, const char *text)
{
    assert_int_equal(write(self->master, text, strlen(text)), (ssize_t)strlen(text));
}

/* Waits for the end; the exit status, or minus the signal. */
static int finish(struct terminal *self)
{
    int status = 0;
    ssize_t got;
    while (
        (got = read(self->master, self->seen + self->len, sizeof self->seen - 1 - self->len)) > 0)
        self->len += (size_t)got;
    self->seen[self->len] = '\0';
    assert_int_equal(waitpid(self->child, &status, 0), self->child);
    close(self->master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_asks_twice_without_echo(void **state)
{
    struct fixture *self = *state;
    struct terminal terminal = start(self, "add T");
    expect(&terminal, "Password: ");
    assert_false(echoes(&terminal));
    type(&terminal, "secret\n");
    expect(&terminal, "The same again: ");
    assert_false(echoes(&terminal));
    type(&terminal, "secret\n");
    assert_int_equal(finish(&terminal), 0);
    assert_null(strstr(terminal.seen, "secret"));
    assert_int_equal(password_status(self, "T", "secret"), STATUS_OK);
}

static void test_mistyped(void **state)
{
    struct fixture *self = *state;
    struct terminal terminal = start(self, "add T");
    expect(&terminal, "Password: ");
    type(&terminal, "secret\n");
    expect(&terminal, "The same again: ");
    type(&terminal, "sekret\n");
    assert_int_equal(finish(&terminal), 65);
    assert_non_null(strstr(terminal.seen, "the passwords differ"));
    assert_int_equal(password_status(self, "T", "secret"), STATUS_NOT_FOUND);
}

static void test_nothing_typed(void **state)
{
    struct fixture *self = *state;
    struct terminal terminal = start(self, "add T");
    expect(&terminal, "Password: ");
    type(&terminal, "\n");
    assert_int_equal(finish(&terminal), 65);
    terminal = start(self, "add T");
    expect(&terminal, "Password: ");
    type(&terminal, "\x04"); /* end of input */
    assert_int_equal(finish(&terminal), 65);
    assert_non_null(strstr(terminal.seen, "no password was given"));
}

static void test_existing_users_are_told_first(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(run(self, "add T", "secret\n"), 0);
    struct terminal terminal = start(self, "add T");
    assert_int_equal(finish(&terminal), 1);
    assert_null(strstr(terminal.seen, "Password"));
}

/* A signal ends the command as it would end any, and the terminal echoes again. */
static void test_interrupted(void **state)
{
    struct fixture *self = *state;
    int master;
    int slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(master);
        (void)!login_tty(slave);
        char *argv[ARGUMENTS_MAX];
        char line[] = "user add T";
        int argc = split(self, line, argv);
        struct user_command_io io = {.in = STDIN_FILENO, .out = stdout, .err = stderr};
        _exit(user_command(self->config, argc, argv, &io));
    }
    /* We keep the other end open too, so that its settings can be looked at. */
    struct terminal terminal = {.master = master, .child = child};
    expect(&terminal, "Password: ");
    assert_false(echoes(&terminal));
    type(&terminal, "sec\x03"); /* Ctrl-C */
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_true(echoes(&terminal));
    close(slave);
    close(master);
    assert_int_equal(password_status(self, "T", "sec"), STATUS_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_life_of_an_account),
        TEST(test_sentences),
        TEST(test_configurations),
        TEST(test_help),
        TEST(test_asks_twice_without_echo),
        TEST(test_mistyped),
        TEST(test_nothing_typed),
        TEST(test_existing_users_are_told_first),
        TEST(test_interrupted),
    };
    return cmocka_run_group_tests_name("user_command", tests, NULL, NULL);
}
