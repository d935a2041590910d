#include "harness/record_line.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* What took so long is given more time in the play than a play gives by itself. */
enum { SLOW_MS = 2500, DEADLINE_FIRST_MS = 10000, DEADLINE_LAST_MS = 600000 };

/* ---- what of a frame the play compares ------------------------------------------------------- */

/* Words that differ from run to run, or tell what another line tells, are left out. */
static const struct kept_words {
    enum node_kind kind;
    const char *words[8];
} kept_words[] = {
    {NODE_REPLY, {"status", "type", "data", "id", "outcome", "recipients", "reason"}},
    {NODE_DELIVERY, {"type", "data", "from", "authenticated", "seq"}},
    {NODE_FORWARD, {"type", "data", "id"}},
    {NODE_FORWARD_DONE, {"status", "id", "outcome", "recipients", "reason"}},
};

static const struct kept_words *kept_of(enum node_kind kind)
{
    for (size_t i = 0; i < sizeof(kept_words) / sizeof(kept_words[0]); i++)
        if (kept_words[i].kind == kind)
            return &kept_words[i];
    return NULL;
}

static bool is_kept(const struct kept_words *kept, const char *word)
{
    for (size_t i = 0; i < sizeof(kept->words) / sizeof(kept->words[0]) && kept->words[i]; i++)
        if (strcmp(kept->words[i], word) == 0)
            return true;
    return false;
}

static json_t *without_words(const struct node *node, json_t *words)
{
    const struct kept_words *kept = kept_of(node->kind);
    json_t *result;
    const char *name;
    json_t *member;

    /* A whole frame: no words fit, so all of it is compared. */
    if (!kept || json_object_get(words, "header") || json_object_get(words, "payload"))
        return words;
    result = must_json(json_object());
    json_object_foreach (words, name, member) {
        bool told = is_kept(kept, name) && !(strcmp(name, "seq") == 0 && !node->session->acks);
        if (told)
            json_object_set(result, name, member);
    }
    json_decref(words);
    return result;
}

/* ---- who says it ----------------------------------------------------------------------------- */

static const char *name_of(const struct scribe *self, const struct node *node, int member)
{
    const struct member *cast = &self->talk->scenario->members[member];

    return cast->kind == MEMBER_CLIENT ? node->session->person->name : cast->name;
}

static char *arrow_of(const struct scribe *self, const struct node *node, bool back)
{
    int from = back ? node->event->to : node->event->from;
    int to = back ? node->event->from : node->event->to;

    if (node->kind == NODE_CLOSE) {
        to = node->session->person->server;
        from = node->session->member;
    }
    return must_print("%s > %s", name_of(self, node, from), name_of(self, node, to));
}

bool scribe_says(const struct scribe *self, const struct node *node)
{
    enum edge_kind edge = node->event->edge;

    if (edge == EDGE_ONESHOT_SERVER || edge == EDGE_STREAM_SERVER)
        return talk_plays(self->talk, node->event->from);
    return edge == EDGE_CLIENT_SERVER;
}

struct value_place scribe_place(const struct scribe *self, const struct node *node)
{
    bool said = scribe_says(self, node);

