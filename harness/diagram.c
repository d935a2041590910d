#include "harness/diagram.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* More lifelines than that nobody reads at one glance: their order is not worth the search. */
enum { ORDERED_COLUMNS_MAX = 24 };

/* ---- lifelines ------------------------------------------------------------------------------- */

static void add_column(struct diagram *self, const bool *takes_part, int member)
{
    for (size_t i = 0; i < self->column_count; i++)
        if (self->columns[i] == member)
            return;
    if (member >= 0 && takes_part[member] && self->scenario->members[member].kind != MEMBER_STDIO)
        self->columns[self->column_count++] = member;
}

static void add_named(struct diagram *self, const bool *takes_part, const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];

        if (step->kind == STEP_LINE) {
            add_column(self, takes_part, step->line.from);
            add_column(self, takes_part, step->line.to);
        }
        add_named(self, takes_part, &step->body);
    }
}

/* A log line alone makes nobody a part of the conversation, but a death does. */
static bool *find_parts(const struct diagram *self)
{
    const struct verdict *verdict = &self->attempt->verdict;
    bool *takes_part = must_alloc(self->scenario->member_count * sizeof(*takes_part));

    for (const struct event *event = timeline_first(self->attempt->timeline); event;
         event = event->next) {
        if (event->from >= 0)
            takes_part[event->from] = true;
        if (event->to >= 0)
            takes_part[event->to] = true;
    }
    if (verdict->from != verdict->to)
        takes_part[verdict->from] = takes_part[verdict->to] = true;
    return takes_part;
}

static void set_columns(struct diagram *self)
{
    bool *takes_part = find_parts(self);

    self->columns = must_alloc(self->scenario->member_count * sizeof(*self->columns));
    add_named(self, takes_part, &self->scenario->steps);
    for (size_t i = 0; i < self->scenario->member_count; i++)
        add_column(self, takes_part, (int)i);
    free(takes_part);
}

/* ---- their order ----------------------------------------------------------------------------- */

/* What a program reads and writes besides is its own affair: it stands on its lifeline. */
static void resolve_stdio(const struct diagram *self, int *from, int *to)
{
    const struct member *members = self->scenario->members;

    if (*from >= 0 && *to >= 0 && members[*from].kind == MEMBER_STDIO)
        *from = *to;
    else if (*from >= 0 && *to >= 0 && members[*to].kind == MEMBER_STDIO)
        *to = *from;
}

static size_t column_of(const struct diagram *self, int member)
{
    for (size_t i = 0; i < self->column_count; i++)
        if (self->columns[i] == member)
            return i;
    return 0;
}

/* How much there is between each two members; what the play names counts for more
 * than logins and what it does not ask for. */
static size_t *weigh_arrows(const struct diagram *self)
{
    size_t members = self->scenario->member_count;
    size_t *weights = must_alloc(members * members * sizeof(*weights));

    for (const struct event *event = timeline_first(self->attempt->timeline); event;
         event = event->next)
        if (event->from >= 0 && event->to >= 0 && event->kind != EVENT_END)
            weights[(size_t)event->from * members + (size_t)event->to] += event->line ? 10 : 1;
    return weights;
}

/* How far all arrows reach, as if each step from lifeline to lifeline were one. */
static size_t length_of(const struct diagram *self, const size_t *weights)
{
    size_t members = self->scenario->member_count;
    size_t length = 0;

    for (size_t i = 0; i < self->column_count; i++)
        for (size_t j = 0; j < self->column_count; j++)
            length += weights[(size_t)self->columns[i] * members + (size_t)self->columns[j]] *
                      (i < j ? j - i : i - j);
    return length;
}

static void move_column(struct diagram *self, size_t from, size_t to)
{
    int member = self->columns[from];

    if (from < to)
        memmove(&self->columns[from], &self->columns[from + 1], (to - from) * sizeof(int));
    else
        memmove(&self->columns[to + 1], &self->columns[to], (from - to) * sizeof(int));
    self->columns[to] = member;
}

/* The first stays where the play begins; any other moves to where it helps most. */
static bool improve(struct diagram *self, const size_t *weights, size_t *best)
{
    size_t from = 0;
    size_t to = 0;

    for (size_t i = 1; i < self->column_count; i++)
        for (size_t j = 1; j < self->column_count; j++) {
            move_column(self, i, j);
            size_t length = length_of(self, weights);
            move_column(self, j, i);
            if (length < *best) {
                *best = length;
                from = i;
                to = j;
            }
        }
    if (from == to)
        return false;
    move_column(self, from, to);
    return true;
}

