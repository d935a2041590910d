/*
 * What it costs to talk to another server: two real ones with the chat handler, once in
 * Part I's way (a connection for each message, no TLS) and once pinned (one connection,
 * TLS 1.3). T on S1 sends messages of 1 KiB to G on S2, a window of them in flight; each
 * is reported to T when G has it.
 *
 *   build/bench/peers
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbester/message.h"
#include "libbester/stream.h"
#include "libbester/tls.h"

enum { LEGACY_MESSAGES = 10000, PINNED_MESSAGES = 100000, WINDOW = 256, TEXT_BYTES = 1024 };
enum { PATIENCE_S = 60 };

struct server {
    const char *name;
    pid_t pid;
    int fds[2]; /* for clients and legacy servers; for pinned ones */
    struct sockaddr_in addresses[2];
    char directory[64];
    char pin[TLS_PIN_TEXT];
};

struct bench {
    struct ev_loop *loop;
    struct streams *streams;
    struct stream *sender;
    struct blob *frame;
    unsigned messages;
    unsigned logged_in, sent, reported, received;
};

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "peers: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(const struct server *server)
{
    clockid_t clock;

    return clock_getcpuclockid(server->pid, &clock) == 0 ? seconds(clock) : 0;
}

/* ---- the servers ---- */

static void server_prepare(struct server *self, const char *name)
{
    char file[128];
    struct tls_pin pin;
    struct fault fault;

    *self = (struct server){.name = name};
    snprintf(self->directory, sizeof(self->directory), "/tmp/bester-bench-XXXXXX");
    if (!mkdtemp(self->directory))
        give_up("a directory");
    for (int i = 0; i < 2; i++) {
        socklen_t len = sizeof(self->addresses[i]);

        self->addresses[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        self->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (self->fds[i] < 0 ||
            bind(self->fds[i], (struct sockaddr *)&self->addresses[i], len) != 0 ||
            listen(self->fds[i], 4096) != 0 ||
            getsockname(self->fds[i], (struct sockaddr *)&self->addresses[i], &len) != 0)
            give_up("a socket to listen on");
    }
    snprintf(file, sizeof(file), "%s/identity", self->directory);
    if (tls_make_identity_file(file, name, &fault) != STATUS_OK ||
        tls_file_pin(file, &pin, &fault) != STATUS_OK)
        give_up(fault.text);
    tls_pin_format(&pin, self->pin);
}

static int port_of(const struct server *server, bool pinned)
{
    return ntohs(server->addresses[pinned].sin_port);
}

static void write_config(
    const struct server *self, const struct server *other, bool pinned, const char *programs)
{
    char path[128], how[TLS_PIN_TEXT + 20];

    snprintf(path, sizeof(path), "%s/config.json", self->directory);
    snprintf(how, sizeof(how), pinned ? "\"pin\": \"%s\"" : "\"legacy\": true", other->pin);
    FILE *file = fopen(path, "w");
    if (!file)
        give_up(path);
    fprintf(file,
        "{\"server\": {\"name\": \"%s\", \"identity\": \"identity\"},\n"
        "\"network\": {\"types\": [\"tcp4\", \"peer4\"], \"tcp4\": {\"port\": %d}, \"peer4\": "
        "{\"port\": %d}},\n"
        "\"peers\": {\"%s\": {\"address\": \"127.0.0.1:%d\", %s}},\n"
        "\"handlers\": {\"availableTypes\": [\"chat\"], \"typeMap\": {\"chat\": "
        "{\"handlerBinary\": "
        "\"%s/handlers/chat\", \"unixDomainSocketPath\": \"chat\", \"protocol\": \"stream\"}}},\n"
        "\"database\": {\"type\": \"open\"}, \"informer\": {\"address\": \"informer\"},\n"
        "\"log\": {\"level\": \"error\"}}\n",
        self->name, port_of(self, false), port_of(self, true), other->name, port_of(other, pinned),
        how, programs);
    if (fclose(file) != 0)
        give_up(path);
}

static void server_start(struct server *self, const char *programs)
{
    char program[4096], pid[32];

    snprintf(program, sizeof(program), "%s/besterd", programs);
    self->pid = fork();
    if (self->pid < 0)
        give_up("fork");
    if (self->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int high[2] = {dup(self->fds[0]), dup(self->fds[1])};
    if (dup2(high[0], 3) < 0 || dup2(high[1], 4) < 0 || chdir(self->directory) != 0)
        give_up("the server's descriptors");
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    execl(program, "besterd", "config.json", (char *)NULL);
    give_up(program);
}

static void server_end(struct server *self)
{
    static const char *const names[] = {"config.json", "informer", "chat", "identity"};
    char path[128];
    int status = 0;

    kill(self->pid, SIGTERM);
    while (waitpid(self->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "peers: a server ended with status %d\n", status);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", self->directory, names[i]);
        unlink(path);
    }
    rmdir(self->directory);
    close(self->fds[0]);
    close(self->fds[1]);
}

/* ---- the clients ---- */

static void fill_window(struct bench *self)
{
    while (self->sent < self->messages && self->sent - self->reported < WINDOW) {
        if (stream_send(self->sender, self->frame, 0) != STATUS_OK)
            give_up("the queue of T");
        self->sent++;
    }
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct bench *self = user;
    struct message message;
    struct fault fault;

    if (message_parse(&message, payload, JSON_DEPTH_MAX, &fault) != STATUS_OK)
        give_up(fault.text);
    if (json_string_is(message.message_type, "receivedMessage")) {
        self->received++;
    } else if (!json_string_is(message.status, "good")) {
        fprintf(stderr, "peers: %.*s\n", (int)payload.len, payload.at);
        exit(1);
    } else if (json_string_is(message.id, "auth_special")) {
        self->logged_in++;
    } else {
        self->reported++;
        if (stream == self->sender)
            fill_window(self);
    }
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    (void)stream, (void)why, (void)user;
    fprintf(stderr, "peers: a connection ended: %s\n", detail);
    exit(1);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static struct stream *log_in(struct bench *self, const struct server *server, const char *user)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&server->addresses[0],
                      sizeof(server->addresses[0])) != 0)
        give_up("connecting");
    struct stream *stream = stream_adopt(self->streams, fd,
        &(struct stream_options){.max_frame = 1 << 21, .max_queued_bytes = 64 << 20}, &callbacks,
        self);
    if (!stream || stream_send_adopt(stream, message_login(user, "x", NULL), 0) != STATUS_OK)
        give_up("logging in");
    return stream;
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
    fprintf(stderr, "peers: nothing more happened for %d s\n", PATIENCE_S);
    exit(1);
}

