/* peer: messages to other servers, which the test plays. */
#include "tests/besterd/support.h"

#include "besterd/log.h"
#include "besterd/peer.h"
#include "libbester/frame.h"

/* of S9, whom nobody here may talk to */
#define PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { TAGS = 2000, CONNECTIONS = 3 };

struct world {
    struct ev_loop *loop;
    struct streams *streams;
    struct worker *resolver;
    struct config *config;
    struct peers_context context;
    struct peers *peers;
    struct post post;
    char name[32]; /* of the post: "127.0.0.1:port" */
    unsigned dones[TAGS];
    enum status status[TAGS];
    char detail[TAGS][200];
    uint64_t order[TAGS];
    unsigned count;
};

static void on_done(uint64_t tag, enum status status, const char *detail, void *user)
{
    struct world *self = user;
    assert_in_range(tag, 0, TAGS - 1);
    self->dones[tag]++;
    assert_int_equal(self->dones[tag], 1);
    assert_true((status == STATUS_OK) == (detail == NULL));
    self->status[tag] = status;
    snprintf(self->detail[tag], sizeof self->detail[tag], "%s", detail ? detail : "");
    self->order[self->count++] = tag;
}

static void open_world(void **state, unsigned peer_ms)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    self->resolver = worker_new(self->loop, 2, 100);
    post_tcp(&self->post, self->loop);
    snprintf(self->name, sizeof self->name, "127.0.0.1:%u", self->post.port);
    self->config = config_of(
        "{\"server\":{\"name\":\"S1\"},\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":"
        "\"/nowhere\"}},\"database\":{\"type\":\"open\"},"
        "\"peers\":{\"S2\":{\"address\":\"%s\",\"legacy\":true},\"*\":{\"legacy\":true},"
        "\"S9\":{\"address\":\"127.0.0.1:9\",\"pin\":\"sha256:" PIN "\"}},"
        "\"limits\":{\"peerConnections\":%d,\"peerMs\":%u}}",
        self->name, CONNECTIONS, peer_ms);
    self->context = (struct peers_context){.streams = self->streams,
        .resolver = self->resolver,
        .config = self->config,
        .on_done = on_done,
        .server = self};
    self->peers = peers_new(&self->context);
    *state = self;
}

static int set_up(void **state)
{
    open_world(state, 10000);
    return 0;
}

static int set_up_hasty(void **state)
{
    open_world(state, 200);
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    unsigned before = self->count;
    peers_free(self->peers);
    worker_free(self->resolver);
    assert_int_equal(self->count, before);
    streams_free(self->streams);
    post_close(&self->post);
    config_unref(self->config);
    free(self);
    return 0;
}

static enum status send_to(struct world *self, const char *name, uint64_t key, unsigned tag)
{
    char text[64];
    unsigned before = self->count;
    snprintf(text, sizeof text, "{\"payload\":{\"data\":%u}}", tag);
    struct blob *frame = frame_of(span_of(text));
    assert_non_null(frame);
    enum status status = peers_send(self->peers, name, key, tag, frame);
    blob_unref(frame);
    assert_int_equal(self->count, before); /* never from within peers_send */
    return status;
}

/* Takes the next connection and the message that comes on it; its data. */
static unsigned take(struct world *self, struct wire *wire)
{
    post_accept(&self->post, wire);
    json_t *message = wire_read(wire);
    assert_non_null(message);
    json_t *data = json_object_get(json_object_get(message, "payload"), "data");
    unsigned number = (unsigned)json_integer_value(data);
    json_decref(message);
    return number;
}

#define GOOD "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":{}}"

static void test_good(void **state)
{
    struct world *self = *state;
    struct wire wire;
    const char *const names[] = {"S2", self->name};
    for (unsigned i = 0; i < 2; i++) { /* by its name, by its address */
        assert_int_equal(send_to(self, names[i], 1, i), STATUS_OK);
        assert_int_equal(take(self, &wire), i);
        wire_send(&wire, GOOD);
        RUN_UNTIL(self->loop, self->dones[i] == 1);
        assert_int_equal(self->status[i], STATUS_OK);
        wire_expect_end(&wire);
        wire_close(&wire);
    }
}

static void test_nobody_of_that_name(void **state)
{
    static const char *const names[] = {"", "S3", "s2", "S9", "127.0.0.1:9", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:99999", ":2223", "unix:/tmp/x", "unix:///tmp/x", "a b:1"};
    struct world *self = *state;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum status status = send_to(self, names[i], 1, i);
        if (status != STATUS_UNKNOWN_SERVER)
            fail_msg("\"%s\": %s", names[i], status_text(status));
    }
    run_turns(self->loop, 3);
    assert_int_equal(self->count, 0);
}

