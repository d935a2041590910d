/* stream: what comes in, however it is cut; pausing; what goes out. How streams
 * end is in test_stream_end.c, what callbacks may do in test_stream_reentry.c. */
#include "tests/libbester/near.h"

#include <signal.h>

enum { MAX_FRAME = 1 << 20, QUEUE = 4 << 20 };

struct world {
    struct ev_loop *loop;
    struct streams *streams;
    struct tags tags;
    struct near near;
};

static struct stream_options options_of(struct world *self)
{
    return (struct stream_options){
        .max_frame = MAX_FRAME, .max_queued_bytes = QUEUE, .sent_user = &self->tags};
}

static void connect_near(struct world *self)
{
    int ends[2];
    struct stream_options options = options_of(self);
    unix_pair(ends);
    near_open(&self->near, self->streams, ends, &options, NULL);
}

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_loop_new(0);
    self->streams = streams_new(self->loop);
    connect_near(self);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    near_close(&self->near);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

/* ---- bytes -> frames ---- */

/* Frames of these sizes, as the wire has them and as near_on_frame writes them. */
static void make_frames(
    const size_t *sizes, size_t count, struct bytes *wire_form, struct bytes *got_form)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char head[4];
        uint32_t len = (uint32_t)sizes[i];
        wire_put_header(head, sizes[i]);
        assert_int_equal(bytes_append(wire_form, head, sizeof head), STATUS_OK);
        assert_int_equal(bytes_append(got_form, &len, sizeof len), STATUS_OK);
        for (size_t k = 0; k < sizes[i]; k++) {
            char c = (char)(k * 31 + i * 7 + k / 251);
            assert_int_equal(bytes_append(wire_form, &c, 1), STATUS_OK);
            assert_int_equal(bytes_append(got_form, &c, 1), STATUS_OK);
        }
    }
}

/* Sends text[from..to) and waits until the near end has read it. */
static void send_piece(struct world *self, const struct bytes *text, size_t from, size_t to)
{
    wire_send_bytes(&self->near.far, bytes_span(text).at + from, to - from);
    RUN_UNTIL(self->loop, stream_counts(self->near.stream).bytes_in == to);
}

static void expect_frames(struct world *self, const struct bytes *wanted, size_t count)
{
    assert_int_equal(self->near.frames, count);
    assert_true(span_equal(bytes_span(&self->near.got), bytes_span(wanted)));
    assert_int_equal(stream_counts(self->near.stream).frames_in, count);
}

static void reconnect(struct world *self)
{
    near_close(&self->near);
    connect_near(self);
}

static void test_small_frames_at_every_two_splits(void **state)
{
    struct world *self = *state;
    const size_t sizes[] = {0, 1, 0, 9, 3};
    size_t count = sizeof sizes / sizeof sizes[0];
    struct bytes text, wanted;
    bytes_init(&text, SIZE_MAX);
    bytes_init(&wanted, SIZE_MAX);
    make_frames(sizes, count, &text, &wanted);
    for (size_t i = 0; i <= text.len; i++)
        for (size_t k = i; k <= text.len; k++) {
            send_piece(self, &text, 0, i);
            send_piece(self, &text, i, k);
            send_piece(self, &text, k, text.len);
            expect_frames(self, &wanted, count);
            reconnect(self);
        }
    for (size_t i = 0; i < text.len; i++)
        send_piece(self, &text, i, i + 1);
    expect_frames(self, &wanted, count);
    bytes_release(&text);
    bytes_release(&wanted);
}

/* Around the sizes at which the way of reading changes. */
static void test_large_frames_at_telling_splits(void **state)
{
    struct world *self = *state;
    const size_t sizes[] = {5000, 0, 65536, 4096, 2, 200000, 4092};
    const size_t telling[] = {4, 4096, 5004, 65536, 65536 + 4096, 75000, 79000, 140000, 279000};
    size_t count = sizeof sizes / sizeof sizes[0];
    struct bytes text, wanted;
    bytes_init(&text, SIZE_MAX);
    bytes_init(&wanted, SIZE_MAX);
    make_frames(sizes, count, &text, &wanted);
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++)
        for (size_t at = telling[i] - 3; at <= telling[i] + 5 && at <= text.len; at++) {
            send_piece(self, &text, 0, at);
            send_piece(self, &text, at, text.len);
            expect_frames(self, &wanted, count);
            reconnect(self);
        }
    for (size_t step = 997; step < 80000; step = step * 3 + 1) {
        for (size_t at = 0; at < text.len; at += step)
            send_piece(self, &text, at, at + step < text.len ? at + step : text.len);
        expect_frames(self, &wanted, count);
        reconnect(self);
    }
    bytes_release(&text);
    bytes_release(&wanted);
}

