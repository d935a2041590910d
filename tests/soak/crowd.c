#include "tests/soak/crowd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/json_find.h"
#include "libbester/message.h"

enum {
    AT_THE_DOOR_MAX = 256, /* logging in at once */
    FRAME_BYTES = 2 << 20,
    QUEUED_BYTES = 16 << 20
};

static const char FENCE[] = "fence";
/* Twice the longest pause before a program is started again, and more. */
static const uint64_t SERVES_WITHIN_NS = 90000000000;

struct talker {
    struct crowd *crowd;
    struct stream *stream;
    size_t index;
    uint64_t sent;
    unsigned in_flight;
};

struct crowd {
    struct soak *soak;
    const struct subject *subject;
    struct crowd_options options;
    struct talker *talkers;
    size_t started, ready, fences;
    size_t served; /* types, while it warms up, and since when so many */
    uint64_t served_ns;
    struct judge judge;
    struct histogram latencies;
    uint64_t reasons[STATUS_COUNT + 1];
    uint64_t *good; /* by type, since crowd_send */
    bool sending;
    unsigned window; /* 0: by the pace */
    struct load_pace pace;
    uint64_t began_ns;
    size_t turn;
    ev_io due; /* a timerfd */
};

/* ---- sending --------------------------------------------------------------------------------- */

static void send_one(struct crowd *self, struct talker *talker, uint64_t from_ns)
{
    const struct crowd_options *options = &self->options;
    size_t type = talker->sent % options->type_count;
    size_t path = talker->sent / options->type_count % options->recipients;
    size_t recipient = (talker->index * options->recipients + path) % options->clients;
    char data[96], id[32];

    uint64_t number = judge_sent(&self->judge, talker->index, type, path, recipient, from_ns);
    snprintf(data, sizeof(data), "{\"to\": \"u%zu\", \"text\": \"%llu\"}", recipient,
        (unsigned long long)number);
    snprintf(id, sizeof(id), "\"%llu\"", (unsigned long long)number);
    enum status status = stream_send_adopt(
        talker->stream, message_from_client(options->types[type], span_of(data), span_of(id)), 0);
    if (status != STATUS_OK)
        soak_fail(
            self->soak, "client %zu can send no more: %s", talker->index, status_help(status));
    talker->sent++;
    talker->in_flight++;
}

static void fill_window(struct crowd *self, struct talker *talker)
{
    while (self->sending && talker->index < self->options.active && !self->soak->failed &&
           talker->in_flight < self->window)
        send_one(self, talker, soak_now_ns());
}