static void test_answers(void **state)
{
    static const struct {
        const char *frame;
        size_t len;
        enum status status;
        const char *detail;
    } rows[] = {
#define FRAME(text) text, sizeof(text) - 1
        {FRAME("{\"header\":{\"status\":\"bad\"}}"), STATUS_SERVER_REFUSED, "no reason given"},
        {FRAME("{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"offline\"}}"),
            STATUS_SERVER_REFUSED, "offline"},
        {FRAME("{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"noHandler\","
               "\"detail\":\"no handler for it\"}}"),
            STATUS_SERVER_REFUSED, "noHandler: no handler for it"},
        {FRAME("{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":7,\"detail\":[]}}"),
            STATUS_SERVER_REFUSED, "no reason given"},
        {FRAME("{\"header\":{\"status\":\"fine\"}}"), STATUS_SERVER_REFUSED, "no status report"},
        {FRAME("{\"header\":{\"status\":true}}"), STATUS_SERVER_REFUSED, "no status report"},
        {FRAME("{}"), STATUS_SERVER_REFUSED, "no status report"},
        {FRAME("{\"header\":"), STATUS_SERVER_REFUSED, "garbage"},
        {FRAME(""), STATUS_SERVER_REFUSED, "garbage"},
    };
    struct world *self = *state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        assert_int_equal(send_to(self, "S2", 1, i), STATUS_OK);
        take(self, &wire);
        wire_send_payload(&wire, rows[i].frame, rows[i].len);
        RUN_UNTIL(self->loop, self->dones[i] == 1);
        assert_int_equal(self->status[i], rows[i].status);
        if (!strstr(self->detail[i], rows[i].detail) || strncmp(self->detail[i], "S2: ", 4) != 0)
            fail_msg("%s: %s", rows[i].frame, self->detail[i]);
        wire_close(&wire);
    }
}

static void test_a_length_that_is_too_large(void **state)
{
    struct world *self = *state;
    struct wire wire;
    assert_int_equal(send_to(self, "S2", 1, 1), STATUS_OK);
    take(self, &wire);
    wire_send_bytes(&wire, "\xff\xff\xff\xff", 4);
    RUN_UNTIL(self->loop, self->dones[1] == 1);
    assert_int_equal(self->status[1], STATUS_SERVER_REFUSED);
    wire_close(&wire);
}

static void test_no_report(void **state)
{
    struct world *self = *state;
    struct wire wire;
    static const char parts[][12] = {"", "\x10\0", "\x10\0\0\0{\"head"};
    static const size_t lens[] = {0, 2, 10};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(send_to(self, "S2", 1, i), STATUS_OK);
        take(self, &wire);
        wire_send_bytes(&wire, parts[i], lens[i]);
        wire_close(&wire);
        RUN_UNTIL(self->loop, self->dones[i] == 1);
        assert_int_equal(self->status[i], STATUS_SERVER_UNREACHABLE);
    }
}

/* A report that comes before all of the message was read is a report. */
static void test_a_report_before_the_message_is_read(void **state)
{
    struct world *self = *state;
    struct wire wire;
    static char much[4 << 20];
    memset(much, ' ', sizeof much);
    struct blob *frame = frame_of((struct span){much, sizeof much});
    assert_int_equal(peers_send(self->peers, "S2", 1, 5, frame), STATUS_OK);
    blob_unref(frame);
    post_accept(&self->post, &wire);
    wire_await(&wire, EV_READ);
    assert_true(wire_take(&wire, 10));
    wire_send(&wire, "{\"header\":{\"status\":\"bad\"},\"payload\":{\"reason\":\"tooLarge\"}}");
    wire_close(&wire);
    RUN_UNTIL(self->loop, self->dones[5] == 1);
    assert_int_equal(self->status[5], STATUS_SERVER_REFUSED);
    assert_non_null(strstr(self->detail[5], "tooLarge"));
}

static void test_nobody_listens(void **state)
{
    struct world *self = *state;
    post_close(&self->post);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(send_to(self, "S2", i % 7, i), STATUS_OK);
    RUN_UNTIL(self->loop, self->count == 50);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(self->status[i], STATUS_SERVER_UNREACHABLE);
        assert_non_null(strstr(self->detail[i], "refused"));
    }
}

static void test_a_name_that_leads_nowhere(void **state)
{
    struct world *self = *state;
    char name[100];
    memset(name, 'x', 70); /* longer than a label may be: no look-up leaves the machine */
    memcpy(name + 70, ":2223", 6);
    assert_int_equal(send_to(self, name, 1, 1), STATUS_OK);
    RUN_UNTIL(self->loop, self->count == 1);
    assert_int_equal(self->status[1], STATUS_SERVER_UNREACHABLE);
}