    return (struct value_place){.said = said,
        .builtin = node->kind == NODE_REPLY && node->type && strcmp(node->type, "builtin") == 0,
        .seen_from = said ? node->event->to : node->event->from};
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void give_capture(
    struct scribe *self, struct node *node, const char *prefix, unsigned *count)
{
    node->capture = must_print("%s%u", prefix, ++*count);
    if (node->id)
        values_bind(&self->values, node->id, node->capture);
}

static void set_capture(json_t *words, const struct node *source)
{
    json_t *payload = json_object_get(words, "payload");
    json_t *holder = json_object_get(words, "id") ? words : payload;

    if (source && source->capture && json_is_string(json_object_get(holder, "id")))
        json_object_set_new(holder, "id", json_sprintf("<%s>", source->capture));
}

/* ---- clients --------------------------------------------------------------------------------- */

static const char *text_at(const json_t *json, const char *a, const char *b, const char *c)
{
    const json_t *outer = json_object_get(json, a);

    return json_string_value(json_object_get(json_object_get(outer, b), c));
}

static const char *password_of(const struct node *login)
{
    return text_at(login->event->json, "header", "authentication", "password");
}

/* Features that the server has, too: the others change nothing. */
static json_t *features_of(const struct node *login)
{
    const json_t *wanted =
        json_object_get(json_object_get(login->event->json, "header"), "features");
    const struct node *reply = login->child_count > 0 ? login->children[0] : NULL;
    const json_t *server =
        json_object_get(json_object_get(reply ? reply->event->json : NULL, "payload"), "server");
    const json_t *there = json_object_get(server, "features");
    json_t *features = must_json(json_array());

    for (size_t i = 0; i < json_array_size(wanted); i++)
        for (size_t k = 0; k < json_array_size(there); k++)
            if (json_equal(json_array_get(wanted, i), json_array_get(there, k)))
                json_array_append(features, json_array_get(wanted, i));
    return features;
}

/* The password that the cast gives him; with the open database, any. */
static bool has_usual_password(const struct scribe *self, const struct node *login)
{
    const struct person *person = login->session->person;
    const json_t *accounts = self->talk->scenario->members[person->server].server.accounts;
    const char *usual = json_string_value(json_object_get(accounts, person->user));
    const char *password = password_of(login);

    return !accounts || (usual && password && strcmp(usual, password) == 0);
}

static bool is_good(const struct node *login)
{
    for (size_t i = 0; i < login->child_count; i++) {
        const char *status = json_string_value(
            json_object_get(json_object_get(login->children[i]->event->json, "header"), "status"));

        if (login->children[i]->kind == NODE_REPLY)
            return status && strcmp(status, "good") == 0;
    }
    return false;
}

bool scribe_is_usual_login(const struct scribe *self, const struct node *login)
{
    json_t *features = features_of(login);
    bool plain = json_array_size(features) == 0;

    json_decref(features);
    return plain && is_good(login) && has_usual_password(self, login);
}

static json_t *login_value(struct scribe *self, const struct node *node)
{
    json_t *words = must_json(json_object());
    json_t *features = features_of(node);
    const char *password = password_of(node);

    if (!has_usual_password(self, node) && password)
        json_object_set_new(words, "password", json_string(values_secret(&self->values, password)));
    if (json_array_size(features) > 0)
        json_object_set(words, "features", features);
    json_decref(features);
    return must_json(json_pack("{s:o}", "login", words));
}

static json_t *message_value(struct scribe *self, struct node *node)
{
    static const char *const ours[] = {"scope", "authentication", NULL};
    struct value_place place = scribe_place(self, node);
    json_t *wire = scribe_without_header(node, ours);
    json_t *words = form_show(node->event->edge, wire);
    json_t *shown = values_show(&self->values, words, &place);

    json_decref(words);
    json_decref(wire);
    if (node->id && json_object_get(json_object_get(node->event->json, "payload"), "id")) {
        give_capture(self, node, "m", &self->messages);
        set_capture(shown, node);
    }
    return shown;
}

/* The number that it acknowledges is the one that the server gave. */
static json_t *ack_value(struct scribe *self, const struct node *node)
{
    const json_t *ack = json_object_get(json_object_get(node->event->json, "header"), "ack");

    for (size_t i = 0; i < self->talk->node_count; i++) {
        const struct node *delivery = self->talk->nodes[i];
        const json_t *seq =
            json_object_get(json_object_get(delivery->event->json, "header"), "seq");

        if (delivery->session == node->session && delivery->capture && seq && ack &&
            json_equal(seq, ack))
            return must_json(json_pack("{s:s+}", "ack", "<", delivery->capture, ">"));
    }
    return must_json(json_pack("{s:O}", "ack", ack));
}

/* ---- what servers say ------------------------------------------------------------------------ */

static json_t *report_value(struct scribe *self, struct node *node)
{
    struct value_place place = scribe_place(self, node);
    json_t *words = without_words(node, form_show(node->event->edge, node->event->json));
    json_t *shown = values_show(&self->values, words, &place);

    json_decref(words);
    set_capture(shown, node->parent);
    return shown;
}

static json_t *delivery_value(struct scribe *self, struct node *node)
{
    json_t *shown = report_value(self, node);

    if (json_object_get(shown, "seq")) {
        node->capture = must_print("s%u", ++self->acks);
        json_object_set_new(shown, "seq", json_sprintf("<%s:int>", node->capture));
    }
    return shown;
}

/* A server may pass the id of the message on, or give one of its own. */
static json_t *forward_value(struct scribe *self, struct node *node)
{
    const struct node *root = node_root(node);
    json_t *shown = report_value(self, node);

    if (!node->id)
        return shown;
    if (root->capture && root->id && strcmp(root->id, node->id) == 0)
        node->capture = must_copy(root->capture);
    else
        give_capture(self, node, "f", &self->forwards);
    set_capture(shown, node);
    return shown;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static json_t *close_value(struct scribe *self, struct node *node)
{
    /* A real handler hangs up by itself, and no line needs to say so. */
    if (node->kind == NODE_END && !node->session && !scribe_says(self, node))
        return NULL;
    return must_json(json_pack("{s:b}", "close", 1));
}

/* ---- a step ---------------------------------------------------------------------------------- */

static json_t *login_line(struct scribe *self, struct node *node)
{
    return login_value(self, node);
}

static json_t *ack_line(struct scribe *self, struct node *node)
{
    return ack_value(self, node);
}

static json_t *(*const values_of[])(struct scribe *self, struct node *node) = {
    [NODE_LOGIN] = login_line,
    [NODE_CLOSE] = close_value,
    [NODE_ACK] = ack_line,
    [NODE_MESSAGE] = message_value,
    [NODE_DELIVERY] = delivery_value,
    [NODE_FORWARD] = forward_value,
    [NODE_QUESTION] = scribe_question,
    [NODE_ANSWER] = scribe_answer,
    [NODE_FORWARD_DONE] = report_value,
    [NODE_REPLY] = report_value,
    [NODE_END] = close_value,
    [NODE_UNKNOWN] = NULL,
};

/* Twice as long as it took, in steps that are the same for every recording. */
static unsigned deadline_ms(const struct node *node)
{
    double took = node->parent ? node->event->at_ms - node->parent->event->at_ms : 0;
    unsigned ms = DEADLINE_FIRST_MS;

    if (took < SLOW_MS)
        return 0;
    while (ms < took * 1.5 && ms < DEADLINE_LAST_MS)
        ms *= 2;
    return ms < DEADLINE_LAST_MS ? ms : DEADLINE_LAST_MS;
}

static json_t *value_of(struct scribe *self, const struct telling *telling)
{
    struct node *node = telling->node;
    bool ends = node->kind == NODE_CLOSE || node->kind == NODE_END;

    if (telling->silence)
        return scribe_silence(node);
    if (!ends && !node->event->json)
        return scribe_raw(self, node);
    return values_of[node->kind] ? values_of[node->kind](self, node) : NULL;
}

json_t *scribe_step(struct scribe *self, const struct telling *telling)
{
    const struct node *node = telling->node;
    json_t *value = value_of(self, telling);
    unsigned ms = telling->silence || scribe_says(self, node) ? 0 : deadline_ms(node);

    if (!value)
        return NULL;
    char *arrow = arrow_of(self, node, telling->silence);
    json_t *step = must_json(json_pack("{s:o}", arrow, value));
    if (ms)
        json_object_set_new(step, "deadlineMs", json_integer(ms));
    free(arrow);
    return step;
}
