/* {"expect": "S1", "metrics": {"bester_sessions": 2}}: what is wanted of each metric. */
#include <stdlib.h>
#include <string.h>

#include "harness/exposition.h"
#include "harness/must.h"
#include "harness/scenario_load.h"

static const char *const relation_words[RELATION_COUNT] = {
    [RELATION_EQUAL] = "=",
    [RELATION_AT_LEAST] = ">=",
    [RELATION_AT_MOST] = "<=",
    [RELATION_MORE] = ">",
    [RELATION_LESS] = "<",
};

const char *relation_word(enum relation relation)
{
    return relation_words[relation];
}

static bool fail_value(struct loader *self, const json_t *object, const char *name)
{
    return load_fail_member(self, object, name,
        "\"%s\" wants a number, a text such as \"<n:int>\", {\">=\": …} (or <=, >, <, =), or "
        "{\"change\": …}, since the play began, around one of these",
        name);
}

static enum relation relation_of(const char *word)
{
    int relation = 0;

    while (relation < RELATION_COUNT && strcmp(relation_words[relation], word) != 0)
        relation++;
    return (enum relation)relation;
}

static struct metric_want *want_add(struct step *step, const struct metric_want *like)
{
    must_grow(step->wants, step->want_count);
    struct metric_want *want = &step->wants[step->want_count++];
    *want = *like;
    want->selector = must_copy(like->selector);
    want->name = must_copy(like->name);
    want->labels = json_incref(like->labels);
    return want;
}

static bool read_number(struct loader *self, struct step *step, const struct metric_want *like,
    const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    enum relation relation = like->relation;

    if (!json_is_number(value))
        return fail_value(self, object, name);
    struct metric_want *want = want_add(step, like);
    want->number = json_number_value(value);
    want->relation = relation;
    return true;
}

/* A text is a capture: what it binds is a whole number where the value is one. */
static bool read_capture(struct loader *self, struct step *step, const struct metric_want *like,
    const json_t *object, const char *name)
{
    struct metric_want *want = want_add(step, like);
    struct line line = {.saying = {.wire = json_object_get(object, name)}};

    want->pattern = json_incref(line.saying.wire);
    return load_check(self, &line, object);
}

static bool read_change(
    struct loader *self, struct step *step, struct metric_want *like, const json_t *object);

static bool read_value(struct loader *self, struct step *step, const struct metric_want *like,
    const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    struct metric_want next = *like;
    const char *word;
    json_t *member;

    if (json_is_number(value))
        return read_number(self, step, like, object, name);
    if (json_is_string(value))
        return read_capture(self, step, like, object, name);
    if (json_object_size(value) == 0)
        return fail_value(self, object, name);
    json_object_foreach ((json_t *)value, word, member) {
        bool good = false;

        next.relation = relation_of(word);
        next.change = like->change || strcmp(word, "change") == 0;
        if (next.relation != RELATION_COUNT)
            good = read_number(self, step, &next, value, word);
        else if (next.change && !like->change)
            good = read_change(self, step, &next, value);
        if (!good)
            return self->mistake->text[0] ? false : fail_value(self, object, name);
    }
    return true;
}

static bool read_change(
    struct loader *self, struct step *step, struct metric_want *like, const json_t *object)
{
    like->relation = RELATION_EQUAL;
    return read_value(self, step, like, object, "change");
}

bool load_metrics(struct loader *self, const json_t *object, struct step *step)
{
    const json_t *metrics = json_object_get(object, "metrics");
    struct member *server = &self->scenario->members[step->member];
    const char *text;
    json_t *value;

    step->kind = STEP_METRICS;
    if (server->kind != MEMBER_SERVER)
        return load_fail_member(self, object, "metrics", "only servers have metrics");
    if (json_object_size(metrics) == 0)
        return load_fail_member(
            self, object, "metrics", "\"metrics\" wants an object: {\"bester_sessions\": 2}");
    server->server.tells_metrics = true;
    self->mistake->text[0] = '\0';
    json_object_foreach ((json_t *)metrics, text, value) {
        struct metric_want want = {.selector = (char *)text};
        struct fault fault;

        if (selector_read(span_of(text), &want.name, &want.labels, &fault) != STATUS_OK)
            return load_fail_member(self, metrics, text, "%s", fault.text);
        bool good = read_value(self, step, &want, metrics, text);
        free(want.name);
        json_decref(want.labels);
        if (!good)
            return false;
    }
    for (size_t i = 0; i < step->want_count; i++)
        server->server.tells_change = server->server.tells_change || step->wants[i].change;
    return true;
}
