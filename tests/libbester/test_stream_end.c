/* stream: how it ends, whoever ends it, and what becomes of what was under way. */
#include "tests/libbester/near.h"

enum { MAX_FRAME = 1000, QUEUE = 4 << 20 };

struct world {
    struct ev_loop *loop;
    struct streams *streams;
    struct tags tags;
    struct near near;
    bool is_open;
};

static struct world *set_up_world(void)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_loop_new(0);
    self->streams = streams_new(self->loop);
    return self;
}

static void open_near(struct world *self, void (*pair)(int ends[2]), double stall_s,
    const struct stream_callbacks *callbacks)
{
    int ends[2];
    struct stream_options options = {.max_frame = MAX_FRAME,
        .max_queued_bytes = QUEUE,
        .stall_s = stall_s,
        .sent_user = &self->tags};
    pair(ends);
    near_open(&self->near, self->streams, ends, &options, callbacks);
    self->is_open = true;
}

static int set_up(void **state)
{
    *state = set_up_world();
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    if (self->is_open)
        near_close(&self->near);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

/* Each tag up to count has come back once; how many of them with STATUS_OK. */
static size_t settled(const struct world *self, unsigned count)
{
    size_t ok = 0;
    for (unsigned i = 1; i <= count; i++) {
        assert_int_equal(self->tags.times[i], 1);
        ok += self->tags.status[i] == STATUS_OK;
    }
    assert_int_equal(self->tags.count, count);
    return ok;
}

/* Whole frames that the far end can still read. */
static size_t read_rest(struct wire *far)
{
    size_t frames = 0;
    do {
        while (wire_frame_size(far) > 0) {
            free(wire_read_payload(far, NULL));
            frames++;
        }
        while (!far->ended && !wire_take(far, 65536))
            wire_await(far, EV_READ);
    } while (!far->ended || wire_frame_size(far) > 0);
    return frames;
}

/* ---- closing ---- */

static void test_close_gives_tags_back(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    for (unsigned i = 1; i <= 40; i++)
        assert_int_equal(near_send(&self->near, 50000, 'x', i), STATUS_OK);
    run_turns(self->loop, 3);
    size_t before = self->tags.count;
    near_close_stream(&self->near);
    assert_int_equal(self->tags.count, before); /* not from within the call */
    RUN_UNTIL(self->loop, self->tags.count == 40);
    size_t ok = settled(self, 40);
    assert_in_range(ok, 1, 39);
    assert_int_equal(read_rest(&self->near.far), ok);
    assert_int_equal(self->near.closings, 0);
}

static void test_close_twice_is_close_once(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_OK);
    stream_close(self->near.stream);
    stream_close(self->near.stream);
    near_close_stream(&self->near);
    RUN_UNTIL(self->loop, self->tags.count == 1);
    assert_int_equal(settled(self, 1), 0);
    wire_expect_end(&self->near.far);
}

static void test_nothing_is_sent_through_a_closed_one(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    stream_close(self->near.stream);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_CLOSED);
    near_close_stream(&self->near);
    run_turns(self->loop, 2);
    assert_int_equal(self->tags.count, 0);
}

/* The kernel took these frames in one write; closing in the middle of telling
 * that does not make the others undelivered. */
static struct stream *to_close;

static void close_at_first(uint64_t tag, enum status status, void *user)
{
    near_on_sent(tag, status, user);
    if (to_close)
        stream_close(to_close);
    to_close = NULL;
}

static const struct stream_callbacks closing_callbacks = {
    .on_frame = near_on_frame, .on_closed = near_on_closed, .on_sent = close_at_first};

static void test_what_has_left_counts_as_sent_though_closed(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, &closing_callbacks);
    for (unsigned i = 1; i <= 5; i++)
        assert_int_equal(near_send(&self->near, 10, 'x', i), STATUS_OK);
    to_close = self->near.stream;
    RUN_UNTIL(self->loop, self->tags.count == 5);
    self->near.stream = NULL;
    assert_int_equal(settled(self, 5), 5);
    assert_int_equal(read_rest(&self->near.far), 5);
}

/* ---- the peer ends ---- */

static void test_the_peer_closes(void **state)
{
    static const struct stream_callbacks no_end = {
        .on_frame = near_on_frame, .on_closed = near_on_closed, .on_sent = near_on_sent};
    struct world *self = *state;
    open_near(self, unix_pair, 0, &no_end);
    wire_send(&self->near.far, "last");
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_CLOSED);
    assert_int_equal(self->near.frames, 1);
}

