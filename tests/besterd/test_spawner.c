/* spawner: the process that starts handlers, seen by besterd and by one that speaks as
 * besterd would not. */
#include "tests/besterd/support.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "besterd/spawner.h"
#include "besterd/spawner_internal.h"
#include "tests/besterd/log_watch.h"

struct program {
    struct spawned *spawned;
    unsigned starts, ends;
    double pause_s;
};

struct world {
    struct place place;
    struct ev_loop *loop;
    struct config *config;
    struct spawner *spawner;
    struct log_watch log;
    struct program program;
    unsigned losses;
};

static void on_started(void *user)
{
    struct program *self = user;
    self->starts++;
}

static void on_ended(double pause_s, void *user)
{
    struct program *self = user;
    self->ends++;
    self->pause_s = pause_s;
}

static const struct spawned_callbacks callbacks = {on_started, on_ended};

static void on_lost(void *user)
{
    struct world *self = user;
    self->losses++;
}

/* Types x and y with these programs, and z, which somebody else starts. */
static char *config_text(struct world *self, const char *x, const char *y)
{
    static char text[2048];
    snprintf(text, sizeof text,
        "{\"handlers\":{\"availableTypes\":[\"x\",\"y\",\"z\"],\"typeMap\":{"
        "\"x\":{\"handlerBinary\":\"%s\",\"unixDomainSocketPath\":\"%s/x\","
        "\"handlerArguments\":[\"%s\"]},"
        "\"y\":{\"handlerBinary\":\"%s\",\"unixDomainSocketPath\":\"/nowhere/y\"},"
        "\"z\":{\"unixDomainSocketPath\":\"/nowhere/z\"}}},"
        "\"database\":{\"type\":\"open\"},\"informer\":{\"address\":\"/nowhere/i\"},"
        "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"/nowhere/c\"}}}",
        x, self->place.directory, self->place.directory, y);
    return text;
}

static void write_config(struct world *self, const char *text)
{
    const char *path = place_path(&self->place, "config");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static struct config *load(struct world *self)
{
    struct config *config = NULL;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    assert_int_equal(
        config_load(&config, place_path(&self->place, "config"), &mistakes), STATUS_OK);
    mistakes_release(&mistakes);
    return config;
}

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    place_open(&self->place);
    self->loop = ev_default_loop(0);
    log_watch_begin(&self->log, self->loop);
    *state = self;
    return 0;
}

/* $1: the path of its socket, $2: the directory of the place. */
static void begin(struct world *self, const char *lines)
{
    struct fault fault = {0};
    write_config(
        self, config_text(self, place_script(&self->place, "program", lines), "/nowhere/program"));
    self->config = load(self);
    assert_int_equal(spawner_new(&self->spawner, self->config, &fault), STATUS_OK);
    spawner_attach(self->spawner, self->loop, on_lost, self);
}

static void make(struct world *self, struct program *program, const char *type)
{
    program->spawned = spawned_new(self->spawner, type, &callbacks, program);
    assert_non_null(program->spawned);
}

static int tear_down(void **state)
{
    struct world *self = *state;
    spawned_free(self->program.spawned);
    spawner_free(self->spawner);
    config_unref(self->config);
    log_watch_end(&self->log);
    place_close(&self->place);
    free(self);
    return 0;
}

#define WAITS "exec 3>$2/alive; echo begun >&3; while :; do read x <$2/block; done"

static struct wire start_one_that_waits(struct world *self, const char *before)
{
    struct wire alive = place_hold(&self->place, self->loop, "alive");
    char lines[256], line[64];
    place_gate(&self->place, "block");
    snprintf(lines, sizeof lines, "%s" WAITS, before);
    begin(self, lines);
    make(self, &self->program, "x");
    spawned_ensure(self->program.spawned);
    hold_await_line(&alive, line, sizeof line);
    RUN_UNTIL(self->loop, self->program.starts == 1);
    return alive;
}

/* ---- what it is asked ---- */

