/*
 * What besterd costs: a real server with the real chat handler.
 *
 *   messages  T sends 1 KiB messages to G, a window of them in flight; each goes
 *             T -> besterd -> chat -> besterd -> G, and its report back to T
 *   idle      ten thousand clients log in and say nothing
 *   fairness  how long H waits for the report of a message to himself, one at a time,
 *             alone and while F sends as fast as he is read from
 *   turns     the same beside eight who flood the handler that H asks
 *
 * Arguments name those that are wanted; without any it is all of them.
 * The server runs with accounts of type "open" on a socket that it is handed.
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
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbester/json.h"
#include "libbester/message.h"
#include "libbester/stream.h"

enum { MESSAGES = 300000, WINDOW = 256, TEXT_BYTES = 1024, IDLE_CLIENTS = 10000, PATIENCE_S = 60 };

struct server {
    pid_t pid;
    struct sockaddr_in address;
    char directory[64];
};

struct bench {
    struct ev_loop *loop;
    struct streams *streams;
    unsigned logged_in;
    unsigned sent, reported, received;
    struct blob *frame;
    struct stream *sender;
};

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "besterd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the server ---- */

static void write_config(const struct server *self, const char *programs, char *path, size_t cap)
{
    snprintf(path, cap, "%s/config.json", self->directory);
    FILE *file = fopen(path, "w");

    if (!file)
        give_up(path);
    fprintf(file,
        "{\"network\": {\"types\": [\"tcp4\"], \"tcp4\": {\"address\": \"127.0.0.1\", \"port\": "
        "%d}},"
        "\"handlers\": {\"availableTypes\": [\"chat\"], \"typeMap\": {\"chat\": {"
        "\"handlerBinary\": \"%s/handlers/chat\", \"unixDomainSocketPath\": \"%s/chat\","
        "\"protocol\": \"stream\"}}}, \"database\": {\"type\": \"open\"},"
        "\"informer\": {\"address\": \"%s/informer\"}, \"log\": {\"level\": \"error\"}}",
        ntohs(self->address.sin_port), programs, self->directory, self->directory);
    if (fclose(file) != 0)
        give_up(path);
}

static void server_start(struct server *self, const char *programs)
{
    char program[4096], config[128], pid[32];
    socklen_t len = sizeof(self->address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    snprintf(self->directory, sizeof(self->directory), "/tmp/bester-bench-XXXXXX");
    self->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!mkdtemp(self->directory) || fd < 0 ||
        bind(fd, (struct sockaddr *)&self->address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&self->address, &len) != 0)
        give_up("a socket to listen on");
    write_config(self, programs, config, sizeof(config));
    snprintf(program, sizeof(program), "%s/besterd", programs);
    self->pid = fork();
    if (self->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd, 3);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        execl(program, "besterd", config, (char *)NULL);
        give_up(program);
    }
    close(fd);
    if (self->pid < 0)
        give_up("fork");
}

static void server_end(struct server *self)
{
    static const char *const names[] = {"config.json", "informer", "chat"};
    char path[128];
    int status = 0;

    kill(self->pid, SIGTERM);
    while (waitpid(self->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "besterd: the server ended with status %d\n", status);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", self->directory, names[i]);
        unlink(path);
    }
    rmdir(self->directory);
}

/* The value of a line of /proc/PID/status, in KiB. */
static long server_memory(const struct server *self)
{
    char path[64], line[256];
    long kib = -1;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)self->pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kib;
}

