#include "harness/record_talk.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* ---- people ---------------------------------------------------------------------------------- */

static const char *user_of(const json_t *login)
{
    const json_t *header = json_object_get(login, "header");
    const json_t *authentication = json_object_get(header, "authentication");

    return json_string_value(json_object_get(authentication, "username"));
}

static bool is_present(const struct talk *self, const struct person *person)
{
    for (size_t i = 0; i < self->session_count; i++)
        if (self->sessions[i]->person == person && !self->sessions[i]->closed)
            return true;
    return false;
}

/* A client of the world that nobody plays is a seat for him who has its name. */
static int seat_for(const struct talk *self, int server, const char *user)
{
    for (size_t i = 0; i < self->scenario->member_count; i++) {
        const struct member *member = &self->scenario->members[i];
        bool taken = false;

        if (member->kind != MEMBER_CLIENT || member->client.guest || member->on != server ||
            strcmp(member->client.user, user) != 0)
            continue;
        for (size_t k = 0; k < self->person_count; k++)
            taken = taken || self->people[k]->seat == (int)i;
        if (!taken)
            return (int)i;
    }
    return -1;
}

static struct person *person_new(
    struct talk *self, int server, const char *user, enum transport via, int seat)
{
    struct person *person = must_alloc(sizeof(*person));

    *person = (struct person){.server = server, .user = must_copy(user), .via = via, .seat = seat};
    must_grow(self->people, self->person_count);
    self->people[self->person_count++] = person;
    return person;
}

/* The same again, if he is gone by now; else one more of that name. */
static struct person *person_for(struct talk *self, const struct session *session, const char *user)
{
    const struct member *member = &self->scenario->members[session->member];
    int server = member->on;

    if (!member->client.guest)
        return person_new(self, server, member->client.user, member->client.via, session->member);
    for (size_t i = 0; i < self->person_count; i++) {
        struct person *person = self->people[i];

        if (person->server == server && person->via == member->client.via &&
            strcmp(person->user, user) == 0 && !is_present(self, person))
            return person;
    }
    return person_new(self, server, user, member->client.via, seat_for(self, server, user));
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* A client that the harness plays has one; of others each connection is one. */
static struct session *session_of(struct talk *self, const struct event *event)
{
    bool forth = event->edge == EDGE_CLIENT_SERVER;
    int member = forth ? event->from : event->to;
    bool played = member_is_played(&self->scenario->members[member]);
    unsigned order = played ? 0 : event->order;

    for (size_t i = self->session_count; i > 0; i--)
        if (self->sessions[i - 1]->member == member && self->sessions[i - 1]->order == order)
            return self->sessions[i - 1];
    struct session *session = must_alloc(sizeof(*session));
    *session = (struct session){.member = member, .order = order};
    const char *user = forth ? user_of(event->json) : NULL;
    session->person = person_for(self, session, user ? user : "");
    must_grow(self->sessions, self->session_count);
    self->sessions[self->session_count++] = session;
    return session;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static bool is_report(const json_t *header)
{
    const char *type = json_string_value(json_object_get(header, "messageType"));

    return type && strcmp(type, "statusReport") == 0;
}

static enum node_kind client_kind(const struct node *node)
{
    const json_t *header = json_object_get(node->event->json, "header");

    if (user_of(node->event->json) && !node->session->last)
        return NODE_LOGIN;
    return json_object_get(header, "ack") ? NODE_ACK : NODE_MESSAGE;
}

/* A report, the answer to a dummy, and of built-in commands the answer that has the
 * message's id. */
static enum node_kind server_kind(const struct node *node)
{
    const json_t *header = json_object_get(node->event->json, "header");
    bool delivery = node->type && json_object_get(header, "messageType") && !is_report(header);

    if (!node->event->json)
        return NODE_UNKNOWN;
    return delivery && strcmp(node->type, "builtin") != 0 ? NODE_DELIVERY : NODE_REPLY;
}

/* What the harness said without a frame stands there in words. */
static bool said_word(const struct event *event, const char *word)
{
    if (event->kind != EVENT_SAID || event->json)
        return false;
    json_t *words = json_loads(event->bytes, 0, NULL);
    bool found = json_is_true(json_object_get(words, word));
    json_decref(words);
    return found;
}

static bool is_end(const struct event *event)
{
    return event->kind == EVENT_END || said_word(event, "close");
}

static enum node_kind kind_of(const struct node *node)
{
    const struct event *event = node->event;
    bool ends = is_end(event);

