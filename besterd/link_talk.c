/* What is said on a connection to a pinned server: hello, words and the heartbeat; and
 * which connection counts when there are two. */
#include <stdio.h>
#include <string.h>

#include "besterd/link_internal.h"
#include "libbester/json_find.h"

bool call_say_word(struct call *self, const char *word)
{
    char text[80];
    int len = snprintf(text, sizeof(text), "{\"header\":{\"messageType\":\"%s\"}}", word);

    return call_say(self, frame_of((struct span){text, (size_t)len}));
}

/* ---- the heartbeat ---- */

static void on_beat(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct call *self = watcher->data;
    struct link *link;
    uint64_t heard;

    (void)loop, (void)events;
    if (self->links->leaving)
        return;
    link = self->link;
    outbox_tell(link);
    if (link->call != self || self->paused)
        return;
    heard = stream_counts(self->stream).bytes_in;
    if (heard != self->heard) {
        self->heard = heard;
        self->asked = false;
    } else if (self->asked) {
        call_fail(self, "it says nothing any more");
    } else {
        self->asked = true;
        (void)call_say_word(self, "ping");
    }
}

static void beat(struct call *self)
{
    double every_s = links_limits(self->links)->peer_heartbeat_ms / 1000.0;
    struct ev_loop *loop = links_loop(self->links);

    ev_timer_stop(loop, &self->timer);
    ev_timer_init(&self->timer, on_beat, every_s, every_s);
    ev_timer_start(loop, &self->timer);
}

/* ---- hello ---- */

bool call_say_hello(struct call *self)
{
    const struct links *links = self->links;
    const struct config *config = links->context->config;
    char name[6 * SERVER_NAME_MAX + 3];
    char limits[160];
    struct parts parts;

    snprintf(limits, sizeof(limits),
        ",\"features\":[],\"limits\":{\"maxFrame\":%zu,\"inFlight\":%u,\"span\":%u}}}}",
        config->limits.max_frame_bytes, config->limits.peer_in_flight,
        config->limits.peer_in_flight * SPAN_FACTOR);
    parts_init(&parts);
    parts_add_text(&parts, "{\"header\":{\"messageType\":\"hello\",\"instance\":\"");
    parts_add_text(&parts, links->instance);
    parts_add_text(&parts, "\"},\"payload\":{\"server\":{\"name\":");
    parts_add(&parts, json_quote_into(name, sizeof(name), span_of(config->server_name)));
    parts_add_text(&parts, ",\"version\":\"" BESTER_VERSION "\"");
    parts_add_text(&parts, limits);
    return call_say(self, parts_frame(&parts));
}

/* Of two connections at once both sides keep the one that was dialled by the server
 * whose name sorts first. Of two that the same side dialled the older is dead: nobody
 * calls twice. So it is when the peer is another instance. */
static bool is_better(const struct call *self, const struct link *link, bool same_instance)
{
    const char *own = link->links->context->config->server_name;
    bool ours_counts = strcmp(own, link->peer->name) < 0;

    if (!same_instance || self->dialled == link->call->dialled)
        return true;
    return self->dialled == ours_counts;
}

static void go_up(struct call *self, const char *instance)
{
    struct link *link = self->link;
    const struct config_limits *limits = links_limits(self->links);
    size_t max_frame = limits->max_frame_bytes + ENVELOPE_SLACK;
    bool same = strcmp(link->instance, instance) == 0;
    bool first = link->instance[0] == '\0';

    if (link->call)
        call_free(link->call);
    link_stop_dialling(link);
    link->call = self;
    self->links->unknown_calls--;
    self->since_s = ev_now(links_loop(self->links));
    stream_set_max_frame(self->stream, max_frame > REPORT_MAX ? max_frame : REPORT_MAX);
    beat(self);
    link->pause_s = LINK_PAUSE_FIRST_S;
    link->trouble[0] = '\0';
    link->connects++;
    metrics_count(self->links->context->metrics, METRIC_PEER_CONNECTS, link->label, 0);
    log_line(LOG_LEVEL_INFO, "peers", "%.100s: connected, %s %s", link->peer->name,
        self->dialled ? "at" : "called by", self->address);
    if (!same) {
        snprintf(link->instance, sizeof(link->instance), "%s", instance);
        inbox_reset(link);
    }
    outbox_up(link, same || first);
}