/* A peer who trickles a large frame must not make us copy it over and over: if
 * each piece cost a copy of what there is, this would move a terabyte. */
static void test_a_large_frame_in_small_pieces(void **state)
{
    struct world *self = *state;
    size_t size = MAX_FRAME;
    struct bytes text, wanted;
    bytes_init(&text, SIZE_MAX);
    bytes_init(&wanted, SIZE_MAX);
    make_frames(&size, 1, &text, &wanted);
    for (size_t at = 0; at < text.len; at += 64)
        send_piece(self, &text, at, at + 64 < text.len ? at + 64 : text.len);
    expect_frames(self, &wanted, 1);
    bytes_release(&text);
    bytes_release(&wanted);
}

/* ---- pausing ---- */

static void pause_now(struct near *near, struct span payload)
{
    (void)payload;
    stream_pause(near->stream);
}

static void test_pause_after_each_frame(void **state)
{
    struct world *self = *state;
    const size_t sizes[] = {0, 3, 5000, 1, 70000, 0, 12};
    size_t count = sizeof sizes / sizeof sizes[0];
    struct bytes text, wanted;
    bytes_init(&text, SIZE_MAX);
    bytes_init(&wanted, SIZE_MAX);
    make_frames(sizes, count, &text, &wanted);
    self->near.at_frame = pause_now;
    wire_send_bytes(&self->near.far, bytes_span(&text).at, text.len);
    for (size_t i = 1; i <= count; i++) {
        RUN_UNTIL(self->loop, self->near.frames == i);
        assert_true(stream_is_paused(self->near.stream));
        run_turns(self->loop, 3);
        assert_int_equal(self->near.frames, i); /* no more while it is paused */
        stream_resume(self->near.stream);
        assert_int_equal(self->near.frames, i); /* not from within the call */
    }
    expect_frames(self, &wanted, count);
    bytes_release(&text);
    bytes_release(&wanted);
}

static void pause_and_resume(struct near *near, struct span payload)
{
    (void)payload;
    stream_pause(near->stream);
    stream_resume(near->stream);
}

static void resume_and_pause(struct near *near, struct span payload)
{
    (void)payload;
    stream_pause(near->stream);
    stream_resume(near->stream);
    stream_pause(near->stream);
}

static void test_pause_and_resume_in_one_callback(void **state)
{
    struct world *self = *state;
    self->near.at_frame = pause_and_resume;
    for (int i = 0; i < 5; i++)
        wire_send(&self->near.far, "%d", i);
    RUN_UNTIL(self->loop, self->near.frames == 5);
    self->near.at_frame = resume_and_pause;
    wire_send(&self->near.far, "six");
    wire_send(&self->near.far, "seven");
    RUN_UNTIL(self->loop, self->near.frames == 6);
    run_turns(self->loop, 3);
    assert_int_equal(self->near.frames, 6);
    stream_resume(self->near.stream);
    RUN_UNTIL(self->loop, self->near.frames == 7);
}

/* What the peer sends meanwhile waits in the kernel, and so the peer waits. */
static void test_paused_reads_nothing(void **state)
{
    struct world *self = *state;
    char block[8192] = {0};
    ssize_t n;
    size_t sent = 0;
    stream_pause(self->near.stream);
    while ((n = send(self->near.far.fd, block, sizeof block, MSG_NOSIGNAL)) > 0) {
        sent += (size_t)n;
        run_turns(self->loop, 1);
    }
    assert_int_equal(errno, EAGAIN);
    assert_true(sent > 0);
    assert_int_equal(stream_counts(self->near.stream).bytes_in, 0);
    stream_resume(self->near.stream);
    RUN_UNTIL(self->loop, stream_counts(self->near.stream).bytes_in == sent);
    assert_int_equal(self->near.frames, sent / 4); /* frames of no bytes */
}

