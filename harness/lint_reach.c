/* Lines on connections, and to processes, that are not there any more. */
#include "harness/lint_find.h"

#include <signal.h>
#include <stdlib.h>

#include "harness/must.h"

/* What is known of each member and edge while the play is walked. */
struct reach {
    struct lint *lint;
    size_t count;
    bool *gone;   /* of each member: its process */
    bool *closed; /* of each edge, from * count + to */
};

static bool *edge_of(struct reach *self, int from, int to)
{
    return &self->closed[(size_t)from * self->count + (size_t)to];
}

/* Others open a connection for each message, or may. */
static bool keeps_connection(const struct line *line)
{
    return line->edge == EDGE_CLIENT_SERVER || line->edge == EDGE_SERVER_CLIENT ||
           line->edge == EDGE_STDIN;
}

static void check_line(struct reach *self, const struct step *step)
{
    const struct line *line = &step->line;
    const char *from = lint_member(self->lint, line->from)->name;
    const char *to = lint_member(self->lint, line->to)->name;

    if (line->doing && self->gone[line->to])
        lint_find(
            self->lint, step->at, "%s says this to %s, which is not there any more", from, to);
    else if (keeps_connection(line) && *edge_of(self, line->from, line->to) &&
             (!line->doing || line->edge == EDGE_STDIN))
        lint_find(self->lint, step->at, "nothing can come from %s to %s: the connection was closed",
            from, to);
}

static void note_line(struct reach *self, const struct step *step)
{
    const struct line *line = &step->line;

    if (!keeps_connection(line))
        return;
    if (line->saying.body == BODY_CLOSE) {
        *edge_of(self, line->from, line->to) = true;
        if (line->doing)
            *edge_of(self, line->to, line->from) = true;
    } else if (line->edge == EDGE_CLIENT_SERVER) {
        /* It connects anew. */
        *edge_of(self, line->from, line->to) = *edge_of(self, line->to, line->from) = false;
    }
}

static void walk(struct reach *self, const struct steps *steps);

static void walk_line(struct reach *self, const struct step *step)
{
    check_line(self, step);
    note_line(self, step);
}

/* What closes may come first or last. */
static void walk_any_order(struct reach *self, const struct step *step)
{
    for (size_t i = 0; i < step->body.count; i++)
        check_line(self, &step->body.items[i]);
    for (size_t i = 0; i < step->body.count; i++)
        note_line(self, &step->body.items[i]);
}

/* The second round comes behind the first. */
static void walk_repeat(struct reach *self, const struct step *step)
{
    walk(self, &step->body);
    if (step->times > 1)
        walk(self, &step->body);
}

static void walk_body(struct reach *self, const struct step *step)
{
    walk(self, &step->body);
}

/* TERM and INT let a process finish what it does. */
static void walk_signal(struct reach *self, const struct step *step)
{
    if (step->signal == SIGKILL || step->signal == SIGABRT)
        self->gone[step->member] = !lint_member(self->lint, step->member)->handler.by_server;
}

static void walk_end(struct reach *self, const struct step *step)
{
    self->gone[step->member] = true;
}

static void walk_start(struct reach *self, const struct step *step)
{
    self->gone[step->member] = false;
    for (size_t i = 0; i < self->count; i++)
        if (self->lint->scenario->members[i].kind == MEMBER_STDIO)
            *edge_of(self, (int)i, step->member) = false;
}

static void (*const walks[])(struct reach *self, const struct step *step) = {
    [STEP_LINE] = walk_line,
    [STEP_ANY_ORDER] = walk_any_order,
    [STEP_TOGETHER] = walk_body,
    [STEP_STRAND] = walk_body,
    [STEP_REPEAT] = walk_repeat,
    [STEP_SIGNAL] = walk_signal,
    [STEP_EXIT] = walk_end,
    [STEP_START] = walk_start,
    [STEP_RESTART] = walk_start,
};
enum { WALK_COUNT = sizeof(walks) / sizeof(walks[0]) };

static void walk(struct reach *self, const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];

        if ((size_t)step->kind < WALK_COUNT && walks[step->kind])
            walks[step->kind](self, step);
    }
}

void lint_never_reached(struct lint *self)
{
    size_t count = self->scenario->member_count;
    struct reach reach = {.lint = self,
        .count = count,
        .gone = must_alloc(count * sizeof(bool)),
        .closed = must_alloc(count * count * sizeof(bool))};

    walk(&reach, &self->scenario->steps);
    free(reach.gone);
    free(reach.closed);
}