static void test_one_that_never_reports(void **state)
{
    struct world *self = *state;
    struct wire wire;
    assert_int_equal(send_to(self, "S2", 1, 1), STATUS_OK);
    assert_int_equal(send_to(self, "S2", 1, 2), STATUS_OK); /* behind it */
    take(self, &wire);
    RUN_UNTIL(self->loop, self->dones[1] == 1);
    assert_int_equal(self->status[1], STATUS_SERVER_UNREACHABLE);
    assert_non_null(strstr(self->detail[1], "no report in 200 ms"));
    wire_expect_end(&wire);
    wire_close(&wire);
    assert_int_equal(take(self, &wire), 2); /* its own time counts from here */
    wire_send(&wire, GOOD);
    RUN_UNTIL(self->loop, self->dones[2] == 1);
    assert_int_equal(self->status[2], STATUS_OK);
    wire_close(&wire);
}

/* Those of one key one after the other, those of several side by side, never
 * more connections than allowed. Each message's data is its tag; its key is the
 * tag's rest. */
static void test_order_and_bound(void **state)
{
    struct world *self = *state;
    enum { COUNT = 300, KEYS = 5 };
    struct wire open[CONNECTIONS + 1];
    unsigned numbers[CONNECTIONS + 1], open_count = 0, widest = 0, seen[KEYS] = {0};
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(send_to(self, "S2", i % KEYS, i), STATUS_OK);
    for (unsigned finished = 0; finished < COUNT;) {
        run_turns(self->loop, 3);
        while (post_accept_now(&self->post, &open[open_count])) {
            struct wire *wire = &open[open_count];
            json_t *message = wire_read(wire);
            numbers[open_count] = (unsigned)json_integer_value(
                json_object_get(json_object_get(message, "payload"), "data"));
            json_decref(message);
            unsigned key = numbers[open_count] % KEYS;
            assert_int_equal(numbers[open_count] / KEYS, seen[key]++); /* in order */
            for (unsigned k = 0; k < open_count; k++)
                assert_int_not_equal(numbers[k] % KEYS, key); /* one after the other */
            assert_in_range(++open_count, 1, CONNECTIONS);
            widest = open_count > widest ? open_count : widest;
        }
        if (open_count == 0)
            continue;
        unsigned which = finished * 5 % open_count;
        wire_send(&open[which], GOOD);
        RUN_UNTIL(self->loop, self->dones[numbers[which]] == 1);
        wire_close(&open[which]);
        open[which] = open[--open_count];
        numbers[which] = numbers[open_count];
        finished++;
    }
    assert_int_equal(widest, CONNECTIONS);
    assert_int_equal(self->count, COUNT);
}

/* What waits for a server that is slow is bounded in bytes. */
static void test_a_bounded_queue(void **state)
{
    struct world *self = *state;
    struct blob *frame = blob_new(16 << 20);
    unsigned taken = 0;
    assert_non_null(frame);
    memset(frame->data, 0, frame->len);
    while (peers_send(self->peers, "S2", 1, taken, frame) == STATUS_OK)
        assert_in_range(++taken, 1, 8);
    assert_int_equal(peers_send(self->peers, "S2", 1, 99, frame), STATUS_OVERLOADED);
    assert_int_equal(taken, 4);
    assert_int_equal(send_to(self, self->name, 1, 98), STATUS_OK); /* another is not full */
    post_close(&self->post);
    RUN_UNTIL(self->loop, self->count == taken + 1);
    assert_int_equal(frame->refs, 1);
    blob_unref(frame);
}

/* A server that is dead does not hold up another. */
static void test_destinations_do_not_wait_for_each_other(void **state)
{
    struct world *self = *state;
    struct post other;
    struct wire wire;
    char name[32];
    post_tcp(&other, self->loop);
    snprintf(name, sizeof name, "127.0.0.1:%u", other.port);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(send_to(self, "S2", 1, i), STATUS_OK); /* nobody answers these */
    assert_int_equal(send_to(self, name, 1, 100), STATUS_OK);
    post_accept(&other, &wire);
    wire_send(&wire, GOOD);
    RUN_UNTIL(self->loop, self->dones[100] == 1);
    assert_int_equal(self->count, 1);
    wire_close(&wire);
    post_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_good),
        TEST(test_nobody_of_that_name),
        TEST(test_answers),
        TEST(test_a_length_that_is_too_large),
        TEST(test_no_report),
        TEST(test_a_report_before_the_message_is_read),
        TEST(test_nobody_listens),
        TEST(test_a_name_that_leads_nowhere),
        cmocka_unit_test_setup_teardown(test_one_that_never_reports, set_up_hasty, tear_down),
        TEST(test_order_and_bound),
        TEST(test_a_bounded_queue),
        TEST(test_destinations_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