/* The end of input is told only after all that came before it. */
static void test_paused_frames_come_before_the_end(void **state)
{
    struct world *self = *state;
    self->near.at_frame = pause_now;
    wire_send(&self->near.far, "one");
    wire_send(&self->near.far, "two");
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.frames == 1);
    run_turns(self->loop, 3);
    assert_int_equal(self->near.ends, 0);
    stream_resume(self->near.stream);
    RUN_UNTIL(self->loop, self->near.frames == 2);
    assert_int_equal(self->near.ends, 0);
    stream_resume(self->near.stream);
    RUN_UNTIL(self->loop, self->near.ends == 1);
    assert_int_equal(self->near.closings, 0);
}

/* ---- throttling ---- */

static void echo_much(struct near *near, struct span payload)
{
    (void)payload;
    assert_int_equal(near_send(near, 5000, 'e', 0), STATUS_OK);
}

/* A peer who asks for much and reads nothing is not read from any more: what
 * waits for it is bounded, and nothing of what it sent is lost. */
static void test_who_does_not_read_is_not_read_from(void **state)
{
    struct world *self = *state;
    enum { THROTTLE = 50000, COUNT = 200, OVER = THROTTLE + 5004 };
    struct stream_options options = options_of(self);
    int ends[2];
    near_close(&self->near);
    unix_pair(ends);
    options.throttle_bytes = THROTTLE;
    near_open(&self->near, self->streams, ends, &options, NULL);
    self->near.at_frame = echo_much;
    for (int i = 0; i < COUNT; i++)
        wire_send(&self->near.far, "%d", i);
    run_turns(self->loop, 10);
    assert_in_range(self->near.frames, 1, COUNT - 1);
    assert_in_range(stream_queued_bytes(self->near.stream), THROTTLE, OVER);
    stream_pause(self->near.stream); /* pausing and resuming does not get round it */
    stream_resume(self->near.stream);
    run_turns(self->loop, 3);
    assert_in_range(stream_queued_bytes(self->near.stream), THROTTLE, OVER);
    for (int i = 0; i < COUNT; i++)
        free(wire_read_payload(&self->near.far, NULL));
    assert_int_equal(self->near.frames, COUNT);
}

/* One who goes while it is throttled is noticed when it would be read again. */
static void test_throttled_and_gone(void **state)
{
    struct world *self = *state;
    struct stream_options options = options_of(self);
    int ends[2];
    near_close(&self->near);
    unix_pair(ends);
    options.throttle_bytes = 50000;
    near_open(&self->near, self->streams, ends, &options, NULL);
    for (int i = 0; i < 20; i++)
        wire_send(&self->near.far, "%d", i);
    for (unsigned i = 1; i <= 30; i++)
        assert_int_equal(near_send(&self->near, 100000, 'x', i), STATUS_OK);
    run_turns(self->loop, 3);
    assert_int_equal(self->near.frames, 0);
    wire_hang_up(&self->near.far);
    RUN_UNTIL(self->loop, self->near.closings == 1);
    assert_int_equal(self->near.frames, 20);
    assert_int_equal(self->tags.count, 30);
}

/* ---- frames -> bytes ---- */

