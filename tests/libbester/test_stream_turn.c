/* stream: turns, so that one does not keep the others waiting, and memory that all
 * streams hold together. */
#include "tests/libbester/near.h"

#include <sys/socket.h>

enum { MANY = 1000, MAX_FRAME = 1 << 20, QUEUE = 8 << 20, FAR = 4 };

static const size_t TURN_FRAMES = 16;

struct world {
    struct ev_loop *loop;
    struct streams *streams;
    struct tags tags;
    struct stream_pool pool;
    struct near near[FAR];
    /* What happened, in order: the number of the stream that was handed a frame. */
    unsigned char order[8 * MANY];
    size_t count;
    /* on_full */
    unsigned asked;
    struct near *victims[FAR];
    size_t victim_count;
};

static void at_frame(struct near *near, struct span payload)
{
    struct world *self = near->user;
    (void)payload;
    assert_true(self->count < sizeof self->order);
    self->order[self->count++] = (unsigned char)(near - self->near);
}

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->loop = ev_loop_new(0);
    self->streams = streams_new(self->loop);
    self->pool.max = SIZE_MAX;
    for (int i = 0; i < FAR; i++) {
        int ends[2];
        unix_pair(ends);
        near_open(&self->near[i], self->streams, ends,
            &(struct stream_options){.max_frame = MAX_FRAME,
                .max_queued_bytes = QUEUE,
                .turn_frames = (unsigned)TURN_FRAMES,
                .pool = &self->pool,
                .sent_user = &self->tags},
            NULL);
        self->near[i].at_frame = at_frame;
        self->near[i].user = self;
    }
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    for (int i = 0; i < FAR; i++)
        near_close(&self->near[i]);
    streams_flush(self->streams);
    assert_int_equal(self->pool.bytes, 0);
    assert_int_equal(*streams_held(self->streams), 0);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    free(self);
    return 0;
}

static void send_frames(struct world *self, int who, unsigned count)
{
    char *bytes = calloc(count, 5);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[5 * i] = 1; /* a frame of one byte */
    wire_send_bytes(&self->near[who].far, bytes, (size_t)5 * count);
    free(bytes);
}

/* ---- turns ---- */

/* Of a thousand frames that came at once the others wait for no more than a share. */
static void test_a_flood_leaves_room_for_others(void **state)
{
    struct world *self = *state;
    send_frames(self, 0, MANY);
    for (int i = 1; i < FAR; i++)
        send_frames(self, i, 3);
    RUN_UNTIL(self->loop, self->near[0].frames == MANY);
    size_t before = 0;
    for (size_t i = 0; i < self->count && self->near[1].frames == 3; i++) {
        if (self->order[i] == 0)
            before++;
        else
            assert_true(before <= 2 * TURN_FRAMES);
    }
    assert_int_equal(self->count, MANY + 3 * (FAR - 1));
}

/* Floods take turns with each other: none is ever further ahead than two shares. */
static void test_floods_take_turns(void **state)
{
    struct world *self = *state;
    size_t frames[FAR] = {0};
    for (int i = 0; i < FAR; i++)
        send_frames(self, i, MANY);
    RUN_UNTIL(self->loop, self->count == (size_t)FAR * MANY);
    for (size_t i = 0; i < self->count; i++) {
        size_t mine = ++frames[self->order[i]];
        for (int k = 0; k < FAR; k++)
            assert_true(mine <= frames[k] + 2 * TURN_FRAMES);
    }
}

static void close_the_next(struct near *near, struct span payload)
{
    struct world *self = near->user;
    at_frame(near, payload);
    if (self->count == TURN_FRAMES + 1)
        for (int i = 0; i < FAR; i++)
            near_close_stream(&self->near[i]);
}

/* Those that wait for their turn may be closed meanwhile. */
static void test_the_end_while_waiting(void **state)
{
    struct world *self = *state;
    for (int i = 0; i < FAR; i++) {
        self->near[i].at_frame = close_the_next;
        send_frames(self, i, MANY);
    }
    RUN_UNTIL(self->loop, self->count == TURN_FRAMES + 1);
    run_turns(self->loop, 5);
    assert_int_equal(self->count, TURN_FRAMES + 1);
}

/* Paused while it waits, it is handed nothing, and all of it later. */
static void test_a_pause_while_waiting(void **state)
{
    struct world *self = *state;
    send_frames(self, 0, MANY);
    RUN_UNTIL(self->loop, self->count > 0);
    stream_pause(self->near[0].stream);
    size_t before = self->count;
    run_turns(self->loop, 5);
    assert_int_equal(self->count, before);
    stream_resume(self->near[0].stream);
    RUN_UNTIL(self->loop, self->count == MANY);
}

/* ---- memory ---- */

static bool on_full(void *user)
{
    struct world *self = user;
    self->asked++;
    if (!streams_are_full(self->streams) && self->pool.bytes <= self->pool.max)
        return false;
    if (self->victim_count == 0)
        return false;
    near_close_stream(self->victims[--self->victim_count]);
    return true;
}