static double server_cpu_s(const struct server *self)
{
    clockid_t clock;
    struct timespec used;

    if (clock_getcpuclockid(self->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* ---- clients ---- */

static void fill_window(struct bench *self)
{
    while (self->sent < MESSAGES && self->sent - self->reported < WINDOW) {
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
        fprintf(stderr, "besterd: %.*s\n", (int)payload.len, payload.at);
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
    fprintf(stderr, "besterd: a connection ended: %s\n", detail);
    exit(1);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static struct stream *log_in(struct bench *self, const struct server *server, const char *user)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&server->address, sizeof(server->address)) != 0)
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
    fprintf(stderr, "besterd: nothing more happened for %d s\n", PATIENCE_S);
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

/* ---- the two figures ---- */

static void measure_messages(const char *programs)
{
    struct server server;
    struct bench bench = {.loop = EV_DEFAULT, .streams = streams_new(EV_DEFAULT)};
    char data[TEXT_BYTES + 64];

    server_start(&server, programs);
    int head = snprintf(data, sizeof(data), "{\"to\": \"G\", \"text\": \"");
    memset(data + head, 'x', TEXT_BYTES);
    snprintf(data + head + TEXT_BYTES, sizeof(data) - (size_t)head - TEXT_BYTES, "\"}");
    bench.frame = message_from_client("chat", span_of(data), SPAN_LITERAL("\"1\""));
    bench.sender = log_in(&bench, &server, "T");
    struct stream *receiver = log_in(&bench, &server, "G");
    run_until(&bench, &bench.logged_in, 2);
    double began = now_s(), cpu = server_cpu_s(&server);
    fill_window(&bench);
    run_until(&bench, &bench.reported, MESSAGES);
    double took = now_s() - began;
    cpu = server_cpu_s(&server) - cpu;
    run_until(&bench, &bench.received, MESSAGES);
    printf("messages  %d of 1 KiB through chat, window %d: %.0f/s; besterd %.2f us each, %ld KiB\n",
        MESSAGES, WINDOW, MESSAGES / took, cpu / MESSAGES * 1e6, server_memory(&server));
    stream_close(bench.sender);
    stream_close(receiver);
    streams_free(bench.streams);
    blob_unref(bench.frame);
    server_end(&server);
}

static void measure_idle(const char *programs)
{
    struct server server;
    struct bench bench = {.loop = EV_DEFAULT, .streams = streams_new(EV_DEFAULT)};
    struct stream **clients = calloc(IDLE_CLIENTS, sizeof(struct stream *));

    server_start(&server, programs);
    struct stream *first = log_in(&bench, &server, "T");
    run_until(&bench, &bench.logged_in, 1);
    long before = server_memory(&server);
    double began = now_s();
    for (unsigned i = 0; clients && i < IDLE_CLIENTS; i++) {
        char user[16];

        snprintf(user, sizeof(user), "u%u", i);
        clients[i] = log_in(&bench, &server, user);
        run_until(&bench, &bench.logged_in, i < 512 ? 1 : i - 510); /* a backlog's worth */
    }
    run_until(&bench, &bench.logged_in, IDLE_CLIENTS + 1);
    long after = server_memory(&server);
    printf("idle      %d clients logged in within %.1f s: %ld KiB in all, %.2f KiB each\n",
        IDLE_CLIENTS, now_s() - began, after, (double)(after - before) / IDLE_CLIENTS);
    for (unsigned i = 0; clients && i < IDLE_CLIENTS; i++)
        stream_close(clients[i]);
    stream_close(first);
    streams_free(bench.streams);
    free(clients);
    server_end(&server);
}

/* ---- fairness ---- */

enum { ROUNDS = 5000, FLOOD_WINDOW = 4096, FLOODERS = 8 };

static void on_flood_frame(struct stream *stream, struct span payload, void *user)
{
    struct bench *self = user;

    (void)payload;
    if (stream_send(stream, self->frame, 0) != STATUS_OK)
        give_up("the queue of F");
}

/* What F sends, and how the figure is called. */
static const struct flood {
    const char *name;
    int count; /* of those who do it */
    const char *type, *data;
} floods[] = {
    {"fairness", 1, "dummy", "null"},
    {"turns", FLOODERS, "chat", "{\"to\": [], \"text\": \"?\"}"},
};

/* Never returns: small messages, thousands of them on the way at any time. */
__attribute__((noreturn)) static void flood(const struct server *server, const struct flood *what)
{
    static const struct stream_callbacks flooding = {
        .on_frame = on_flood_frame, .on_closed = on_closed};
    struct bench bench = {.loop = ev_loop_new(0)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench.streams = streams_new(bench.loop);
    bench.frame = message_from_client(what->type, span_of(what->data), SPAN_LITERAL("\"1\""));
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&server->address, sizeof(server->address)) != 0)
        give_up("connecting");
    struct stream *stream = stream_adopt(bench.streams, fd,
        &(struct stream_options){.max_frame = 1 << 21, .max_queued_bytes = 64 << 20}, &flooding,
        &bench);
    if (!stream || stream_send_adopt(stream, message_login("F", "x", NULL), 0) != STATUS_OK)
        give_up("logging in");
    for (int i = 0; i < FLOOD_WINDOW; i++)
        if (stream_send(stream, bench.frame, 0) != STATUS_OK)
            give_up("the queue of F");
    ev_run(bench.loop, 0);
    exit(1);
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median and the 99th percentile, in microseconds. */
static void measure_rounds(struct bench *bench, double result[2])
{
    static double took_s[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        double began = now_s();
        unsigned wanted = bench->reported + 1;

        if (stream_send(bench->sender, bench->frame, 0) != STATUS_OK)
            give_up("the queue of H");
        run_until(bench, &bench->reported, wanted);
        took_s[i] = now_s() - began;
    }
    qsort(took_s, ROUNDS, sizeof(took_s[0]), compare_times);
    result[0] = took_s[ROUNDS / 2] * 1e6;
    result[1] = took_s[(size_t)ROUNDS * 99 / 100] * 1e6;
}

static void measure_fairness(const char *programs, const struct flood *what)
{
    struct server server;
    struct bench bench = {.loop = EV_DEFAULT, .streams = streams_new(EV_DEFAULT)};
    double alone[2], beside[2];
    pid_t flooders[FLOODERS];

    bench.sent = MESSAGES; /* fill_window has nothing to do */
    server_start(&server, programs);
    bench.frame = message_from_client(
        "chat", SPAN_LITERAL("{\"to\": \"H\", \"text\": \"?\"}"), SPAN_LITERAL("\"1\""));
    bench.sender = log_in(&bench, &server, "H");
    run_until(&bench, &bench.logged_in, 1);
    measure_rounds(&bench, alone);
    for (int i = 0; i < what->count; i++) {
        flooders[i] = fork();
        if (flooders[i] == 0)
            flood(&server, what);
    }
    measure_rounds(&bench, beside);
    for (int i = 0; i < what->count; i++) {
        kill(flooders[i], SIGKILL);
        waitpid(flooders[i], NULL, 0);
    }
    printf("%-9s a round trip alone %.0f us (99 %%: %.0f), beside a flood %.0f us (99 %%: %.0f): "
           "%.2f times (%.2f)\n",
        what->name, alone[0], alone[1], beside[0], beside[1], beside[0] / alone[0],
        beside[1] / alone[1]);
    stream_close(bench.sender);
    streams_free(bench.streams);
    blob_unref(bench.frame);
    server_end(&server);
}

/* Whether the arguments name it, or there are none. */
static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    char path[4096];
    char *programs;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    /* build/bench/besterd measures build/besterd */
    snprintf(path, sizeof(path), "%s", argv[0]);
    programs = dirname(dirname(path));
    if (is_wanted("messages", argc, argv))
        measure_messages(programs);
    if (is_wanted("idle", argc, argv))
        measure_idle(programs);
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++)
        if (is_wanted(floods[i].name, argc, argv))
            measure_fairness(programs, &floods[i]);
    ev_loop_destroy(EV_DEFAULT);
    return 0;
}
