/* Notes: where they stand, and what they excuse. */
#include "harness/lint_find.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/json.h"

static const char EXCUSE[] = "lint-ok";

/* ---- reading --------------------------------------------------------------------------------- */

struct walk {
    struct lint *lint;
    struct span text;
    struct json_cursor cursor;
    unsigned depth;
};

static void walk_value(struct walk *self);

static struct where here(const struct walk *self, const char *at)
{
    return where_in(self->text, (size_t)(at - self->text.at));
}

/* A note of the object that is being walked; its end is told afterwards. */
static size_t add_note(struct walk *self, struct span name, struct span value)
{
    struct lint *lint = self->lint;
    char *text = must_alloc(value.len + 1);

    if (json_decode(value, text, value.len + 1, NULL) != STATUS_OK)
        text[0] = '\0';
    must_grow(lint->notes, lint->note_count);
    lint->notes[lint->note_count] = (struct lint_note){.text = text, .at = here(self, name.at)};
    return lint->note_count++;
}

/* The text was read before: none of this fails. */
static void walk_object(struct walk *self)
{
    const size_t none = (size_t)-1;
    const char *begin = NULL;
    size_t note = none;
    size_t members = 0;
    struct span name;
    struct span value;

    if (json_enter_object(&self->cursor, NULL) != STATUS_OK)
        return;
    begin = self->cursor.at - 1;
    for (; json_next_member(&self->cursor, &name, NULL) == PULL_READY; members++) {
        if (json_string_is(name, "note") && json_peek(&self->cursor) == JSON_KIND_STRING &&
            json_skip(&self->cursor, &value, NULL) == STATUS_OK)
            note = add_note(self, name, value);
        else
            walk_value(self);
    }
    if (note == none)
        return;
    struct lint_note *found = &self->lint->notes[note];
    found->begin = here(self, begin);
    found->end = here(self, self->cursor.at);
    found->is_play = self->depth == 1;
    found->is_step = members == 1;
}

static void walk_value(struct walk *self)
{
    enum json_kind kind = json_peek(&self->cursor);

    self->depth++;
    if (kind == JSON_KIND_OBJECT) {
        walk_object(self);
    } else if (kind == JSON_KIND_ARRAY && json_enter_array(&self->cursor, NULL) == STATUS_OK) {
        while (json_next_element(&self->cursor, NULL) == PULL_READY)
            walk_value(self);
    } else if (json_skip(&self->cursor, NULL, NULL) != STATUS_OK) {
        self->cursor.at = self->cursor.end;
    }
    self->depth--;
}

void lint_notes_read(struct lint *self)
{
    const struct source *source = &self->scenario->source;
    struct walk walk = {.lint = self, .text = {.at = source->text, .len = source->len}};

    json_begin(&walk.cursor, walk.text, SOURCE_DEPTH_MAX);
    walk_value(&walk);
}

void lint_notes_release(struct lint *self)
{
    for (size_t i = 0; i < self->note_count; i++)
        free(self->notes[i].text);
    free(self->notes);
    self->notes = NULL;
    self->note_count = 0;
}

static bool covers(const struct lint_note *note, struct where at)
{
    return !where_before(at, note->begin) && where_before(at, note->end);
}

bool lint_has_reason(const struct lint *self, struct where at)
{
    for (size_t i = 0; i < self->note_count; i++) {
        const struct lint_note *note = &self->notes[i];
        /* Nothing but blanks and a comma stands between a step and the next. */
        bool before = note->is_step &&
                      (note->end.line + 1 == at.line || note->end.line == at.line) &&
                      where_before(note->end, at);

        if (note->text[0] && (before || (!note->is_play && covers(note, at))))
            return true;
    }
    return false;
}

/* ---- excuses --------------------------------------------------------------------------------- */

/* What stands behind "lint-ok", or NULL. */
static const char *excuse_of(const struct lint_note *note)
{
    const char *at = strstr(note->text, EXCUSE);

    return at ? at + strlen(EXCUSE) : NULL;
}

/* The names before the colon, one after the other; false at their end. */
static bool next_name(const char **at, struct span *name)
{
    *at += strspn(*at, " ,");
    *name = (struct span){.at = *at, .len = strcspn(*at, " ,:")};
    *at += name->len;
    return name->len > 0;
}

static bool note_excuses(const struct lint_note *note, const char *rule)
{
    const char *at = excuse_of(note);
    struct span name;

    while (at && next_name(&at, &name))
        if (span_is(name, rule))
            return true;
    return false;
}

static bool excuse(struct lint *self, const struct finding *finding)
{
    bool excused = false;

    for (size_t i = 0; i < self->note_count; i++) {
        struct lint_note *note = &self->notes[i];

        if (covers(note, finding->at) && note_excuses(note, finding->rule->name))
            excused = note->used = true;
    }
    return excused;
}

/* The index of the rule; -1: there is none. */
static int rule_index(struct span name)
{
    const struct lint_rule *rule;

    for (int i = 0; (rule = lint_rule_at((size_t)i)); i++)
        if (span_is(name, rule->name))
            return i;
    return -1;
}

static void check_excuse(struct lint *self, const struct lint_note *note, const bool *wanted)
{
    const char *at = excuse_of(note);
    bool all_looked = true;
    size_t names = 0;
    struct span name;

    for (; at && next_name(&at, &name); names++) {
        int rule = rule_index(name);

        if (rule < 0)
            lint_find(self, note->at, "there is no rule \"%.*s\" to be excused from", (int)name.len,
                name.at);
        all_looked = all_looked && rule >= 0 && wanted[rule];
    }
    if (!at)
        return;
    at += strspn(at, " :");
    if (names == 0 || !*at)
        lint_find(self, note->at, "an excuse is \"%s RULE: why\"", EXCUSE);
    else if (all_looked && !note->used)
        lint_find(self, note->at, "this excuses nothing: no such thing is found here");
}

void lint_excuse(struct lint *self, const bool *wanted)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->finding_count; i++) {
        if (excuse(self, &self->findings[i]))
            free(self->findings[i].text);
        else
            self->findings[kept++] = self->findings[i];
    }
    /* must_grow tells from the count whether there is room. */
    struct finding *findings = NULL;
    for (size_t i = 0; i < kept; i++) {
        must_grow(findings, i);
        findings[i] = self->findings[i];
    }
    free(self->findings);
    self->findings = findings;
    self->finding_count = kept;
    for (size_t i = 0; i < self->note_count; i++)
        check_excuse(self, &self->notes[i], wanted);
}