static void order_columns(struct diagram *self)
{
    size_t *weights = weigh_arrows(self);
    size_t best = length_of(self, weights);

    while (self->column_count <= ORDERED_COLUMNS_MAX && improve(self, weights, &best)) {}
    free(weights);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const enum diagram_kind kinds[] = {
    [EVENT_FRAME] = DIAGRAM_MESSAGE,
    [EVENT_END] = DIAGRAM_END,
    [EVENT_SAID] = DIAGRAM_MESSAGE,
    [EVENT_LOG] = DIAGRAM_LOG,
    [EVENT_NOTE] = DIAGRAM_NOTE,
    [EVENT_FAULT] = DIAGRAM_FAULT,
};

static enum diagram_mark mark_of(const struct diagram *self, const struct event *event)
{
    const struct verdict *verdict = &self->attempt->verdict;

    if (event == verdict->got_event)
        return MARK_GOT;
    if (event == verdict->nearest_event)
        return MARK_NEAREST;
    return verdict->cause != CAUSE_NONE && event->pending && !event->optional ? MARK_UNASKED
                                                                              : MARK_NONE;
}

static struct diagram_row *last_row(struct diagram *self)
{
    return self->row_count > 0 ? &self->rows[self->row_count - 1] : NULL;
}

static void add_row(struct diagram *self, struct diagram_row row)
{
    must_grow(self->rows, self->row_count);
    self->rows[self->row_count++] = row;
}

/* A connection that the play itself ends. */
static bool is_close(const struct event *event)
{
    return event->kind == EVENT_SAID && !event->json &&
           strcmp(event->bytes, "{\"close\": true}") == 0;
}

static void add_event(struct diagram *self, const struct event *event)
{
    struct diagram_row *last = last_row(self);
    int from_member = event->from;
    int to_member = event->to;

    resolve_stdio(self, &from_member, &to_member);
    size_t from = from_member < 0 ? 0 : column_of(self, from_member);
    if (event->kind == EVENT_LOG && last && last->kind == DIAGRAM_LOG && last->from == from) {
        last->events++;
        return;
    }
    add_row(self, (struct diagram_row){.kind = is_close(event) ? DIAGRAM_END : kinds[event->kind],
                      .mark = mark_of(self, event),
                      .from = from,
                      .to = to_member < 0 ? from : column_of(self, to_member),
                      .at_ms = event->at_ms,
                      .first = event,
                      .events = 1});
}

static void add_expected(struct diagram *self)
{
    const struct verdict *verdict = &self->attempt->verdict;

    if (verdict->from == verdict->to || verdict->got_event)
        return;
    const struct event *last = timeline_last(self->attempt->timeline);
    int from = verdict->from;
    int to = verdict->to;

    resolve_stdio(self, &from, &to);
    add_row(self, (struct diagram_row){.kind = DIAGRAM_EXPECTED,
                      .mark = MARK_GOT,
                      .from = column_of(self, from),
                      .to = column_of(self, to),
                      .at_ms = last ? last->at_ms : 0});
}

/* The beginning tells how it came about, the end how it went wrong. */
static void leave_out_middle(struct diagram *self, size_t max_rows)
{
    if (self->row_count <= max_rows)
        return;
    size_t tail = max_rows / 2;
    size_t head = max_rows - tail;
    self->gap_at = head;
    self->gap_rows = self->row_count - max_rows;
    memmove(&self->rows[head], &self->rows[self->row_count - tail], tail * sizeof(*self->rows));
    self->row_count = max_rows;
}

bool diagram_is_arrow(const struct diagram_row *row)
{
    return row->from != row->to;
}

bool diagram_is_healing(const struct diagram_row *row)
{
    return row->kind == DIAGRAM_FAULT && strncmp(row->first->bytes, "healed", 6) == 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [MEMBER_SERVER] = "server",
    [MEMBER_HANDLER] = "handler",
    [MEMBER_CLIENT] = "client",
    [MEMBER_PEER] = "peer",
    [MEMBER_STDIO] = "stream",
};

const char *diagram_name(const struct diagram *self, size_t column)
{
    return self->scenario->members[self->columns[column]].name;
}

char *diagram_role(const struct diagram *self, size_t column)
{
    const struct member *member = &self->scenario->members[self->columns[column]];

    if (member->kind == MEMBER_HANDLER && member->on >= 0)
        return must_print("handler on %s", self->scenario->members[member->on].name);
    return must_copy(kind_names[member->kind]);
}

/* ---- life ------------------------------------------------------------------------------------ */

void diagram_init(struct diagram *self, const struct attempt *attempt, size_t max_rows)
{
    *self = (struct diagram){.attempt = attempt, .scenario = timeline_scenario(attempt->timeline)};
    set_columns(self);
    order_columns(self);
    for (const struct event *event = timeline_first(attempt->timeline); event; event = event->next)
        add_event(self, event);
    add_expected(self);
    leave_out_middle(self, max_rows);
}

void diagram_release(struct diagram *self)
{
    free(self->columns);
    free(self->rows);
    *self = (struct diagram){0};
}
