/* `harness run` and `harness up` from outside: exit statuses, what they print,
 * and that they leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/program.h"

#include <dirent.h>
#include <sys/syscall.h>

static struct program program;
static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/bester-test-run-XXXXXX");
    return !mkdtemp(dir) || setenv("TMPDIR", dir, 1) != 0;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir); /* fails if anything is left in it */
}

static int harness(const char *const *args)
{
    program_start(&program, "harness", args, -1);
    return program_finish(&program);
}

/* The processes of a cast: all have its directory in their arguments. *fds, if not
 * NULL, gets a descriptor for each, which becomes readable with its end. */
static size_t find_processes(int *fds, size_t max)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    size_t found = 0;

    assert_non_null(processes);
    // cppcheck-suppress readdirCalled
    while ((entry = readdir(processes))) {
        char path[300];
        char words[4096];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        file = fopen(path, "r");
        if (!file)
            continue;
        size_t n = fread(words, 1, sizeof(words) - 1, file);
        fclose(file);
        if (!memmem(words, n, dir, strlen(dir)))
            continue;
        if (fds && found < max)
            fds[found] = (int)syscall(SYS_pidfd_open, strtol(entry->d_name, NULL, 10), 0);
        found++;
    }
    closedir(processes);
    return found;
}

static void assert_nobody_left(void)
{
    assert_int_equal(find_processes(NULL, 0), 0);
}

static void assert_out(const char *part)
{
    if (!strstr(program.text_out, part))
        fail_msg("no \"%s\" in\n%s%s", part, program.text_out, program.text_err);
}

/* ---- run ---- */

static void test_good_and_failed(void **state)
{
    static const char good[] = "tests/harness/plays/good.json";
    static const char bad[] = "tests/harness/wrong/not_asked.json";

    (void)state;
    assert_int_equal(harness((const char *const[]){"run", good, NULL}), 0);
    assert_int_equal(strncmp(program.text_out,
                         "TAP version 14\n1..1\nok 1 - tests/harness/plays/"
                         "good.json: Short and good (",
                         70),
        0);
    /* In the order in which they were named, whatever is ready first. */
    assert_int_equal(harness((const char *const[]){"run", "-j3", bad, good, good, NULL}), 1);
    assert_out("1..3\nnot ok 1 - ");
    assert_out("\nok 2 - ");
    assert_out("\nok 3 - ");
    assert_nobody_left();
}

static void test_ladder(void **state)
{
    (void)state;
    assert_int_equal(
        harness((const char *const[]){"run", "--ladder", "tests/harness/plays/good.json", NULL}),
        0);
    assert_out("1..1\nT > J {\"type\": \"dummy\", \"data\": null, \"id\": \"d-1\"}\n"
               "J > T {\"type\": \"dummy\", \"data\": null, \"id\": \"d-1\"}\n"
               "T > J {\"type\": \"dummy\", \"data\": null, \"id\": \"d-2\"}\n");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(harness((const char *const[]){NULL}), 2);
    assert_int_equal(harness((const char *const[]){"walk", NULL}), 2);
    assert_int_equal(harness((const char *const[]){"run", NULL}), 2);
    assert_int_equal(harness((const char *const[]){"run", "-j0", "x", NULL}), 2);
    assert_int_equal(harness((const char *const[]){"up", NULL}), 2);
    assert_int_equal(harness((const char *const[]){"--help", NULL}), 0);
    assert_out("Usage: harness COMMAND");
    assert_int_equal(harness((const char *const[]){"run", "--help", NULL}), 0);
    assert_out("--ladder");
    assert_int_equal(harness((const char *const[]){"up", "--help", NULL}), 0);
    assert_out("--run");
}

/* One bad play among good ones: told, and nothing is started. */
static void test_bad_plays(void **state)
{
    char path[128];
    FILE *file;

    (void)state;
    snprintf(path, sizeof(path), "%s/bad.json", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"servers\": {\"J\": {}},\n \"steps\": [{\"T > J\": {}}]}", file);
    fclose(file);
    int status = harness((const char *const[]){"run", "tests/harness/plays/good.json", path, NULL});
    unlink(path);
    assert_int_equal(status, 65);
    assert_string_equal(program.text_out, "");
    assert_non_null(strstr(program.text_err, "/bad.json:2:13: there is no \"T\" in the cast\n"));
    assert_int_equal(harness((const char *const[]){"run", "/nowhere/at.all", NULL}), 74);
    assert_int_equal(harness((const char *const[]){"run", dir, NULL}), 74);
    assert_non_null(strstr(program.text_err, "no play in it"));
    assert_int_equal(harness((const char *const[]){"run", "--besterd", "/nowhere/besterd",
                         "tests/harness/plays/good.json", NULL}),
        74);
}

