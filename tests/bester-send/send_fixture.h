/*
 * bester-send as a child, and a peer that plays its server.
 */
#ifndef TESTS_BESTER_SEND_SEND_FIXTURE_H
#define TESTS_BESTER_SEND_SEND_FIXTURE_H

#include "tests/support/program.h"

#include <sys/stat.h>

static const char modern[] __attribute__((unused)) =
    ",\"server\":{\"name\":\"S1\",\"version\":\"0.1.0\",\"features\":[],"
    "\"limits\":{\"maxFrame\":1000}}";

struct fixture {
    struct peer peer;
    struct program program;
    char directory[64];
    char password[96];
};

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-test-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->password, sizeof self->password, "%s/password", self->directory);
    write_file(self->password, "secret\n");
    peer_listen(&self->peer, NULL);
    setenv("BESTER_SERVER", self->peer.address, 1);
    setenv("BESTER_USER", "T", 1);
    setenv("BESTER_PASSWORD_FILE", self->password, 1);
    setenv("XDG_CONFIG_HOME", self->directory, 1);
    self->program.pid = -1;
    *state = self;
    return 0;
}

static inline void remove_template(const struct fixture *self)
{
    char path[160];
    snprintf(path, sizeof path, "%s/bester/templates/chat.json", self->directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/bester/templates", self->directory);
    rmdir(path);
    snprintf(path, sizeof path, "%s/bester", self->directory);
    rmdir(path);
}

/* The user's own template of the type chat. */
static inline void own_template(const struct fixture *self, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/bester", self->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/bester/templates", self->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/bester/templates/chat.json", self->directory);
    write_file(path, text);
}

static inline int teardown(void **state)
{
    struct fixture *self = *state;
    peer_close(&self->peer);
    unlink(self->password);
    remove_template(self);
    rmdir(self->directory);
    free(self);
    return 0;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CHAT_TEMPLATE "--template", "besterd/handlers/chat.json"

static inline void start(struct fixture *self, const char *const *args)
{
    program_start(&self->program, "bester-send", args, -1);
}

/* Starts it and lets it log in. */
static inline void start_logged_in(
    struct fixture *self, const char *const *args, const char *server)
{
    start(self, args);
    peer_log_in(&self->peer, "T", "secret", server);
}

static inline void expect_said(
    struct fixture *self, int got, int exit_status, const char *err, const char *out)
{
    assert_string_equal(self->program.text_err, err);
    assert_string_equal(self->program.text_out, out);
    assert_int_equal(got, exit_status);
    peer_hang_up(&self->peer);
}

/* Ends its input and waits for its end: exit status, all it said on stderr, and
 * on stdout. */
static inline void expect_end(
    struct fixture *self, int exit_status, const char *err, const char *out)
{
    expect_said(self, program_finish(&self->program), exit_status, err, out);
}

/* The same while its input stays open. */
static inline void expect_end_by_itself(
    struct fixture *self, int exit_status, const char *err, const char *out)
{
    expect_said(self, program_wait(&self->program), exit_status, err, out);
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
