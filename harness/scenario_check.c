/*
 * What can be known before a play runs: that each text has the right form and
 * that nothing is used before it is bound. And the rules, which have names of
 * their own.
 */
#include "harness/pattern.h"
#include "harness/scenario_load.h"

#include <string.h>

#include "harness/must.h"

enum { TIMES_MAX = 1000000, DELAY_MS_MAX = 600000 };

struct check {
    struct loader *loader;
    bool doing;
    bool fresh_id; /* payload.id may be a capture that is not bound yet */
    struct where at;
};

/* Texts from the play itself are found by their identity; those that the loader
 * made stand where the line stands. */
static struct where place_of(const struct check *self, const json_t *value)
{
    struct where at = source_where(&self->loader->scenario->source, value);

    return at.line ? at : self->at;
}

static bool check_capture(const char *name, const char *path, const json_t *value, void *user)
{
    struct check *self = user;
    struct loader *loader = self->loader;
    bool bound = name[0] && json_object_get(loader->bound, name);

    if (self->doing && !bound && !(self->fresh_id && name[0] && strcmp(path, "payload.id") == 0)) {
        if (!name[0])
            return load_fail(loader, place_of(self, value),
                "what an actor says can't be left open: %s", json_string_value(value));
        return load_fail(loader, place_of(self, value), "<%s> is not bound here", name);
    }
    if (name[0])
        json_object_set_new(loader->bound, name, json_true());
    return true;
}

/* The names that ${} knows without a capture. */
static bool is_given_name(const struct scenario *scenario, const char *name)
{
    int member = scenario_find(scenario, name, -1);

    if (strcmp(name, "handlers") == 0 || strcmp(name, "dir") == 0)
        return true;
    return member >= 0 && (scenario->members[member].kind == MEMBER_SERVER ||
                              scenario->members[member].kind == MEMBER_PEER);
}

static bool check_name(const char *name, const json_t *value, void *user)
{
    struct check *self = user;
    struct loader *loader = self->loader;

    if (json_object_get(loader->bound, name) || is_given_name(loader->scenario, name))
        return true;
    return load_fail(loader, place_of(self, value),
        "${%s} is neither bound here nor a server of the cast", name);
}

static bool check_saying(struct check *self, const struct saying *saying)
{
    struct pattern_visit visit = {.capture = check_capture, .name = check_name, .user = self};
    const json_t *where = NULL;
    struct fault fault = {.text = ""};

    if (!saying->wire)
        return true;
    self->loader->mistake->text[0] = '\0';
    if (pattern_walk(saying->wire, &visit, &where, &fault))
        return true;
    if (self->loader->mistake->text[0])
        return false;
    return load_fail(self->loader, place_of(self, where), "%s", fault.text);
}

bool load_check(struct loader *self, const struct line *line, const json_t *at)
{
    struct check check = {
        .loader = self,
        .doing = line->doing,
        .fresh_id = line->edge == EDGE_CLIENT_SERVER || line->edge == EDGE_SERVER_SERVER,
        .at = source_where(&self->scenario->source, at),
    };

    return check_saying(&check, &line->saying);
}

bool load_check_value(struct loader *self, const json_t *value, struct where at)
{
    struct saying saying = {.wire = (json_t *)value};
    struct check check = {.loader = self, .doing = true, .at = at};

    return check_saying(&check, &saying);
}

bool load_saying(struct loader *self, enum edge_kind edge, bool doing, const json_t *object,
    const char *name, struct saying *out)
{
    const json_t *value = json_object_get(object, name);
    char word[FORM_WORD_MAX];
    struct fault fault;

    if (form_read(edge, doing, value, out, word, &fault) == STATUS_OK)
        return true;
    if (word[0] && json_object_get(value, word))
        return load_fail_member(self, value, word, "%s", fault.text);
    return load_fail_member(self, object, name, "%s", fault.text);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static const enum edge_kind asked_by[] = {EDGE_SERVER_ONESHOT, EDGE_SERVER_STREAM};
static const enum edge_kind answers_by[] = {EDGE_ONESHOT_SERVER, EDGE_STREAM_SERVER};

struct rule_loader {
    struct rule *rule;
    enum edge_kind asked;
    enum edge_kind answers;
};

static bool rule_when(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct rule_loader *rule = into;

    (void)value;
    return load_saying(self, rule->asked, false, object, "when", &rule->rule->when);
}

static bool rule_reply(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct rule_loader *rule = into;

    (void)value;
    return load_saying(self, rule->answers, true, object, "reply", &rule->rule->reply);
}

static bool rule_times(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct rule_loader *rule = into;

    return load_count(self, object, "times", value, TIMES_MAX, &rule->rule->times);
}

static bool rule_delay(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct rule_loader *rule = into;
    unsigned ms = 0;

    if (!load_count(self, object, "delayMs", value, DELAY_MS_MAX, &ms))
        return false;
    rule->rule->delay_s = ms / 1000.0;
    return true;
}

static const struct load_row rule_rows[] = {
    {"when", rule_when},
    {"reply", rule_reply},
    {"times", rule_times},
    {"delayMs", rule_delay},
    {NULL, NULL},
};

static bool load_rule(struct loader *self, const json_t *object, struct member *member)
{
    bool handler = member->kind == MEMBER_HANDLER;
    bool stream = member->handler.stream;
    struct rule rule = {.at = source_where(&self->scenario->source, object),
        .when = {.body = BODY_JSON},
        .reply = {.body = BODY_SILENT}};
    struct rule_loader into = {.rule = &rule,
        .asked = handler ? asked_by[stream] : EDGE_SERVER_CLIENT,
        .answers = handler ? answers_by[stream] : EDGE_CLIENT_SERVER};

    bool ok = load_object(self, object, rule_rows, &into);
    if (ok && rule.when.body != BODY_JSON)
        ok = load_fail_member(self, object, "when", "\"when\" is a pattern of a message");
    if (ok && !rule.when.wire) /* whatever comes */
        rule.when.wire = must_json(json_string("<any>"));
    must_grow(member->rules, member->rule_count);
    member->rules[member->rule_count++] = rule;
    if (!ok)
        return false;

    struct check check = {.loader = self, .at = rule.at};
    ok = check_saying(&check, &rule.when);
    check.doing = true;
    check.fresh_id = !handler;
    return ok && check_saying(&check, &rule.reply);
}

bool load_rules(struct loader *self, const json_t *list, struct member *member)
{
    bool ok = true;

    if (!json_is_array(list))
        return load_fail(self, source_where(&self->scenario->source, list),
            "\"rules\" wants a list of {\"when\": …, \"reply\": …}");
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        json_t *object = json_array_get(list, i);
        json_t *outside = self->bound;

        /* What a rule binds is its own. */
        self->bound = must_json(json_object());
        ok = json_is_object(object)
                 ? load_rule(self, object, member)
                 : load_fail(self, source_where_element(&self->scenario->source, list, i),
                       "a rule is an object: {\"when\": …, \"reply\": …}");
        json_decref(self->bound);
        self->bound = outside;
    }
    return ok;
}
