#include "harness/scenario_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

enum { DEADLINE_MS_MAX = 600000 };

/* ---- what the parts of the loader share ------------------------------------------------------ */

bool load_fail(struct loader *self, struct where at, const char *format, ...)
{
    va_list arguments;

    self->mistake->at = at;
    va_start(arguments, format);
    vsnprintf(self->mistake->text, sizeof(self->mistake->text), format, arguments);
    va_end(arguments);
    return false;
}

bool load_fail_member(
    struct loader *self, const json_t *object, const char *name, const char *format, ...)
{
    va_list arguments;

    self->mistake->at = source_where_member(&self->scenario->source, object, name);
    va_start(arguments, format);
    vsnprintf(self->mistake->text, sizeof(self->mistake->text), format, arguments);
    va_end(arguments);
    return false;
}

static bool fail_unknown(
    struct loader *self, const json_t *object, const char *name, const struct load_row *rows)
{
    char known[300] = "note";
    size_t len = strlen(known);

    for (; rows->name && len < sizeof(known); rows++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, ", %s", rows->name);
    return load_fail_member(self, object, name, "no member \"%s\" here; there are %s", name, known);
}

bool load_object(struct loader *self, const json_t *object, const struct load_row *rows, void *into)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)object, name, value) {
        const struct load_row *row = rows;

        if (strcmp(name, "note") == 0)
            continue;
        while (row->name && strcmp(row->name, name) != 0)
            row++;
        if (!row->name)
            return fail_unknown(self, object, name, rows);
        if (row->read && !row->read(self, object, value, into))
            return false;
    }
    return true;
}

bool load_count(struct loader *self, const json_t *object, const char *name, const json_t *value,
    unsigned max, unsigned *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > max)
        return load_fail_member(
            self, object, name, "\"%s\" wants a whole number from 1 to %u", name, max);
    *out = (unsigned)json_integer_value(value);
    return true;
}

/* ---- the play as a whole --------------------------------------------------------------------- */

static bool read_name(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct scenario *scenario = into;

    if (!json_is_string(value))
        return load_fail_member(self, object, "play", "\"play\" wants a text: what the play shows");
    free(scenario->name);
    scenario->name = must_copy(json_string_value(value));
    return true;
}

static bool read_deadline(
    struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct scenario *scenario = into;
    unsigned ms = 0;

    if (!load_count(self, object, "deadlineMs", value, DEADLINE_MS_MAX, &ms))
        return false;
    scenario->deadline_s = ms / 1000.0;
    return true;
}

/* The rows without a function are read afterwards, in the order that they need. */
static const struct load_row play_rows[] = {
    {"play", read_name},
    {"deadlineMs", read_deadline},
    {"needs", load_needs},
    {"proves", load_proves},
    {"servers", NULL},
    {"handlers", NULL},
    {"clients", NULL},
    {"peers", NULL},
    {"steps", NULL},
    {NULL, NULL},
};

static bool load_play(struct loader *self)
{
    struct scenario *scenario = self->scenario;
    const json_t *root = scenario->source.root;
    const json_t *steps = json_object_get(root, "steps");

    if (!json_is_object(root))
        return load_fail(self, (struct where){1, 1}, "a play is an object");
    if (!load_object(self, root, play_rows, scenario) || !load_cast(self))
        return false;
    if (!steps && self->options->world)
        return load_check_needs(self);
    if (!steps)
        return load_fail(self, (struct where){1, 1}, "the play has no \"steps\"");
    return load_steps(self, steps, &scenario->steps, 0) && load_check_needs(self);
}

