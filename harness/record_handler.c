/* What stands on the lines between servers and handlers, and on lines without words. */
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/record_line.h"

/* What the server or the harness puts into the header by itself is not said again;
 * least of all a password. */
json_t *scribe_without_header(const struct node *node, const char *const *names)
{
    json_t *wire = must_json(json_copy(node->event->json));
    json_t *header = json_object_get(wire, "header");

    if (!json_is_object(header))
        return wire;
    header = must_json(json_copy(header));
    for (; *names; names++)
        json_object_del(header, *names);
    json_object_set_new(wire, "header", header);
    return wire;
}

static bool wants_ask(const struct node *node, const json_t *data)
{
    return node->event->edge == EDGE_SERVER_STREAM && json_object_size(data) == 2 &&
           json_object_get(data, "header") && json_object_get(data, "payload");
}

/* A question that something refers to by name. */
static bool is_referred_to(const struct scribe *self, const struct node *node)
{
    if (!talk_plays(self->talk, node->event->to))
        return false;
    for (size_t i = 0; i < self->talk->node_count; i++)
        if (self->talk->nodes[i]->late_for == node)
            return true;
    return false;
}

json_t *scribe_question(struct scribe *self, struct node *node)
{
    struct value_place place = scribe_place(self, node);
    json_t *data = values_show(&self->values, node->data, &place);
    json_t *shown = form_show(EDGE_SERVER_ONESHOT, data);
    bool in_words = json_object_get(shown, "ask") && !json_equal(shown, data);

    if (!in_words && (wants_ask(node, data) || is_referred_to(self, node))) {
        json_decref(shown);
        shown = must_json(json_pack("{s:O}", "ask", data));
    }
    if (is_referred_to(self, node)) {
        node->label = must_print("q%u", ++self->labels);
        json_object_set_new(shown, "as", json_string(node->label));
    }
    json_decref(data);
    return shown;
}

/* ---- what handlers say ----------------------------------------------------------------------- */

json_t *scribe_raw(struct scribe *self, const struct node *node)
{
    /* What the harness said in bytes is told in words already. */
    if (node->event->kind == EVENT_SAID && !node->event->json)
        return must_json(json_loads(node->event->bytes, 0, NULL));
    json_t *text =
        values_show_bytes(&self->values, (struct span){node->event->bytes, node->event->len});

    if (text)
        return must_json(json_pack("{s:o}", "raw", text));
    char *hex = must_alloc(node->event->len * 2 + 9);
    unsigned len = (unsigned)node->event->len;
    snprintf(hex, 9, "%02x%02x%02x%02x", len & 255, len >> 8 & 255, len >> 16 & 255, len >> 24);
    for (size_t i = 0; i < node->event->len; i++)
        snprintf(hex + 8 + 2 * i, 3, "%02x", (unsigned char)node->event->bytes[i]);
    json_t *value = must_json(json_pack("{s:s}", "hex", hex));
    free(hex);
    return value;
}

/* A handler that speaks first has no question to answer; a play says that as if it
 * were one more answer to a question before. There may be none. */
static struct node *question_before(const struct scribe *self, const struct node *node)
{
    struct node *found = NULL;

    for (size_t i = 0; i < self->talk->node_count; i++) {
        struct node *other = self->talk->nodes[i];

        if (other->kind == NODE_QUESTION && other->event->to == node->event->from && other->label &&
            other->event->number < node->event->number)
            found = other;
    }
    return found;
}

json_t *scribe_answer(struct scribe *self, struct node *node)
{
    static const char *const ours[] = {"exchange", "trace", NULL};
    struct value_place place = scribe_place(self, node);
    const json_t *status = json_object_get(json_object_get(node->event->json, "header"), "status");
    const struct node *question = node->late_for ? node->late_for : node->parent;

    if (!question && place.said) {
        question = question_before(self, node);
        if (!question)
            return NULL;
        json_t *raw = scribe_raw(self, node);
        json_object_set_new(raw, "answers", json_string(question->label));
        return raw;
    }
    json_t *wire = scribe_without_header(node, ours);
    json_t *words = status ? form_show(node->event->edge, wire) : json_incref(wire);
    if (json_is_string(status) && strcmp(json_string_value(status), "0") == 0)
        json_object_del(words, "status");
    json_t *shown = values_show(&self->values, words, &place);
    if (question && question->label)
        json_object_set_new(shown, "answers", json_string(question->label));
    json_decref(words);
    json_decref(wire);
    return shown;
}

json_t *scribe_silence(const struct node *question)
{
    json_t *value = must_json(json_pack("{s:b}", "silent", 1));

    if (question->label)
        json_object_set_new(value, "answers", json_string(question->label));
    return value;
}