static void test_starts_and_stops(void **state)
{
    struct world *self = *state;
    struct wire alive = start_one_that_waits(self, "");
    assert_true(spawned_is_running(self->program.spawned));
    assert_true(spawned_pause_left(self->program.spawned) == 0);
    spawned_stop(self->program.spawned);
    RUN_UNTIL(self->loop, self->program.ends == 1);
    assert_true(self->program.pause_s == 0);
    assert_false(spawned_is_running(self->program.spawned));
    assert_true(isinf(spawned_pause_left(self->program.spawned)));
    hold_await_end(&alive);
    assert_int_equal(self->losses, 0);
    close(alive.fd);
}

static void test_starts_again(void **state)
{
    struct world *self = *state;
    begin(self, "exit 3");
    make(self, &self->program, "x");
    spawned_ensure(self->program.spawned);
    RUN_UNTIL(self->loop, self->program.ends == 1);
    assert_true(self->program.pause_s > 0);
    assert_true(spawned_pause_left(self->program.spawned) > 0);
    assert_false(spawned_is_running(self->program.spawned));
    spawned_ensure(self->program.spawned); /* its pause is not over */
    RUN_UNTIL(self->loop, self->program.ends == 2);
    assert_int_equal(self->program.starts, 2);
    spawned_stop(self->program.spawned);
    assert_true(isinf(spawned_pause_left(self->program.spawned)));
}

static void test_a_program_that_is_not_there(void **state)
{
    struct world *self = *state;
    begin(self, "exit 0");
    make(self, &self->program, "y");
    spawned_ensure(self->program.spawned);
    log_await(&self->log, "handler y says: /nowhere/program: No such file");
}

static void expect_refusal(struct world *self, const char *type)
{
    struct program program = {.starts = 0};
    make(self, &program, type);
    spawned_ensure(program.spawned);
    RUN_UNTIL(self->loop, program.ends == 1);
    assert_int_equal(program.starts, 0);
    assert_true(isinf(spawned_pause_left(program.spawned)));
    spawned_free(program.spawned);
}

static void test_types_that_it_does_not_know(void **state)
{
    struct world *self = *state;
    begin(self, "exit 0");
    expect_refusal(self, "unknown");
    log_await(&self->log, "asked for the program of \"unknown\", which the configuration does not");
    expect_refusal(self, "z");
    log_await(&self->log, "asked for the program of \"z\", which");
    expect_refusal(self, "");
    expect_refusal(self, "/bin/sh");
    assert_int_equal(self->losses, 0);
}

static void test_a_type_with_a_long_name(void **state)
{
    struct world *self = *state;
    char type[SPAWNER_TYPE_MAX + 2];
    begin(self, "exit 0");
    memset(type, 't', sizeof type);
    type[sizeof type - 1] = '\0';
    make(self, &self->program, type);
    assert_true(isinf(spawned_pause_left(self->program.spawned)));
}

/* More than both directions of the socket can hold, before anything is heard. */
static void test_very_many_at_once(void **state)
{
    enum { PROGRAMS = 500 };
    static struct program programs[PROGRAMS];
    struct world *self = *state;
    unsigned started = 0;
    memset(programs, 0, sizeof programs);
    log_set_level(LOG_LEVEL_ERROR); /* the lines would be more than is kept of them */
    begin(self, "exit 0");
    for (unsigned i = 0; i < PROGRAMS; i++) {
        make(self, &programs[i], "y");
        spawned_ensure(programs[i].spawned);
        spawned_stop(programs[i].spawned);
    }
    for (unsigned i = 0; i < PROGRAMS; i++) {
        RUN_UNTIL(self->loop, programs[i].ends == 1);
        started += programs[i].starts;
        spawned_free(programs[i].spawned);
    }
    assert_int_equal(started, PROGRAMS);
}

/* ---- another configuration ---- */

