/* TLS: identities and pins, and streams whose frames go through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbester/frame.h"
#include "libbester/stream.h"
#include "libbester/tls.h"

static const double PATIENCE_S = 20;

/* ---- a directory with an identity for each test ---- */

struct place {
    char directory[64];
    char certificate[96];
    char key[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    struct fault fault;

    snprintf(place->directory, sizeof(place->directory), "/tmp/bester-tls-XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->certificate, sizeof(place->certificate), "%s/c.pem", place->directory);
    snprintf(place->key, sizeof(place->key), "%s/k.pem", place->directory);
    *state = place;
    return tls_make_identity(place->certificate, place->key, "s1.example", &fault) == STATUS_OK
               ? 0
               : -1;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    unlink(place->certificate);
    unlink(place->key);
    rmdir(place->directory);
    free(place);
    return 0;
}

static struct tls_context *context_of(
    const struct place *place, bool server, enum tls_trust trust, const char *authorities)
{
    struct tls_context *context = NULL;
    struct fault fault = {0};
    enum status status = tls_context_new(&context,
        &(struct tls_options){.server = server,
            .certificate_file = place ? place->certificate : NULL,
            .key_file = place ? place->key : NULL,
            .trust = trust,
            .authorities_file = authorities},
        &fault);

    if (status != STATUS_OK)
        fail_msg("%s", fault.text);
    return context;
}

/* ---- two streams that talk ---- */

struct end {
    struct stream *stream;
    size_t frames, bytes;
    unsigned secured, sent;
    bool over;
    enum status why;
    char detail[160];
    bool echo;
};

struct pair {
    struct ev_loop *loop;
    struct streams *streams;
    struct end client, server;
};

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct end *end = user;

    end->frames++;
    end->bytes += payload.len;
    if (end->echo)
        assert_int_equal(stream_send_adopt(stream, frame_of(payload), 0), STATUS_OK);
}

static void on_secured(struct stream *stream, void *user)
{
    struct end *end = user;

    (void)stream;
    assert_int_equal(end->frames, 0);
    end->secured++;
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct end *end = user;

    (void)stream;
    end->over = true;
    end->why = why;
    snprintf(end->detail, sizeof(end->detail), "%s", detail);
}

static void on_sent(uint64_t tag, enum status status, void *user)
{
    struct pair *pair = user;

    assert_int_equal(tag, 7);
    assert_int_equal(status, STATUS_OK);
    pair->client.sent++;
}

static const struct stream_callbacks callbacks = {
    .on_secured = on_secured, .on_frame = on_frame, .on_closed = on_closed, .on_sent = on_sent};

static struct stream *adopt(struct pair *pair, int fd, struct tls *tls, struct end *end)
{
    assert_non_null(tls);
    struct stream *stream = stream_adopt(pair->streams, fd,
        &(struct stream_options){.max_frame = 4 << 20,
            .max_queued_bytes = 64 << 20,
            .sent_user = pair,
            .filter = tls_filter(tls)},
        &callbacks, end);

