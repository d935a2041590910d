#include "harness/scenario_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/pattern.h"

enum { DEPTH_MAX = 6, REPEAT_MAX = 1000000, STEP_DEADLINE_MS_MAX = 600000, NAME_ROOM = 128 };

/* ---- A > B ----------------------------------------------------------------------------------- */

/* Which line two members may stand on. */
static const struct edge_rule {
    enum member_kind from;
    enum member_kind to;
    enum edge_kind edge; /* for a handler of the one-shot protocol */
} edge_rules[] = {
    {MEMBER_CLIENT, MEMBER_SERVER, EDGE_CLIENT_SERVER},
    {MEMBER_SERVER, MEMBER_CLIENT, EDGE_SERVER_CLIENT},
    {MEMBER_CLIENT, MEMBER_PEER, EDGE_CLIENT_SERVER},
    {MEMBER_PEER, MEMBER_CLIENT, EDGE_SERVER_CLIENT},
    {MEMBER_SERVER, MEMBER_SERVER, EDGE_SERVER_SERVER},
    {MEMBER_SERVER, MEMBER_PEER, EDGE_SERVER_SERVER},
    {MEMBER_PEER, MEMBER_SERVER, EDGE_SERVER_SERVER},
    {MEMBER_SERVER, MEMBER_HANDLER, EDGE_SERVER_ONESHOT},
    {MEMBER_HANDLER, MEMBER_SERVER, EDGE_ONESHOT_SERVER},
    {MEMBER_STDIO, MEMBER_CLIENT, EDGE_STDIN},
    {MEMBER_CLIENT, MEMBER_STDIO, EDGE_STDOUT},
};

static bool on_other_server(const struct member *member, int server)
{
    return (member->kind == MEMBER_CLIENT || member->kind == MEMBER_HANDLER) &&
           member->on != server;
}

/* stdin > T, T > stdout, T > stderr */
static bool find_stdio_edge(struct loader *self, const json_t *object, const char *arrow,
    struct line *line, const struct edge_rule *found)
{
    struct member *members = self->scenario->members;
    bool reads = members[line->from].kind == MEMBER_STDIO;
    struct member *program = &members[reads ? line->to : line->from];
    const char *other = members[reads ? line->from : line->to].name;

    if (!found || !program->client.run || reads != (strcmp(other, "stdin") == 0))
        return load_fail_member(self, object, arrow,
            "lines go from \"stdin\" to a client that is a real program, and from it to \"stdout\" "
            "or \"stderr\"");
    line->edge = found->edge;
    line->doing = reads;
    program->client.reads = program->client.reads || reads;
    return true;
}

static bool find_edge(
    struct loader *self, const json_t *object, const char *arrow, struct line *line)
{
    const struct member *from = &self->scenario->members[line->from];
    const struct member *to = &self->scenario->members[line->to];
    const struct edge_rule *found = NULL;

    for (size_t i = 0; i < sizeof(edge_rules) / sizeof(edge_rules[0]); i++)
        if (edge_rules[i].from == from->kind && edge_rules[i].to == to->kind)
            found = &edge_rules[i];
    if (from->kind == MEMBER_STDIO || to->kind == MEMBER_STDIO)
        return find_stdio_edge(self, object, arrow, line, found);
    if (!found || line->from == line->to)
        return load_fail_member(self, object, arrow,
            "\"%s\" and \"%s\" never talk to each other: one of them must be a server", from->name,
            to->name);
    if (on_other_server(from, line->to) || on_other_server(to, line->from)) {
        const struct member *guest = on_other_server(from, line->to) ? from : to;

        return load_fail_member(self, object, arrow, "\"%s\" is on \"%s\"", guest->name,
            self->scenario->members[guest->on].name);
    }
    line->edge = found->edge;
    if (from->handler.stream || to->handler.stream)
        line->edge = found->edge == EDGE_SERVER_ONESHOT ? EDGE_SERVER_STREAM : EDGE_STREAM_SERVER;
    if (from->client.informer || to->client.informer)
        line->edge = from->client.informer ? EDGE_CLIENT_INFORMER : EDGE_INFORMER_CLIENT;
    line->doing = from->kind != MEMBER_SERVER && member_is_played(from);
    if (!member_is_watched(from) || !member_is_watched(to))
        return load_fail_member(self, object, arrow,
            "nobody sees what a server and a handler that it starts itself say to each other");
    return true;
}

static bool find_member(struct loader *self, const json_t *object, const char *at, const char *name,
    int server, int *out)
{
    *out = scenario_find(self->scenario, name, server);
    if (*out < 0 && server >= 0)
        *out = scenario_find(self->scenario, name, -1);
    if (*out < 0)
        return load_fail_member(self, object, at, "there is no \"%s\" in the cast", name);
    return true;
}