static void run_until(struct bench *self, const unsigned *count, unsigned wanted)
{
    ev_timer patience;

    ev_timer_init(&patience, on_patience, PATIENCE_S, 0.);
    ev_timer_start(self->loop, &patience);
    while (*count < wanted)
        ev_run(self->loop, EVRUN_ONCE);
    ev_timer_stop(self->loop, &patience);
}

/* ---- the figure ---- */

static struct blob *make_frame(void)
{
    char data[TEXT_BYTES + 64];
    int head = snprintf(data, sizeof(data), "{\"to\": [\"G@S2\"], \"text\": \"");

    memset(data + head, 'x', TEXT_BYTES);
    snprintf(data + head + TEXT_BYTES, sizeof(data) - (size_t)head - TEXT_BYTES, "\"}");
    return message_from_client("chat", span_of(data), SPAN_LITERAL("\"1\""));
}

/* Messages a second. */
static double measure(const char *programs, bool pinned, unsigned messages)
{
    struct server s1, s2;
    struct bench bench = {
        .loop = EV_DEFAULT, .streams = streams_new(EV_DEFAULT), .frame = make_frame()};

    server_prepare(&s1, "S1");
    server_prepare(&s2, "S2");
    write_config(&s1, &s2, pinned, programs);
    write_config(&s2, &s1, pinned, programs);
    server_start(&s1, programs);
    server_start(&s2, programs);
    bench.sender = log_in(&bench, &s1, "T");
    struct stream *receiver = log_in(&bench, &s2, "G");
    run_until(&bench, &bench.logged_in, 2);
    bench.messages = 1; /* the first finds handlers and the other server */
    fill_window(&bench);
    run_until(&bench, &bench.reported, 1);
    bench.messages = 1 + messages;
    double began = seconds(CLOCK_MONOTONIC), cpu1 = cpu_s(&s1), cpu2 = cpu_s(&s2);
    fill_window(&bench);
    run_until(&bench, &bench.reported, 1 + messages);
    double took = seconds(CLOCK_MONOTONIC) - began;
    cpu1 = (cpu_s(&s1) - cpu1) / messages * 1e6;
    cpu2 = (cpu_s(&s2) - cpu2) / messages * 1e6;
    run_until(&bench, &bench.received, 1 + messages);
    printf("%s  %6u of 1 KiB, window %d: %6.0f/s; %.1f us each at S1, %.1f us at S2\n",
        pinned ? "pinned" : "legacy", messages, WINDOW, messages / took, cpu1, cpu2);
    stream_close(bench.sender);
    stream_close(receiver);
    streams_free(bench.streams);
    blob_unref(bench.frame);
    server_end(&s1);
    server_end(&s2);
    return messages / took;
}

int main(int argc, char **argv)
{
    char path[4096], real[4096];

    (void)argc;
    /* build/bench/peers measures build/besterd */
    snprintf(path, sizeof(path), "%s", argv[0]);
    if (!realpath(dirname(dirname(path)), real))
        give_up(path);
    double legacy = measure(real, false, LEGACY_MESSAGES);
    double pinned = measure(real, true, PINNED_MESSAGES);
    printf("ratio   pinned to legacy %.1f\n", pinned / legacy);
    ev_loop_destroy(EV_DEFAULT);
    return 0;
}
