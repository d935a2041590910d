/* Messages to a pinned server, and their reports. */
#include "besterd/link_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The peer is told of reports that are in at the latest after so many. */
enum { TELL_EVERY = 64 };

static const double MS = 0.001;

/* ---- ends ---- */

static void parcel_free(struct parcel *self)
{
    blob_unref(self->frame);
    free(self);
}

/* Of a parcel that is on the list: whether it was sent on this connection. */
static bool is_flying(const struct outbox *self, const struct parcel *parcel)
{
    return !self->unsent || parcel->exchange < self->unsent->exchange;
}

/* Off the list; it is the caller's. */
static void unlink_parcel(struct link *self, struct parcel *parcel)
{
    struct outbox *out = &self->out;

    if (self->call && is_flying(out, parcel)) {
        out->flying--;
        out->flying_bytes -= parcel->frame->len;
    }
    if (out->unsent == parcel)
        out->unsent = parcel->next;
    DL_DELETE(out->first, parcel);
    HASH_DEL(out->table, parcel);
    out->count--;
    out->bytes -= parcel->frame->len;
}

/* Tells its sender, once. Other messages may be sent from within. */
static void tell(struct link *self, struct parcel *parcel, enum status status, const char *format,
    ...) PRINTF_LIKE(4, 5);

static void tell(
    struct link *self, struct parcel *parcel, enum status status, const char *format, ...)
{
    const struct links_context *context = self->links->context;
    uint64_t tag = parcel->tag;
    char detail[TROUBLE_MAX + 200];
    va_list arguments;

    if (!tag)
        return;
    parcel->tag = 0;
    int used = snprintf(detail, sizeof(detail), "%.100s: ", self->peer->name);
    va_start(arguments, format);
    vsnprintf(detail + used, sizeof(detail) - (size_t)used, format, arguments);
    va_end(arguments);
    metrics_count(context->metrics, METRIC_PEER_MESSAGES, self->label, metrics_result(status));
    if (status != STATUS_OK)
        log_sparingly(&self->failing, LOG_LEVEL_INFO, "peers", NULL, "%s", detail);
    context->on_done(tag, status, status == STATUS_OK ? NULL : detail, context->server);
}

static void arm_deadline(struct link *self)
{
    struct ev_loop *loop = links_loop(self->links);
    struct parcel *parcel = self->out.first;

    /* It never gets earlier, so a timer that runs may be too early, at worst. */
    if (parcel && ev_is_active(&self->out.deadline))
        return;
    ev_timer_stop(loop, &self->out.deadline);
    while (parcel && !parcel->tag)
        parcel = parcel->next;
    if (!parcel)
        return;
    double left = parcel->deadline_s - ev_now(loop);
    ev_timer_set(&self->out.deadline, left > 0 ? left : 0, 0.);
    ev_timer_start(loop, &self->out.deadline);
}

/* One that is with the peer keeps its place until the report is in, or the connection
 * is lost: the peer counts it. */
static void expire(struct link *self, struct parcel *parcel)
{
    unsigned ms = links_limits(self->links)->peer_ms;
    bool flies = self->call && is_flying(&self->out, parcel);

    if (!flies)
        unlink_parcel(self, parcel);
    if (parcel->was_sent)
        tell(self, parcel, STATUS_SERVER_UNREACHABLE, "no report in %u ms", ms);
    else if (self->call)
        tell(self, parcel, STATUS_SERVER_UNREACHABLE, "%s for %u ms",
            self->call->leaves ? "it is about to end, and takes nothing"
                               : "too much is under way there",
            ms);
    else
        tell(self, parcel, STATUS_SERVER_UNREACHABLE, "no connection in %u ms%s%s", ms,
            self->trouble[0] ? ": " : "", self->trouble);
    if (!flies)
        parcel_free(parcel);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct link *self = watcher->data;
    double now = ev_now(loop);
    uint64_t after = 0;
    struct parcel *parcel;

    (void)events;
    /* Whoever is told may send more, so each look begins anew behind the last. */
    do {
        parcel = self->out.first;
        while (parcel && (!parcel->tag || parcel->exchange <= after))
            parcel = parcel->next;
        if (!parcel || parcel->deadline_s > now)
            break;
        after = parcel->exchange;
        expire(self, parcel);
    } while (true);
    arm_deadline(self);
}