/* Reads what the program prints until that text is there. */
static void await_out(const char *text)
{
    char seen[8192] = "";
    size_t len = 0;

    while (!strstr(seen, text)) {
        struct pollfd readable = {.fd = program.out, .events = POLLIN};

        assert_true(poll(&readable, 1, PEER_PATIENCE_S * 1000) > 0);
        ssize_t n = read(program.out, seen + len, sizeof(seen) - 1 - len);
        if (n <= 0)
            fail_msg("it ended after\n%s", seen);
        len += (size_t)n;
        seen[len] = '\0';
    }
}

static void interrupted_by(int number)
{
    program_start(&program, "harness",
        (const char *const[]){"run", "-v", "tests/harness/plays/hangs.json", NULL}, -1);
    await_out("S2 > G {\"status\": \"good\"");
    kill(program.pid, number);
    assert_int_equal(program_finish(&program), 130);
    assert_out("Bail out! interrupted\n");
    assert_nobody_left();
}

static void test_interrupted(void **state)
{
    (void)state;
    interrupted_by(SIGINT);
    interrupted_by(SIGTERM);
}

static void remove_all(void)
{
    const char *words[] = {"rm", "-rf", dir, NULL};
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(words[0], (char *const *)words);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(mkdir(dir, 0700), 0);
}

/* Killed, it can't remove its directory, but its processes die with it: two
 * servers and what starts programs for each, a handler of its own and one that a
 * server has started. */
static void test_killed(void **state)
{
    int fds[16];

    (void)state;
    program_start(&program, "harness",
        (const char *const[]){"run", "-v", "tests/harness/plays/hangs.json", NULL}, -1);
    await_out("S2 > G {\"status\": \"good\"");
    size_t count = find_processes(fds, 16);
    assert_int_equal(count, 6);
    kill(program.pid, SIGKILL);
    assert_int_equal(program_finish(&program), 1000 + SIGKILL);
    for (size_t i = 0; i < count; i++) {
        struct pollfd end = {.fd = fds[i], .events = POLLIN};

        assert_true(fds[i] >= 0);
        assert_int_equal(poll(&end, 1, PEER_PATIENCE_S * 1000), 1);
        close(fds[i]);
    }
    remove_all();
}

/* ---- up ---- */

static void test_up_runs_a_command(void **state)
{
    static const char world[] = "tests/harness/plays/world.json";

    (void)state;
    assert_int_equal(harness((const char *const[]){"up", world, "--run",
                         "echo at ${S1}; cat ${dir}/T.password; echo ${HOME:-}; exit 7", NULL}),
        7);
    assert_int_equal(strncmp(program.text_out, "at 127.", 7), 0);
    assert_out("\na secret\n/");
    assert_int_equal(harness((const char *const[]){"up", world, "--run", "kill -9 $$", NULL}), 137);
    assert_nobody_left();
}

static void test_up_answers_by_rules(void **state)
{
    char command[1024];
    char send[PATH_MAX];

    (void)state;
    snprintf(command, sizeof(command),
        "printf '{\"n\":1}\\n{\"n\":1}\\n' | %.700s -u T --password-file ${dir}/T.password -S "
        "${S1} "
        "-t echo --ndjson",
        program_path("bester-send", send));
    assert_int_equal(harness((const char *const[]){
                         "up", "-v", "tests/harness/plays/world.json", "--run", command, NULL}),
        0);
    assert_out("S1 > E {\"n\": 1}\nE > S1 {\"sendClients\": [\"T\"], \"data\": \"one\"}\n");
    assert_out("E > S1 {\"sendClients\": [\"T\"], \"data\": {\"heard\": {\"n\": 1}}}\n");
}

static void test_up_until_interrupted(void **state)
{
    (void)state;
    program_start(&program, "harness",
        (const char *const[]){"up", "tests/harness/plays/world.json", NULL}, -1);
    await_out("Ctrl-C ends it.\n");
    kill(program.pid, SIGINT);
    assert_int_equal(program_finish(&program), 0);
    assert_nobody_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_and_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ladder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_usage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_plays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_up_runs_a_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_up_answers_by_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_up_until_interrupted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
