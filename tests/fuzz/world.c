#include "tests/fuzz/world.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "besterd/log.h"
#include "besterd/mistakes.h"
#include "besterd/server_internal.h"
#include "libbester/frame.h"
#include "libbester/json.h"
#include "libbester/message.h"
#include "tests/fuzz/targets.h"

/* After so many turns in a row that brought nothing the loop may sleep until something happens
 * (names are looked up on threads), for a millisecond at most; so often, then it is over. */
enum { BUSY_TURNS = 200, PATIENCE_TURNS = WORLD_PATIENCE, INBOX_BYTES = 1 << 22 };

static struct world {
    struct ev_loop *loop;
    struct config *config;
    struct server *server;
    char directory[40];
    int posts[2]; /* where the handlers listen */
    int lasting;  /* connection of the stream handler; -1: not accepted yet */
    int honest;
    unsigned asked;
    bool asking; /* the target plays the handler */
    char *inbox; /* of the honest client */
    size_t len;
} world = {.lasting = -1, .honest = -1};

static const char *const post_names[] = {[WORLD_ONESHOT] = "one", [WORLD_STREAM] = "stream"};
static const char *const socket_names[] = {
    [WORLD_CLIENTS] = "clients", [WORLD_INFORMER] = "informer"};

/* ---- sockets ---- */

static const char *path_of(char out[64], const char *name)
{
    snprintf(out, 64, "%.39s/%s", world.directory, name);
    return out;
}

static struct sockaddr_un address_of(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%.39s/%s", world.directory, name);
    return address;
}

static int post_open(const char *name)
{
    struct sockaddr_un address = address_of(name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(listen(fd, 16) == 0);
    return fd;
}

/* Whoever else asks the one-shot handler gets an answer at once. */
static void serve(void)
{
    static const char answer[] = "{\"header\":{\"status\":\"0\",\"command\":{\"type\":"
                                 "\"sendClients\",\"data\":[\"F\",\"Honest\"]}},\"data\":[1]}";
    char header[FRAME_HEADER_BYTES];
    int fd = accept4(world.posts[WORLD_ONESHOT], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    frame_put_header(header, sizeof(answer) - 1);
    MUST(send(fd, header, sizeof(header), MSG_NOSIGNAL) == sizeof(header));
    MUST(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == sizeof(answer) - 1);
    close(fd);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
}

/* count: turns in a row before it that brought nothing. */
static void turn(unsigned count)
{
    ev_timer tick;

    ev_timer_init(&tick, on_tick, 0.001, 0.);
    if (count >= BUSY_TURNS)
        ev_timer_start(world.loop, &tick);
    ev_run(world.loop, count < BUSY_TURNS ? EVRUN_NOWAIT : EVRUN_ONCE);
    ev_timer_stop(world.loop, &tick);
    if (!world.asking)
        serve();
}

/* ---- the honest client ---- */

/* The payload of the oldest frame that has come and was not looked at. */
static bool hear(struct span *payload, size_t *consumed)
{
    ssize_t got = read(world.honest, world.inbox + world.len, INBOX_BYTES - world.len);
    size_t need;

    MUST(got != 0); /* nobody ever has a reason to close it */
    if (got > 0)
        world.len += (size_t)got;
    enum pull pull = frame_next(world.inbox, world.len, INBOX_BYTES, payload, consumed, &need);
    MUST(pull != PULL_BAD);
    return pull == PULL_READY;
}

static void forget(size_t consumed)
{
    memmove(world.inbox, world.inbox + consumed, world.len - consumed);
    world.len -= consumed;
}

/* Turns the loop until a message has come that is wanted; the others are counted
 * if they have that text in them. */
static unsigned await(const char *wanted, const char *counted)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PATIENCE_TURNS; i++) {
        struct span payload;
        size_t consumed;

        while (hear(&payload, &consumed)) {
            bool found = memmem(payload.at, payload.len, wanted, strlen(wanted)) != NULL;

            if (counted && memmem(payload.at, payload.len, counted, strlen(counted)))
                count++;
            forget(consumed);
            if (found)
                return count;
        }
        turn(i);
    }
    MUST(!"the server answers the honest client");
    return 0;
}