enum status scenario_load(struct scenario *self, const char *path,
    const struct scenario_options *options, struct mistake *mistake)
{
    struct loader loader = {.scenario = self, .options = options, .mistake = mistake};

    *self = (struct scenario){.deadline_s = options->deadline_s};
    enum status status = options->text.at
                             ? source_load_text(&self->source, path, options->text, mistake)
                             : source_load(&self->source, path, mistake);
    if (status != STATUS_OK)
        return status;
    loader.bound = must_json(json_object());
    bool ok = load_play(&loader);
    json_decref(loader.bound);
    if (!ok) {
        scenario_release(self);
        return STATUS_INVALID;
    }
    if (!self->name)
        self->name = must_copy(path);
    return STATUS_OK;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static void member_release(struct member *self)
{
    free(self->name);
    json_decref(self->server.config);
    json_decref(self->server.accounts);
    free(self->handler.type);
    json_decref(self->handler.run);
    json_decref(self->handler.config);
    free(self->client.user);
    free(self->client.password);
    json_decref(self->client.run);
    for (size_t i = 0; i < self->rule_count; i++) {
        saying_release(&self->rules[i].when);
        saying_release(&self->rules[i].reply);
    }
    free(self->rules);
}

static void wants_release(struct step *step)
{
    for (size_t i = 0; i < step->want_count; i++) {
        free(step->wants[i].selector);
        free(step->wants[i].name);
        json_decref(step->wants[i].labels);
        json_decref(step->wants[i].pattern);
    }
    free(step->wants);
}

static void steps_release(struct steps *self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct step *step = &self->items[i];

        free(step->text);
        saying_release(&step->line.saying);
        steps_release(&step->body);
        free(step->members);
        json_decref(step->pattern);
        wants_release(step);
    }
    free(self->items);
    *self = (struct steps){0};
}

void scenario_release(struct scenario *self)
{
    for (size_t i = 0; i < self->member_count; i++)
        member_release(&self->members[i]);
    free(self->members);
    steps_release(&self->steps);
    free(self->disturbed);
    free(self->name);
    source_release(&self->source);
    *self = (struct scenario){0};
}

int scenario_find(const struct scenario *self, const char *name, int server)
{
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];

        if (strcmp(member->name, name) != 0)
            continue;
        if (member->kind != MEMBER_HANDLER || server < 0 || member->on == server)
            return (int)i;
    }
    return -1;
}

void scenario_add_guests(struct scenario *self)
{
    size_t count = self->member_count;

    for (size_t i = 0; i < count * TRANSPORT_COUNT; i++) {
        const struct member *server = &self->members[i / TRANSPORT_COUNT];
        enum transport via = (enum transport)(i % TRANSPORT_COUNT);

        if (server->kind != MEMBER_SERVER || !(server->server.listeners & (1U << via)))
            continue;
        /* No name of a play has blanks in it. */
        struct member guest = {.kind = MEMBER_CLIENT,
            .name = must_print("a client of %s", server->name),
            .on = (int)(i / TRANSPORT_COUNT),
            .client = {.via = via, .guest = true}};
        must_grow(self->members, self->member_count);
        self->members[self->member_count++] = guest;
    }
}

int scenario_find_guest(const struct scenario *self, int server, enum transport via)
{
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];

        if (member->client.guest && member->on == server && member->client.via == via)
            return (int)i;
    }
    return -1;
}

bool scenario_disturbs(const struct scenario *self, int a, int b)
{
    for (size_t i = 0; i < self->disturbed_count; i++) {
        const struct pair *pair = &self->disturbed[i];

        if ((pair->a == a && pair->b == b) || (pair->a == b && pair->b == a))
            return true;
    }
    return false;
}

bool member_is_played(const struct member *self)
{
    return self->kind == MEMBER_PEER ||
           ((self->kind == MEMBER_HANDLER || self->kind == MEMBER_CLIENT) && !member_run(self) &&
               !self->client.guest);
}

const json_t *member_run(const struct member *self)
{
    return self->kind == MEMBER_CLIENT ? self->client.run : self->handler.run;
}

bool members_are_pinned(const struct member *a, const struct member *b)
{
    return a->server.pinned && b->server.pinned;
}

bool member_is_process(const struct member *self)
{
    return self->kind == MEMBER_SERVER || (member_run(self) && !self->handler.by_server);
}

bool member_is_watched(const struct member *self)
{
    return self->kind != MEMBER_HANDLER || !self->handler.by_server;
}
