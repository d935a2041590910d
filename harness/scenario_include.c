/* Steps that stand in a file of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/scenario_load.h"

enum { INCLUDE_DEPTH_MAX = 5 };

/* As seen from the file that includes it. */
static char *path_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    if (name[0] == '/' || !slash)
        return must_copy(name);
    return must_print("%.*s/%s", (int)(slash - path), path, name);
}

/* A report can name one file, the play: there the steps stand where the include
 * does, and their text says where they really are. */
static void move_steps(struct steps *steps, size_t first, const char *path, struct where at)
{
    for (size_t i = first; i < steps->count; i++) {
        struct step *step = &steps->items[i];
        char *text = must_print("%s (%s:%u)", step->text, path, step->at.line);

        free(step->text);
        step->text = text;
        move_steps(&step->body, 0, path, at);
        step->at = step->disturbance.at = at;
    }
}

static const struct load_row include_rows[] = {
    {"steps", NULL},
    {NULL, NULL},
};

static bool load_included(struct loader *self, struct steps *steps, unsigned depth)
{
    const json_t *root = self->scenario->source.root;
    const json_t *list = json_object_get(root, "steps");

    if (!json_is_object(root) || !list)
        return load_fail(
            self, (struct where){1, 1}, "what is included is an object with \"steps\"");
    return load_object(self, root, include_rows, NULL) && load_into(self, list, steps, depth);
}

/* The mistake is in the other file; the place is the include's. */
static bool fail_inside(struct loader *self, const char *path, struct where at)
{
    struct mistake inside = *self->mistake;

    return load_fail(
        self, at, "in %.100s:%u:%u: %.330s", path, inside.at.line, inside.at.column, inside.text);
}

static bool load_file(struct loader *self, const char *path, const json_t *with, struct where at,
    struct steps *steps, unsigned depth)
{
    struct source outside = self->scenario->source;
    struct source inside;
    size_t first = steps->count;

    if (source_load_filled(&inside, path, with, self->mistake) != STATUS_OK)
        return fail_inside(self, path, at);
    self->scenario->source = inside;
    self->includes++;
    bool ok = load_included(self, steps, depth);
    self->includes--;
    inside = self->scenario->source;
    self->scenario->source = outside;
    source_release(&inside);
    move_steps(steps, first, path, at);
    return ok || fail_inside(self, path, at);
}

bool load_include(
    struct loader *self, const json_t *object, struct where at, struct steps *steps, unsigned depth)
{
    static const struct load_row rows[] = {{"include", NULL}, {"with", NULL}, {NULL, NULL}};
    const json_t *name = json_object_get(object, "include");
    const json_t *with = json_object_get(object, "with");

    if (!load_object(self, object, rows, NULL))
        return false;
    if (!json_is_string(name) || (with && !json_is_object(with)))
        return load_fail_member(self, object, json_is_string(name) ? "with" : "include",
            "an include is {\"include\": \"a file\", \"with\": {\"a name\": what it stands for}}");
    if (self->includes >= INCLUDE_DEPTH_MAX)
        return load_fail(self, at, "includes are nested too deep: does a file include itself?");
    char *path = path_beside(self->scenario->source.path, json_string_value(name));
    bool ok = load_file(self, path, with, at, steps, depth);
    free(path);
    return ok;
}
