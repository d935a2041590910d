/*
 * A client in a loop, a peer that the test plays, and what the client told.
 */
#ifndef TESTS_LIBBESTER_CLIENT_FIXTURE_H
#define TESTS_LIBBESTER_CLIENT_FIXTURE_H

#include "tests/support/peer.h"

#include "libbester/client.h"

/* What a server of today adds to its login answer. */
static const char modern[] __attribute__((unused)) =
    ",\"server\":{\"name\":\"S1\",\"version\":\"0.1.0\",\"features\":[],"
    "\"limits\":{\"maxFrame\":300}}";

struct seen {
    bool ready;
    bool ended;
    enum client_end why;
    struct fault fault;
    unsigned results;
    struct client_result last;
    char id[CLIENT_ID_MAX];
    char reason[64];
    char text[200];
    char answer[200];
    unsigned messages;
    char message_data[200];
    char from[64];
    unsigned noises;
    bool free_in_result;
    bool free_in_end;
    bool free_in_ready;
    bool done; /* whatever the test waits for */
};

struct fixture {
    struct ev_loop *loop;
    struct streams *streams;
    struct peer peer;
    struct client *client;
    struct seen seen;
    struct client_options options;
};

static inline void drop(struct fixture *self)
{
    client_free(self->client);
    self->client = NULL;
}

static inline void on_ready(struct client *client, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ready);
    self->seen.ready = true;
    if (self->seen.free_in_ready)
        drop(self);
}

static inline void copy(char *out, size_t cap, struct span text)
{
    snprintf(out, cap, "%.*s", (int)text.len, text.at == NULL ? "" : text.at);
}

static inline void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_true(self->seen.ready && text.len > 0);
    self->seen.messages++;
    self->seen.done = true;
    copy(self->seen.message_data, sizeof self->seen.message_data, message->data);
    copy(self->seen.from, sizeof self->seen.from, message->from);
}

static inline void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ended);
    self->seen.results++;
    self->seen.last = *result;
    self->seen.done = true;
    snprintf(self->seen.id, sizeof self->seen.id, "%s", result->id);
    snprintf(self->seen.reason, sizeof self->seen.reason, "%s", result->reason_text);
    client_result_text(result, self->seen.text, sizeof self->seen.text);
    if (result->answer != NULL)
        copy(self->seen.answer, sizeof self->seen.answer, result->answer->data);
    if (self->seen.free_in_result)
        drop(self);
}

static inline void on_noise(struct client *client, const struct fault *fault, void *user)
{
    struct fixture *self = user;
    (void)client;
    self->seen.noises++;
    self->seen.fault = *fault;
    self->seen.done = true;
}

static inline void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct fixture *self = user;
    (void)client;
    assert_false(self->seen.ended);
    self->seen.ended = true;
    self->seen.why = why;
    self->seen.fault = *fault;
    if (self->seen.free_in_end)
        drop(self);
}

static const struct client_callbacks callbacks __attribute__((unused)) = {.on_ready = on_ready,
    .on_message = on_message,
    .on_result = on_result,
    .on_noise = on_noise,
    .on_end = on_end};

static inline int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    self->streams = streams_new(self->loop);
    peer_listen(&self->peer, self->loop);
    self->options = (struct client_options){.user = "T",
        .password = "secret",
        .connect_s = 30,
        .report_s = 30,
        .max_frame = 1 << 20,
        .max_queued_bytes = 1 << 16};
    assert_int_equal(
        address_parse(&self->options.address, span_of(self->peer.address), NULL), STATUS_OK);
    *state = self;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *self = *state;
    client_free(self->client);
    peer_close(&self->peer);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

static inline void start(struct fixture *self)
{
    self->client = client_new(self->streams, NULL, &self->options, &callbacks, self);
    assert_non_null(self->client);
}

static inline void connected(struct fixture *self, const char *server)
{
    start(self);
    peer_log_in(&self->peer, "T", "secret", server);
    peer_run_until(&self->peer, &self->seen.ready);
}

static inline void until_done(struct fixture *self)
{
    self->seen.done = false;
    peer_run_until(&self->peer, &self->seen.done);
}

static inline void until_end(struct fixture *self, enum client_end why)
{
    peer_run_until(&self->peer, &self->seen.ended);
    assert_int_equal(self->seen.why, why);
}

static inline uint64_t say(struct fixture *self, const char *id)
{
    uint64_t ticket = 0;
    struct fault fault = {0};
    assert_int_equal(
        client_send(self->client, "chat", SPAN_LITERAL("{\"to\":\"G\"}"), id, &ticket, &fault),
        STATUS_OK);
    assert_int_not_equal(ticket, 0);
    return ticket;
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