    switch (event->edge) {
    case EDGE_CLIENT_SERVER:
        return ends ? NODE_CLOSE : client_kind(node);
    case EDGE_SERVER_CLIENT:
        return ends ? NODE_END : server_kind(node);
    case EDGE_SERVER_SERVER:
        return is_report(json_object_get(event->json, "header")) ? NODE_FORWARD_DONE : NODE_FORWARD;
    case EDGE_SERVER_ONESHOT:
    case EDGE_SERVER_STREAM:
        return NODE_QUESTION;
    case EDGE_ONESHOT_SERVER:
    case EDGE_STREAM_SERVER:
        return ends ? NODE_END : NODE_ANSWER;
    default:
        return NODE_UNKNOWN;
    }
}

static void read_frame(struct node *node)
{
    const json_t *json = node->event->json;
    const json_t *header = json_object_get(json, "header");
    const json_t *payload = json_object_get(json, "payload");
    const json_t *id = json_object_get(payload, "id");

    node->type = json_string_value(json_object_get(payload, "type"));
    node->data = json_object_get(payload, "data");
    if (node->event->edge == EDGE_SERVER_ONESHOT)
        node->data = json;
    else if (node->event->edge == EDGE_ONESHOT_SERVER || node->event->edge == EDGE_STREAM_SERVER)
        node->data = json_object_get(json, "data") ? json_object_get(json, "data") : node->data;
    node->id = json_string_value(id ? id : json_object_get(header, "id"));
}

static bool is_of_clients(const struct event *event)
{
    return event->edge == EDGE_CLIENT_SERVER || event->edge == EDGE_SERVER_CLIENT;
}

/* Ends between servers, and where a server hangs up on a handler, mean nothing. */
static bool is_talk(const struct event *event)
{
    if (is_end(event))
        return is_of_clients(event) || event->edge == EDGE_ONESHOT_SERVER ||
               event->edge == EDGE_STREAM_SERVER;
    bool frame = event->kind == EVENT_FRAME || event->kind == EVENT_SAID;
    return frame && event->edge <= EDGE_STREAM_SERVER && !said_word(event, "silent");
}

static void note_features(struct session *session, const struct node *login)
{
    const json_t *features =
        json_object_get(json_object_get(login->event->json, "header"), "features");

    for (size_t i = 0; i < json_array_size(features); i++) {
        const char *name = json_string_value(json_array_get(features, i));
        session->acks = session->acks || (name && strcmp(name, "acks") == 0);
    }
}

static void note_session(struct node *node)
{
    struct session *session = node->session;

    switch (node->kind) {
    case NODE_LOGIN:
        note_features(session, node);
        session->last = node;
        break;
    case NODE_MESSAGE:
    case NODE_ACK:
        session->last = node;
        break;
    case NODE_CLOSE:
    case NODE_END:
        session->closed = true;
        break;
    default:
        break;
    }
}

static struct node *node_new(struct talk *self, const struct event *event)
{
    struct node *node = must_alloc(sizeof(*node));