static void test_a_reload(void **state)
{
    struct world *self = *state;
    struct fault fault = {0};
    begin(self, "exit 3");
    write_config(self,
        config_text(self, "/nowhere/x", place_script(&self->place, "other", "echo here; exit 3")));
    /* What it finds is not what we say it should find. */
    assert_int_equal(spawner_reload(self->spawner, self->config, &fault), STATUS_INVALID);
    make(self, &self->program, "y");
    spawned_ensure(self->program.spawned);
    log_await(&self->log, "/nowhere/program: No such file"); /* the old one is in force */
    config_unref(self->config);
    self->config = load(self);
    assert_int_equal(spawner_reload(self->spawner, self->config, &fault), STATUS_OK);
    struct program now = {.starts = 0};
    make(self, &now, "y");
    spawned_ensure(now.spawned);
    log_await(&self->log, "handler y says: here");
    spawned_free(now.spawned);
    write_config(self, "{");
    assert_int_equal(spawner_reload(self->spawner, self->config, &fault), STATUS_INVALID);
    log_await(&self->log, "error spawner:");
}

static void test_the_log_as_it_is_told(void **state)
{
    struct world *self = *state;
    begin(self, "exit 3");
    self->config->log_format = LOG_FORMAT_JSON;
    spawner_use_log(self->spawner, self->config);
    make(self, &self->program, "x");
    spawned_ensure(self->program.spawned);
    log_await(&self->log, "\"subject\":\"handler x\"");
}

/* ---- the end of one of the two ---- */

static void test_a_spawner_that_is_killed(void **state)
{
    struct world *self = *state;
    struct wire alive = start_one_that_waits(self, "");
    assert_int_equal(kill(spawner_pid(self->spawner), SIGKILL), 0);
    RUN_UNTIL(self->loop, self->losses == 1);
    hold_await_end(&alive);
    assert_int_equal(self->program.ends, 1);
    assert_true(self->program.pause_s == 0);
    assert_true(isinf(spawned_pause_left(self->program.spawned)));
    assert_int_equal(spawner_pid(self->spawner), 0);
    log_await(&self->log, "was ended by signal 9");
    struct program late = {.starts = 0};
    make(self, &late, "x");
    spawned_ensure(late.spawned);
    assert_false(spawned_is_running(late.spawned));
    struct fault fault = {0};
    assert_int_equal(spawner_reload(self->spawner, self->config, &fault), STATUS_IO);
    spawned_stop(late.spawned);
    spawned_free(late.spawned);
    close(alive.fd);
}

/* Signals that are meant for besterd, and that a terminal or a manager of services sends
 * to all of its group. */
static void test_signals_do_not_end_it(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct world *self = *state;
    begin(self, "exit 3");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        assert_int_equal(kill(spawner_pid(self->spawner), signals[i]), 0);
    make(self, &self->program, "x");
    spawned_ensure(self->program.spawned);
    RUN_UNTIL(self->loop, self->program.ends == 1);
    assert_int_equal(self->losses, 0);
}

/* Its programs get the same, and one that does not want to end is killed. */
static void end_besterd(struct world *self, const char *before)
{
    struct wire alive = place_hold(&self->place, self->loop, "alive");
    char lines[256], line[64];
    int go[2];
    place_gate(&self->place, "block");
    snprintf(lines, sizeof lines, "%s" WAITS, before);
    write_config(self, config_text(self, place_script(&self->place, "program", lines), "y"));
    self->config = load(self);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) { /* a besterd that does nothing else */
        struct spawner *spawner;
        struct fault fault;
        if (spawner_new(&spawner, self->config, &fault) != STATUS_OK)
            _exit(1);
        spawned_ensure(spawned_new(spawner, "x", &callbacks, NULL));
        _exit(read(go[0], line, 1) > 0 ? 1 : 0);
    }
    assert_true(pid > 0);
    hold_await_line(&alive, line, sizeof line);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    hold_await_end(&alive);
    close(alive.fd);
    close(go[0]);
    close(go[1]);
}

static void test_a_besterd_that_is_killed(void **state)
{
    end_besterd(*state, "");
}

static void test_a_besterd_that_is_killed_with_a_stubborn_handler(void **state)
{
    end_besterd(*state, "trap '' TERM; ");
}

/* ---- one that speaks as besterd would not ---- */

struct stranger {
    pid_t pid;
    int fd;
};

