/* The order in which a recording is told. */
#include "harness/record_talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

struct order {
    struct talk *talk;
    struct node **roots; /* in the order of what was seen */
    size_t root_count;
    bool *racing; /* [person][person]: they spoke at the same time */
    struct tellings *out;
};

/* ---- what is told at all --------------------------------------------------------------------- */

static const struct node *child_of_kind(const struct node *self, enum node_kind kind)
{
    for (size_t i = 0; i < self->child_count; i++)
        if (self->children[i]->kind == kind && !self->children[i]->left_out)
            return self->children[i];
    return NULL;
}

static bool is_bad(const struct node *reply)
{
    const json_t *header = json_object_get(reply->event->json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));

    return status && strcmp(status, "bad") == 0;
}

/* A message without a report, a login without an answer; and what was only refused
 * because the recording was over. */
static bool has_no_end(const struct talk *talk, const struct node *root)
{
    const struct node *reply = child_of_kind(root, NODE_REPLY);

    if (root->kind == NODE_LOGIN)
        return !root->done;
    if (root->kind != NODE_MESSAGE)
        return false;
    if (!root->done)
        return !root->session->closed;
    return reply && reply->event->number > talk->last && is_bad(reply);
}

/* An answer behind the report is a matter of its own: the report did not wait for
 * it. On a connection of its own nobody hears it any more. */
static void take_off_late(struct node *node)
{
    const struct node *reply = child_of_kind(node_root(node), NODE_REPLY);
    struct node *parent = node->parent;

    if (node->kind != NODE_ANSWER || !parent || !reply ||
        reply->event->number > node->event->number)
        return;
    if (node->event->edge == EDGE_ONESHOT_SERVER)
        node->left_out = true;
    node->parent = NULL;
    node->late_for = parent;
    parent->done = false;
    for (size_t i = 0; i < parent->child_count; i++)
        if (parent->children[i] == node)
            parent->children[i] = parent->children[--parent->child_count];
}

/* Who comes while a question is open, and gets what the answer brings, comes
 * between the two. */
static void move_login(struct node *delivery)
{
    struct node *login = delivery->session ? delivery->session->login : NULL;
    struct node *question = delivery->parent ? delivery->parent->parent : NULL;

    if (delivery->kind != NODE_DELIVERY || !login || login->parent || !question ||
        node_root(delivery) == login || node_root(delivery)->event->number > login->event->number)
        return;
    login->parent = question;
    must_grow(question->children, question->child_count);
    question->children[question->child_count++] = login;
}

static void prepare(struct order *self)
{
    struct talk *talk = self->talk;

    for (size_t i = 0; i < talk->node_count; i++)
        talk->nodes[i]->left_out = talk->nodes[i]->left_out ||
                                   (!talk->nodes[i]->parent && has_no_end(talk, talk->nodes[i]));
    for (size_t i = 0; i < talk->node_count; i++)
        take_off_late(talk->nodes[i]);
    for (size_t i = 0; i < talk->node_count; i++)
        move_login(talk->nodes[i]);
    self->roots = must_alloc(talk->node_count * sizeof(*self->roots));
    for (size_t i = 0; i < talk->node_count; i++) {
        struct node *node = talk->nodes[i];
        struct node *root = node_root(node);

        if (node->event->number > root->through)
            root->through = node->event->number;
        if (root == node && !node->left_out)
            self->roots[self->root_count++] = node;
    }
}

/* ---- people ---------------------------------------------------------------------------------- */

/* As in the cast: who has a seat, then the others by server and name. */
static int compare_people(const void *a, const void *b)
{
    const struct person *left = *(struct person *const *)a;
    const struct person *right = *(struct person *const *)b;
    int order;

    if ((left->seat < 0) != (right->seat < 0))
        return left->seat < 0 ? 1 : -1;
    if (left->seat != right->seat)
        return left->seat < right->seat ? -1 : 1;
    if (left->server != right->server)
        return left->server < right->server ? -1 : 1;
    order = strcmp(left->user, right->user);
    if (order != 0)
        return order;
    return (left->via > right->via) - (left->via < right->via);
}

/* Insertion keeps those that are equal in the order in which they came. */
static void sort_people(struct talk *talk)
{
    for (size_t i = 1; i < talk->person_count; i++)
        for (size_t k = i; k > 0 && compare_people(&talk->people[k - 1], &talk->people[k]) > 0;
             k--) {
            struct person *person = talk->people[k];

            talk->people[k] = talk->people[k - 1];
            talk->people[k - 1] = person;
        }
    for (size_t i = 0; i < talk->person_count; i++)
        talk->people[i]->place = i;
}

/* ---- which root before which ----------------------------------------------------------------- */

static const struct person *speaker(const struct node *root)
{
    return root->kind == NODE_MESSAGE || root->kind == NODE_ACK ? root->session->person : NULL;
}

static bool is_heard(const struct node *node, const struct session *session, uint64_t before)
{
    if (node->session == session && node->event->number < before)
        return true;
    for (size_t i = 0; i < node->child_count; i++)
        if (is_heard(node->children[i], session, before))
            return true;
    return false;
}

/* Whether a was the first, and b's speaker had heard of it. */
static bool is_known(const struct node *a, const struct node *b)
{
    return b->session && (a->session == b->session || is_heard(a, b->session, b->event->number));
}

static bool *race_of(struct order *self, const struct person *a, const struct person *b)
{
    size_t low = a->place < b->place ? a->place : b->place;
    size_t high = a->place < b->place ? b->place : a->place;

    return &self->racing[low * self->talk->person_count + high];
}

