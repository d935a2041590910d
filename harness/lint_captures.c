/* Names that are bound, and questions that are named, for nothing. */
#include "harness/lint_find.h"

#include <string.h>

#include "harness/must.h"
#include "harness/pattern.h"

/* The names of one part of a play: of its steps, or of one rule of the cast. */
struct names {
    struct lint *lint;
    json_t *uses;        /* name: how often it is there */
    json_t *order;       /* the names, first seen first */
    struct where *first; /* of each in order */
    size_t count;
    struct where at; /* where a text stands that the source does not know */
    bool says;       /* it is said, not expected */
    bool fresh;      /* said more than once, with a fresh id each time */
};

/* times: as how many uses it counts. */
static bool count_use(struct names *self, const char *name, const json_t *value, int times)
{
    json_t *uses = json_object_get(self->uses, name);

    if (uses) {
        json_integer_set(uses, json_integer_value(uses) + times);
        return true;
    }
    struct where at = source_where(&self->lint->scenario->source, value);
    must_grow(self->first, self->count);
    self->first[self->count++] = at.line ? at : self->at;
    json_object_set_new(self->uses, name, json_integer(times));
    json_array_append_new(self->order, json_string(name));
    return true;
}

static bool on_capture(const char *name, const char *path, const json_t *value, void *user)
{
    struct names *self = user;
    /* An id that is made up anew each time need not be looked at. */
    bool enough = self->says && self->fresh && strcmp(path, "payload.id") == 0;

    return !name[0] || count_use(self, name, value, enough ? 2 : 1);
}

static bool on_name(const char *name, const json_t *value, void *user)
{
    struct names *self = user;

    /* What is no capture is a server, ${dir} and the like. */
    return json_object_get(self->uses, name) ? count_use(self, name, value, 1) : true;
}

static void look_at(struct names *self, const json_t *pattern, struct where at, bool says)
{
    struct pattern_visit visit = {.capture = on_capture, .name = on_name, .user = self};
    const json_t *where;
    struct fault fault;

    self->at = at;
    self->says = says;
    /* The loader has walked it before. */
    if (pattern && !pattern_walk(pattern, &visit, &where, &fault))
        return;
}

static void names_init(struct names *self, struct lint *lint)
{
    *self = (struct names){
        .lint = lint, .uses = must_json(json_object()), .order = must_json(json_array())};
}

static void names_end(struct names *self, const char *where)
{
    for (size_t i = 0; i < self->count; i++) {
        const char *name = json_string_value(json_array_get(self->order, i));

        if (json_integer_value(json_object_get(self->uses, name)) == 1)
            lint_find(self->lint, self->first[i],
                "<%s> is bound here and never used again %s; <any>, a type alone (<:int>) or, "
                "where it is "
                "made up here, a plain text say as much",
                name, where);
    }
    json_decref(self->uses);
    json_decref(self->order);
    free(self->first);
}

static void look_at_steps(struct names *self, const struct steps *steps, bool repeated)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];

        self->fresh = repeated;
        look_at(self, step->line.saying.wire, step->at, step->line.doing);
        look_at(self, step->pattern, step->at, false);
        look_at_steps(self, &step->body, repeated || step->kind == STEP_REPEAT);
    }
}

static void look_at_rule(struct lint *self, const struct rule *rule)
{
    struct names names;

    names_init(&names, self);
    names.fresh = true;
    look_at(&names, rule->when.wire, rule->at, false);
    look_at(&names, rule->reply.wire, rule->at, true);
    names_end(&names, "in the rule");
}

void lint_unused_capture(struct lint *self)
{
    const struct scenario *scenario = self->scenario;
    struct names names;

    names_init(&names, self);
    look_at_steps(&names, &scenario->steps, false);
    names_end(&names, "in the play");
    for (size_t i = 0; i < scenario->member_count; i++)
        for (size_t j = 0; j < scenario->members[i].rule_count; j++)
            look_at_rule(self, &scenario->members[i].rules[j]);
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* "answers" stands in what is said, "as" in what is expected. */
static bool is_answered(const struct steps *steps, const char *label)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct line *line = &steps->items[i].line;

        if (line->doing && line->saying.label && strcmp(line->saying.label, label) == 0)
            return true;
        if (is_answered(&steps->items[i].body, label))
            return true;
    }
    return false;
}

static void look_at_label(struct lint *self, const struct step *step)
{
    const char *label = step->line.saying.label;

    if (label && !step->line.doing && !is_answered(&self->scenario->steps, label))
        lint_find(self, step->at, "the question is named \"%s\", and no answer says so", label);
}

void lint_unused_label(struct lint *self)
{
    lint_each_step(&self->scenario->steps, look_at_label, self);
}
