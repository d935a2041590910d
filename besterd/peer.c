#include "besterd/peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/log.h"
#include "libbester/dial.h"
#include "libbester/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
    REPORT_MAX = 3 << 20,     /* bytes of a report: it may list recipients and servers */
    WAITING_BYTES = 64 << 20, /* of messages for one destination */
};

/* One message on its way. */
struct errand {
    struct errand *next;
    struct chain *chain;
    uint64_t tag;
    struct blob *frame;
    struct dial *dial;
    struct stream *stream;
    ev_timer deadline;
};

/* Messages of one order key to one destination; only the first is under way. */
struct chain {
    UT_hash_handle hh;
    uint64_t key;
    struct destination *to;
    struct errand *first, *last;
    struct chain *next_ready;
};

struct destination {
    UT_hash_handle hh;
    struct peers *peers;
    struct address address;
    struct chain *chains; /* a hash table by key */
    struct chain *ready_first, *ready_last;
    unsigned active;
    size_t waiting;       /* messages, under way or not */
    size_t label;         /* on AXIS_PEER */
    size_t waiting_bytes; /* of its errands' frames, those under way too */
    char name[];
};

struct peers {
    const struct peers_context *context;
    struct destination *destinations; /* a hash table by name */
    struct log_valve failing;         /* lines about messages that were not taken */
};

static void destination_pump(struct destination *self);

static struct ev_loop *loop_of(const struct errand *errand)
{
    return streams_loop(errand->chain->to->peers->context->streams);
}

/* ---- ends ---- */

static void errand_free(struct errand *self)
{
    ev_timer_stop(loop_of(self), &self->deadline);
    dial_free(self->dial);
    if (self->stream)
        stream_close(self->stream);
    self->chain->to->waiting_bytes -= self->frame->len;
    blob_wait_over(self->frame, streams_held(self->chain->to->peers->context->streams));
    blob_unref(self->frame);
    free(self);
}

static void chain_make_ready(struct chain *self)
{
    struct destination *to = self->to;

    self->next_ready = NULL;
    if (to->ready_last)
        to->ready_last->next_ready = self;
    else
        to->ready_first = self;
    to->ready_last = self;
}

static void chain_free_if_empty(struct chain *self)
{
    struct destination *to = self->to;

    if (self->first)
        return;
    HASH_DEL(to->chains, self);
    free(self);
    if (to->chains)
        return;
    HASH_DEL(to->peers->destinations, to);
    free(to);
}

