/*
 * relay: what it costs to pass a message on, with and without a tree.
 *
 *   build/bench/relay [MESSAGES]
 *
 * A relay reads frames of 1 KiB from one TCP connection over loopback and sends
 * to another what a server would send: the message's type and data in a new
 * envelope. Twice, in one run, with the same streams:
 *
 *   spans  message_parse validates; data goes on as the bytes it came in
 *   tree   jansson parses the whole message, and dumps a new one
 *
 * The relay has one processor to itself; the process that feeds it and counts
 * what comes out has another. Ends with status 1 if a byte is wrong.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbester/message.h"
#include "libbester/stream.h"

enum {
    MESSAGE_BYTES = 1024,
    FRAME_BYTES = FRAME_HEADER_BYTES + MESSAGE_BYTES,
    BURST = 64,       /* frames written by one call */
    IN_FLIGHT = 1024, /* frames between feeding and counting */
    READ_BYTES = 1 << 18,
    MESSAGES = 600000, /* for spans; a tenth of them for the tree */
    QUEUED_MAX = 64 << 20,
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

/* ---- the relay ---- */

struct relay {
    struct blob *(*convert)(struct span payload);
    struct stream *out;
};

static struct blob *convert_spans(struct span payload)
{
    struct message message;
    if (message_parse(&message, payload, JSON_DEPTH_DEFAULT, NULL) != STATUS_OK)
        return NULL;
    struct received received = {.type_token = message.type,
        .data = message.data,
        .from_token = SPAN_LITERAL("\"T@S1\""),
        .id_token = message.id};
    return message_received(&received);
}

static struct blob *convert_tree(struct span payload)
{
    json_t *in = json_loadb(payload.at, payload.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *body = json_object_get(in, "payload");
    json_t *out = json_pack("{s:{s:s,s:s,s:O},s:{s:O,s:O}}", "header", "messageType",
        "receivedMessage", "from", "T@S1", "id", json_object_get(body, "id"), "payload", "type",
        json_object_get(body, "type"), "data", json_object_get(body, "data"));
    char *text = json_dumps(out, JSON_COMPACT);
    struct blob *frame = text == NULL ? NULL : frame_of(span_of(text));
    free(text);
    json_decref(out);
    json_decref(in);
    return frame;
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct relay *relay = user;
    (void)stream;
    struct blob *frame = relay->convert(payload);
    must(frame != NULL, "convert");
    must(stream_send_adopt(relay->out, frame, 0) == STATUS_OK, "stream_send_adopt");
}

static void on_end(struct stream *stream, void *user)
{
    struct relay *relay = user;
    stream_finish(relay->out);
    stream_close(stream);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    (void)stream;
    (void)user;
    if (why != STATUS_OK)
        fprintf(stderr, "relay: %s: %s\n", status_text(why), detail);
}

static void relay_run(struct blob *(*convert)(struct span payload), int in, int out)
{
    static const struct stream_callbacks callbacks = {
        .on_frame = on_frame, .on_end = on_end, .on_closed = on_closed};
    static const struct stream_options options = {
        .max_frame = 1 << 20, .max_queued_bytes = QUEUED_MAX};
    struct relay relay = {.convert = convert};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct streams *streams = loop == NULL ? NULL : streams_new(loop);
    must(streams != NULL, "streams_new");
    relay.out = stream_adopt(streams, out, &options, &callbacks, &relay);
    must(relay.out != NULL, "stream_adopt");
    must(stream_adopt(streams, in, &options, &callbacks, &relay) != NULL, "stream_adopt");
    ev_run(loop, 0); /* until both streams are gone */
    streams_free(streams);
    ev_loop_destroy(loop);
}

/* ---- feeding and counting ---- */

struct load {
    int to_relay;
    int from_relay;
    struct span in;       /* one frame that goes in */
    struct span expected; /* the frame that must come out for it */
    char *burst;          /* BURST times `in` */
    char *buffer;         /* READ_BYTES */
    size_t sent;          /* bytes */
    size_t received;
    size_t total; /* bytes to send */
};

static void load_send(struct load *self)
{
    size_t done = self->received / self->expected.len;
    size_t limit = (done + IN_FLIGHT) * self->in.len;
    size_t at = self->sent % self->in.len;
    size_t size = BURST * self->in.len - at;
    if (limit > self->total)
        limit = self->total;
    if (size > limit - self->sent)
        size = limit - self->sent;
    if (size == 0)
        return;
    ssize_t sent = send(self->to_relay, self->burst + at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    must(sent >= 0 || errno == EAGAIN, "send");
    if (sent > 0)
        self->sent += (size_t)sent;
    if (self->sent == self->total)
        must(shutdown(self->to_relay, SHUT_WR) == 0, "shutdown");
}

/* False at the end of what the relay sends. Every byte is compared. */
static bool load_receive(struct load *self)
{
    ssize_t size = recv(self->from_relay, self->buffer, READ_BYTES, MSG_DONTWAIT);
    must(size >= 0 || errno == EAGAIN, "recv");
    for (ssize_t at = 0; at < size;) {
        size_t phase = self->received % self->expected.len;
        size_t piece = self->expected.len - phase;
        if (piece > (size_t)(size - at))
            piece = (size_t)(size - at);
        if (memcmp(self->buffer + at, self->expected.at + phase, piece) != 0) {
            fprintf(stderr, "byte %zu of what the relay sent is wrong\n", self->received);
            exit(EXIT_FAILURE);
        }
        self->received += piece;
        at += (ssize_t)piece;
    }
    return size != 0;
}

static bool load_may_send(const struct load *self)
{
    return self->sent < self->total &&
           self->sent < (self->received / self->expected.len + IN_FLIGHT) * self->in.len;
}

static void load_run(struct load *self, size_t messages)
{
    bool more = true;
    self->total = messages * self->in.len;
    while (more) {
        struct pollfd polled[] = {{.fd = self->from_relay, .events = POLLIN},
            {.fd = load_may_send(self) ? self->to_relay : -1, .events = POLLOUT}};
        must(poll(polled, 2, 20000) > 0, "poll");
        if (polled[1].revents != 0)
            load_send(self);
        if (polled[0].revents != 0)
            more = load_receive(self);
    }
    if (self->received != messages * self->expected.len) {
        fprintf(stderr, "%zu bytes came out of the relay, not %zu\n", self->received,
            messages * self->expected.len);
        exit(EXIT_FAILURE);
    }
}

/* ---- putting them together ---- */

/* Two ends of a TCP connection over loopback. */
static void connect_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listener >= 0, "socket");
    must(bind(listener, (struct sockaddr *)&address, len) == 0, "bind");
    must(listen(listener, 1) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &len) == 0, "getsockname");
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(ends[0] >= 0, "socket");
    must(connect(ends[0], (struct sockaddr *)&address, len) == 0, "connect");
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    must(ends[1] >= 0, "accept");
    must(setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
    close(listener);
}

