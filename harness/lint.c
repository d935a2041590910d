#include "harness/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lint_find.h"
#include "harness/must.h"
#include "harness/paths.h"

/* Whose look is NULL: "mistake" is what the loader says, "excuse" comes last. */
static const struct lint_rule rules[] = {
    {"mistake", "error",
        "a name that is not in the cast, a capture that is not bound, a parameter of an include "
        "that is missing or not used, and whatever else `harness run` refuses",
        NULL},
    {"never-reached", "error",
        "a line on a connection that was closed, to a process that was killed or has ended",
        lint_never_reached},
    {"proves-nothing", "error", "a play that expects nothing", lint_proves_nothing},
    {"rule-never-matches", "error", "a rule of the cast behind one that takes all that it takes",
        lint_rule_never_matches},
    {"same-name", "error", "two plays that say of themselves that they show the same",
        lint_same_name},
    {"fault-without-traffic", "error", "a fault on an edge where nothing passes afterwards",
        lint_fault_without_traffic},
    {"unused-capture", "warning", "a name that is bound and never used again", lint_unused_capture},
    {"unused-label", "warning",
        "a question that is named with \"as\" and not answered by that name", lint_unused_label},
    {"unused-member", "warning", "somebody in the cast whom nobody talks to or of",
        lint_unused_member},
    {"wait-without-reason", "warning", "time that passes, without a note that says why",
        lint_wait_without_reason},
    {"excuse", "warning", "an excuse without a reason, of no rule, or of nothing that is found",
        NULL},
};
enum {
    RULE_COUNT = sizeof(rules) / sizeof(rules[0]),
    RULE_MISTAKE = 0,
    RULE_EXCUSE = RULE_COUNT - 1
};
_Static_assert((int)RULE_COUNT <= (int)LINT_RULE_COUNT_MAX, "room for each rule");

const struct lint_rule *lint_rule_at(size_t index)
{
    return index < RULE_COUNT ? &rules[index] : NULL;
}

void lint_list(void)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        printf("%-22s %-8s %s\n", rules[i].name, rules[i].severity, rules[i].help);
}

enum status lint_want(struct lint_options *options, const char *name, struct fault *fault)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(rules[i].name, name) == 0) {
            options->some = options->wanted[i] = true;
            return STATUS_OK;
        }
    return fault_set(
        fault, STATUS_INVALID, 0, "there is no rule \"%s\"; --list prints those there are", name);
}

/* ---- what the rules share -------------------------------------------------------------------- */

void lint_find(struct lint *self, struct where at, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < self->finding_count; i++) {
        const struct finding *there = &self->findings[i];

        if (there->rule == self->rule && there->at.line == at.line &&
            there->at.column == at.column && strcmp(there->text, text) == 0)
            return;
    }
    must_grow(self->findings, self->finding_count);
    self->findings[self->finding_count++] =
        (struct finding){.rule = self->rule, .at = at, .text = must_copy(text)};
}

void lint_each_step(const struct steps *steps,
    void (*look)(struct lint *self, const struct step *step), struct lint *self)
{
    for (size_t i = 0; i < steps->count; i++) {
        look(self, &steps->items[i]);
        lint_each_step(&steps->items[i].body, look, self);
    }
}

const struct member *lint_member(const struct lint *self, int index)
{
    return &self->scenario->members[index];
}

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

bool lint_has_word(struct span text, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.at + i, word, len) == 0 && (i == 0 || !is_of_word(text.at[i - 1])) &&
            (i + len == text.len || !is_of_word(text.at[i + len])))
            return true;
    return false;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;

    if (where_before(left->at, right->at))
        return -1;
    if (where_before(right->at, left->at))
        return 1;
    return (left->rule > right->rule) - (left->rule < right->rule);
}

static void tell(const char *path, struct where at, const struct lint_rule *rule, const char *text)
{
    printf("%s:%u:%u: %s: %s [%s]\n", path, at.line, at.column, rule->severity, text, rule->name);
}

static int lint_play(struct lint *self, const bool *wanted)
{
    lint_notes_read(self);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        self->rule = &rules[i];
        if (wanted[i] && rules[i].look)
            rules[i].look(self);
    }
    self->rule = &rules[RULE_EXCUSE];
    lint_excuse(self, wanted);
    if (self->finding_count > 1)
        qsort(self->findings, self->finding_count, sizeof(*self->findings), by_place);
    int status = 0;
    for (size_t i = 0; i < self->finding_count; i++) {
        struct finding *finding = &self->findings[i];

        if (finding->rule != &rules[RULE_EXCUSE] || wanted[RULE_EXCUSE]) {
            tell(self->path, finding->at, finding->rule, finding->text);
            status = EXIT_FOUND;
        }
        free(finding->text);
    }
    free(self->findings);
    lint_notes_release(self);
    return status;
}

static int lint_path(const char *path, const bool *wanted, json_t *names)
{
    const struct scenario_options options = {.deadline_s = 1, .world = true};
    struct scenario scenario;
    struct mistake mistake;
    enum status loaded = scenario_load(&scenario, path, &options, &mistake);

    if (loaded == STATUS_IO) {
        fprintf(stderr, "harness lint: %s: %s\n", path, mistake.text);
        return EXIT_LOCAL_IO;
    }
    if (loaded != STATUS_OK) {
        tell(path, mistake.at, &rules[RULE_MISTAKE], mistake.text);
        return EXIT_BAD_INPUT;
    }
    struct lint lint = {.scenario = &scenario, .path = path, .names = names};
    int status = lint_play(&lint, wanted);
    scenario_release(&scenario);
    return status;
}

int lint_paths(const struct lint_options *options, char *const *arguments, size_t count)
{
    bool wanted[RULE_COUNT];
    struct paths paths;
    struct fault fault;
    int status = 0;

    for (size_t i = 0; i < RULE_COUNT; i++)
        wanted[i] = !options->some || options->wanted[i];
    if (paths_collect(&paths, arguments, count, &fault) != STATUS_OK) {
        fprintf(stderr, "harness lint: %s\n", fault.text);
        return EXIT_LOCAL_IO;
    }
    json_t *names = must_json(json_object());
    for (size_t i = 0; i < paths.count; i++) {
        int one = lint_path(paths.items[i], wanted, names);

        status = one > status ? one : status;
    }
    json_decref(names);
    paths_release(&paths);
    if (fflush(stdout) != 0) {
        perror("harness lint: standard output");
        return EXIT_LOCAL_IO;
    }
    return status;
}