/* The errand under way is over: tell, and let the next ones go. */
static void errand_end(struct errand *self, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void errand_end(struct errand *self, enum status status, const char *format, ...)
{
    struct chain *chain = self->chain;
    struct destination *to = chain->to;
    struct peers *peers = to->peers;
    const struct peers_context *context = peers->context;
    uint64_t tag = self->tag;
    char detail[300];
    va_list arguments;
    int used = snprintf(detail, sizeof(detail), "%.100s: ", to->name);

    va_start(arguments, format);
    vsnprintf(detail + used, sizeof(detail) - (size_t)used, format, arguments);
    va_end(arguments);
    chain->first = self->next;
    if (!chain->first)
        chain->last = NULL;
    errand_free(self);
    to->active--;
    to->waiting--;
    metrics_count(context->metrics, METRIC_PEER_MESSAGES, to->label, metrics_result(status));
    if (chain->first)
        chain_make_ready(chain);
    destination_pump(to);
    chain_free_if_empty(chain);
    if (status != STATUS_OK)
        log_sparingly(&peers->failing, LOG_LEVEL_INFO, "peers", NULL, "%s", detail);
    context->on_done(tag, status, status == STATUS_OK ? NULL : detail, context->server);
}

/* ---- on the way ---- */

static void take_report(struct errand *self, const struct message *message)
{
    char reason[64] = "";
    char detail[160] = "";

    if (json_string_is(message->status, "good")) {
        errand_end(self, STATUS_OK, "good");
        return;
    }
    if (!json_string_is(message->status, "bad")) {
        errand_end(self, STATUS_SERVER_REFUSED, "answered something that is no status report");
        return;
    }
    if (json_decode(message->reason, reason, sizeof(reason), NULL) != STATUS_OK)
        snprintf(reason, sizeof(reason), "no reason given");
    if (json_decode(message->detail, detail, sizeof(detail), NULL) != STATUS_OK)
        detail[0] = '\0';
    errand_end(
        self, STATUS_SERVER_REFUSED, "reported bad: %s%s%s", reason, detail[0] ? ": " : "", detail);
}

static void on_frame(struct stream *stream, struct span payload, void *user)
{
    struct errand *self = user;
    struct message message;
    struct fault fault;

    (void)stream;
    if (message_parse(&message, payload, JSON_DEPTH_DEFAULT, &fault) == STATUS_OK)
        take_report(self, &message);
    else
        errand_end(self, STATUS_SERVER_REFUSED, "answered garbage: %s", fault.text);
}

static void on_closed(struct stream *stream, enum status why, const char *detail, void *user)
{
    struct errand *self = user;

    (void)stream;
    if (why == STATUS_TOO_LARGE) {
        errand_end(self, STATUS_SERVER_REFUSED, "answered garbage: %s", detail);
        return;
    }
    self->stream = NULL;
    errand_end(self, STATUS_SERVER_UNREACHABLE, "no report: %s", detail);
}

static const struct stream_callbacks callbacks = {.on_frame = on_frame, .on_closed = on_closed};

static void on_dialled(int fd, const struct fault *fault, void *user)
{
    struct errand *self = user;
    struct peers *peers = self->chain->to->peers;

    self->dial = NULL;
    if (fd < 0) {
        errand_end(self, STATUS_SERVER_UNREACHABLE, "%s", fault->text);
        return;
    }
    self->stream = stream_adopt(peers->context->streams, fd,
        &(struct stream_options){.max_frame = REPORT_MAX, .max_queued_bytes = self->frame->len},
        &callbacks, self);
    if (!self->stream || stream_send(self->stream, self->frame, 0) != STATUS_OK)
        errand_end(self, STATUS_SERVER_UNREACHABLE, "%s", status_help(STATUS_NO_MEMORY));
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct errand *self = watcher->data;
    unsigned ms = self->chain->to->peers->context->config->limits.peer_ms;

    (void)loop, (void)events;
    errand_end(self, STATUS_SERVER_UNREACHABLE,
        self->stream ? "no report in %u ms" : "no connection in %u ms", ms);
}

/* The time counts from here: what waits behind a slow one is not late yet. */
static void errand_start(struct errand *self)
{
    const struct peers_context *context = self->chain->to->peers->context;
    double timeout_s = context->config->limits.peer_ms / 1000.0;

    self->dial = dial_new(streams_loop(context->streams), context->resolver,
        &self->chain->to->address, timeout_s, on_dialled, self);
    ev_now_update(streams_loop(context->streams));
    /* Without memory for a dial there is nothing to wait for. */
    ev_timer_init(&self->deadline, on_deadline, self->dial ? timeout_s : 0, 0.);
    self->deadline.data = self;
    ev_timer_start(streams_loop(context->streams), &self->deadline);
}

static void destination_pump(struct destination *self)
{
    while (
        self->ready_first && self->active < self->peers->context->config->limits.peer_connections) {
        struct chain *chain = self->ready_first;

        self->ready_first = chain->next_ready;
        if (!self->ready_first)
            self->ready_last = NULL;
        self->active++;
        errand_start(chain->first);
    }
}

/* ---- sending ---- */

static enum status resolve(const struct peers *self, const char *name, struct address *address)
{
    const struct config *config = self->context->config;
    const struct config_peer *peer = config_find_peer(config, span_of(name));

    if (peer && !peer->legacy)
        return STATUS_UNKNOWN_SERVER;
    if (peer) {
        *address = peer->address;
        return STATUS_OK;
    }
    if (address_parse(address, span_of(name), NULL) != STATUS_OK || address->kind == ADDRESS_UNIX)
        return STATUS_UNKNOWN_SERVER;
    peer = config_find_peer_at(config, address);
    return peer ? (peer->legacy ? STATUS_OK : STATUS_UNKNOWN_SERVER)
                : (config->legacy_any ? STATUS_OK : STATUS_UNKNOWN_SERVER);
}

static struct destination *destination_get(
    struct peers *self, const char *name, const struct address *address)
{
    struct destination *to;
    size_t len = strlen(name);

    HASH_FIND_STR(self->destinations, name, to);
    if (to) {
        to->address = *address; /* a reload may have moved it */
        return to;
    }
    to = calloc(1, sizeof(*to) + len + 1);
    if (!to)
        return NULL;
    to->peers = self;
    to->address = *address;
    to->label = config_find_peer(self->context->config, span_of(name))
                    ? metrics_label(self->context->metrics, AXIS_PEER, name)
                    : PEER_OTHER;
    memcpy(to->name, name, len + 1);
    HASH_ADD_STR(self->destinations, name, to);
    if (to->hh.tbl)
        return to;
    free(to);
    return NULL;
}

static struct chain *chain_get(struct destination *to, uint64_t key)
{
    struct chain *chain;

    HASH_FIND(hh, to->chains, &key, sizeof(key), chain);
    if (chain)
        return chain;
    chain = calloc(1, sizeof(*chain));
    if (!chain)
        return NULL;
    chain->to = to;
    chain->key = key;
    HASH_ADD(hh, to->chains, key, sizeof(chain->key), chain);
    if (chain->hh.tbl)
        return chain;
    free(chain);
    return NULL;
}

enum status peers_send(
    struct peers *self, const char *name, uint64_t order_key, uint64_t tag, struct blob *frame)
{
    struct address address;
    enum status status = resolve(self, name, &address);

    if (status != STATUS_OK)
        return status;
    struct errand *errand = calloc(1, sizeof(*errand));
    struct destination *to = errand ? destination_get(self, name, &address) : NULL;
    bool full = to && to->waiting_bytes && to->waiting_bytes + frame->len > WAITING_BYTES;
    struct chain *chain = to && !full ? chain_get(to, order_key) : NULL;
    if (!chain) {
        if (to && !to->chains) {
            HASH_DEL(self->destinations, to);
            free(to);
        }
        free(errand);
        return full ? STATUS_OVERLOADED : STATUS_NO_MEMORY;
    }
    to->waiting_bytes += frame->len;
    errand->chain = chain;
    errand->tag = tag;
    errand->frame = blob_ref(frame);
    blob_wait(frame, streams_held(self->context->streams));
    ev_init(&errand->deadline, on_deadline);
    if (chain->last)
        chain->last->next = errand;
    else
        chain->first = errand;
    chain->last = errand;
    to->waiting++;
    if (chain->first == errand)
        chain_make_ready(chain);
    destination_pump(to);
    return STATUS_OK;
}

void peers_each_waiting(const struct peers *self,
    void (*each)(const char *name, size_t messages, size_t bytes, void *user), void *user)
{
    for (const struct destination *to = self->destinations; to; to = to->hh.next)
        if (to->waiting > 0)
            each(to->name, to->waiting, to->waiting_bytes, user);
}

void peers_measure(const struct peers *self)
{
    const struct config *config = self->context->config;
    struct metrics *metrics = self->context->metrics;

    metrics_set(metrics, METRIC_PEERS, 0, 0, (double)config->peer_count);
    metrics_set(metrics, METRIC_PEER_WAITING, PEER_OTHER, 0, 0);
    for (size_t i = 0; i < config->peer_count; i++)
        metrics_set(metrics, METRIC_PEER_WAITING,
            metrics_label(metrics, AXIS_PEER, config->peers[i].name), 0, 0);
    for (const struct destination *to = self->destinations; to; to = to->hh.next)
        metrics_add(metrics, METRIC_PEER_WAITING, to->label, 0, (double)to->waiting);
}

struct peers *peers_new(const struct peers_context *context)
{
    struct peers *self = calloc(1, sizeof(*self));

    if (self)
        self->context = context;
    return self;
}

void peers_free(struct peers *self)
{
    struct destination *to, *next_to;
    struct chain *chain, *next_chain;

    if (!self)
        return;
    HASH_ITER (hh, self->destinations, to, next_to) {
        HASH_ITER (hh, to->chains, chain, next_chain) {
            while (chain->first) {
                struct errand *errand = chain->first;

                chain->first = errand->next;
                errand_free(errand);
            }
            HASH_DEL(to->chains, chain);
            free(chain);
        }
        HASH_DEL(self->destinations, to);
        free(to);
    }
    free(self);
}
