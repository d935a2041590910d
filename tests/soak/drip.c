#include "tests/soak/drip.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/message.h"

enum {
    TICKS_PER_SECOND = 100,
    SECONDS_OF_COMING = 10, /* as long as the server's patience: those it puts out do not come
                             * back all at once */
    FIRST_ADDRESS = 64,
    DEAF_BUFFER_BYTES = 4096,
    BURST = 16,             /* messages that each who never reads sends at first */
    BURST_TEXT_BYTES = 8192 /* of each */
};

enum kind { STRANGER, MEMBER, DEAF };

struct peer {
    int fd; /* -1: not there; it tries again at its next turn */
    enum kind kind;
    unsigned number;
    struct blob *frame; /* what it sends a byte a second; NULL: DEAF */
    size_t at;
    bool cut; /* in the middle of a frame: nothing more can be said */
};

struct drip {
    const struct drip_plan *plan;
    struct ev_loop *loop;
    struct peer *peers;
    unsigned count, turn;
    unsigned there; /* of them, from the first on: who has come */
    int socket;
    ev_io letters;
    ev_timer tick;
};

/* ---- coming ---------------------------------------------------------------------------------- */

static bool say(struct peer *self, struct blob *frame)
{
    if (!frame)
        _exit(1);
    ssize_t n = send(self->fd, frame->data, frame->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    bool whole = n == (ssize_t)frame->len;

    if (n > 0 && !whole)
        self->cut = true;
    blob_unref(frame);
    return whole;
}

static struct blob *chat_frame(const char *to, size_t text_bytes)
{
    char *text = must_alloc(text_bytes + 1);

    memset(text, 'x', text_bytes);
    char *data = must_print("{\"to\": \"%s\", \"text\": \"%s\"}", to, text);
    struct blob *frame = message_from_client("chat", span_of(data), SPAN_LITERAL("\"1\""));
    free(data);
    free(text);
    return frame;
}

/* Every so manieth does not read. */
static unsigned one_of(const struct drip *self)
{
    return self->count / self->plan->deaf;
}

/* To the next of those who do not read. */
static void burst(const struct drip *self, struct peer *peer)
{
    char to[32];

    snprintf(to, sizeof(to), "slow%u", (peer->number + one_of(self)) % self->count);
    for (int i = 0; i < BURST && say(peer, chat_frame(to, BURST_TEXT_BYTES)); i++) {}
}

static void come(const struct drip *self, struct peer *peer)
{
    char name[32];
    int bytes = DEAF_BUFFER_BYTES;

    peer->fd =
        subject_connect_tcp(self->plan->subject, FIRST_ADDRESS + peer->number / SUBJECT_PORTS);
    peer->at = 0;
    peer->cut = false;
    if (peer->fd < 0)
        return;
    snprintf(name, sizeof(name), "slow%u", peer->number);
    if (peer->kind != STRANGER)
        (void)say(peer, message_login(name, "p", NULL));
    if (peer->kind != DEAF)
        return;
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    burst(self, peer);
}

static void go(struct peer *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

/* ---- a second of its life -------------------------------------------------------------------- */

/* false: the server has put it out. */
static bool drip_byte(struct peer *self)
{
    char heard[4096];
    ssize_t n;

    while ((n = recv(self->fd, heard, sizeof(heard), MSG_DONTWAIT)) > 0) {}
    if (n == 0 || errno != EAGAIN)
        return false;
    n = send(self->fd, self->frame->data + self->at, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == 1)
        self->at = (self->at + 1) % self->frame->len;
    return n == 1 || errno == EAGAIN;
}

static bool ask_and_not_read(struct peer *self)
{
    struct pollfd at = {.fd = self->fd, .events = POLLRDHUP};

    if (poll(&at, 1, 0) > 0)
        return false;
    if (!self->cut)
        (void)say(
            self, message_from_client("dummy", SPAN_LITERAL("null"), SPAN_LITERAL("\"unread\"")));
    return true;
}

static void live(const struct drip *self, struct peer *peer)
{
    if (peer->fd >= 0 && (peer->kind == DEAF ? ask_and_not_read(peer) : drip_byte(peer)))
        return;
    go(peer);
    come(self, peer);
}

/* A hundredth of a second's share. */
static unsigned share(unsigned of)
{
    return (of + TICKS_PER_SECOND - 1) / TICKS_PER_SECOND;
}

static void answer(const struct drip *self, char letter)
{
    (void)!send(self->socket, &letter, 1, MSG_NOSIGNAL);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct drip *self = watcher->data;

    (void)loop, (void)events;
    for (unsigned i = 0; i < share(self->there); i++) {
        self->turn = (self->turn + 1) % self->there;
        live(self, &self->peers[self->turn]);
    }
    if (self->there == self->count)
        return;
    for (unsigned i = 0; i < share(self->count / SECONDS_OF_COMING) && self->there < self->count;
         i++)
        come(self, &self->peers[self->there++]);
    if (self->there == self->count)
        answer(self, 'r');
}

/* ---- as we are told -------------------------------------------------------------------------- */

static void on_letter(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct drip *self = watcher->data;
    char letter = 0;

    (void)events;
    ev_timer_stop(loop, &self->tick);
    if (recv(self->socket, &letter, 1, 0) != 1) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    if (letter == 'b') {
        ev_now_update(loop);
        ev_timer_set(&self->tick, 1.0 / TICKS_PER_SECOND, 1.0 / TICKS_PER_SECOND);
        ev_timer_start(loop, &self->tick);
        return;
    }
    for (unsigned i = 0; i < self->count; i++)
        go(&self->peers[i]);
    self->there = 0;
    answer(self, 'd');
}

static void make_peer(const struct drip *self, unsigned number)
{
    struct peer *peer = &self->peers[number];
    char name[32];

    *peer = (struct peer){
        .fd = -1, .number = number, .kind = number / one_of(self) % 2 ? STRANGER : MEMBER};
    snprintf(name, sizeof(name), "slow%u", number);
    if (number % one_of(self) == 0)
        peer->kind = DEAF;
    else if (peer->kind == STRANGER)
        peer->frame = message_login(name, "p", NULL);
    else
        peer->frame = chat_frame(name, 1);
    if (peer->kind != DEAF && !peer->frame)
        _exit(1);
}

void drip_run(int socket, void *user)
{
    struct drip self = {.plan = user, .loop = ev_loop_new(0), .socket = socket};

    self.count = self.plan->slow + self.plan->deaf;
    self.peers = must_alloc(self.count * sizeof(struct peer));
    for (unsigned i = 0; i < self.count; i++)
        make_peer(&self, i);
    ev_init(&self.tick, on_tick);
    ev_io_init(&self.letters, on_letter, socket, EV_READ);
    self.tick.data = self.letters.data = &self;
    ev_io_start(self.loop, &self.letters);
    ev_run(self.loop, 0);
    for (unsigned i = 0; i < self.count; i++) {
        go(&self.peers[i]);
        blob_unref(self.peers[i].frame);
    }
    free(self.peers);
    ev_loop_destroy(self.loop);
}