void world_settle(void)
{
    static const char text[] =
        "{\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"settled\"}}";

    world_write_lines(world.honest, (const uint8_t *)text, sizeof(text) - 1);
    (void)await("\"settled\"", NULL);
}

/* ---- birth and end ---- */

static void world_end(void)
{
    server_free(world.server);
    for (unsigned i = 0; i < 3; i++)
        turn(0);
    config_unref(world.config);
    if (world.lasting >= 0)
        close(world.lasting);
    close(world.honest);
    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_un address = address_of(post_names[i]);

        close(world.posts[i]);
        unlink(address.sun_path);
    }
    static const char *const files[] = {"peer.pem", "identity.pem"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[64];

        unlink(path_of(path, files[i]));
    }
    MUST(rmdir(world.directory) == 0);
    world.server = NULL;
    world.lasting = -1;
    world.len = 0;
}

static void log_nothing(void)
{
    static bool done;
    int nowhere = done ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (done)
        return;
    log_open(nowhere, LOG_LEVEL_DEBUG); /* lines are made, and nobody reads them */
    done = true;
}

/* The pin of P, a server that the world's knows. */
static const char *peer_pin(char out[TLS_PIN_TEXT])
{
    char path[64];
    struct tls_pin pin;
    struct fault fault;

    MUST(tls_make_identity_file(path_of(path, "peer.pem"), "P", &fault) == STATUS_OK);
    MUST(tls_file_pin(path, &pin, &fault) == STATUS_OK);
    return tls_pin_format(&pin, out);
}

static void server_start(void)
{
    struct mistakes mistakes;
    struct fault fault;
    char text[1500];
    char pin[TLS_PIN_TEXT];

    snprintf(text, sizeof(text),
        "{\"server\":{\"name\":\"S1\",\"identity\":\"%1$s/identity.pem\"},"
        "\"database\":{\"type\":\"open\"},"
        "\"peers\":{\"P\":{\"pin\":\"%2$s\"},\"*\":{\"legacy\":true}},"
        "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"%1$s/clients\"}},"
        "\"informer\":{\"address\":\"%1$s/informer\"},"
        "\"limits\":{\"sessionsPerUser\":100000,\"jsonDepth\":32},"
        "\"handlers\":{\"availableTypes\":[\"one\",\"stream\"],\"typeMap\":{"
        "\"one\":{\"unixDomainSocketPath\":\"%1$s/one\",\"breakerFailures\":0},"
        "\"stream\":{\"unixDomainSocketPath\":\"%1$s/"
        "stream\",\"protocol\":\"stream\",\"breakerFailures\":0}}}}",
        world.directory, peer_pin(pin));
    mistakes_init(&mistakes);
    MUST(config_parse(&world.config, span_of(text), &mistakes) == STATUS_OK);
    mistakes_release(&mistakes);
    MUST(server_new(&world.server, world.config, NULL, world.loop, &fault) == STATUS_OK);
}

static void world_start(void)
{
    if (world.server)
        return;
    log_nothing();
    world.loop = ev_default_loop(0);
    if (!world.inbox)
        world.inbox = malloc(INBOX_BYTES);
    MUST(world.inbox != NULL);
    snprintf(world.directory, sizeof(world.directory), "/tmp/bester-fuzz-XXXXXX");
    MUST(mkdtemp(world.directory) != NULL);
    for (size_t i = 0; i < 2; i++)
        world.posts[i] = post_open(post_names[i]);
    server_start();
    world.honest = world_connect(WORLD_CLIENTS);
    world_log_in(world.honest, "Honest");
    (void)await("auth_special", NULL);
    static bool will_end;
    if (!will_end)
        atexit(world_end);
    will_end = true;
}

/* ---- what targets do ---- */