static void test_the_peer_stops_sending_and_still_reads(void **state)
{
    struct world *self = *state;
    open_near(self, tcp_pair, 0, NULL);
    wire_send(&self->near.far, "last");
    assert_int_equal(shutdown(self->near.far.fd, SHUT_WR), 0);
    RUN_UNTIL(self->loop, self->near.ends == 1);
    run_turns(self->loop, 3);
    assert_int_equal(self->near.ends, 1); /* told once */
    assert_int_equal(self->near.closings, 0);
    assert_int_equal(near_send(&self->near, 3, 'x', 1), STATUS_OK);
    stream_finish(self->near.stream);
    char *text = wire_read_payload(&self->near.far, NULL);
    assert_string_equal(text, "xxx");
    free(text);
    wire_expect_end(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_OK);
}

static void test_a_reset(void **state)
{
    struct world *self = *state;
    open_near(self, tcp_pair, 0, NULL);
    wire_reset(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_CLOSED);
}

/* A peer that said something and left before we noticed: our write fails, what
 * it said is still heard. */
static void leave_behind(struct world *self, void (*pair)(int ends[2]))
{
    char much[MAX_FRAME];
    memset(much, 'm', sizeof much);
    open_near(self, pair, 0, NULL);
    stream_pause(self->near.stream);
    for (int i = 0; i < 60; i++)
        wire_send_payload(&self->near.far, much, sizeof much);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_OK);
    streams_flush(self->streams); /* it leaves unread, and so resets a TCP connection */
    wire_hang_up(&self->near.far);
    for (unsigned i = 2; i <= 3; i++) {
        assert_int_equal(near_send(&self->near, 10, 'x', i), STATUS_OK);
        streams_flush(self->streams);
        if (self->tags.count == i && self->tags.status[i] == STATUS_OFFLINE)
            break;
    }
    assert_int_equal(self->tags.status[self->tags.count], STATUS_OFFLINE);
    assert_int_equal(near_send(&self->near, 10, 'x', 9), STATUS_CLOSED);
    assert_int_equal(self->near.closings, 0);
    stream_resume(self->near.stream);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.frames, 60);
    assert_int_not_equal(self->near.why, STATUS_OK);
}

static void test_a_peer_that_left_is_heard_out_unix(void **state)
{
    leave_behind(*state, unix_pair);
}

static void test_a_peer_that_left_is_heard_out_tcp(void **state)
{
    leave_behind(*state, tcp_pair);
}

/* The same, and the owner finishes it meanwhile. */
static void test_finishing_one_that_left(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    stream_pause(self->near.stream);
    wire_send(&self->near.far, "unheard");
    wire_hang_up(&self->near.far);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_OK);
    streams_flush(self->streams);
    assert_int_equal(settled(self, 1), 0);
    stream_finish(self->near.stream);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.frames, 0);
}

/* ---- finishing ---- */

static void finish_now(struct near *near, struct span payload)
{
    (void)payload;
    assert_int_equal(near_send(near, 300, 'l', 1), STATUS_OK);
    stream_finish(near->stream);
    assert_int_equal(near_send(near, 300, 'l', 2), STATUS_CLOSED);
}

/* Our last words reach a peer who still sends, and are not lost to a reset. */
static void finish_under_fire(struct world *self, void (*pair)(int ends[2]))
{
    char block[8192] = {0};
    open_near(self, pair, 0, NULL);
    self->near.at_frame = finish_now;
    wire_send(&self->near.far, "go");
    for (int i = 0; i < 200; i++)
        wire_send_bytes(&self->near.far, block, sizeof block);
    RUN_UNTIL(self->loop, self->tags.count == 1);
    assert_int_equal(settled(self, 1), 1);
    assert_int_equal(self->near.frames, 1); /* the others were not handed out */
    char *text = wire_read_payload(&self->near.far, NULL);
    assert_non_null(text);
    assert_int_equal(strlen(text), 300);
    free(text);
    wire_expect_end(&self->near.far);
    assert_int_equal(self->near.closings, 0); /* waits for the peer's end */
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_OK);
}

static void test_finish_under_fire_unix(void **state)
{
    finish_under_fire(*state, unix_pair);
}

static void test_finish_under_fire_tcp(void **state)
{
    finish_under_fire(*state, tcp_pair);
}

/* A peer that never closes is waited for, but not for ever. */
static void test_finish_does_not_wait_for_ever(void **state)
{
    struct world *self = *state;
    open_near(self, tcp_pair, 0, NULL);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_OK);
    stream_finish(self->near.stream);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_OK);
    assert_int_equal(settled(self, 1), 1);
    assert_int_equal(read_rest(&self->near.far), 1);
}

static void test_finish_while_paused(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    stream_pause(self->near.stream);
    wire_send(&self->near.far, "never heard");
    stream_finish(self->near.stream);
    wire_expect_end(&self->near.far);
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.frames, 0);
}

static void test_finish_sends_a_long_queue_first(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    for (unsigned i = 1; i <= 30; i++)
        assert_int_equal(near_send(&self->near, 100000, 'x', i), STATUS_OK);
    stream_finish(self->near.stream);
    assert_int_equal(read_rest(&self->near.far), 30);
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(settled(self, 30), 30);
}