static void expect_payload(struct wire *far, size_t len, char letter)
{
    size_t got;
    char *text = wire_read_payload(far, &got);
    assert_non_null(text);
    assert_int_equal(got, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(text[i], letter);
    free(text);
}

/* What is sent in one turn leaves in one write. */
static void test_one_write_for_a_turn(void **state)
{
    struct world *self = *state;
    for (int i = 0; i < 30; i++)
        assert_int_equal(near_send(&self->near, (size_t)i * 10, (char)('A' + i), 0), STATUS_OK);
    assert_int_equal(stream_counts(self->near.stream).writes, 0);
    for (int i = 0; i < 30; i++)
        expect_payload(&self->near.far, (size_t)i * 10, (char)('A' + i));
    assert_int_equal(stream_counts(self->near.stream).writes, 1);
    assert_int_equal(stream_counts(self->near.stream).frames_out, 30);
    assert_int_equal(stream_queued_bytes(self->near.stream), 0);
}

static void test_tags_come_back_in_order(void **state)
{
    struct world *self = *state;
    for (unsigned i = 1; i <= 500; i++)
        assert_int_equal(near_send(&self->near, 10, 'x', i % 3 ? i : 0), STATUS_OK);
    RUN_UNTIL(self->loop, stream_counts(self->near.stream).frames_out == 500);
    uint64_t before = 0;
    for (size_t i = 0; i < self->tags.count; i++) {
        assert_true(self->tags.order[i] > before);
        before = self->tags.order[i];
        assert_int_equal(self->tags.status[before], STATUS_OK);
    }
    assert_int_equal(self->tags.count, 334);
}

/* A tag comes back when the kernel has the frame, not before. */
static void test_tags_wait_for_the_kernel(void **state)
{
    struct world *self = *state;
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(near_send(&self->near, 100000, (char)('A' + i), i), STATUS_OK);
    run_turns(self->loop, 5);
    size_t taken = self->tags.count;
    assert_in_range(taken, 0, 19); /* it does not fit in a socket's buffer */
    for (unsigned i = 1; i <= 20; i++)
        expect_payload(&self->near.far, 100000, (char)('A' + i));
    RUN_UNTIL(self->loop, self->tags.count == 20);
}

static void test_the_queue_has_a_cap(void **state)
{
    struct world *self = *state;
    size_t frame = QUEUE / 4;
    for (int i = 0; i < 4; i++)
        assert_int_equal(near_send(&self->near, frame - 4, 'x', 1 + (unsigned)i), STATUS_OK);
    assert_int_equal(stream_queued_bytes(self->near.stream), QUEUE);
    assert_int_equal(near_send(&self->near, 0, 'x', 5), STATUS_OVERLOADED);
    for (int i = 0; i < 4; i++)
        expect_payload(&self->near.far, frame - 4, 'x');
    assert_int_equal(near_send(&self->near, 0, 'x', 6), STATUS_OK);
    expect_payload(&self->near.far, 0, 'x');
    assert_int_equal(self->tags.times[5], 0); /* what was refused has used no tag */
    assert_int_equal(self->tags.count, 5);
}

static void test_send_adopt_takes_nothing_for_no_memory(void **state)
{
    struct world *self = *state;
    assert_int_equal(stream_send_adopt(self->near.stream, NULL, 1), STATUS_NO_MEMORY);
    run_turns(self->loop, 2);
    assert_int_equal(self->tags.count, 0);
}

/* A blob that waits in a queue is held by it; the sender may let go. */
static void test_a_frame_is_shared_not_copied(void **state)
{
    struct world *self = *state;
    struct blob *frame = frame_of(SPAN_LITERAL("shared"));
    assert_non_null(frame);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stream_send(self->near.stream, frame, 0), STATUS_OK);
    assert_int_equal(frame->refs, 4);
    RUN_UNTIL(self->loop, stream_counts(self->near.stream).frames_out == 3);
    assert_int_equal(frame->refs, 1);
    blob_unref(frame);
}

/* A program that has not ignored SIGPIPE must not die of a peer that left. */
static void test_a_peer_that_left_is_no_signal(void **state)
{
    struct world *self = *state;
    struct sigaction before, plain = {.sa_handler = SIG_DFL};
    assert_int_equal(sigaction(SIGPIPE, &plain, &before), 0);
    wire_hang_up(&self->near.far);
    assert_int_equal(near_send(&self->near, 10, 'x', 1), STATUS_OK);
    streams_flush(self->streams);
    assert_int_equal(self->tags.count, 1);
    assert_int_equal(self->tags.status[1], STATUS_OFFLINE);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_small_frames_at_every_two_splits),
        TEST(test_large_frames_at_telling_splits),
        TEST(test_a_large_frame_in_small_pieces),
        TEST(test_pause_after_each_frame),
        TEST(test_pause_and_resume_in_one_callback),
        TEST(test_paused_reads_nothing),
        TEST(test_paused_frames_come_before_the_end),
        TEST(test_who_does_not_read_is_not_read_from),
        TEST(test_throttled_and_gone),
        TEST(test_one_write_for_a_turn),
        TEST(test_tags_come_back_in_order),
        TEST(test_tags_wait_for_the_kernel),
        TEST(test_the_queue_has_a_cap),
        TEST(test_send_adopt_takes_nothing_for_no_memory),
        TEST(test_a_frame_is_shared_not_copied),
        TEST(test_a_peer_that_left_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