static void find_races(struct order *self)
{
    size_t people = self->talk->person_count;

    self->racing = must_alloc(people * people * sizeof(*self->racing));
    for (size_t i = 0; i < self->root_count; i++) {
        const struct node *a = self->roots[i];

        for (size_t k = i + 1; k < self->root_count && self->roots[k]->event->number < a->through;
             k++) {
            const struct node *b = self->roots[k];

            if (speaker(a) && speaker(b) && !is_known(a, b))
                *race_of(self, speaker(a), speaker(b)) = true;
        }
    }
}

/* a was seen first. */
static bool must_precede(struct order *self, const struct node *a, const struct node *b)
{
    if (!speaker(a) || !speaker(b) || speaker(a) == speaker(b))
        return true;
    if (*race_of(self, speaker(a), speaker(b)))
        return is_known(a, b);
    return true;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(struct order *self, struct node *node, bool silence)
{
    must_grow(self->out->items, self->out->count);
    self->out->items[self->out->count++] = (struct telling){.node = node, .silence = silence};
}

static size_t place_of(const struct node *node)
{
    return node->session ? node->session->person->place : (size_t)node->event->to;
}

static int compare_children(const void *a, const void *b)
{
    const struct node *left = *(struct node *const *)a;
    const struct node *right = *(struct node *const *)b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (place_of(left) != place_of(right))
        return place_of(left) < place_of(right) ? -1 : 1;
    return (left->event->number > right->event->number) -
           (left->event->number < right->event->number);
}

/* A client that hangs up without waiting for its reports: all that it says, and its
 * end, come before anything that could bring one. */
static void tell_hurried(struct order *self, const struct session *session)
{
    for (size_t i = 0; i < self->root_count; i++) {
        struct node *node = self->roots[i];
        bool hurried = (node->kind == NODE_MESSAGE && !node->done) || node->kind == NODE_CLOSE;

        if (node->session != session || node->told || !hurried)
            continue;
        node->told = true;
        tell(self, node, false);
    }
}

static void tell_tree(struct order *self, struct node *node)
{
    bool hurried = node->kind == NODE_MESSAGE && !node->done;
    bool ended = false;

    if (node->left_out)
        return;
    if (hurried && !node->told)
        tell_hurried(self, node->session);
    if (!node->told)
        tell(self, node, false);
    node->told = true;
    if (node->child_count)
        qsort(node->children, node->child_count, sizeof(*node->children), compare_children);
    for (size_t i = 0; i < node->child_count; i++) {
        tell_tree(self, node->children[i]);
        ended =
            ended || node->children[i]->kind == NODE_ANSWER || node->children[i]->kind == NODE_END;
    }
    if (node->kind == NODE_QUESTION && !ended && talk_plays(self->talk, node->event->to))
        tell(self, node, true);
}

/* Whether what comes to one client stands in the order in which it came. */
static bool is_in_order(const struct tellings *out, size_t first)
{
    for (size_t i = first; i < out->count; i++) {
        const struct node *node = out->items[i].node;

        if (!node->session || out->items[i].silence || node->event->edge != EDGE_SERVER_CLIENT)
            continue;
        for (size_t k = i + 1; k < out->count; k++) {
            const struct node *other = out->items[k].node;

            if (other->session == node->session && other->event->edge == EDGE_SERVER_CLIENT &&
                other->event->number < node->event->number)
                return false;
        }
    }
    return true;
}

static int compare_tellings(const void *a, const void *b)
{
    const struct telling *left = a;
    const struct telling *right = b;
    uint64_t at_left = left->node->event->number;
    uint64_t at_right = right->node->event->number;

    if (at_left != at_right)
        return at_left < at_right ? -1 : 1;
    return (int)left->silence - (int)right->silence;
}

static void tell_root(struct order *self, struct node *root)
{
    size_t first = self->out->count;

    tell_tree(self, root);
    /* One message that reaches somebody in two ways: as it was is right, at least. */
    if (!is_in_order(self->out, first))
        qsort(self->out->items + first, self->out->count - first, sizeof(*self->out->items),
            compare_tellings);
}

/* ---- the order of roots ---------------------------------------------------------------------- */

static bool is_free(struct order *self, const bool *told, size_t first, size_t at)
{
    for (size_t i = first; i < at; i++)
        if (!told[i] && must_precede(self, self->roots[i], self->roots[at]))
            return false;
    return true;
}

/* Of those that may come now, the one whose speaker stands first in the cast. What
 * is not a message waits for all before it, and all behind it wait for it. */
static size_t next_root(struct order *self, const bool *told, size_t first)
{
    bool *asked = must_alloc(self->talk->person_count * sizeof(*asked));
    size_t found = first;
    size_t place = SIZE_MAX;

    for (size_t i = first; i < self->root_count; i++) {
        if (told[i])
            continue;
        const struct person *person = speaker(self->roots[i]);
        if (!person)
            break;
        if (i == first)
            place = person->place;
        /* What one says later can't come before what he said first. */
        bool sooner = !asked[person->place] && i != first && person->place < place &&
                      is_free(self, told, first, i);
        if (sooner) {
            found = i;
            place = person->place;
        }
        asked[person->place] = true;
    }
    free(asked);
    return found;
}

void talk_order(struct talk *self, struct tellings *out)
{
    struct order order = {.talk = self, .out = out};
    size_t first = 0;

    *out = (struct tellings){0};
    prepare(&order);
    sort_people(self);
    find_races(&order);
    bool *told = must_alloc(order.root_count * sizeof(*told));
    for (size_t i = 0; i < order.root_count; i++) {
        while (told[first])
            first++;
        size_t next = next_root(&order, told, first);
        told[next] = true;
        tell_root(&order, order.roots[next]);
    }
    free(told);
    free(order.racing);
    free(order.roots);
}
