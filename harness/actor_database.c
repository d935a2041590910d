#include "harness/actor_database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/must.h"
#include "harness/resp.h"
#include "libbester/bytes.h"

enum { UNREAD_MAX = 64 << 10, PIECE = 4096 };

struct visitor {
    struct visitor *prev, *next;
    struct actor_database *database;
    ev_io readable;
    struct bytes unread;
};

struct actor_database {
    const struct setting *setting;
    int server;
    ev_io acceptable;
    struct visitor *visitors;
};

/* ---- the accounts ---------------------------------------------------------------------------- */

static const char *password_of(const struct actor_database *self, struct span name)
{
    const struct scenario *scenario = self->setting->scenario;
    const json_t *accounts = scenario->members[self->server].server.accounts;

    if (accounts) {
        char *key = must_copy_bytes(name.at, name.len);
        const char *password = json_string_value(json_object_get(accounts, key));
        free(key);
        return password;
    }
    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];

        if (member->kind == MEMBER_CLIENT && member->on == self->server &&
            span_is(name, member->client.user))
            return member->client.password;
    }
    return NULL;
}

static const char *field_of(const struct actor_database *self, struct span name, struct span field)
{
    return span_is(field, "password") ? password_of(self, name) : NULL;
}

/* ---- commands -------------------------------------------------------------------------------- */

typedef void answer(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out);

static void answer_ok(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)self, (void)words, (void)count;
    resp_simple(out, "OK");
}

static void answer_ping(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)self, (void)words, (void)count;
    resp_simple(out, "PONG");
}

static void answer_exists(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)count;
    resp_number(out, password_of(self, words[1]) != NULL);
}

static void answer_type(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)count;
    resp_simple(out, password_of(self, words[1]) ? "hash" : "none");
}

static void answer_hget(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)count;
    resp_text(out, field_of(self, words[1], words[2]));
}

static void answer_hexists(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    (void)count;
    resp_number(out, field_of(self, words[1], words[2]) != NULL);
}

static void answer_hmget(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    resp_list(out, count - 2);
    for (size_t i = 2; i < count; i++)
        resp_text(out, field_of(self, words[1], words[i]));
}

static void answer_hgetall(
    const struct actor_database *self, const struct span *words, size_t count, FILE *out)
{
    const char *password = password_of(self, words[1]);

    (void)count;
    resp_list(out, password ? 2 : 0);
    if (password) {
        resp_text(out, "password");
        resp_text(out, password);
    }
}

static const struct {
    const char *name;
    size_t words_min;
    answer *answer;
} commands[] = {
    {"PING", 1, answer_ping},
    {"SELECT", 2, answer_ok},
    {"AUTH", 2, answer_ok},
    {"CLIENT", 2, answer_ok},
    {"EXISTS", 2, answer_exists},
    {"TYPE", 2, answer_type},
    {"HGET", 3, answer_hget},
    {"HEXISTS", 3, answer_hexists},
    {"HMGET", 3, answer_hmget},
    {"HGETALL", 2, answer_hgetall},
};

static void answer_command(
    const struct actor_database *self, const struct resp_command *command, FILE *out)
{
    const struct span name = command->words[0];

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) != name.len ||
            strncasecmp(commands[i].name, name.at, name.len) != 0)
            continue;
        if (command->count >= commands[i].words_min)
            commands[i].answer(self, command->words, command->count, out);
        else
            resp_error(out, "wrong number of arguments");
        return;
    }
    resp_error(out, "unknown command; the harness knows how to look an account up, no more");
}

/* ---- connections ----------------------------------------------------------------------------- */

static void visitor_free(struct visitor *self)
{
    struct actor_database *database = self->database;

    ev_io_stop(database->setting->loop, &self->readable);
    close(self->readable.fd);
    bytes_release(&self->unread);
    DL_DELETE(database->visitors, self);
    free(self);
}

/* Answers all that has come whole. false: it is no command. */
static bool answer_all(struct visitor *self, FILE *out)
{
    struct resp_command command;
    long taken;

    while ((taken = resp_read(bytes_span(&self->unread), &command)) > 0) {
        if (command.count > 0)
            answer_command(self->database, &command, out);
        bytes_consume(&self->unread, (size_t)taken);
    }
    return taken == 0;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct visitor *self = watcher->data;
    char piece[PIECE];
    ssize_t n = read(watcher->fd, piece, sizeof(piece));

    (void)loop, (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    bool good = n > 0 && bytes_append(&self->unread, piece, (size_t)n) == STATUS_OK;
    char *text;
    size_t len;
    FILE *out = must_stream(&text, &len);
    good = good && answer_all(self, out);
    fclose(out);
    /* Answers are short: a socket whose buffer they do not fit into reads nothing. */
    if (good && len > 0)
        good = send(watcher->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
    free(text);
    if (!good)
        visitor_free(self);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct actor_database *self = watcher->data;
    int fd;

    (void)events;
    while ((fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct visitor *visitor = must_alloc(sizeof(*visitor));

        visitor->database = self;
        bytes_init(&visitor->unread, UNREAD_MAX);
        ev_io_init(&visitor->readable, on_readable, fd, EV_READ);
        visitor->readable.data = visitor;
        DL_APPEND(self->visitors, visitor);
        ev_io_start(loop, &visitor->readable);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_database *actor_database_new(const struct setting *setting, int server)
{
    struct actor_database *self = must_alloc(sizeof(*self));
    struct place *place = topology_database(setting->topology, server);

    *self = (struct actor_database){.setting = setting, .server = server};
    ev_io_init(&self->acceptable, on_acceptable, place->fd, EV_READ);
    self->acceptable.data = self;
    place->fd = -1;
    ev_io_start(setting->loop, &self->acceptable);
    return self;
}

void actor_database_free(struct actor_database *self)
{
    struct visitor *visitor;
    struct visitor *after;

    if (!self)
        return;
    DL_FOREACH_SAFE (self->visitors, visitor, after)
        visitor_free(visitor);
    ev_io_stop(self->setting->loop, &self->acceptable);
    close(self->acceptable.fd);
    free(self);
}
