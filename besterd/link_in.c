/* Messages of a pinned server, and their reports. */
#include "besterd/link_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/lane.h"

/* ---- entries: what the peer may send again ---- */

static struct entry *find_entry(struct inbox *self, uint64_t exchange)
{
    struct entry *entry;

    HASH_FIND(hh, self->entries, &exchange, sizeof(exchange), entry);
    return entry;
}

static void entry_free(struct inbox *self, struct entry *entry)
{
    HASH_DEL(self->entries, entry);
    if (entry->report)
        self->kept_bytes -= entry->report->len;
    blob_unref(entry->report);
    free(entry);
}

static struct entry *entry_new(struct inbox *self, uint64_t exchange)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->exchange = exchange;
    HASH_ADD(hh, self->entries, exchange, sizeof(entry->exchange), entry);
    if (entry->hh.tbl)
        return entry;
    free(entry);
    return NULL;
}

/* All but one of the places of a long report are for details that the peer has been
 * told already, most likely. NULL: out of memory. */
static struct blob *shorten(const struct blob *frame, uint64_t exchange)
{
    struct span payload = {frame->data + FRAME_HEADER_BYTES, frame->len - FRAME_HEADER_BYTES};
    struct message message;
    char reason[64] = "";
    char detail[160] = "";

    if (message_parse(&message, payload, JSON_DEPTH_MAX, NULL) != STATUS_OK)
        return NULL;
    bool good = json_string_is(message.status, "good");
    if (!good && json_decode(message.reason, reason, sizeof(reason), NULL) != STATUS_OK)
        reason[0] = '\0';
    if (json_decode(message.detail, detail, sizeof(detail), NULL) != STATUS_OK)
        detail[0] = '\0';
    enum status status = status_from_text(span_of(reason));
    return message_report(&(struct report){.exchange = exchange,
        .good = good,
        .outcome = OUTCOME_DELIVERED,
        .reason = status == STATUS_COUNT ? STATUS_INTERNAL : status,
        .detail = detail[0] ? detail : NULL});
}

/* A peer that never says which reports it has makes us keep SPAN_FACTOR times as many as may be
 * under way at once. Without memory for a short one the long one is kept. */
static void keep(struct inbox *self, struct entry *entry, struct blob *frame)
{
    bool is_long = frame->len > REPORT_KEPT_MAX || self->kept_bytes > KEPT_BYTES;
    struct blob *brief = is_long ? shorten(frame, entry->exchange) : NULL;

    entry->report = brief ? brief : blob_ref(frame);
    self->kept_bytes += entry->report->len;
}

/* ---- lodgers ---- */

static void look_at_pressure(struct link *self)
{
    struct call *call = self->call;
    size_t limit = links_limits(self->links)->peer_in_flight;

    if (!call)
        return;
    if (!call->paused && self->in.lodgers >= 2 * limit) {
        call->paused = true;
        stream_pause(call->stream);
    } else if (call->paused && self->in.lodgers <= limit) {
        call->paused = false;
        stream_resume(call->stream);
    }
}

/* frame NULL: there was no memory. Then the peer waits until its deadline; the
 * connection is of no use without memory anyway. */
static void on_report(struct session *lodger, struct blob *frame)
{
    const struct strand *strand = lodger->place;
    struct link *link = strand->link;
    struct entry *entry = strand->stale ? NULL : find_entry(&link->in, lodger->exchange);

    if (!entry || !frame || entry->report) {
        blob_unref(frame);
        return;
    }
    keep(&link->in, entry, frame);
    if (link->call)
        (void)call_say(link->call, frame);
    else
        blob_unref(frame);
}

void strand_free(struct strand *self)
{
    lanes_orphan(&self->lanes);
    if (self->stale)
        DL_DELETE(self->links->stale, self);
    else
        HASH_DEL(self->link->in.strands, self);
    free(self);
}

static void on_leave(struct session *lodger)
{
    struct strand *strand = lodger->place;
    struct link *link = strand->stale ? NULL : strand->link;

    strand->links->lodgers--;
    if (--strand->lodgers == 0)
        strand_free(strand);
    if (link) {
        link->in.lodgers--;
        look_at_pressure(link);
    }
}

static const struct session_host host = {.report = on_report, .leave = on_leave};

static struct strand *strand_get(struct link *self, uint64_t order)
{
    struct strand *strand;

    HASH_FIND(hh, self->in.strands, &order, sizeof(order), strand);
    if (strand)
        return strand;
    strand = calloc(1, sizeof(*strand));
    if (!strand)
        return NULL;
    strand->links = self->links;
    strand->link = self;
    strand->order = order;
    HASH_ADD(hh, self->in.strands, order, sizeof(strand->order), strand);
    if (strand->hh.tbl)
        return strand;
    free(strand);
    return NULL;
}

/* ---- a message ---- */

/* What it says about itself. */
struct arrival {
    uint64_t exchange;
    uint64_t order;
    uint64_t hops;
};

static void refuse(struct link *self, const struct arrival *arrival, const struct message *message,
    enum status reason, const char *detail)
{
    struct entry *entry = find_entry(&self->in, arrival->exchange);
    bool has_id = json_kind_of(message->id) == JSON_KIND_STRING;
    struct blob *frame = message_report(&(struct report){
        .id_token = has_id ? message->id : (struct span){0},
        .exchange = arrival->exchange,
        .reason = reason,
        .detail = detail,
    });