void outbox_fail(struct link *self, enum status status, const char *detail)
{
    struct parcel *parcel;
    uint64_t last = self->out.exchanges;

    while ((parcel = self->out.first) != NULL && parcel->exchange <= last) {
        unlink_parcel(self, parcel);
        tell(self, parcel, status, "%s", detail);
        parcel_free(parcel);
    }
    arm_deadline(self);
}

/* ---- the way out ---- */

static bool may_fly(const struct link *self, const struct parcel *parcel)
{
    const struct outbox *out = &self->out;
    const struct call *call = self->call;

    if (out->flying >= call->window)
        return false;
    if (out->flying > 0 && out->flying_bytes + parcel->frame->len > FLYING_BYTES)
        return false;
    return parcel->exchange - out->first->exchange < call->span;
}

void outbox_tell(struct link *self)
{
    uint64_t now = self->out.first ? self->out.first->exchange : self->out.exchanges + 1;
    char text[80];

    if (!self->call || now <= self->out.told)
        return;
    int len = snprintf(text, sizeof(text),
        "{\"header\":{\"messageType\":\"reported\",\"ack\":\"%llu\"}}", (unsigned long long)now);
    if (call_say(self->call, frame_of((struct span){text, (size_t)len})))
        self->out.told = now;
}

static void refuse_as_too_large(struct link *self, struct parcel *parcel)
{
    unlink_parcel(self, parcel);
    tell(self, parcel, STATUS_TOO_LARGE, "it takes %llu bytes",
        (unsigned long long)self->call->max_frame);
    parcel_free(parcel);
}

void outbox_pump(struct link *self)
{
    struct outbox *out = &self->out;
    struct parcel *parcel;

    while (self->call && !self->call->leaves && (parcel = out->unsent) != NULL &&
           may_fly(self, parcel)) {
        if (parcel->data_len > self->call->max_frame) {
            refuse_as_too_large(self, parcel);
            continue;
        }
        out->unsent = parcel->next;
        out->flying++;
        out->flying_bytes += parcel->frame->len;
        parcel->was_sent = true;
        if (!call_say(self->call, blob_ref(parcel->frame)))
            return; /* the connection is gone */
        if (out->first->exchange >= out->told + TELL_EVERY)
            outbox_tell(self);
    }
    arm_deadline(self);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U; /* the finalizer of splitmix64 */
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    x ^= x >> 31;
    return x ? x : 1;
}

static struct blob *make_frame(
    struct link *self, uint64_t exchange, uint64_t order, const struct forward *forward)
{
    struct forward whole = *forward;

    whole.exchange = exchange;
    whole.order = mix(order ^ self->links->secret);
    return message_forward(&whole);
}

static enum status enqueue(
    struct link *self, uint64_t order, uint64_t tag, const struct forward *forward)
{
    struct outbox *out = &self->out;
    struct parcel *parcel = calloc(1, sizeof(*parcel));
    struct blob *frame = parcel ? make_frame(self, out->exchanges + 1, order, forward) : NULL;
    enum status status = STATUS_NO_MEMORY;

    if (!frame)
        goto out;
    status = STATUS_OVERLOADED;
    if (out->bytes > 0 && out->bytes + frame->len > WAITING_BYTES)
        goto out;
    parcel->exchange = out->exchanges + 1;
    HASH_ADD(hh, out->table, exchange, sizeof(parcel->exchange), parcel);
    status = STATUS_NO_MEMORY;
    if (!parcel->hh.tbl)
        goto out;
    out->exchanges++;
    parcel->tag = tag;
    parcel->frame = frame;
    parcel->data_len = forward->data.len;
    parcel->deadline_s = ev_now(links_loop(self->links)) + links_limits(self->links)->peer_ms * MS;
    /* In the order of the list, also where a reload has made the time shorter. */
    if (out->first && out->first->prev->deadline_s > parcel->deadline_s)
        parcel->deadline_s = out->first->prev->deadline_s;
    DL_APPEND(out->first, parcel);
    out->count++;
    out->bytes += frame->len;
    if (!out->unsent)
        out->unsent = parcel;
    return STATUS_OK;
out:
    blob_unref(frame);
    free(parcel);
    return status;
}

enum status links_send(struct links *self, const char *name, uint64_t order, uint64_t tag,
    const struct forward *forward)
{
    struct link *link = self ? links_find(self, name) : NULL;

    if (!link)
        return STATUS_NOT_FOUND;
    if (link->call && forward->data.len > link->call->max_frame)
        return STATUS_TOO_LARGE;
    enum status status = enqueue(link, order, tag, forward);
    if (status == STATUS_OK)
        outbox_pump(link); /* tells nobody: what is too large has not come this far */
    return status;
}

