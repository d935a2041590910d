/* The play and its cast as a whole. */
#include "harness/lint_find.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void lint_same_name(struct lint *self)
{
    const struct source *source = &self->scenario->source;
    const char *name = json_string_value(json_object_get(source->root, "play"));
    const char *other = name ? json_string_value(json_object_get(self->names, name)) : NULL;

    if (other)
        lint_find(self, source_where_member(source, source->root, "play"),
            "%s says of itself that it shows the same", other);
    else if (name)
        json_object_set_new(self->names, name, must_json(json_string(self->path)));
}

/* ---- who is of no use ------------------------------------------------------------------------ */

static bool mentions(const json_t *value, const char *word)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_string(value))
        return lint_has_word(
            (struct span){.at = json_string_value(value), .len = json_string_length(value)}, word);
    json_object_foreach ((json_t *)value, name, member)
        if (lint_has_word(span_of(name), word) || mentions(member, word))
            return true;
    json_array_foreach ((json_t *)value, i, member)
        if (mentions(member, word))
            return true;
    return false;
}

static bool step_has(const struct step *step, int member)
{
    const struct disturbance *disturbance = &step->disturbance;

    for (size_t i = 0; i < step->member_count; i++)
        if (step->members[i] == member)
            return true;
    switch (step->kind) {
    case STEP_LINE:
    case STEP_NEVER:
        return step->line.from == member || step->line.to == member;
    case STEP_DISTURB:
    case STEP_HEAL:
        return disturbance->from == member || disturbance->to == member;
    case STEP_ANY_ORDER:
    case STEP_TOGETHER:
    case STEP_STRAND:
    case STEP_REPEAT:
    case STEP_QUIET:
    case STEP_NOTE:
        return false;
    default: /* about a process */
        return step->member == member;
    }
}

static bool steps_have(const struct steps *steps, int member)
{
    for (size_t i = 0; i < steps->count; i++)
        if (step_has(&steps->items[i], member) || steps_have(&steps->items[i].body, member))
            return true;
    return false;
}

static bool steps_mention(const struct steps *steps, const char *word)
{
    for (size_t i = 0; i < steps->count; i++)
        if (mentions(steps->items[i].line.saying.wire, word) ||
            mentions(steps->items[i].pattern, word) || steps_mention(&steps->items[i].body, word))
            return true;
    return false;
}

/* What the others of the cast say of it: their rules, configurations, programs. */
static bool cast_mentions(const struct scenario *scenario, const char *name, const char *word)
{
    static const char *const sections[] = {"servers", "peers", "handlers", "clients"};
    const char *other;
    json_t *value;

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        json_object_foreach (json_object_get(scenario->source.root, sections[i]), other, value)
            if (strcmp(other, name) != 0 && mentions(value, word))
                return true;
    return false;
}

static bool is_mentioned(
    const struct scenario *scenario, const struct member *member, const char *word)
{
    return steps_mention(&scenario->steps, word) || cast_mentions(scenario, member->name, word);
}

static bool is_talked_of(const struct scenario *scenario, const struct member *member)
{
    const char *type = member->handler.type;
    const char *user = member->client.user;

    return is_mentioned(scenario, member, member->name) ||
           (type && is_mentioned(scenario, member, type)) ||
           (user && is_mentioned(scenario, member, user));
}

/* Whoever is a real program, or a client with rules, acts by itself. */
static bool acts(const struct member *member)
{
    return member->kind == MEMBER_CLIENT && (member->client.run || member->rule_count > 0);
}

void lint_unused_member(struct lint *self)
{
    const struct scenario *scenario = self->scenario;

    for (size_t i = 0; i < scenario->member_count && scenario->steps.count > 0; i++) {
        const struct member *member = &scenario->members[i];

        if (member->kind == MEMBER_STDIO || acts(member) || steps_have(&scenario->steps, (int)i) ||
            is_talked_of(scenario, member))
            continue;
        lint_find(self, member->at, "nobody talks to \"%s\", or of it", member->name);
    }
}

/* ---- rules of the cast ----------------------------------------------------------------------- */

/* A capture of any type: <x>, <any>. */
static bool takes_all(const json_t *pattern)
{
    const char *text = json_string_value(pattern);

    return text && text[0] == '<' && text[1] != '<' && !strchr(text, ':');
}

static bool is_open(const json_t *pattern, unsigned open_levels)
{
    return open_levels > 0 || json_is_true(json_object_get(pattern, "..."));
}

/* How many members it names, but "...". */
static size_t named(const json_t *pattern)
{
    return json_object_size(pattern) - (json_object_get(pattern, "...") ? 1 : 0);
}

/* Whether whatever b takes, a takes. Where it can't be told: no. */
static bool covers(const json_t *a, const json_t *b, unsigned open_levels)
{
    const char *name;
    json_t *value;
    unsigned below = open_levels ? open_levels - 1 : 0;

    if (takes_all(a) || json_equal(a, b))
        return true;
    if (!json_is_object(a) || !json_is_object(b))
        return false;
    if (!is_open(a, open_levels) && (is_open(b, open_levels) || named(a) != named(b)))
        return false;
    json_object_foreach ((json_t *)a, name, value) {
        const json_t *other = json_object_get(b, name);

        if (strcmp(name, "...") != 0 && !(other && covers(value, other, below)))
            return false;
    }
    return true;
}

/* A name that is there twice asks for more than it seems to. */
static bool repeats_a_name(const json_t *pattern, json_t *seen)
{
    const char *text = json_string_value(pattern);
    const char *name;
    json_t *value;
    size_t i;

    if (text && text[0] == '<' && text[1] != '<' && strcmp(text, "<any>") != 0) {
        if (json_object_get(seen, text))
            return true;
        json_object_set_new(seen, text, json_true());
    }
    json_object_foreach ((json_t *)pattern, name, value)
        if (repeats_a_name(value, seen))
            return true;
    json_array_foreach ((json_t *)pattern, i, value)
        if (repeats_a_name(value, seen))
            return true;
    return false;
}

static bool rule_covers(const struct rule *a, const struct rule *b)
{
    json_t *seen = must_json(json_object());
    bool answer = a->times == 0 && !repeats_a_name(a->when.wire, seen) &&
                  covers(a->when.wire, b->when.wire, a->when.open_levels);

    json_decref(seen);
    return answer;
}

void lint_rule_never_matches(struct lint *self)
{
    const struct scenario *scenario = self->scenario;

    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];

        for (size_t late = 1; late < member->rule_count; late++)
            for (size_t early = 0; early < late; early++)
                if (rule_covers(&member->rules[early], &member->rules[late])) {
                    lint_find(self, member->rules[late].at,
                        "this never matches: the rule at %u:%u takes all that it would take",
                        member->rules[early].at.line, member->rules[early].at.column);
                    break;
                }
    }
}