static bool read_limit(struct span limits, const char *name, uint64_t *out)
{
    return json_u64(json_find(limits, span_of(name)), out) == STATUS_OK && *out > 0;
}

static void take_hello(struct call *self, const struct message *message)
{
    char name[SERVER_NAME_MAX];
    char instance[INSTANCE_MAX];
    char why[400];
    struct span limits = json_find(message->server, SPAN_LITERAL("limits"));

    if (!json_string_is(message->message_type, "hello") ||
        json_decode(message->instance, instance, sizeof(instance), NULL) != STATUS_OK ||
        !instance[0] ||
        json_decode(json_find(message->server, SPAN_LITERAL("name")), name, sizeof(name), NULL) !=
            STATUS_OK ||
        !read_limit(limits, "maxFrame", &self->max_frame) ||
        !read_limit(limits, "inFlight", &self->window) ||
        !read_limit(limits, "span", &self->span)) {
        call_fail(self, "the first frame is no hello");
        return;
    }
    if (strcmp(name, self->link->peer->name) != 0) {
        snprintf(why, sizeof(why), "it calls itself %.100s", name);
        call_fail(self, why);
        return;
    }
    if (self->link->call &&
        !is_better(self, self->link, strcmp(self->link->instance, instance) == 0)) {
        log_line(LOG_LEVEL_DEBUG, "peers", "%.100s: a second connection ends", name);
        self->link->call->asked = true; /* is the first one really there? */
        call_free(self);
        return;
    }
    go_up(self, instance);
}

/* ---- what it says ---- */

static void take_nothing(struct link *self, const struct message *message)
{
    (void)self, (void)message;
}

static void take_ping(struct link *self, const struct message *message)
{
    (void)message;
    (void)call_say_word(self->call, "pong");
}

static void take_bye(struct link *self, const struct message *message)
{
    (void)message;
    self->call->leaves = true;
}

/* Whatever it took is reported. */
static void take_end(struct link *self, const struct message *message)
{
    (void)message;
    self->call->leaves = true;
    outbox_untaken(self);
}

static void take_reported(struct link *self, const struct message *message)
{
    uint64_t reported;

    if (json_u64(message->ack, &reported) == STATUS_OK)
        inbox_forget(self, reported);
    else
        call_fail(self->call, "header.ack is no number");
}

/* What is not here is of a later version, and means nothing to us. */
static const struct word {
    const char *type;
    void (*take)(struct link *self, const struct message *message);
} words[] = {
    {"statusReport", outbox_report},
    {"reported", take_reported},
    {"notTaken", outbox_returned},
    {"ping", take_ping},
    {"pong", take_nothing},
    {"bye", take_bye},
    {"end", take_end},
};

static void take_word(struct call *self, const struct message *message)
{
    if (json_kind_of(message->message_type) != JSON_KIND_STRING) {
        call_fail(self, "a frame that is neither a message nor anything else");
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (json_string_is(message->message_type, words[i].type)) {
            words[i].take(self->link, message);
            return;
        }
}

void call_hear(struct call *self, struct span payload)
{
    struct message message;
    struct fault fault;
    bool is_up = self->link && self->link->call == self;
    enum status status =
        message_parse(&message, payload, links_limits(self->links)->json_depth, &fault);

    if (status != STATUS_OK && is_up && json_string_is(message.scope, "server"))
        inbox_refuse(self->link, &message, &fault);
    else if (status != STATUS_OK)
        call_fail(self, fault.text);
    else if (!is_up)
        take_hello(self, &message);
    else if (json_string_is(message.scope, "server"))
        inbox_take(self->link, &message);
    else
        take_word(self, &message);
}