/* One name of "A > B" into out; returns what follows it and the blanks. */
static const char *take_name(const char *text, char out[NAME_ROOM])
{
    text += strspn(text, " ");
    size_t len = strcspn(text, " >");
    snprintf(out, NAME_ROOM, "%.*s", (int)(len < NAME_ROOM ? len : NAME_ROOM - 1), text);
    text += len;
    return text + strspn(text, " ");
}

/* "A > B", blanks around > as one likes. */
bool load_arrow(
    struct loader *self, const json_t *object, const char *at, const char *arrow, struct line *line)
{
    char from[NAME_ROOM];
    char to[NAME_ROOM];
    const char *rest = take_name(arrow, from);

    if (*rest == '>')
        rest = take_name(rest + 1, to);
    else
        to[0] = '\0';
    if (!from[0] || !to[0] || *rest)
        return load_fail_member(self, object, at, "\"%s\" is not of the form \"A > B\"", arrow);
    /* A handler that is on several servers is told by the other side. */
    int server = scenario_find(self->scenario, from, -1);
    if (!find_member(self, object, at, to, server, &line->to) ||
        !find_member(self, object, at, from, line->to, &line->from))
        return false;
    return find_edge(self, object, at, line);
}

/* A client whose first line is a login, or that it is silent, comes when that line
 * says so. */
static void note_first_line(struct loader *self, const struct line *line, json_t *seen)
{
    struct member *client = &self->scenario->members[line->from];

    if (line->edge != EDGE_CLIENT_SERVER || json_object_get(seen, client->name))
        return;
    json_object_set_new(seen, client->name, json_true());
    if (line->saying.body == BODY_LOGIN || line->saying.body == BODY_SILENT)
        client->client.logs_in = client->client.welcome = false;
}

/* What a program says to log in at a real server is seen, and waited for by nobody. */
static bool check_login(
    struct loader *self, const json_t *object, const char *arrow, const struct line *line)
{
    if (line->doing || line->saying.body != BODY_LOGIN ||
        self->scenario->members[line->to].kind == MEMBER_PEER)
        return true;
    return load_fail_member(self, object, arrow,
        "\"%s\" is a real program and logs in by itself: only to a peer is that a line",
        self->scenario->members[line->from].name);
}

static bool is_seen(
    struct loader *self, const struct line *line, const json_t *object, const char *arrow)
{
    const struct member *members = self->scenario->members;

    if (!members_are_pinned(&members[line->from], &members[line->to]))
        return true;
    return load_fail_member(
        self, object, arrow, "nobody sees what two pinned servers say to each other");
}

bool load_line(struct loader *self, const json_t *object, const char *arrow, struct step *step)
{
    struct line *line = &step->line;

    step->kind = STEP_LINE;
    if (!load_arrow(self, object, arrow, arrow, line) || !is_seen(self, line, object, arrow) ||
        !load_saying(self, line->edge, line->doing, object, arrow, &line->saying) ||
        !check_login(self, object, arrow, line) || !load_check(self, line, object))
        return false;
    return true;
}

/* ---- the other steps ------------------------------------------------------------------------- */

bool load_named_member(
    struct loader *self, const json_t *object, const char *at, const json_t *value, int *out)
{
    if (!json_is_string(value))
        return load_fail_member(self, object, at, "\"%s\" wants a name of the cast", at);
    return find_member(self, object, at, json_string_value(value), -1, out);
}

static bool load_repeat(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    const json_t *list = json_object_get(object, "steps");
    json_t *outside = self->bound;

    step->kind = STEP_REPEAT;
    if (!load_count(self, object, "repeat", value, REPEAT_MAX, &step->times))
        return false;
    if (!list)
        return load_fail_member(self, object, "repeat", "\"repeat\" wants \"steps\" beside it");
    /* What one round binds, the next binds anew. */
    self->bound = must_json(json_copy(outside));
    bool ok = load_steps(self, list, &step->body, depth + 1);
    json_decref(self->bound);
    self->bound = outside;
    return ok;
}

static bool load_quiet(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    (void)depth;
    step->kind = STEP_QUIET;
    step->member_count = json_array_size(value);
    step->members = must_alloc((step->member_count + 1) * sizeof(int));
    if (step->member_count == 0)
        return load_fail_member(self, object, "quiet", "\"quiet\" wants a list of clients");
    for (size_t i = 0; i < step->member_count; i++) {
        if (!load_named_member(self, object, "quiet", json_array_get(value, i), &step->members[i]))
            return false;
        const struct member *client = &self->scenario->members[step->members[i]];
        if (client->kind != MEMBER_CLIENT || client->client.run)
            return load_fail_member(
                self, object, "quiet", "\"quiet\" wants names of clients that the harness plays");
    }
    return true;
}

static bool load_note(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    (void)self, (void)object, (void)value, (void)depth;
    step->kind = STEP_NOTE;
    return true;
}