int world_connect(enum world_socket to)
{
    world_start();
    struct sockaddr_un address = address_of(socket_names[to]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    MUST(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

int world_connect_peer(const char **identity)
{
    static char path[64];
    int fds[2];

    world_start();
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    links_accept(world.server->links, fds[1]);
    *identity = path_of(path, "peer.pem");
    return fds[0];
}

void world_turn(unsigned count)
{
    turn(count);
}

/* What the server says is thrown away, so that it can say more. */
static void drain(int fd)
{
    static char bin[65536];

    while (fd != world.honest && read(fd, bin, sizeof(bin)) > 0)
        ;
}

void world_write(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t put = send(fd, at, size, MSG_NOSIGNAL);

        if (put < 0 && errno != EAGAIN)
            return; /* the server has closed it, which it may */
        at += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
        turn(0);
        drain(fd);
    }
}

void world_write_lines(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) : size;
        char header[FRAME_HEADER_BYTES];

        frame_put_header(header, (uint32_t)len);
        world_write(fd, header, sizeof(header));
        world_write(fd, data, len);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
}

void world_log_in(int fd, const char *user)
{
    char text[200];
    int len = snprintf(text, sizeof(text),
        "{\"header\":{\"authentication\":{\"username\":\"%s\",\"password\":\"p\"}},\"payload\":{}}",
        user);

    world_write_lines(fd, (const uint8_t *)text, (size_t)len);
}

void world_close(int fd)
{
    close(fd);
    world_settle();
}

/* ---- handlers ---- */

static int accepted(enum world_handler handler)
{
    int fd = -1;

    for (unsigned i = 0; fd < 0 && i < PATIENCE_TURNS; i++) {
        turn(i);
        fd = accept4(world.posts[handler], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    MUST(fd >= 0);
    return fd;
}

static uint64_t exchange_of(struct span payload)
{
    struct message message;
    uint64_t number = 0;

    MUST(message_parse(&message, payload, JSON_DEPTH_MAX, NULL) == STATUS_OK);
    MUST(!message.exchange.at || json_u64(message.exchange, &number) == STATUS_OK);
    return number;
}

/* Reads the question whole. */
static uint64_t read_question(int fd)
{
    char text[4096];
    size_t len = 0, consumed, need;
    struct span payload;

    for (unsigned i = 0; i < PATIENCE_TURNS; i++) {
        ssize_t got = read(fd, text + len, sizeof(text) - len);

        len += got > 0 ? (size_t)got : 0;
        if (frame_next(text, len, sizeof(text), &payload, &consumed, &need) == PULL_READY) {
            MUST(consumed == len);
            return fd == world.lasting ? exchange_of(payload) : 0;
        }
        turn(i);
    }
    MUST(!"the handler is asked");
    return 0;
}

int world_ask(enum world_handler handler, uint64_t *exchange)
{
    char text[200];

    world_start();
    world.asking = true;
    if (handler == WORLD_STREAM && world.lasting < 0)
        world.lasting = accepted(WORLD_STREAM);
    int len = snprintf(text, sizeof(text),
        "{\"payload\":{\"type\":\"%s\",\"data\":{\"to\":[\"Honest\"]},\"id\":\"asked-%u\"}}",
        post_names[handler], ++world.asked);
    world_write_lines(world.honest, (const uint8_t *)text, (size_t)len);
    int fd = handler == WORLD_STREAM ? world.lasting : accepted(WORLD_ONESHOT);
    *exchange = read_question(fd);
    return fd;
}

void world_expect_report(void)
{
    char id[64];

    snprintf(id, sizeof(id), "\"payload\":{\"id\":\"asked-%u\"", world.asked);
    world.asking = false;
    (void)await(id, NULL);
    /* And no second one. */
    static const char text[] =
        "{\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"settled\"}}";
    world_write_lines(world.honest, (const uint8_t *)text, sizeof(text) - 1);
    MUST(await("\"settled\"", id) == 0);
}

bool world_check_handler(int fd)
{
    char bin[256];
    ssize_t got;

    while ((got = read(fd, bin, sizeof(bin))) > 0)
        ;
    if (got < 0 && errno == EAGAIN)
        return true;
    world_end();
    return false;
}
