/* One direction of a relayed connection: what comes out at the far end, undisturbed
 * and under each disturbance, over TCP and UNIX sockets. Whoever reads there is in
 * the same loop, and sees each piece by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/pump.h"
#include "libbester/bytes.h"
#include "libbester/frame.h"

enum { A, B, ROOM = 1 << 16 };

static struct ev_loop *loop;
static struct chance chance;
static struct disturbances disturbances;
static struct setting setting;
static struct pump *pump;
static int near, source, target, far; /* near > source, the pump, target > far */
static ev_io reader;
static char got[ROOM];
static size_t got_len;
static size_t pieces;  /* reads at the far end */
static size_t largest; /* of them */
static bool got_end;
static size_t frames; /* that the pump has told of */
static size_t touches;
static const char *broken;
static bool passed;
static size_t wanted;

static void on_frame(struct pump *self, struct span payload, void *user)
{
    (void)self, (void)payload, (void)user;
    frames++;
}

static void on_passed(struct pump *self, void *user)
{
    (void)self, (void)user;
    passed = true;
}

/* As a relay does: the connection is over. */
static void on_broken(struct pump *self, const char *how, void *user)
{
    (void)user;
    broken = how;
    pump_free(self);
    pump = NULL;
    shutdown(target, SHUT_RDWR);
}

static const struct pump_callbacks callbacks = {
    .on_frame = on_frame, .on_passed = on_passed, .on_broken = on_broken};

static void on_touch(const struct disturbance *what, const char *how, void *user)
{
    (void)what, (void)how, (void)user;
    touches++;
}

static void on_readable(struct ev_loop *of, ev_io *watcher, int events)
{
    ssize_t n = read(watcher->fd, got + got_len, ROOM - got_len);

    (void)events;
    if (n <= 0) {
        got_end = true;
        ev_io_stop(of, watcher);
    } else {
        got_len += (size_t)n;
        pieces++;
        largest = (size_t)n > largest ? (size_t)n : largest;
    }
    if (got_end || got_len >= wanted)
        ev_break(of, EVBREAK_ALL);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void unix_pair(int *one, int *other)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    *one = pair[0];
    *other = pair[1];
}

static void tcp_pair(int *one, int *other)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    *one = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*one, (struct sockaddr *)&address, len), 0);
    *other = accept(listener, NULL, NULL);
    assert_true(*other >= 0);
    setsockopt(*one, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    close(listener);
}

static void begin(bool tcp)
{
    loop = ev_loop_new(0);
    chance_init(&chance, 1);
    disturbances = (struct disturbances){.chance = &chance, .on_touch = on_touch};
    setting = (struct setting){.loop = loop, .chance = &chance, .disturbances = &disturbances};
    got_len = pieces = largest = frames = touches = wanted = 0;
    got_end = passed = false;
    broken = NULL;
    (tcp ? tcp_pair : unix_pair)(&near, &source);
    (tcp ? tcp_pair : unix_pair)(&target, &far);
    fcntl(source, F_SETFL, O_NONBLOCK);
    fcntl(target, F_SETFL, O_NONBLOCK);
    fcntl(far, F_SETFL, O_NONBLOCK);
    /* What can be read is read before any clock of the pump's is looked at. */
    ev_io_init(&reader, on_readable, far, EV_READ);
    ev_set_priority(&reader, EV_MAXPRI);
    ev_io_start(loop, &reader);
    pump = pump_new(&setting, A, B, source, target, false, &callbacks, NULL);
}

static void end(void)
{
    pump_free(pump);
    pump = NULL;
    disturbances_release(&disturbances);
    ev_io_stop(loop, &reader);
    ev_loop_destroy(loop);
    close(near);
    close(source);
    close(target);
    close(far);
}

static void disturb(const struct disturbance *what)
{
    disturbances_add(&disturbances, what);
    pump_look_again(pump);
}

static void heal(void)
{
    disturbances_heal(&disturbances, -1, -1, true);
    pump_look_again(pump);
}

static void say(const char *bytes, size_t len)
{
    assert_int_equal(write(near, bytes, len), (ssize_t)len);
}

static size_t say_frame(const char *payload)
{
    char frame[300];
    size_t len = strlen(payload);

    frame_put_header(frame, (uint32_t)len);
    memcpy(frame + FRAME_HEADER_BYTES, payload, len);
    say(frame, FRAME_HEADER_BYTES + len);
    return FRAME_HEADER_BYTES + len;
}