static struct stranger stranger_open(struct world *self)
{
    int ends[2];
    struct stranger stranger = {0};
    write_config(self, config_text(self, place_script(&self->place, "program", "exit 0"), "y"));
    self->config = load(self);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    stranger.pid = fork();
    if (stranger.pid == 0)
        _exit(spawner_process(ends[1], self->config));
    assert_true(stranger.pid > 0);
    close(ends[1]);
    stranger.fd = ends[0];
    return stranger;
}

static int stranger_status(struct stranger *self)
{
    int status;
    close(self->fd);
    assert_int_equal(waitpid(self->pid, &status, 0), self->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_end_after(struct world *self, const void *bytes, size_t len)
{
    char byte;
    struct stranger stranger = stranger_open(self);
    assert_int_equal(send(stranger.fd, bytes, len, MSG_NOSIGNAL), len);
    assert_true(recv(stranger.fd, &byte, 1, 0) <= 0); /* it has hung up */
    assert_int_equal(stranger_status(&stranger), 1);
    log_await(&self->log, "error spawner: besterd does not speak as it should");
    config_unref(self->config);
    self->config = NULL;
}

static void test_garbage(void **state)
{
    struct world *self = *state;
    static const char large[sizeof(struct spawner_request) + 1];
    struct spawner_request request = {.deed = SPAWNER_DEEDS};
    expect_end_after(self, "sh -c id", 8);
    expect_end_after(self, large, sizeof large);
    expect_end_after(self, &request, SPAWNER_REQUEST_HEAD);
    request.deed = UINT32_MAX;
    expect_end_after(self, &request, sizeof request);
}

static void test_an_end_without_a_word(void **state)
{
    struct world *self = *state;
    struct stranger stranger = stranger_open(self);
    assert_int_equal(stranger_status(&stranger), 0);
}

/* Whatever is asked in whatever order: it starts nothing but what there is, and ends when
 * it should. Who never listens holds up nobody but himself. */
static void test_anything_in_any_order(void **state)
{
    static const char *const types[] = {"x", "y", "z", "", "unknown"};
    struct world *self = *state;
    struct stranger stranger = stranger_open(self);
    unsigned seed = 1;
    for (unsigned i = 0; i < 3000; i++) {
        const char *type = types[rand_r(&seed) % 5];
        struct spawner_request request = {.deed = (uint32_t)rand_r(&seed) % SPAWNER_DEEDS,
            .number = (uint32_t)rand_r(&seed) % 8,
            .digest = (uint64_t)rand_r(&seed),
            .level = LOG_LEVEL_ERROR + (uint32_t)rand_r(&seed) % 2 * 1000};
        memcpy(request.type, type, strlen(type));
        char drop[64];
        while (recv(stranger.fd, drop, sizeof drop, MSG_DONTWAIT) > 0)
            continue;
        ssize_t sent =
            send(stranger.fd, &request, SPAWNER_REQUEST_HEAD + strlen(type), MSG_DONTWAIT);
        assert_true(sent > 0 || errno == EAGAIN);
    }
    assert_int_equal(stranger_status(&stranger), 0);
}

/* What was open when it was made is closed there before anything comes of besterd: else a port
 * would be taken for a while after a besterd that was killed. */
static void test_it_keeps_nothing_of_ours(void **state)
{
    struct world *self = *state;
    int ends[2];
    char none;
    unix_pair(ends);
    begin(self, "exit");
    close(ends[0]);
    assert_int_equal(recv(ends[1], &none, 1, MSG_DONTWAIT), 0);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_it_keeps_nothing_of_ours),
        TEST(test_starts_and_stops),
        TEST(test_starts_again),
        TEST(test_a_program_that_is_not_there),
        TEST(test_types_that_it_does_not_know),
        TEST(test_a_type_with_a_long_name),
        TEST(test_very_many_at_once),
        TEST(test_a_reload),
        TEST(test_the_log_as_it_is_told),
        TEST(test_a_spawner_that_is_killed),
        TEST(test_signals_do_not_end_it),
        TEST(test_a_besterd_that_is_killed),
        TEST(test_a_besterd_that_is_killed_with_a_stubborn_handler),
        TEST(test_garbage),
        TEST(test_an_end_without_a_word),
        TEST(test_anything_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
