/* What the parts of a play are, and the order of their members. */
#include "harness/canonical_tree.h"

#include <stdlib.h>
#include <string.h>

/* Members of the first list come first, in its order, those of the second last; any
 * other name stands between the two, where it was written. */
static const struct order {
    const char *first[14];
    const char *last[16];
} orders[ROLE_COUNT] = {
    [ROLE_PLAY] = {{"play", "note", "needs", "proves", "deadlineMs", "servers", "peers", "handlers",
                       "clients"},
        {"steps"}},
    [ROLE_MEMBER] = {{"note", "on", "type", "user", "password", "accounts", "via", "listen",
                         "logsIn", "run", "protocol", "startedBy", "absent"},
        {"config", "rules"}},
    [ROLE_RULE] = {{"note", "when", "reply"}, {"times", "delayMs"}},
    [ROLE_STEP] = {{NULL}, {"signal", "exit", "log", "at", "ms", "bytesPerSecond", "length",
                               "times", "deadlineMs", "note", "with", "steps"}},
};

/* What a member is, by its name and by what holds it. */
static const struct part {
    enum canonical_role in;
    const char *name; /* NULL: every member or element */
    enum canonical_role role;
} parts[] = {
    {ROLE_PLAY, "servers", ROLE_SECTION},
    {ROLE_PLAY, "peers", ROLE_SECTION},
    {ROLE_PLAY, "handlers", ROLE_SECTION},
    {ROLE_PLAY, "clients", ROLE_SECTION},
    {ROLE_PLAY, "steps", ROLE_STEPS},
    {ROLE_SECTION, NULL, ROLE_MEMBER},
    {ROLE_MEMBER, "rules", ROLE_RULES},
    {ROLE_RULES, NULL, ROLE_RULE},
    {ROLE_STEPS, NULL, ROLE_STEP},
    {ROLE_LINES, NULL, ROLE_STEP},
    {ROLE_STRANDS, NULL, ROLE_LINES},
    {ROLE_STEP, "steps", ROLE_LINES},
    {ROLE_STEP, "any order", ROLE_LINES},
    {ROLE_STEP, "together", ROLE_STRANDS},
};
enum { PART_COUNT = sizeof(parts) / sizeof(parts[0]), RANK_BETWEEN = 100 };

static enum canonical_role role_of(
    const struct canonical_node *item, enum canonical_role in, bool in_object)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        if (parts[i].in == in &&
            (parts[i].name ? in_object && json_string_is(item->name, parts[i].name) : true))
            return parts[i].role;
    return in == ROLE_OTHER ? ROLE_OTHER : ROLE_DATA;
}

static int rank_of(const struct canonical_node *item, const struct order *order)
{
    for (int i = 0; i < 14 && order->first[i]; i++)
        if (json_string_is(item->name, order->first[i]))
            return i;
    for (int i = 0; i < 16 && order->last[i]; i++)
        if (json_string_is(item->name, order->last[i]))
            return RANK_BETWEEN + 1 + i;
    return RANK_BETWEEN;
}

/* By insertion: stable, and a part of a play has few members. The empty lines of an
 * object whose order changes have lost their meaning. */
static void sort_members(struct canonical_node *self, const struct order *order)
{
    bool moved = false;

    for (size_t i = 1; i < self->count; i++) {
        struct canonical_node item = self->items[i];
        int rank = rank_of(&item, order);
        size_t to = i;

        for (; to > 0 && rank_of(&self->items[to - 1], order) > rank; to--)
            self->items[to] = self->items[to - 1];
        self->items[to] = item;
        moved = moved || to != i;
    }
    for (size_t i = 0; moved && i < self->count; i++)
        self->items[i].apart = false;
}

void canonical_tree_order(struct canonical_node *self, enum canonical_role role)
{
    bool is_object = self->kind == JSON_KIND_OBJECT;
    const struct order *order = &orders[role];

    self->role = role;
    if (is_object && (order->first[0] || order->last[0]))
        sort_members(self, order);
    for (size_t i = 0; i < self->count; i++)
        canonical_tree_order(&self->items[i], role_of(&self->items[i], role, is_object));
}
