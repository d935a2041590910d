/* What a pinned server sends on its connection, after the handshake. The first byte says what the
 * others are: 'h' bytes, 'H' the payloads of frames, a line each, from the first frame on; 'm' and
 * 'M' the same after a hello; 'R' the same when it was sent a message, in which a '#' stands for
 * the message's exchange: whatever is said about it, its sender has one report. Others are served.
 *
 * TLS is not taken out: the connection is secured as any other, so nothing stands in besterd for
 * this alone. What is fuzzed is what is encrypted. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libbester/frame.h"
#include "libbester/json.h"
#include "libbester/message.h"
#include "libbester/tls.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/world.h"

enum { CHUNK = 16384, INBOX = 1 << 20 };

static struct tls_context *context;
static char *inbox; /* plain bytes that the server has sent and nobody has looked at */

struct line {
    int fd;
    struct filter *filter;
    size_t len; /* of inbox */
    bool over;  /* the server has hung up */
};

/* ---- a connection ---- */

static void push(struct line *self)
{
    char bytes[CHUNK];
    size_t n;

    while ((n = self->filter->ops->output(self->filter, bytes, sizeof(bytes))) > 0)
        for (size_t sent = 0; sent < n && !self->over;) {
            ssize_t put = send(self->fd, bytes + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

            if (put > 0)
                sent += (size_t)put;
            else if (errno != EAGAIN)
                self->over = true;
            else
                world_turn(0);
        }
}

/* Whether anything has come. */
static bool pull(struct line *self)
{
    char bytes[CHUNK];
    struct fault fault;
    size_t got;
    ssize_t n = recv(self->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    self->over = self->over || n == 0 || (n < 0 && errno != EAGAIN);
    if (n > 0)
        MUST(self->filter->ops->take(self->filter, (struct span){bytes, (size_t)n}) == STATUS_OK);
    enum filter_state state;
    while ((state = self->filter->ops->read(
                self->filter, inbox + self->len, INBOX - self->len, &got, &fault)) == FILTER_BYTES)
        self->len += got;
    self->over = self->over || state == FILTER_CLOSED || state == FILTER_FAILED;
    push(self);
    return n > 0;
}

static void let_turn(struct line *self, unsigned count)
{
    world_turn(count);
    (void)pull(self);
}

static void line_open(struct line *self)
{
    const char *identity;
    struct fault fault;

    *self = (struct line){.fd = world_connect_peer(&identity)};
    tls_context_unref(context); /* the world may be another */
    MUST(tls_context_new(&context,
             &(struct tls_options){
                 .certificate_file = identity, .key_file = identity, .trust = TLS_TRUST_PIN},
             &fault) == STATUS_OK);
    struct tls *tls = tls_new(context, NULL);
    MUST(tls != NULL);
    self->filter = tls_filter(tls);
    if (!inbox)
        inbox = malloc(INBOX);
    MUST(inbox != NULL);
    push(self);
    for (unsigned i = 0; self->len == 0; i++) { /* until its hello is here */
        MUST(i < WORLD_PATIENCE && !self->over);
        let_turn(self, i);
    }
}

static void line_close(struct line *self)
{
    close(self->fd);
    filter_free(self->filter);
    tls_context_unref(context);
    context = NULL;
    world_settle();
}

static void say(struct line *self, const void *data, size_t size)
{
    struct span rest = {.at = data, .len = size};

    while (rest.len > 0 && !self->over) {
        size_t taken = 0;

        MUST(self->filter->ops->write(self->filter, rest, &taken) == STATUS_OK);
        rest.at += taken;
        rest.len -= taken;
        push(self);
        let_turn(self, 0);
        if (self->len > INBOX / 2)
            self->len = 0; /* so that it can say more */
    }
}

static void say_frame(struct line *self, const void *data, size_t size)
{
    char header[FRAME_HEADER_BYTES];

    frame_put_header(header, (uint32_t)size);
    say(self, header, sizeof(header));
    say(self, data, size);
}

static void say_text(struct line *self, const char *text)
{
    say_frame(self, text, strlen(text));
}

static void say_hello(struct line *self, const char *instance)
{
    char text[300];

    snprintf(text, sizeof(text),
        "{\"header\":{\"messageType\":\"hello\",\"instance\":\"%s\"},\"payload\":{\"server\":{"
        "\"name\":"
        "\"P\",\"limits\":{\"maxFrame\":65536,\"inFlight\":8,\"span\":64}}}}",
        instance);
    say_text(self, text);
}

/* The lines as frames, with '#' replaced by number. */
static void say_lines(struct line *self, const uint8_t *data, size_t size, const char *number)
{
    size_t digits = strlen(number);
    char *text = malloc(size * digits + 1);

    MUST(text != NULL);
    while (size > 0) {
        size_t len = 0, i = 0;

        for (; i < size && data[i] != '\n'; i++) {
            size_t n = data[i] == '#' ? digits : 1;

            memcpy(text + len, data[i] == '#' ? (const void *)number : data + i, n);
            len += n;
        }
        say_frame(self, text, len);
        i += i < size;
        data += i;
        size -= i;
    }
    free(text);
}

/* ---- inward ---- */

static const char *new_instance(void)
{
    static char name[24];
    static unsigned count;

    snprintf(name, sizeof(name), "i%u", ++count);
    return name;
}

static void speak(const uint8_t *data, size_t size)
{
    struct line line;

    line_open(&line);
    if (tolower(data[0]) == 'm')
        say_hello(&line, new_instance());
    if (isupper(data[0]))
        say_lines(&line, data + 1, size - 1, "1");
    else
        say(&line, data + 1, size - 1);
    world_settle();
    line_close(&line);
}

/* ---- outward ---- */

/* The exchange of the first message among what has come, "" if there is none. */
static void read_exchange(struct line *self, char number[24])
{
    struct span payload;
    size_t consumed, need, at = 0;

    number[0] = '\0';
    while (
        frame_next(inbox + at, self->len - at, INBOX, &payload, &consumed, &need) == PULL_READY) {
        struct message message;

        MUST(message_parse(&message, payload, JSON_DEPTH_MAX, NULL) == STATUS_OK);
        if (message.exchange.at && json_string_is(message.scope, "server"))
            MUST(json_decode(message.exchange, number, 24, NULL) == STATUS_OK);
        at += consumed;
    }
}

/* The honest client's message goes to P. */
static void send_one(void)
{
    static const char answer[] = "{\"header\":{\"status\":\"0\",\"command\":{\"type\":"
                                 "\"sendServers\",\"data\":[\"P\"]}},\"data\":[1]}";
    uint64_t none;
    int fd = world_ask(WORLD_ONESHOT, &none);

    world_write_lines(fd, (const uint8_t *)answer, sizeof(answer) - 1);
    close(fd);
}

static void say_good(struct line *self, const char *number)
{
    char text[200];

    snprintf(text, sizeof(text),
        "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\",\"exchange\":\"%s\"},"
        "\"payload\":{}}",
        number);
    say_text(self, text);
}

static void answer(const uint8_t *data, size_t size)
{
    const char *instance = new_instance();
    char number[24] = "";
    struct line line;

    line_open(&line);
    say_hello(&line, instance);
    send_one();
    for (unsigned i = 0; !number[0]; i++) {
        MUST(i < WORLD_PATIENCE && !line.over);
        let_turn(&line, i);
        read_exchange(&line, number);
    }
    say_lines(&line, data + 1, size - 1, number);
    close(line.fd);
    filter_free(line.filter);
    /* It comes again, and what it has no report of, it is told now. */
    line_open(&line);
    say_hello(&line, instance);
    say_good(&line, number);
    world_expect_report();
    line_close(&line);
}

int fuzz_link(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    (data[0] == 'R' ? answer : speak)(data, size);
    return 0;
}