/* The first word of the table that a step holds says what it is. */
static const struct step_word {
    const char *name;
    bool (*load)(struct loader *self, const json_t *object, const json_t *value, struct step *step,
        unsigned depth);
    const char *beside[4]; /* what may stand beside it, but note and deadlineMs; ended by NULL */
} step_words[] = {
    {"any order", load_any_order, {NULL}},
    {"together", load_together, {NULL}},
    {"never", load_never, {NULL}},
    {"repeat", load_repeat, {"steps"}},
    {"quiet", load_quiet, {NULL}},
    {"kill", load_kill, {"signal"}},
    {"stop", load_stop, {NULL}},
    {"continue", load_continue, {NULL}},
    {"start", load_start, {NULL}},
    {"restart", load_restart, {"signal"}},
    {"heal", load_heal, {NULL}},
    {"expect", load_expect, {"exit", "log", "metrics"}},
    {"note", load_note, {NULL}},
};
enum { STEP_WORD_COUNT = sizeof(step_words) / sizeof(step_words[0]) };

static bool load_step_deadline(struct loader *self, const json_t *object, struct step *step)
{
    const json_t *value = json_object_get(object, "deadlineMs");
    unsigned ms = 0;

    step->deadline_s = self->scenario->deadline_s;
    if (!value)
        return true;
    if (!load_count(self, object, "deadlineMs", value, STEP_DEADLINE_MS_MAX, &ms))
        return false;
    step->deadline_s = ms / 1000.0;
    return true;
}

static bool may_stand_beside(const struct step_word *word, const char *name)
{
    if (strcmp(name, "note") == 0 || strcmp(name, "deadlineMs") == 0)
        return true;
    for (size_t i = 0; word && word->beside[i]; i++)
        if (strcmp(word->beside[i], name) == 0)
            return true;
    return word && strcmp(word->name, name) == 0;
}

static bool check_beside(
    struct loader *self, const json_t *object, const char *arrow, const struct step_word *word)
{
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)object, name, member)
        if (!(arrow && strcmp(arrow, name) == 0) && !may_stand_beside(arrow ? NULL : word, name))
            return load_fail_member(self, object, name, "\"%s\" can't stand beside \"%s\"", name,
                arrow ? arrow : word->name);
    return true;
}

static bool fail_no_step(struct loader *self, const json_t *object)
{
    char known[300] = "\"A > B\", include";
    size_t len = strlen(known);

    for (size_t i = 0; i < STEP_WORD_COUNT && len < sizeof(known); i++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, ", %s", step_words[i].name);
    for (int i = 0; i < DISTURBANCE_COUNT && len < sizeof(known); i++)
        len += (size_t)snprintf(
            known + len, sizeof(known) - len, ", %s", disturbance_name((enum disturbance_kind)i));
    return load_fail(
        self, source_where(&self->scenario->source, object), "no step; there are %s", known);
}

static bool load_step(struct loader *self, const json_t *object, struct step *step, unsigned depth)
{
    const struct step_word *word = NULL;
    const char *arrow = NULL;
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)object, name, member)
        if (!arrow && strchr(name, '>'))
            arrow = name;
    for (size_t i = 0; !word && i < STEP_WORD_COUNT; i++)
        if (json_object_get(object, step_words[i].name))
            word = &step_words[i];
    bool only_note = !word || word->load == load_note;
    if (!arrow && only_note && load_is_disturbance(object))
        return load_step_deadline(self, object, step) && load_disturbance(self, object, step);
    if (!arrow && !word)
        return fail_no_step(self, object);
    if (!load_step_deadline(self, object, step) || !check_beside(self, object, arrow, word))
        return false;
    step->text = must_copy(arrow ? arrow : word->name);
    if (arrow)
        return load_line(self, object, arrow, step);
    return word->load(self, object, json_object_get(object, word->name), step, depth);
}

static void note_first_lines(struct loader *self, const struct steps *steps, json_t *seen)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->items[i].kind == STEP_LINE)
            note_first_line(self, &steps->items[i].line, seen);
        note_first_lines(self, &steps->items[i].body, seen);
    }
}

bool load_into(struct loader *self, const json_t *list, struct steps *steps, unsigned depth)
{
    const struct source *source = &self->scenario->source;

    if (!json_is_array(list) || depth > DEPTH_MAX)
        return load_fail(self, source_where(source, list),
            depth > DEPTH_MAX ? "steps are nested too deep" : "steps are a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        struct where at = source_where_element(source, list, i);

        if (!json_is_object(object))
            return load_fail(self, at, "a step is an object");
        if (json_object_get(object, "include")) {
            if (!load_include(self, object, at, steps, depth))
                return false;
            continue;
        }
        must_grow(steps->items, steps->count);
        steps->items[steps->count++] = (struct step){.at = at};
        if (!load_step(self, object, &steps->items[steps->count - 1], depth))
            return false;
    }
    return true;
}

bool load_steps(struct loader *self, const json_t *list, struct steps *steps, unsigned depth)
{
    if (!load_into(self, list, steps, depth))
        return false;
    if (depth == 0) {
        json_t *seen = must_json(json_object());
        note_first_lines(self, steps, seen);
        json_decref(seen);
    }
    return true;
}
