/* stream: "callbacks may call anything of this header, on any stream". A few
 * streams that are told at random, in each of their callbacks, to do something
 * to each other, while their far ends send, read and go. The same seed plays the
 * same game. near.h checks that nothing is told to those that are over. */
#include "tests/libbester/near.h"

enum { STREAMS = 5, LIVES = 60, SEEDS = 150, STEPS = 80, ACTIONS_MAX = 3 };

struct game {
    struct ev_loop *loop;
    struct streams *streams;
    struct tags tags;
    uint64_t next_tag;
    uint32_t random;
    unsigned acts;
    struct near lives[LIVES]; /* those that are over too: nothing may be told to them */
    size_t life_count;
    struct near *playing[STREAMS];
};

static struct game *game;

static unsigned draw(unsigned below)
{
    game->random ^= game->random << 13;
    game->random ^= game->random >> 17;
    game->random ^= game->random << 5;
    return game->random % below;
}

/* ---- what a callback may do ---- */

static void do_nothing(struct near *near)
{
    (void)near;
}

static void do_send(struct near *near)
{
    static const size_t sizes[] = {0, 5, 900, 40000, 300000};
    bool tagged = draw(2) && game->next_tag < NEAR_TAGS_MAX - 1;
    uint64_t tag = tagged ? game->next_tag : 0;
    size_t size = sizes[draw(sizeof sizes / sizeof sizes[0])];
    if (near_send(near, size, 's', tag) == STATUS_OK && tagged)
        game->next_tag++;
}

static void do_pause(struct near *near)
{
    stream_pause(near->stream);
}

static void do_resume(struct near *near)
{
    stream_resume(near->stream);
}

static void do_finish(struct near *near)
{
    stream_finish(near->stream);
}

static void do_limit(struct near *near)
{
    stream_set_max_frame(near->stream, 100 + draw(2000));
}

static void (*const actions[])(struct near *near) = {do_nothing, do_nothing, do_send, do_send,
    do_send, do_pause, do_resume, do_resume, do_finish, near_close_stream, do_limit};

static void act(void)
{
    for (unsigned i = draw(ACTIONS_MAX + 1); i > 0; i--) {
        struct near *near = game->playing[draw(STREAMS)];
        if (near && near->stream) {
            actions[draw(sizeof actions / sizeof actions[0])](near);
            game->acts++;
        }
    }
}

static void at_frame(struct near *near, struct span payload)
{
    (void)near, (void)payload;
    act();
}

static void at_end(struct near *near)
{
    act();
    if (near->stream)
        stream_finish(near->stream);
}

static void at_closed(struct near *near, enum status why)
{
    if (why == STATUS_TOO_LARGE && draw(2))
        stream_finish(near->stream);
    act();
}

static void on_sent(uint64_t tag, enum status status, void *user)
{
    near_on_sent(tag, status, user);
    act();
}

static const struct stream_callbacks callbacks = {.on_frame = near_on_frame,
    .on_end = near_on_end,
    .on_closed = near_on_closed,
    .on_sent = on_sent};

/* ---- the far ends ---- */

static void begin_life(size_t i)
{
    int ends[2];
    struct stream_options options = {
        .max_frame = 2000, .max_queued_bytes = 1 << 20, .sent_user = &game->tags};
    options.throttle_bytes = draw(2) ? 0 : 20000;
    struct near *near = &game->lives[game->life_count++];
    if (draw(2))
        unix_pair(ends);
    else
        tcp_pair(ends);
    near_open(near, game->streams, ends, &options, &callbacks);
    near->at_frame = at_frame;
    near->at_end = at_end;
    near->at_closed = at_closed;
    game->playing[i] = near;
}

/* Never waits: what does not fit now is cut short, as a dying peer would. */
static void far_sends(struct wire *far)
{
    unsigned char frames[16 * 104];
    size_t len = 0;
    for (unsigned i = 1 + draw(16); i > 0; i--) {
        size_t size = draw(100);
        wire_put_header(frames + len, draw(40) ? size : 0x10000000);
        memset(frames + len + 4, 'f', size);
        len += 4 + size;
    }
    (void)!send(far->fd, frames, draw(8) ? len : draw((unsigned)len + 1), MSG_NOSIGNAL);
}

static void far_acts(struct wire *far)
{
    char sink[65536];
    if (far->fd < 0)
        return;
    switch (draw(8)) {
    case 0:
        if (draw(3) == 0)
            wire_hang_up(far);
        break;
    case 1:
        if (draw(3) == 0)
            shutdown(far->fd, SHUT_WR);
        break;
    case 2:
    case 3:
        while (recv(far->fd, sink, sizeof sink, 0) > 0)
            continue;
        break;
    default:
        far_sends(far);
    }
}

static void play(uint32_t seed)
{
    game = calloc(1, sizeof *game);
    assert_non_null(game);
    game->random = seed * 2654435761u + 1;
    game->next_tag = 1;
    game->loop = ev_loop_new(0);
    game->streams = streams_new(game->loop);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < STREAMS; i++) {
            if ((!game->playing[i] || game->playing[i]->over) && game->life_count < LIVES)
                begin_life(i);
            if (game->playing[i])
                far_acts(&game->playing[i]->far);
        }
        run_turns(game->loop, 1);
        act(); /* from outside of any callback, too */
    }
    for (size_t i = 0; i < game->life_count; i++)
        near_close(&game->lives[i]);
    streams_flush(game->streams);
    assert_int_equal(game->tags.count, game->next_tag - 1); /* each once: see near_on_sent */
    assert_true(game->acts > STEPS);
    streams_free(game->streams);
    ev_loop_destroy(game->loop);
    free(game);
}

static void test_callbacks_that_do_anything_to_anyone(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_callbacks_that_do_anything_to_anyone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