/* The nth processor that this process may use (counted from 0), or the last. */
static void use_processor(const cpu_set_t *allowed, int n)
{
    cpu_set_t mine;
    int chosen = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE && n >= 0; cpu++)
        if (CPU_ISSET(cpu, allowed)) {
            chosen = cpu;
            n--;
        }
    CPU_ZERO(&mine);
    CPU_SET(chosen, &mine);
    must(sched_setaffinity(0, sizeof mine, &mine) == 0, "sched_setaffinity");
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct result {
    double per_s;     /* messages a second by the clock */
    double per_cpu_s; /* messages for a second of the relay's processor time */
};

static struct result measure(struct blob *(*convert)(struct span payload), struct load load,
    size_t messages, const cpu_set_t *allowed)
{
    int in[2];
    int out[2];
    int status;
    struct rusage used;
    connect_pair(in);
    connect_pair(out);
    pid_t relay = fork();
    must(relay >= 0, "fork");
    if (relay == 0) {
        close(in[0]);
        close(out[1]);
        use_processor(allowed, 0);
        relay_run(convert, in[1], out[0]);
        _exit(EXIT_SUCCESS);
    }
    close(in[1]);
    close(out[0]);
    use_processor(allowed, 1);
    load.to_relay = in[0];
    load.from_relay = out[1];
    double start = now_s();
    load_run(&load, messages);
    double wall = now_s() - start;
    close(in[0]);
    close(out[1]);
    must(wait4(relay, &status, 0, &used) == relay && status == 0, "relay");
    double cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
    return (struct result){.per_s = (double)messages / wall, .per_cpu_s = (double)messages / cpu};
}

/* A chat message of exactly MESSAGE_BYTES. */
static struct blob *compose(void)
{
    static const char head[] = "{\"header\":{},\"payload\":{\"type\":\"chat\",\"data\":"
                               "{\"to\":[\"G\",\"H@S2\"],\"text\":\"";
    static const char tail[] = "\"},\"id\":\"42\"}}";
    static const char text[] = "The harbour was quiet that morning, and nobody spoke. ";
    char out[MESSAGE_BYTES];
    size_t end = sizeof out - (sizeof tail - 1);
    size_t len = sizeof head - 1;
    memcpy(out, head, len);
    for (size_t i = 0; len < end; i++)
        out[len++] = text[i % (sizeof text - 1)];
    memcpy(out + end, tail, sizeof tail - 1);
    return frame_of((struct span){.at = out, .len = sizeof out});
}

int main(int argc, char **argv)
{
    size_t messages = argc > 1 ? strtoul(argv[1], NULL, 10) : MESSAGES;
    cpu_set_t allowed;
    must(messages >= 10, "usage: relay [MESSAGES]");
    must(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity");
    struct blob *in = compose();
    must(in != NULL && in->len == FRAME_BYTES, "compose");
    struct span payload = {.at = in->data + FRAME_HEADER_BYTES, .len = MESSAGE_BYTES};
    struct blob *expected = convert_spans(payload);
    struct blob *by_tree = convert_tree(payload);
    must(expected != NULL && by_tree != NULL, "convert");
    must(span_equal(blob_span(expected), blob_span(by_tree)), "both ways send the same bytes");
    struct load load = {.in = blob_span(in),
        .expected = blob_span(expected),
        .burst = malloc(BURST * in->len),
        .buffer = malloc(READ_BYTES)};
    must(load.burst != NULL && load.buffer != NULL, "malloc");
    for (size_t i = 0; i < BURST; i++)
        memcpy(load.burst + i * in->len, in->data, in->len);
    struct result spans = measure(convert_spans, load, messages, &allowed);
    struct result tree = measure(convert_tree, load, messages / 10, &allowed);
    printf("1 KiB messages through a relay on one processor, TCP over loopback\n");
    printf("spans  %9.0f messages/s  %9.0f for a second of processor time\n", spans.per_s,
        spans.per_cpu_s);
    printf("tree   %9.0f messages/s  %9.0f for a second of processor time\n", tree.per_s,
        tree.per_cpu_s);
    printf("ratio  %9.1f             %9.1f\n", spans.per_s / tree.per_s,
        spans.per_cpu_s / tree.per_cpu_s);
    free(load.burst);
    free(load.buffer);
    blob_unref(in);
    blob_unref(expected);
    blob_unref(by_tree);
    return 0;
}