/* A frame in the queues of all counts once, until the last has taken it. */
static void test_a_shared_frame_counts_once(void **state)
{
    struct world *self = *state;
    struct blob *frame = blob_new(100000);
    assert_non_null(frame);
    memset(frame->data, 0, frame->len);
    for (int i = 0; i < FAR; i++)
        for (int k = 0; k < 3; k++)
            assert_int_equal(stream_send(self->near[i].stream, frame, 0), STATUS_OK);
    assert_int_equal(*streams_held(self->streams), frame->len);
    for (int i = 1; i < FAR; i++)
        near_close_stream(&self->near[i]);
    run_turns(self->loop, 2);
    assert_int_equal(*streams_held(self->streams), frame->len);
    near_close_stream(&self->near[0]);
    streams_flush(self->streams);
    assert_int_equal(*streams_held(self->streams), 0);
    blob_unref(frame);
}

/* Says the beginning of a frame of len bytes: its header and `there` bytes. */
static void send_beginning(struct world *self, int who, size_t len, size_t there)
{
    unsigned char head[4];
    char *bytes = calloc(1, there);
    assert_non_null(bytes);
    wire_put_header(head, len);
    wire_send_bytes(&self->near[who].far, head, sizeof head);
    wire_send_bytes(&self->near[who].far, bytes, there);
    free(bytes);
    RUN_UNTIL(self->loop, stream_counts(self->near[who].stream).bytes_in == sizeof head + there);
}

/* What is unfinished counts, in the pool and in all, and no more once it is whole. */
static void test_unfinished_input_counts(void **state)
{
    struct world *self = *state;
    send_beginning(self, 0, 100000, 50000);
    size_t input = stream_input_bytes(self->near[0].stream);
    assert_in_range(input, 50004, 200000);
    assert_int_equal(self->pool.bytes, input);
    assert_int_equal(*streams_held(self->streams), input);
    stream_set_pool(self->near[0].stream, NULL);
    assert_int_equal(self->pool.bytes, 0);
    stream_set_pool(self->near[0].stream, &self->pool);
    assert_int_equal(self->pool.bytes, input);
    char *rest = calloc(1, 50000);
    wire_send_bytes(&self->near[0].far, rest, 50000);
    free(rest);
    RUN_UNTIL(self->loop, self->near[0].frames == 1);
    run_turns(self->loop, 1);
    assert_int_equal(*streams_held(self->streams), 0);
}

/* Over the limit its owner is asked until there is room again, and no more often. */
static void test_over_the_limit(void **state)
{
    struct world *self = *state;
    self->victims[0] = &self->near[3];
    self->victims[1] = &self->near[2];
    self->victims[2] = &self->near[1];
    self->victim_count = 3;
    streams_limit(self->streams, 1000000, on_full, self);
    for (int i = 0; i < 4; i++) /* 250,000 each: nothing is read on the other side */
        assert_int_equal(near_send(&self->near[i], 250000 - 4, 'x', 0), STATUS_OK);
    assert_false(streams_are_full(self->streams));
    run_turns(self->loop, 3);
    assert_int_equal(self->asked, 0);
    assert_int_equal(near_send(&self->near[0], 100, 'x', 0), STATUS_OK);
    assert_true(streams_are_full(self->streams));
    run_turns(self->loop, 1);
    assert_int_equal(self->asked, 2); /* it closed one, and that was enough */
    assert_null(self->near[1].stream);
    assert_non_null(self->near[2].stream);
    assert_false(streams_are_full(self->streams));
}

static void test_a_pool_over_its_limit(void **state)
{
    struct world *self = *state;
    streams_limit(self->streams, SIZE_MAX, on_full, self);
    self->pool.max = 100000;
    send_beginning(self, 0, 1000000, 60000);
    assert_int_equal(self->asked, 0);
    self->victims[0] = &self->near[0];
    self->victim_count = 1;
    send_beginning(self, 1, 1000000, 60000);
    RUN_UNTIL(self->loop, self->near[0].stream == NULL);
    assert_non_null(self->near[1].stream);
    run_turns(self->loop, 1);
    assert_in_range(self->pool.bytes, 60004, 100000);
}

/* ---- those who take too little ---- */

/* It takes bytes all the time, only never so many. */
static void test_a_drip_is_a_stall(void **state)
{
    struct world *self = *state;
    struct near *near = &self->near[0];
    struct patience patience;
    int ends[2];
    char bytes[4096];
    size_t taken = 0;
    near_close(near);
    unix_pair(ends);
    near_open(near, self->streams, ends,
        &(struct stream_options){.max_frame = MAX_FRAME,
            .max_queued_bytes = QUEUE,
            .stall_s = 0.05,
            .stall_bytes = SIZE_MAX,
            .sent_user = &self->tags},
        NULL);
    patience_begin(&patience, self->loop);
    while (near->stream) {
        if (stream_queued_bytes(near->stream) < 1000000)
            assert_int_equal(near_send(near, 1000000, 'x', 0), STATUS_OK);
        ssize_t n = recv(near->far.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        taken += n > 0 ? (size_t)n : 0;
        ev_run(self->loop, EVRUN_NOWAIT);
        assert_false(patience.over);
    }
    patience_end(&patience);
    assert_int_equal(near->why, STATUS_TIMEOUT);
    assert_true(taken > 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_flood_leaves_room_for_others),
        TEST(test_floods_take_turns),
        TEST(test_the_end_while_waiting),
        TEST(test_a_pause_while_waiting),
        TEST(test_a_shared_frame_counts_once),
        TEST(test_unfinished_input_counts),
        TEST(test_over_the_limit),
        TEST(test_a_pool_over_its_limit),
        TEST(test_a_drip_is_a_stall),
    };
    return cmocka_run_group_tests_name("stream_turn", tests, NULL, NULL);
}