/* The descriptor wakes us when the next is due. */
static void send_due(struct crowd *self)
{
    uint64_t now = soak_now_ns() - self->began_ns;
    struct itimerspec at = {0};

    while (load_pace_due(&self->pace, now) > 0 && !self->soak->failed) {
        send_one(
            self, &self->talkers[self->turn], self->began_ns + load_pace_take(&self->pace, now));
        self->turn = (self->turn + 1) % self->options.active;
    }
    uint64_t next = self->began_ns + load_pace_next_ns(&self->pace);
    at.it_value.tv_sec = (time_t)(next / 1000000000U);
    at.it_value.tv_nsec = (long)(next % 1000000000U);
    timerfd_settime(self->due.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events)
{
    uint64_t times;

    (void)loop, (void)events;
    if (read(watcher->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        send_due(watcher->data);
}

void crowd_send(struct crowd *self, double rate, unsigned window)
{
    self->sending = true;
    self->window = rate > 0 ? 0 : window;
    histogram_clear(&self->latencies);
    memset(self->good, 0, self->options.type_count * sizeof(uint64_t));
    self->began_ns = soak_now_ns();
    self->pace = (struct load_pace){.rate = rate, .count = UINT64_MAX, .until_ns = UINT64_MAX};
    for (size_t i = 0; i < self->options.active; i++)
        fill_window(self, &self->talkers[i]);
    if (rate <= 0)
        return;
    ev_io_start(self->soak->loop, &self->due);
    send_due(self);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void start_talkers(struct crowd *self);

static void on_report(
    struct crowd *self, struct talker *talker, const struct message *message, struct span text)
{
    bool good = json_string_is(message->status, "good");
    char reason[40] = "";
    uint64_t number;

    if (json_string_is(message->id, "auth_special") && good) {
        self->ready++;
        start_talkers(self);
        return;
    }
    if (json_u64(message->id, &number) != STATUS_OK) {
        judge_breach(&self->judge, "an unknown report: %.*s", (int)text.len, text.at);
        return;
    }
    if (json_decode(message->reason, reason, sizeof(reason), NULL) != STATUS_OK)
        reason[0] = '\0';
    enum status why = good ? STATUS_OK : status_from_text(span_of(reason));
    if (!good)
        self->reasons[why]++;
    if (!good && !(self->options.may_be_bad &&
                     (why == STATUS_HANDLER_DOWN || why == STATUS_HANDLER_TIMEOUT)))
        judge_breach(&self->judge, "reported bad: %.*s", (int)text.len, text.at);
    const struct judged *item = judge_reported(&self->judge, number, talker->index, good);
    if (!item)
        return;
    histogram_add(&self->latencies, soak_now_ns() - item->from_ns);
    self->good[item->lane % self->options.type_count] += good;
    talker->in_flight--;
    fill_window(self, talker);
}

static void on_frame(struct stream *stream, struct span text, void *user)
{
    struct talker *talker = user;
    struct crowd *self = talker->crowd;
    struct message message;
    struct fault fault;
    uint64_t number;

    (void)stream;
    self->soak->events++;
    if (message_parse(&message, text, JSON_DEPTH_MAX, &fault) != STATUS_OK)
        judge_breach(&self->judge, "no message: %s", fault.text);
    else if (json_string_is(message.message_type, "statusReport"))
        on_report(self, talker, &message, text);
    else if (json_string_is(message.id, FENCE))
        self->fences++;
    else if (json_u64(json_find(message.data, SPAN_LITERAL("text")), &number) == STATUS_OK)
        judge_received(&self->judge, number, talker->index);
    else
        judge_breach(&self->judge, "an unknown message: %.*s", (int)text.len, text.at);
    if (self->judge.breaches > 0)
        soak_fail(self->soak, "%s", self->judge.first);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct talker *talker = user;

    (void)stream, (void)why;
    talker->stream = NULL;
    soak_fail(
        talker->crowd->soak, "the connection of client %zu has ended: %s", talker->index, detail);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

/* ---- life ------------------------------------------------------------------------------------ */

static void start_talker(struct crowd *self, struct talker *talker)
{
    unsigned from = (unsigned)(talker->index / SUBJECT_PORTS);
    int fd = subject_connect_tcp(self->subject, from);
    char name[32];

    if (fd < 0) {
        soak_fail(self->soak, "client %zu can't connect: %s", talker->index, strerror(errno));
        return;
    }
    snprintf(name, sizeof(name), "u%zu", talker->index);
    talker->stream = stream_adopt(self->soak->streams, fd,
        &(struct stream_options){.max_frame = FRAME_BYTES, .max_queued_bytes = QUEUED_BYTES},
        &callbacks, talker);
    if (!talker->stream ||
        stream_send_adopt(talker->stream, message_login(name, "p", NULL), 0) != STATUS_OK)
        soak_give_up("a client");
}

static void start_talkers(struct crowd *self)
{
    while (self->started < self->options.clients && !self->soak->failed &&
           self->started - self->ready < AT_THE_DOOR_MAX) {
        struct talker *talker = &self->talkers[self->started];

        *talker = (struct talker){.crowd = self, .index = self->started};
        self->started++;
        start_talker(self, talker);
    }
}

static bool all_are_in(void *user)
{
    const struct crowd *self = user;

    soak_progress(
        self->soak, "%zu of %zu clients have logged in", self->ready, self->options.clients);
    return self->ready == self->options.clients;
}

struct crowd *crowd_new(
    struct soak *soak, const struct subject *subject, const struct crowd_options *options)
{
    struct crowd *self = must_alloc(sizeof(*self));
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0)
        soak_give_up("a timer");
    *self = (struct crowd){.soak = soak,
        .subject = subject,
        .options = *options,
        .good = must_alloc(options->type_count * sizeof(uint64_t)),
        .talkers = must_alloc(options->clients * sizeof(struct talker))};
    judge_init(&self->judge, options->active, options->type_count, options->recipients);
    ev_io_init(&self->due, on_due, fd, EV_READ);
    self->due.data = self;
    start_talkers(self);
    if (soak_until(soak, all_are_in, self, "all clients have logged in"))
        return self;
    crowd_free(self);
    return NULL;
}

void crowd_free(struct crowd *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->started; i++)
        if (self->talkers[i].stream)
            stream_close(self->talkers[i].stream);
    ev_io_stop(self->soak->loop, &self->due);
    close(self->due.fd);
    judge_release(&self->judge);
    free(self->talkers);
    free(self->good);
    free(self);
}

/* ---- the end of a load ----------------------------------------------------------------------- */

static bool is_reported(void *user)
{
    const struct crowd *self = user;

    return self->judge.reported == self->judge.count;
}

static bool fences_are_back(void *user)
{
    const struct crowd *self = user;

    return self->fences == self->options.clients;
}

/* What was put into a client's queue before his fence has come before it. */
static bool fence(struct crowd *self)
{
    self->fences = 0;
    for (size_t i = 0; i < self->options.clients; i++)
        if (stream_send_adopt(self->talkers[i].stream,
                message_from_client("dummy", SPAN_LITERAL("null"), SPAN_LITERAL("\"fence\"")),
                0) != STATUS_OK)
            soak_fail(self->soak, "client %zu can send no more", i);
    return soak_until(self->soak, fences_are_back, self, "every client has his answer to a dummy");
}

static void stop_sending(struct crowd *self)
{
    self->sending = false;
    ev_io_stop(self->soak->loop, &self->due);
}

bool crowd_settle(struct crowd *self)
{
    stop_sending(self);
    if (!soak_until(self->soak, is_reported, self, "every message has its report") || !fence(self))
        return false;
    judge_end(&self->judge);
    if (self->judge.breaches > 0)
        soak_fail(self->soak, "%s (and %llu more)", self->judge.first,
            (unsigned long long)self->judge.breaches - 1);
    return !self->soak->failed;
}

/* Others go on talking: that nothing happens to one of them is seen here alone. */
static bool all_types_serve(void *user)
{
    struct crowd *self = user;
    uint64_t now = soak_now_ns();
    const char *missing = NULL;
    size_t served = 0;

    for (size_t i = 0; i < self->options.type_count; i++)
        if (self->good[i] > 0)
            served++;
        else
            missing = self->options.types[i];
    if (served != self->served)
        self->served_ns = now;
    self->served = served;
    soak_progress(self->soak, "%zu of %zu types serve", served, self->options.type_count);
    if (missing && now - self->served_ns > SERVES_WITHIN_NS)
        soak_fail(
            self->soak, "%s serves no more: no message of its type is reported good", missing);
    return !missing;
}

bool crowd_warm_up(struct crowd *self)
{
    self->served = 0;
    self->served_ns = soak_now_ns();
    crowd_send(self, 0, 1);
    return soak_until(self->soak, all_types_serve, self, "every type serves") && crowd_settle(self);
}

/* ---- what it was ----------------------------------------------------------------------------- */

const struct judge *crowd_judge(const struct crowd *self)
{
    return &self->judge;
}

const struct histogram *crowd_latencies(const struct crowd *self)
{
    return &self->latencies;
}

const char *crowd_reasons(const struct crowd *self, char *out, size_t cap)
{
    size_t len = 0;

    snprintf(out, cap, "none");
    for (size_t i = 0; i <= STATUS_COUNT && len < cap; i++)
        if (self->reasons[i] > 0)
            len += (size_t)snprintf(out + len, cap - len, "%s%llu %s", len ? ", " : "",
                (unsigned long long)self->reasons[i],
                i < STATUS_COUNT ? status_text((enum status)i) : "unknown");
    return out;
}