/* Until so many bytes are there in all, or the end. */
static void hear(size_t bytes)
{
    wanted = bytes;
    if (got_len < bytes && !got_end)
        ev_run(loop, 0);
}

/* Until the pump has read what was said: it holds it, or has passed it on. */
static void until_touched(size_t times)
{
    while (touches < times)
        ev_run(loop, EVRUN_ONCE);
}

/* ---- undisturbed ----------------------------------------------------------------------------- */

static void test_passes_as_it_comes(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        begin(tcp);
        size_t len = say_frame("{\"a\": 1}") + say_frame("") + say_frame("[2]");
        hear(len);
        assert_int_equal(got_len, len);
        assert_int_equal(frames, 3);
        assert_memory_equal(got + 4, "{\"a\": 1}", 8);

        /* Half a frame passes without the other, and so do bytes that are none. */
        say("\x05\0\0\0ab", 6);
        hear(len + 6);
        assert_int_equal(frames, 3);
        say("cde", 3);
        hear(len + 9);
        assert_int_equal(frames, 4);
        say("\xFF\xFF\xFF\xFF whatever", 13);
        hear(len + 22);
        assert_memory_equal(got + len + 9, "\xFF\xFF\xFF\xFF whatever", 13);
        assert_int_equal(frames, 4);

        shutdown(near, SHUT_WR);
        hear(ROOM);
        assert_true(got_end && passed && pump_has_passed(pump));
        assert_int_equal(touches, 0);
        end();
    }
}

/* ---- disturbed ------------------------------------------------------------------------------- */

/* Over TCP a busy system may take so long to bring a piece that the pump no longer
 * waits for it to be read: then two come as one. */
static void check_pieces(bool tcp, size_t count, size_t size)
{
    if (tcp) {
        assert_true(pieces <= count);
        return;
    }
    assert_int_equal(pieces, count);
    assert_int_equal(largest, size);
}

static void test_split(void **state)
{
    static const struct disturbance every = {
        .kind = DISTURBANCE_SPLIT, .from = A, .to = B, .place = PLACE_EVERY};

    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        begin(tcp);
        disturb(&every);
        size_t len = say_frame("{\"a\": 1}");
        hear(len);
        check_pieces(tcp, len, 1);
        assert_memory_equal(got + 4, "{\"a\": 1}", 8);
        end();

        for (unsigned at = 1; at < len; at++) {
            struct disturbance once = {
                .kind = DISTURBANCE_SPLIT, .from = A, .to = B, .bytes_before = at, .times = 1};

            begin(tcp);
            disturb(&once);
            say_frame("{\"a\": 1}");
            hear(len);
            check_pieces(tcp, 2, at > len - at ? at : len - at);
            say_frame("{\"a\": 2}"); /* it is over */
            hear(2 * len);
            assert_int_equal(touches, 1);
            assert_memory_equal(got + len + 4, "{\"a\": 2}", 8);
            end();
        }
    }
}

static void test_truncate(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++)
        for (unsigned at = 1; at < 12; at++) {
            struct disturbance truncate = {
                .kind = DISTURBANCE_TRUNCATE, .from = A, .to = B, .bytes_before = at};

            begin(tcp);
            disturb(&truncate);
            say_frame("{\"a\": 1}");
            hear(ROOM);
            assert_true(got_end);
            assert_int_equal(got_len, at);
            assert_string_equal(broken, "(cut off by the play)");
            end();
        }
}

static void test_other_bytes(void **state)
{
    static const struct disturbance garbage = {
        .kind = DISTURBANCE_GARBAGE, .from = A, .to = B, .times = 1};
    static const struct disturbance length = {
        .kind = DISTURBANCE_LENGTH, .from = A, .to = B, .length = 3};

    (void)state;
    begin(false);
    disturb(&garbage);
    size_t len = say_frame("{\"a\": 1}") + say_frame("{\"b\": 2}");
    hear(len);
    assert_memory_equal(got, "\x08\0\0\0", 4);
    assert_memory_not_equal(got + 4, "{\"a\": 1}", 8);
    assert_memory_equal(got + 12, "\x08\0\0\0{\"b\": 2}", 12);
    end();

    begin(false);
    disturb(&length);
    hear(say_frame("{\"a\": 1}"));
    assert_memory_equal(got, "\x03\0\0\0{\"a\": 1}", 12);
    end();
}