    assert_non_null(stream);
    return stream;
}

static void pair_open(struct pair *pair, struct tls *client, struct tls *server)
{
    int fds[2];

    *pair = (struct pair){.loop = ev_loop_new(0)};
    pair->streams = streams_new(pair->loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair->client.stream = adopt(pair, fds[0], client, &pair->client);
    pair->server.stream = adopt(pair, fds[1], server, &pair->server);
}

static void pair_close(struct pair *pair)
{
    if (!pair->client.over)
        stream_close(pair->client.stream);
    if (!pair->server.over)
        stream_close(pair->server.stream);
    streams_free(pair->streams);
    ev_loop_destroy(pair->loop);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    *(bool *)timer->data = true;
}

#define run_until(pair, condition)                             \
    do {                                                       \
        bool late = false;                                     \
        ev_timer patience;                                     \
        ev_timer_init(&patience, on_patience, PATIENCE_S, 0.); \
        patience.data = &late;                                 \
        ev_timer_start((pair)->loop, &patience);               \
        while (!(condition) && !late)                          \
            ev_run((pair)->loop, EVRUN_ONCE);                  \
        ev_timer_stop((pair)->loop, &patience);                \
        if (late)                                              \
            fail_msg("never came true: %s", #condition);       \
    } while (0)

/* ---- tests ---- */

static void identity_is_made_once_and_the_key_is_private(void **state)
{
    struct place *place = *state;
    struct tls_pin before, after;
    struct fault fault;
    struct stat status;

    assert_int_equal(stat(place->key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(tls_file_pin(place->certificate, &before, &fault), STATUS_OK);
    assert_int_equal(tls_make_identity(place->certificate, place->key, "other", &fault), STATUS_OK);
    assert_int_equal(tls_file_pin(place->certificate, &after, &fault), STATUS_OK);
    assert_true(tls_pin_equal(&before, &after));
}

static void half_an_identity_is_refused(void **state)
{
    struct place *place = *state;
    struct fault fault;

    unlink(place->certificate);
    assert_int_equal(tls_make_identity(place->certificate, place->key, "x", &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "k.pem"));
}

static void pins_are_read_as_they_are_written(void **state)
{
    struct place *place = *state;
    struct tls_pin pin, again;
    struct fault fault;
    char text[TLS_PIN_TEXT];

    assert_int_equal(tls_file_pin(place->certificate, &pin, &fault), STATUS_OK);
    tls_pin_format(&pin, text);
    assert_int_equal(tls_pin_parse(&again, span_of(text), &fault), STATUS_OK);
    assert_true(tls_pin_equal(&pin, &again));
    text[8] = 'g';
    assert_int_equal(tls_pin_parse(&again, span_of(text), &fault), STATUS_INVALID);
    assert_int_equal(tls_pin_parse(&again, span_of("sha256:00"), &fault), STATUS_INVALID);
}

static void missing_files_are_named(void **state)
{
    struct tls_context *context;
    struct fault fault;

    (void)state;
    assert_int_equal(tls_context_new(&context,
                         &(struct tls_options){.server = true,
                             .certificate_file = "/nowhere/c.pem",
                             .key_file = "/nowhere/k.pem",
                             .trust = TLS_TRUST_NOBODY},
                         &fault),
        STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere/c.pem"));
}

static void talk(struct pair *pair, size_t size, size_t count)
{
    struct blob *payload = blob_new(size);

    memset(payload->data, 'x', size);
    pair->server.echo = true;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            stream_send_adopt(pair->client.stream, frame_of(blob_span(payload)), 7), STATUS_OK);
    blob_unref(payload);
    run_until(pair, pair->client.frames == count);
    assert_int_equal(pair->client.bytes, size * count);
    assert_int_equal(pair->client.sent, count);
}

static void frames_go_both_ways(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_NOBODY, NULL);
    static const struct {
        size_t size, count;
    } cases[] = {{0, 3}, {1, 1000}, {1024, 500}, {16384, 20}, {1 << 20, 5}};

    struct tls_context *client = context_of(NULL, false, TLS_TRUST_AUTHORITIES, place->certificate);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pair pair;

        pair_open(&pair, tls_new(client, "s1.example"), tls_new(server, NULL));
        talk(&pair, cases[i].size, cases[i].count);
        assert_int_equal(pair.client.secured, 1);
        assert_int_equal(pair.server.secured, 1);
        pair_close(&pair);
    }
    tls_context_unref(client);
    tls_context_unref(server);
}

static void pausing_holds_frames_back(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_NOBODY, NULL);
    struct tls_context *client = context_of(NULL, false, TLS_TRUST_AUTHORITIES, place->certificate);
    struct pair pair;

    pair_open(&pair, tls_new(client, "s1.example"), tls_new(server, NULL));
    for (int i = 0; i < 100; i++)
        assert_int_equal(
            stream_send_adopt(pair.client.stream, frame_of(SPAN_LITERAL("{}")), 0), STATUS_OK);
    run_until(&pair, pair.server.frames > 0);
    size_t seen = pair.server.frames;
    stream_pause(pair.server.stream);
    for (int i = 0; i < 100; i++)
        assert_int_equal(
            stream_send_adopt(pair.client.stream, frame_of(SPAN_LITERAL("{}")), 7), STATUS_OK);
    run_until(&pair, pair.client.sent == 100);
    assert_int_equal(pair.server.frames, seen);
    stream_resume(pair.server.stream);
    run_until(&pair, pair.server.frames == 200);
    pair_close(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void finishing_lets_the_last_words_through(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_NOBODY, NULL);
    struct tls_context *client = context_of(NULL, false, TLS_TRUST_AUTHORITIES, place->certificate);
    struct pair pair;

    pair_open(&pair, tls_new(client, "s1.example"), tls_new(server, NULL));
    run_until(&pair, pair.server.secured);
    for (int i = 0; i < 300; i++)
        assert_int_equal(
            stream_send_adopt(pair.server.stream, frame_of(SPAN_LITERAL("{}")), 0), STATUS_OK);
    stream_finish(pair.server.stream);
    run_until(&pair, pair.client.over && pair.server.over);
    assert_int_equal(pair.client.frames, 300);
    assert_int_equal(pair.client.why, STATUS_CLOSED);
    assert_int_equal(pair.server.why, STATUS_OK);
    pair_close(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void a_wrong_name_is_not_trusted(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_NOBODY, NULL);
    struct tls_context *client = context_of(NULL, false, TLS_TRUST_AUTHORITIES, place->certificate);
    struct pair pair;

    pair_open(&pair, tls_new(client, "s2.example"), tls_new(server, NULL));
    assert_int_equal(
        stream_send_adopt(pair.client.stream, frame_of(SPAN_LITERAL("\"secret\"")), 0), STATUS_OK);
    run_until(&pair, pair.client.over && pair.server.over);
    assert_int_equal(pair.client.secured, 0);
    assert_int_equal(pair.server.frames, 0);
    assert_int_equal(pair.client.why, STATUS_IO);
    assert_non_null(strstr(pair.client.detail, "not trusted"));
    pair_close(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void pinned_peers_know_each_other(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_PIN, NULL);
    struct tls_context *client = context_of(place, false, TLS_TRUST_PIN, NULL);
    struct tls *a = tls_new(client, NULL);
    struct tls *b = tls_new(server, NULL);
    struct tls_pin own, seen;
    struct fault fault;
    struct pair pair;

    assert_int_equal(tls_file_pin(place->certificate, &own, &fault), STATUS_OK);
    pair_open(&pair, a, b);
    assert_int_equal(tls_peer_pin(a, &seen), STATUS_NOT_FOUND);
    run_until(&pair, pair.client.secured && pair.server.secured);
    assert_int_equal(tls_peer_pin(a, &seen), STATUS_OK);
    assert_true(tls_pin_equal(&own, &seen));
    assert_int_equal(tls_peer_pin(b, &seen), STATUS_OK);
    assert_true(tls_pin_equal(&own, &seen));
    pair_close(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void a_pinned_server_wants_a_certificate(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_PIN, NULL);
    struct tls_context *client = context_of(NULL, false, TLS_TRUST_PIN, NULL);
    struct pair pair;

    pair_open(&pair, tls_new(client, NULL), tls_new(server, NULL));
    run_until(&pair, pair.server.over);
    assert_int_equal(pair.server.secured, 0);
    assert_int_equal(pair.server.why, STATUS_IO);
    run_until(&pair, pair.client.over);
    pair_close(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void garbage_ends_the_connection(void **state)
{
    struct place *place = *state;
    struct tls_context *server = context_of(place, true, TLS_TRUST_NOBODY, NULL);
    struct pair pair = {.loop = ev_loop_new(0)};
    int fds[2];

    pair.streams = streams_new(pair.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair.server.stream = adopt(&pair, fds[1], tls_new(server, NULL), &pair.server);
    assert_int_equal(write(fds[0], "GET / HTTP/1.0\r\n\r\n", 18), 18);
    run_until(&pair, pair.server.over);
    assert_int_equal(pair.server.why, STATUS_IO);
    assert_non_null(strstr(pair.server.detail, "TLS"));
    streams_free(pair.streams);
    ev_loop_destroy(pair.loop);
    close(fds[0]);
    tls_context_unref(server);
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(identity_is_made_once_and_the_key_is_private),
        test(half_an_identity_is_refused),
        test(pins_are_read_as_they_are_written),
        test(missing_files_are_named),
        test(frames_go_both_ways),
        test(pausing_holds_frames_back),
        test(finishing_lets_the_last_words_through),
        test(a_wrong_name_is_not_trusted),
        test(pinned_peers_know_each_other),
        test(a_pinned_server_wants_a_certificate),
        test(garbage_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