    log_sparingly(&self->failing, LOG_LEVEL_INFO, "peers", NULL,
        "%.100s: a message was refused: %s: %s", self->peer->name, status_text(reason), detail);
    if (entry && frame)
        keep(&self->in, entry, frame);
    (void)call_say(self->call, frame);
}

static enum status who_sent(const struct link *self, const struct arrival *arrival,
    const struct message *message, struct origin **origin, struct fault *fault)
{
    const struct config *config = self->links->context->config;

    if (arrival->hops > config->limits.hops)
        return fault_set(fault, STATUS_LOOP, 0, "through %llu servers, the limit is %u",
            (unsigned long long)arrival->hops, config->limits.hops);
    return origin_new_pinned(origin, message->origin, self->peer, config->server_name, fault);
}

static void carry_out(
    struct link *self, const struct arrival *arrival, const struct message *message)
{
    const struct links_context *context = self->links->context;
    struct origin *origin = NULL;
    struct fault fault;
    enum status status = who_sent(self, arrival, message, &origin, &fault);

    if (status != STATUS_OK) {
        refuse(
            self, arrival, message, status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
        return;
    }
    struct strand *strand = strand_get(self, arrival->order);
    if (!strand) {
        origin_unref(origin);
        refuse(self, arrival, message, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return;
    }
    struct session *lodger =
        session_new_lodger(context->sessions, &host, strand, origin, &strand->lanes);
    if (lodger && context->enter(lodger, context->server) != STATUS_OK) {
        session_free(lodger);
        lodger = NULL;
    }
    if (!lodger) {
        if (strand->lodgers == 0)
            strand_free(strand);
        refuse(self, arrival, message, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return;
    }
    strand->lodgers++;
    self->in.lodgers++;
    self->links->lodgers++;
    lodger->exchange = arrival->exchange;
    lodger->hops = (unsigned)arrival->hops;
    look_at_pressure(self);
    context->sessions->callbacks->on_message(lodger, message, context->server);
    session_end(lodger);
}

static bool read_arrival(struct arrival *self, const struct message *message)
{
    *self = (struct arrival){.hops = 0};
    return json_u64(message->exchange, &self->exchange) == STATUS_OK && self->exchange > 0 &&
           json_u64(message->order, &self->order) == STATUS_OK &&
           (!message->hops.at || json_u64(message->hops, &self->hops) == STATUS_OK);
}

/* Whether it has come before: then its report is said again. One that is under way has
 * it still to come. */
static bool has_come(struct link *self, uint64_t exchange)
{
    const struct entry *entry = find_entry(&self->in, exchange);

    if (!entry && exchange >= self->in.reported)
        return false;
    metrics_count(self->links->context->metrics, METRIC_PEER_DUPLICATES, self->label, 0);
    if (entry && entry->report)
        (void)call_say(self->call, blob_ref(entry->report));
    return true;
}

void inbox_refuse(struct link *self, const struct message *message, const struct fault *fault)
{
    struct arrival arrival = {.hops = 0};

    if (json_u64(message->exchange, &arrival.exchange) != STATUS_OK || arrival.exchange == 0)
        call_fail(self->call, fault->text);
    else if (!has_come(self, arrival.exchange))
        refuse(self, &arrival, message, fault->status, fault->text);
}

static void return_it(struct link *self, const struct arrival *arrival)
{
    char text[80];
    int len = snprintf(text, sizeof(text),
        "{\"header\":{\"messageType\":\"notTaken\",\"exchange\":\"%llu\"}}",
        (unsigned long long)arrival->exchange);

    (void)call_say(self->call, frame_of((struct span){text, (size_t)len}));
}

void inbox_take(struct link *self, const struct message *message)
{
    struct inbox *in = &self->in;
    struct arrival arrival;

    if (!read_arrival(&arrival, message)) {
        call_fail(self->call, "header.exchange, order or hops is no number as it must be");
        return;
    }
    if (has_come(self, arrival.exchange))
        return;
    if (self->links->draining) {
        return_it(self, &arrival);
        return;
    }
    if (HASH_COUNT(in->entries) >=
        (size_t)SPAN_FACTOR * links_limits(self->links)->peer_in_flight) {
        call_fail(self->call, "more messages than it was allowed");
        return;
    }
    if (entry_new(in, arrival.exchange))
        carry_out(self, &arrival, message);
    else
        call_fail(self->call, status_help(STATUS_NO_MEMORY));
}

/* ---- forgetting ---- */

void inbox_forget(struct link *self, uint64_t reported)
{
    struct inbox *in = &self->in;
    struct entry *entry, *next;

    if (reported <= in->reported)
        return;
    in->reported = reported;
    /* The table keeps the order of arrival, which is that of exchange: the old ones
     * stand first. */
    HASH_ITER (hh, in->entries, entry, next) {
        if (entry->exchange >= reported)
            break;
        entry_free(in, entry);
    }
}

void inbox_reset(struct link *self)
{
    struct inbox *in = &self->in;
    struct entry *entry, *next_entry;
    struct strand *strand, *next;

    HASH_ITER (hh, in->entries, entry, next_entry)
        entry_free(in, entry);
    HASH_ITER (hh, in->strands, strand, next) {
        HASH_DEL(in->strands, strand);
        strand->stale = true;
        DL_APPEND(self->links->stale, strand);
    }
    in->lodgers = 0;
    in->reported = 0;
}