    node->event = event;
    if (is_of_clients(event))
        node->session = session_of(self, event);
    read_frame(node);
    node->kind = kind_of(node);
    if (node->kind == NODE_ANSWER) {
        json_t *commands = node_commands(node);
        node->used = must_alloc((json_array_size(commands) + 1) * sizeof(*node->used));
        json_decref(commands);
    }
    return node;
}

static void node_free(struct node *self)
{
    free(self->children);
    free(self->used);
    free(self->capture);
    free(self->label);
    free(self);
}

static void talk_add(struct talk *self, const struct event *event, uint64_t last)
{
    struct node *node = node_new(self, event);

    talk_find_parent(self, node);
    /* Servers that end hang up, which is nobody's line. */
    bool ends = node->kind == NODE_END || node->kind == NODE_CLOSE;
    if (event->number > last && (ends || !node->parent)) {
        node_free(node);
        return;
    }
    if (node->parent) {
        must_grow(node->parent->children, node->parent->child_count);
        node->parent->children[node->parent->child_count++] = node;
    }
    if (node->session)
        note_session(node);
    must_grow(self->nodes, self->node_count);
    self->nodes[self->node_count++] = node;
}

/* ---- who hung up, and when ------------------------------------------------------------------- */

/* What came when nobody was there to hear it, nobody was told. */
static void take_back(struct node *node)
{
    node->left_out = true;
    if (node->parent && node->kind == NODE_REPLY)
        node->parent->done = false;
}

/* A client that is gone without having read all: which of the reports for what it said
 * last it has still read, nobody can tell; so none. Messages of others that came
 * before its end are as good as read, unless it waited for nothing. */
static void take_back_unread(struct talk *self, const struct session *session, size_t at)
{
    size_t said = at;
    bool unread = false;

    while (said > 0 && !(self->nodes[said - 1]->session == session &&
                           self->nodes[said - 1]->event->edge == EDGE_CLIENT_SERVER))
        said--;
    for (size_t i = said; i < self->node_count; i++)
        if (self->nodes[i]->session == session && self->nodes[i]->kind == NODE_REPLY &&
            self->nodes[i]->parent && self->nodes[i]->parent->kind == NODE_MESSAGE) {
            take_back(self->nodes[i]);
            unread = true;
        }
    for (size_t i = unread ? said : at + 1; i < self->node_count; i++)
        if (self->nodes[i]->session == session && i != at)
            take_back(self->nodes[i]);
}

static bool is_graceful(const struct event *end)
{
    return end->kind != EVENT_END || strcmp(end->bytes, "(closed the connection)") == 0;
}

/* A client that has only ended what it says may still hear: then it hangs up behind
 * that. */
static void move_close(struct talk *self, size_t from, size_t to)
{
    struct node *closing = self->nodes[from];

    memmove(self->nodes + from, self->nodes + from + 1, (to - from) * sizeof(*self->nodes));
    self->nodes[to] = closing;
    closing->event = self->nodes[to - 1]->event; /* from here on it is as late as that */
}

static void settle_close(struct talk *self, size_t at)
{
    const struct session *session = self->nodes[at]->session;
    bool gone = !is_graceful(self->nodes[at]->event);
    size_t last = at;

    for (size_t i = at + 1; i < self->node_count; i++) {
        bool heard = self->nodes[i]->event->edge == EDGE_SERVER_CLIENT;

        if (self->nodes[i]->session != session)
            continue;
        gone = gone || self->nodes[i]->kind == NODE_CLOSE;
        last = heard && self->nodes[i]->kind != NODE_END ? i : last;
    }
    if (gone)
        take_back_unread(self, session, at);
    else if (last > at)
        move_close(self, at, last);
}

static void settle_closes(struct talk *self)
{
    for (size_t i = self->node_count; i > 0; i--) {
        const struct node *node = self->nodes[i - 1];
        bool first = node->kind == NODE_CLOSE;

        for (size_t k = 0; k < i - 1 && first; k++)
            first = self->nodes[k]->session != node->session || self->nodes[k]->kind != NODE_CLOSE;
        if (first)
            settle_close(self, i - 1);
    }
}

void talk_read(struct talk *self, const struct timeline *timeline, const struct topology *topology,
    uint64_t last)
{
    *self =
        (struct talk){.scenario = timeline_scenario(timeline), .topology = topology, .last = last};
    for (const struct event *event = timeline_first(timeline); event; event = event->next)
        if (is_talk(event))
            talk_add(self, event, last);
    settle_closes(self);
}

void talk_release(struct talk *self)
{
    for (size_t i = 0; i < self->node_count; i++)
        node_free(self->nodes[i]);
    for (size_t i = 0; i < self->session_count; i++)
        free(self->sessions[i]);
    for (size_t i = 0; i < self->person_count; i++) {
        free(self->people[i]->user);
        free(self->people[i]->name);
        free(self->people[i]);
    }
    free(self->nodes);
    free(self->sessions);
    free(self->people);
    *self = (struct talk){0};
}

/* ---- questions ------------------------------------------------------------------------------- */

bool talk_plays(const struct talk *self, int handler)
{
    return !self->real_handlers || !self->scenario->members[handler].handler.run;
}

struct node *node_root(const struct node *self)
{
    while (self->parent)
        self = self->parent;
    return (struct node *)self;
}

bool talk_is_done(const struct talk *self)
{
    for (size_t i = 0; i < self->node_count; i++) {
        const struct node *node = self->nodes[i];
        bool asks = node->kind == NODE_MESSAGE || node->kind == NODE_LOGIN ||
                    node->kind == NODE_QUESTION || node->kind == NODE_FORWARD;

        if (asks && !node->done && !(node->session && node->session->closed))
            return false;
    }
    return true;
}
