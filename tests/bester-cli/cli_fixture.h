/*
 * bester-cli on a terminal that the test looks at, or with a script on its
 * standard input, and a peer that plays its server.
 */
#ifndef TESTS_BESTER_CLI_CLI_FIXTURE_H
#define TESTS_BESTER_CLI_CLI_FIXTURE_H

#include "tests/support/terminal.h"

#include <sys/stat.h>

static const char modern[] __attribute__((unused)) =
    ",\"server\":{\"name\":\"S1\",\"version\":\"0.1.0\",\"features\":[],"
    "\"limits\":{\"maxFrame\":5000}}";

#define CHAT                                                                                     \
    "\"chat\": {\"template\": {\"type\": \"chat\", \"summary\": \"a line to people\", "          \
    "\"fields\": [{\"name\": \"to\", \"kind\": \"recipients\", \"required\": true}, {\"name\": " \
    "\"text\", \"kind\": \"text\", \"required\": true, \"rest\": true, \"help\": \"what you "    \
    "say\"}], \"show\": \"{from}: {text}\"}}"
#define WEATHER                                                                              \
    "\"weather\": {\"template\": {\"type\": \"weather\", \"fields\": [{\"name\": \"days\", " \
    "\"kind\": \"int\"}, {\"name\": \"place\", \"required\": true}]}}"

struct fixture {
    struct peer peer;
    struct terminal terminal;
    struct program program;
    char directory[64];
    char password[96];
    char state[96];
};

static inline int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-test-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->password, sizeof self->password, "%s/password", self->directory);
    FILE *file = fopen(self->password, "w");
    assert_non_null(file);
    assert_true(fputs("secret\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    peer_listen(&self->peer, NULL);
    setenv("BESTER_SERVER", self->peer.address, 1);
    setenv("BESTER_USER", "T", 1);
    setenv("BESTER_PASSWORD_FILE", self->password, 1);
    setenv("XDG_CONFIG_HOME", self->directory, 1);
    snprintf(self->state, sizeof self->state, "%s/state", self->directory);
    setenv("XDG_STATE_HOME", self->state, 1);
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    setenv("INPUTRC", "/dev/null", 1);
    unsetenv("NO_COLOR");
    *state = self;
    return 0;
}

/* The user's own template of the type chat. */
static inline void own_chat(const struct fixture *self)
{
    char path[160];
    snprintf(path, sizeof path, "%s/bester", self->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/bester/templates", self->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/bester/templates/chat.json", self->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("{\"type\": \"chat\", \"fields\": [{\"name\": \"text\", \"rest\": true}]}",
                    file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void remove_own_chat(const struct fixture *self)
{
    char path[160];
    snprintf(path, sizeof path, "%s/bester/templates/chat.json", self->directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/bester/templates", self->directory);
    rmdir(path);
    snprintf(path, sizeof path, "%s/bester", self->directory);
    rmdir(path);
}

static inline const char *state_file(const struct fixture *self, const char *name, char out[160])
{
    snprintf(out, 160, "%s/bester/%s", self->state, name);
    return out;
}

static inline void remove_state(const struct fixture *self)
{
    char path[160];
    unlink(state_file(self, "history", path));
    unlink(state_file(self, "log.ndjson", path));
    unlink(state_file(self, "draft", path));
    snprintf(path, sizeof path, "%s/bester", self->state);
    rmdir(path);
    rmdir(self->state);
}

/* $VISUAL is this script; $1 is the file, $directory the fixture's. */
static inline void use_editor(const struct fixture *self, const char *script)
{
    char path[160];
    char visual[300];
    snprintf(path, sizeof path, "%s/editor", self->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "directory=%s\n%s", self->directory, script) > 0);
    assert_int_equal(fclose(file), 0);
    snprintf(visual, sizeof visual, "sh %s", path);
    setenv("VISUAL", visual, 1);
}

static inline void remove_editor(const struct fixture *self)
{
    static const char *const names[] = {"editor", "editor.pid", "editor.file"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", self->directory, names[i]);
        unlink(path);
    }
}

static inline int teardown(void **state)
{
    struct fixture *self = *state;
    terminal_close(&self->terminal);
    peer_close(&self->peer);
    unlink(self->password);
    remove_own_chat(self);
    remove_editor(self);
    remove_state(self);
    rmdir(self->directory);
    free(self);
    return 0;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void answer(struct fixture *self, const char *command, const char *data)
{
    char id[128];
    char asked[100];
    snprintf(asked, sizeof asked, "{\"command\": {\"type\": \"%s\", \"args\": null}}", command);
    peer_expect(&self->peer, "builtin", asked, id);
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"id\":\"%s\"},\"payload\":{\"type\":"
        "\"builtin\",\"data\":{\"command\":\"%s\",%s}}}",
        id, command, data);
}

/* Lets it log in and learn these types. */
static inline void log_in(struct fixture *self)
{
    peer_log_in(&self->peer, "T", "secret", modern);
    answer(self, "types", "\"types\":{" CHAT ", " WEATHER ", \"raw\": {}}");
}

static inline void start(struct fixture *self, const char *const *args)
{
    terminal_start(&self->terminal, "bester-cli", args);
    log_in(self);
}

/* Instead: a server of Part I, which is not asked for types. For tests whose
 * time-out is too short for a question. */
static inline void log_in_at_part_one(struct fixture *self)
{
    peer_log_in(&self->peer, "T", "secret", "");
}

/* A message from G of the same server to T. */
#define SENDER "G@S1"
static inline void message(struct fixture *self, const char *text)
{
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"" SENDER "\",\"time\":"
        "\"2020-02-03T04:05:06.789Z\"},\"payload\":{\"type\":\"chat\",\"data\":{\"from\":"
        "\"forged\","
        "\"text\":\"%s\"}}}",
        text);
}
#define SHOWN "2020-02-03 04:05 " SENDER ": "

/* The next message is this; it is reported so. */
static inline void report_next(
    struct fixture *self, const char *type, const char *data, const char *status, const char *more)
{
    char id[128];
    peer_expect(&self->peer, type, data, id);
    peer_report(&self->peer, id, status, more);
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
