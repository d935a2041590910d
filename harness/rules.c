#include "harness/rules.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "harness/compare.h"
#include "harness/must.h"

/* A reply that waits for its time. */
struct reply {
    struct reply *prev, *next;
    struct rules *rules;
    ev_timer timer;
    struct utterance utterance;
    int from;
    int to;
    char *text; /* owns utterance.bytes */
};

struct rules {
    struct ev_loop *loop;
    const struct scenario *scenario;
    struct stage *stage;
    unsigned **used; /* by member, by rule */
    json_t *sent;    /* the ids of messages that rules have sent */
    struct reply *replies;
};

static void reply_free(struct reply *self)
{
    ev_timer_stop(self->rules->loop, &self->timer);
    DL_DELETE(self->rules->replies, self);
    json_decref(self->utterance.wire);
    free(self->text);
    free(self);
}

/* A reply that can't be said any more concerns nobody: whoever asked is gone. */
static void reply_say(struct reply *self)
{
    struct fault fault;

    if (stage_say(self->rules->stage, self->from, self->to, &self->utterance, &fault) != STATUS_OK)
        timeline_note(stage_timeline(self->rules->stage), self->from,
            "a rule's reply was not sent: %s", fault.text);
    reply_free(self);
}

static void on_time(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    reply_say(watcher->data);
}

/* ---- ids of messages that rules have sent ---------------------------------------------------- */

static const char *id_of(const json_t *wire)
{
    return json_string_value(json_object_get(json_object_get(wire, "payload"), "id"));
}

static bool is_own_report(const struct rules *self, const struct event *event)
{
    const json_t *header = json_object_get(event->json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));
    const char *id = id_of(event->json);

    return id && status && strcmp(status, "good") == 0 && json_object_get(self->sent, id);
}

/* ---- taking ---------------------------------------------------------------------------------- */

struct named_from {
    const struct rules *rules;
    int server;
};

static char *expand(const char *name, void *user)
{
    const struct named_from *self = user;

    return topology_expand(stage_topology(self->rules->stage), name, self->server);
}

static bool fill_reply(
    struct reply *reply, const struct saying *saying, struct scope *scope, struct fault *fault)
{
    struct utterance *utterance = &reply->utterance;

    utterance->body = saying->body;
    if (saying->body == BODY_HEX) {
        utterance->bytes = saying->bytes;
        utterance->len = saying->len;
    }
    if (!saying->wire)
        return true;
    utterance->wire = pattern_fill(saying->wire, scope, fault);
    if (utterance->wire && saying->body != BODY_JSON) {
        utterance->len = json_string_length(utterance->wire);
        reply->text = must_copy_bytes(json_string_value(utterance->wire), utterance->len);
        utterance->bytes = reply->text;
    }
    return utterance->wire != NULL;
}

static void send_reply(
    struct rules *self, const struct rule *rule, const struct event *event, struct scope *scope)
{
    struct reply *reply = must_alloc(sizeof(*reply));
    struct fault fault;

    reply->rules = self;
    reply->from = event->to;
    reply->to = event->from;
    reply->utterance.exchange = event->exchange;
    ev_timer_init(&reply->timer, on_time, rule->delay_s, 0.);
    reply->timer.data = reply;
    DL_APPEND(self->replies, reply);
    if (!fill_reply(reply, &rule->reply, scope, &fault)) {
        timeline_note(stage_timeline(self->stage), reply->from, "a rule's reply: %s", fault.text);
        reply_free(reply);
        return;
    }
    const char *id = id_of(reply->utterance.wire);
    if (id)
        json_object_set_new(self->sent, id, json_true());
    if (rule->delay_s > 0)
        ev_timer_start(self->loop, &reply->timer);
    else
        reply_say(reply);
}

static bool rule_takes(struct rules *self, const struct member *member, size_t index,
    struct event *event, unsigned *fresh)
{
    const struct rule *rule = &member->rules[index];
    unsigned *used = &self->used[event->to][index];
    struct named_from named = {.rules = self, .server = event->from};
    struct scope scope = {.expand = expand, .user = &named, .fresh = *fresh};
    bool takes = event->kind == EVENT_FRAME && (!rule->times || *used < rule->times) &&
                 compare_event(&rule->when, event, &scope, NULL);

    if (takes) {
        ++*used;
        stage_take(self->stage, event, NULL);
        if (rule->reply.body != BODY_SILENT || event->exchange)
            send_reply(self, rule, event, &scope);
        *fresh = scope.fresh;
    }
    bindings_release(&scope.bindings);
    return takes;
}

bool rules_take(struct rules *self, struct event *event, unsigned *fresh)
{
    const struct member *member = &self->scenario->members[event->to];

    if (event->kind == EVENT_FRAME && is_own_report(self, event)) {
        json_object_del(self->sent, id_of(event->json));
        stage_take(self->stage, event, NULL);
        return true;
    }
    for (size_t i = 0; i < member->rule_count; i++)
        if (rule_takes(self, member, i, event, fresh))
            return true;
    return false;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct rules *rules_new(struct ev_loop *loop, const struct scenario *scenario, struct stage *stage)
{
    struct rules *self = must_alloc(sizeof(*self));

    *self = (struct rules){.loop = loop, .scenario = scenario, .stage = stage};
    self->sent = must_json(json_object());
    self->used = must_alloc(scenario->member_count * sizeof(unsigned *));
    for (size_t i = 0; i < scenario->member_count; i++)
        self->used[i] = must_alloc(scenario->members[i].rule_count * sizeof(unsigned));
    return self;
}

void rules_free(struct rules *self)
{
    struct reply *reply;
    struct reply *after;

    if (!self)
        return;
    DL_FOREACH_SAFE (self->replies, reply, after)
        reply_free(reply);
    for (size_t i = 0; i < self->scenario->member_count; i++)
        free(self->used[i]);
    free(self->used);
    json_decref(self->sent);
    free(self);
}