/* ---- what the peer says ---- */

static struct parcel *find(struct link *self, const struct message *message)
{
    struct parcel *parcel = NULL;
    uint64_t exchange;

    if (json_u64(message->exchange, &exchange) != STATUS_OK) {
        call_fail(self->call, "a report without header.exchange");
        return NULL;
    }
    HASH_FIND(hh, self->out.table, &exchange, sizeof(exchange), parcel);
    return parcel && parcel->was_sent && is_flying(&self->out, parcel) ? parcel : NULL;
}

static void tell_bad(struct link *self, struct parcel *parcel, const struct message *message)
{
    char reason[64];
    char detail[160];

    if (json_decode(message->reason, reason, sizeof(reason), NULL) != STATUS_OK)
        snprintf(reason, sizeof(reason), "no reason given");
    if (json_decode(message->detail, detail, sizeof(detail), NULL) != STATUS_OK)
        detail[0] = '\0';
    tell(self, parcel, STATUS_SERVER_REFUSED, "reported bad: %s%s%s", reason, detail[0] ? ": " : "",
        detail);
}

void outbox_report(struct link *self, const struct message *message)
{
    bool good = json_string_is(message->status, "good");
    struct parcel *parcel;

    if (!good && !json_string_is(message->status, "bad")) {
        call_fail(self->call, "a report that is neither good nor bad");
        return;
    }
    parcel = find(self, message);
    if (!parcel)
        return; /* it is over: late, or given twice */
    unlink_parcel(self, parcel);
    if (good)
        tell(self, parcel, STATUS_OK, "good");
    else
        tell_bad(self, parcel, message);
    parcel_free(parcel);
    outbox_pump(self);
}

/* It waits for whoever comes after; those before it in the same order may have their
 * reports still to come. */
void outbox_returned(struct link *self, const struct message *message)
{
    struct parcel *parcel = find(self, message);

    if (!parcel)
        return;
    self->call->leaves = true;
    parcel->was_sent = false;
    if (parcel->tag)
        return;
    unlink_parcel(self, parcel);
    parcel_free(parcel);
}

/* ---- connections come and go ---- */

void outbox_untaken(struct link *self)
{
    for (struct parcel *parcel = self->out.first; parcel; parcel = parcel->next)
        parcel->was_sent = false;
}

/* What nobody waits for any longer is not sent again. */
static void drop_told(struct link *self)
{
    struct parcel *parcel, *next;

    DL_FOREACH_SAFE (self->out.first, parcel, next)
        if (!parcel->tag) {
            unlink_parcel(self, parcel);
            parcel_free(parcel);
        }
}

/* The peer that was sent these has ended: what became of them nobody knows. */
static void fail_sent(struct link *self)
{
    struct parcel *lost = NULL;
    struct parcel *parcel, *next;

    DL_FOREACH_SAFE (self->out.first, parcel, next)
        if (parcel->was_sent) {
            unlink_parcel(self, parcel);
            DL_APPEND(lost, parcel);
        }
    DL_FOREACH_SAFE (lost, parcel, next) {
        DL_DELETE(lost, parcel);
        tell(self, parcel, STATUS_SERVER_UNREACHABLE,
            "it was started anew before it reported; what it did is not known");
        parcel_free(parcel);
    }
}

void outbox_down(struct link *self)
{
    self->out.flying = self->out.flying_bytes = 0;
    drop_told(self);
    self->out.unsent = self->out.first;
    arm_deadline(self);
}

void outbox_up(struct link *self, bool same)
{
    self->out.told = 0;
    self->out.flying = self->out.flying_bytes = 0;
    self->out.unsent = self->out.first;
    drop_told(self);
    if (!same)
        fail_sent(self);
    if (!self->call)
        return;
    outbox_tell(self);
    outbox_pump(self);
}

void outbox_init(struct link *self)
{
    ev_init(&self->out.deadline, on_deadline);
    self->out.deadline.data = self;
}

void outbox_release(struct link *self)
{
    struct parcel *parcel, *next;

    ev_timer_stop(links_loop(self->links), &self->out.deadline);
    DL_FOREACH_SAFE (self->out.first, parcel, next) {
        HASH_DEL(self->out.table, parcel);
        DL_DELETE(self->out.first, parcel);
        parcel_free(parcel);
    }
}