/* ---- stalling ---- */

static void test_a_peer_that_takes_nothing(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0.05, NULL);
    for (unsigned i = 1; i <= 30; i++)
        assert_int_equal(near_send(&self->near, 100000, 'x', i), STATUS_OK);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_TIMEOUT);
    RUN_UNTIL(self->loop, self->tags.count == 30);
    assert_in_range(settled(self, 30), 0, 29);
}

/* The time counts only while something waits to be taken. */
static void test_an_idle_peer_does_not_stall(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0.02, NULL);
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(near_send(&self->near, 100000, 'x', i), STATUS_OK);
    for (unsigned i = 1; i <= 10; i++)
        free(wire_read_payload(&self->near.far, NULL));
    run_for(self->loop, 0.1);
    assert_int_equal(self->near.closings, 0);
    assert_int_equal(settled(self, 10), 10);
}

static void test_finishing_stalls_too(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0.05, NULL);
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(near_send(&self->near, 100000, 'x', i), STATUS_OK);
    stream_finish(self->near.stream);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.why, STATUS_TIMEOUT);
}

/* ---- frames that are too large ---- */

static void test_the_limit_is_exact(void **state)
{
    static const uint32_t lengths[] = {MAX_FRAME + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    struct world *self = *state;
    char payload[MAX_FRAME];
    memset(payload, 'p', sizeof payload);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char head[4];
        char wanted[64];
        open_near(self, tcp_pair, 0, NULL);
        wire_send_payload(&self->near.far, payload, sizeof payload);
        wire_put_header(head, lengths[i]);
        wire_send_bytes(&self->near.far, head, sizeof head);
        wire_send_bytes(&self->near.far, payload, sizeof payload);
        RUN_UNTIL(self->loop, self->near.closings == 1);
        assert_int_equal(self->near.why, STATUS_TOO_LARGE);
        snprintf(wanted, sizeof wanted, "a frame of %u bytes", lengths[i]);
        assert_int_equal(strncmp(self->near.detail, wanted, strlen(wanted)), 0);
        assert_int_equal(self->near.frames, 1);
        /* Still open for writing, deaf to what follows. */
        wire_send(&self->near.far, "more");
        run_turns(self->loop, 3);
        assert_int_equal(self->near.frames, 1);
        assert_int_equal(near_send(&self->near, 5, 'w', 1), STATUS_OK);
        stream_finish(self->near.stream);
        char *text = wire_read_payload(&self->near.far, NULL);
        assert_string_equal(text, "wwwww");
        free(text);
        wire_expect_end(&self->near.far);
        wire_hang_up(&self->near.far);
        RUN_UNTIL(self->loop, self->near.closings == 2);
        assert_int_equal(self->near.why, STATUS_OK);
        near_close(&self->near);
        memset(&self->tags, 0, sizeof self->tags);
    }
    self->is_open = false;
}

static void test_the_limit_may_change(void **state)
{
    struct world *self = *state;
    open_near(self, unix_pair, 0, NULL);
    stream_set_max_frame(self->near.stream, 5);
    wire_send(&self->near.far, "12345");
    wire_send(&self->near.far, "123456");
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.frames, 1);
    assert_int_equal(self->near.why, STATUS_TOO_LARGE);
}

/* Without an owner who wants to know, it just goes. */
static void test_too_large_for_nobody(void **state)
{
    static const struct stream_callbacks silent = {.on_frame = near_on_frame};
    struct world *self = *state;
    open_near(self, unix_pair, 0, &silent);
    wire_send_bytes(&self->near.far, "\xff\xff\xff\xff", 4);
    wire_expect_end(&self->near.far);
    self->near.stream = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_close_gives_tags_back),
        TEST(test_close_twice_is_close_once),
        TEST(test_nothing_is_sent_through_a_closed_one),
        TEST(test_what_has_left_counts_as_sent_though_closed),
        TEST(test_the_peer_closes),
        TEST(test_the_peer_stops_sending_and_still_reads),
        TEST(test_a_reset),
        TEST(test_a_peer_that_left_is_heard_out_unix),
        TEST(test_a_peer_that_left_is_heard_out_tcp),
        TEST(test_finishing_one_that_left),
        TEST(test_finish_under_fire_unix),
        TEST(test_finish_under_fire_tcp),
        TEST(test_finish_does_not_wait_for_ever),
        TEST(test_finish_while_paused),
        TEST(test_finish_sends_a_long_queue_first),
        TEST(test_a_peer_that_takes_nothing),
        TEST(test_an_idle_peer_does_not_stall),
        TEST(test_finishing_stalls_too),
        TEST(test_the_limit_is_exact),
        TEST(test_the_limit_may_change),
        TEST(test_too_large_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
