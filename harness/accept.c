#include "harness/accept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/accept_merge.h"
#include "harness/canonical.h"
#include "harness/linediff.h"
#include "harness/must.h"
#include "harness/replace.h"
#include "libbester/json.h"

/* A line that differs more often than that will never be right. */
enum { TIMES_MAX = 3 };

/* Steps keep their number while the text changes. */
struct rewritten {
    size_t number;
    unsigned times;
};

struct accept {
    char *path;
    char *before;
    size_t before_len;
    char *text;
    size_t len;
    bool canonical;
    double deadline_s;
    struct scenario tried[2]; /* the last two texts, as they are played */
    unsigned tries;
    struct rewritten *lines;
    size_t line_count;
    /* What was noted, until it is rewritten. */
    json_t *value; /* NULL: nothing */
    struct where at;
    char *arrow;
};

/* ---- where a line stands --------------------------------------------------------------------- */

static size_t offset_of(const struct accept *self, struct where at)
{
    size_t offset = 0;

    for (unsigned line = 1; line < at.line && offset < self->len; offset++)
        line += self->text[offset] == '\n';
    for (unsigned column = 1; column < at.column && offset < self->len; column++)
        do
            offset++;
        while (offset < self->len && ((unsigned char)self->text[offset] & 0xC0) == 0x80);
    return offset;
}

/* The value of the line in the text; .at NULL: it does not stand there. */
static struct span value_span(const struct accept *self, struct where at, const char *arrow)
{
    size_t offset = offset_of(self, at);
    struct span none = {NULL, 0};
    struct json_cursor cursor;
    struct span name;
    struct span value;

    json_begin(&cursor, (struct span){self->text + offset, self->len - offset}, SOURCE_DEPTH_MAX);
    if (json_enter_object(&cursor, NULL) != STATUS_OK)
        return none;
    while (json_next_member(&cursor, &name, NULL) == PULL_READY) {
        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            return none;
        if (json_string_is(name, arrow))
            return value;
    }
    return none;
}

/* In the order of the text; 0: it is not there. */
static size_t number_of(const struct steps *steps, const struct step *step, size_t *count)
{
    for (size_t i = 0; i < steps->count; i++) {
        ++*count;
        if (&steps->items[i] == step)
            return *count;
        size_t inside = number_of(&steps->items[i].body, step, count);
        if (inside)
            return inside;
    }
    return 0;
}

static unsigned count_time(struct accept *self, size_t number)
{
    for (size_t i = 0; i < self->line_count; i++)
        if (self->lines[i].number == number)
            return ++self->lines[i].times;
    must_grow(self->lines, self->line_count);
    self->lines[self->line_count++] = (struct rewritten){.number = number, .times = 1};
    return 1;
}

/* ---- rewriting ------------------------------------------------------------------------------- */