static void test_cut_and_heal(void **state)
{
    static const struct disturbance cut = {.kind = DISTURBANCE_CUT, .from = A, .to = B};

    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        begin(tcp);
        disturb(&cut);
        size_t len = say_frame("{\"a\": 1}") + say_frame("[2]");
        shutdown(near, SHUT_WR);
        until_touched(2);
        assert_int_equal(got_len, 0);
        assert_false(passed);
        heal();
        hear(ROOM);
        assert_int_equal(got_len, len);
        assert_true(got_end && passed);
        end();
    }
}

static void test_what_is_forgotten_never_comes(void **state)
{
    static const struct disturbance cut = {.kind = DISTURBANCE_CUT, .from = A, .to = B};

    (void)state;
    begin(false);
    disturb(&cut);
    say_frame("{\"a\": 1}");
    until_touched(1);
    pump_forget(pump);
    heal();
    size_t len = say_frame("[2]");
    hear(len);
    assert_memory_equal(got, "\x03\0\0\0[2]", len);
    end();
}

/* A frame of which a part has passed goes on as it is; the next is whole. */
static void test_begun_before(void **state)
{
    static const struct disturbance garbage = {.kind = DISTURBANCE_GARBAGE, .from = A, .to = B};

    (void)state;
    begin(false);
    say("\x05\0\0\0ab", 6);
    hear(6);
    disturb(&garbage);
    say("cde", 3);
    hear(9);
    assert_memory_equal(got, "\x05\0\0\0abcde", 9);
    assert_int_equal(touches, 0);
    hear(9 + say_frame("xyz"));
    assert_memory_not_equal(got + 13, "xyz", 3);
    assert_int_equal(touches, 1);

    /* And one that waits to be whole passes when nobody wants it so any more. */
    say("\x05\0\0\0ab", 6);
    while (touches == 1 && ev_run(loop, EVRUN_NOWAIT)) {
        int unread = 0;

        socklen_t size = sizeof(unread);
        if (getsockopt(source, SOL_SOCKET, SO_ERROR, &unread, &size) == 0 &&
            recv(source, got + got_len, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
            break; /* the pump has read it */
    }
    assert_int_equal(got_len, 16);
    heal();
    hear(22);
    assert_memory_equal(got + 16, "\x05\0\0\0ab", 6);
    end();
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_delay(void **state)
{
    static const struct disturbance delay = {
        .kind = DISTURBANCE_DELAY, .from = A, .to = B, .ms = 30, .times = 1};

    (void)state;
    begin(false);
    disturb(&delay);
    double before = ev_time();
    size_t len = say_frame("{\"a\": 1}") + say_frame("[2]");
    hear(len);
    assert_true(ev_time() - before >= 0.029);
    /* What is not delayed does not overtake what is. */
    assert_memory_equal(got, "\x08\0\0\0{\"a\": 1}\x03\0\0\0[2]", len);
    end();
}

static void test_bandwidth(void **state)
{
    static const struct disturbance limit = {
        .kind = DISTURBANCE_BANDWIDTH, .from = A, .to = B, .bytes_per_s = 400};

    (void)state;
    begin(false);
    disturb(&limit);
    double before = ev_time();
    size_t len = say_frame("{\"a\": \"twenty bytes\"}");
    hear(len);
    /* All but the last portion has been paid for. */
    assert_true(ev_time() - before >= (double)(len - 8) / 400 - 0.001);
    assert_true(largest <= 8);
    end();
}

static void test_slow_reader(void **state)
{
    static const struct disturbance slow = {
        .kind = DISTURBANCE_SLOW_READER, .from = A, .to = B, .bytes_per_s = 0};
    char full[4096];

    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        begin(tcp);
        disturb(&slow);
        say_frame("{\"a\": 1}");
        until_touched(1);
        assert_int_equal(got_len, 0);
        /* Whoever says more finds no room in the end. */
        memset(full, 0, sizeof(full));
        fcntl(near, F_SETFL, O_NONBLOCK);
        while (write(near, full, sizeof(full)) > 0) {}
        assert_int_equal(got_len, 0);
        assert_int_equal(touches, 1);
        heal();
        hear(12);
        assert_memory_equal(got, "\x08\0\0\0{\"a\": 1}", 12);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_as_it_comes),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_cut_and_heal),
        cmocka_unit_test(test_what_is_forgotten_never_comes),
        cmocka_unit_test(test_begun_before),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_slow_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