void accept_note(struct accept *self, const struct scenario *scenario, const struct step *step,
    const struct event *event, struct scope *scope, const struct topology *topology)
{
    struct span value = value_span(self, step->at, step->text);
    size_t count = 0;

    json_decref(self->value);
    self->value = NULL;
    if (!value.at)
        return;
    unsigned times = count_time(self, number_of(&scenario->steps, step, &count));
    json_t *words = json_loadb(value.at, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct merge merge = {
        .scope = scope, .topology = topology, .seen_from = event->from, .gives_up = times > 1};
    if (words && times <= TIMES_MAX)
        self->value = merge_line(&merge, &step->line, words, event);
    json_decref(words);
    free(self->arrow);
    self->arrow = must_copy(step->text);
    self->at = step->at;
}

static bool rewrite(struct accept *self)
{
    struct span old = self->value ? value_span(self, self->at, self->arrow) : (struct span){0};
    char *result = NULL;
    size_t len = 0;

    if (!old.at)
        return false;
    char *value = must_dump(self->value);
    FILE *out = must_stream(&result, &len);
    fwrite(self->text, 1, (size_t)(old.at - self->text), out);
    fputs(value, out);
    fwrite(old.at + old.len, 1, self->len - (size_t)(old.at - self->text) - old.len, out);
    fclose(out);
    free(value);
    json_decref(self->value);
    self->value = NULL;
    if (self->canonical) {
        struct mistake mistake;
        char *laid_out = canonical_text((struct span){result, len}, &len, &mistake);

        free(result);
        result = laid_out;
    }
    bool changed = result && (len != self->len || memcmp(result, self->text, len) != 0);
    if (!changed) {
        free(result);
        return false;
    }
    free(self->text);
    self->text = result;
    self->len = len;
    return true;
}

static struct span text_of(const struct accept *self)
{
    return (struct span){self->text, self->len};
}

const struct scenario *accept_rewrite(struct accept *self)
{
    struct scenario *next = &self->tried[self->tries % 2];
    struct scenario_options options = {.deadline_s = self->deadline_s};
    struct mistake mistake;

    if (!rewrite(self))
        return NULL;
    if (self->tries >= 2)
        scenario_release(next);
    options.text = text_of(self);
    if (scenario_load(next, self->path, &options, &mistake) != STATUS_OK) {
        *next = (struct scenario){0};
        return NULL;
    }
    self->tries++;
    return next;
}

static bool has_changed(const struct accept *self)
{
    return self->len != self->before_len || memcmp(self->text, self->before, self->len) != 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static const char *colour_of(const char *line)
{
    if (strncmp(line, "---", 3) == 0 || strncmp(line, "+++", 3) == 0)
        return "1";
    return *line == '-' ? "31" : *line == '+' ? "32" : *line == '@' ? "36" : NULL;
}

static void show_coloured(FILE *out, struct span diff)
{
    while (diff.len > 0) {
        const char *end = memchr(diff.at, '\n', diff.len);
        size_t len = end ? (size_t)(end - diff.at) : diff.len;
        const char *colour = colour_of(diff.at);

        if (colour)
            fprintf(out, "\033[%sm", colour);
        fwrite(diff.at, 1, len, out);
        fputs(colour ? "\033[0m\n" : "\n", out);
        len += end != NULL;
        diff = (struct span){diff.at + len, diff.len - len};
    }
}

static void show(const struct accept *self, FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    struct span before = {self->before, self->before_len};
    char *diff = NULL;
    size_t len = 0;
    FILE *into = must_stream(&diff, &len);

    linediff_write(into, self->path, before, self->path, text_of(self));
    fclose(into);
    if (isatty(fileno(out)) == 1 && (!no_colour || !*no_colour))
        show_coloured(out, (struct span){diff, len});
    else
        fwrite(diff, 1, len, out);
    fflush(out);
    free(diff);
}

bool accept_finish(const struct accept *self, bool passed, FILE *out)
{
    struct fault fault;

    if (!has_changed(self))
        return true;
    if (!passed) {
        fprintf(stderr, "%s is left as it is: with other lines it fails, too\n", self->path);
        return true;
    }
    if (replace_text(self->path, text_of(self), &fault) != STATUS_OK) {
        fprintf(stderr, "harness run: %s\n", fault.text);
        return false;
    }
    show(self, out);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct accept *accept_new(const struct scenario *scenario)
{
    const struct source *source = &scenario->source;
    struct accept *self = must_alloc(sizeof(*self));
    struct mistake mistake;
    size_t len = 0;

    self->path = must_copy(source->path);
    self->deadline_s = scenario->deadline_s;
    self->before = must_copy_bytes(source->text, source->len);
    self->text = must_copy_bytes(source->text, source->len);
    self->before_len = self->len = source->len;
    char *laid_out = canonical_text(text_of(self), &len, &mistake);
    self->canonical = laid_out && len == self->len && memcmp(laid_out, self->text, len) == 0;
    free(laid_out);
    return self;
}

void accept_free(struct accept *self)
{
    if (!self)
        return;
    json_decref(self->value);
    for (unsigned i = 0; i < 2; i++)
        scenario_release(&self->tried[i]);
    free(self->path);
    free(self->before);
    free(self->text);
    free(self->arrow);
    free(self->lines);
    free(self);
}
