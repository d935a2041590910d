#include "besterd/nameset.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct name {
    UT_hash_handle hh;
    char text[];
};

struct pattern {
    struct pattern *next;
    char text[];
};

struct nameset {
    struct name *whole;
    struct pattern *patterns;
};

static bool add_whole(struct nameset *self, const char *text)
{
    size_t len = strlen(text);
    struct name *name;

    HASH_FIND(hh, self->whole, text, len, name);
    if (name)
        return true;
    name = calloc(1, sizeof(*name) + len + 1);
    if (!name)
        return false;
    memcpy(name->text, text, len);
    HASH_ADD_KEYPTR(hh, self->whole, name->text, len, name);
    if (name->hh.tbl)
        return true;
    free(name);
    return false;
}

static bool add_pattern(struct nameset *self, const char *text)
{
    size_t len = strlen(text);
    struct pattern *pattern = calloc(1, sizeof(*pattern) + len + 1);

    if (!pattern)
        return false;
    memcpy(pattern->text, text, len);
    pattern->next = self->patterns;
    self->patterns = pattern;
    return true;
}

struct nameset *nameset_new(char *const *list)
{
    struct nameset *self = calloc(1, sizeof(*self));
    bool ok = self != NULL;

    for (; ok && *list; list++)
        ok = strchr(*list, '*') ? add_pattern(self, *list) : add_whole(self, *list);
    if (ok)
        return self;
    nameset_free(self);
    return NULL;
}

void nameset_free(struct nameset *self)
{
    struct name *name, *next_name;

    if (!self)
        return;
    HASH_ITER (hh, self->whole, name, next_name) {
        HASH_DEL(self->whole, name);
        free(name);
    }
    while (self->patterns) {
        struct pattern *pattern = self->patterns;

        self->patterns = pattern->next;
        free(pattern);
    }
    free(self);
}

/* Where it does not go on, the last star takes one more: no earlier one has to. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *taken = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            taken = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

bool nameset_has(const struct nameset *self, const char *name)
{
    const struct name *whole;

    HASH_FIND(hh, self->whole, name, strlen(name), whole);
    if (whole)
        return true;
    for (const struct pattern *pattern = self->patterns; pattern; pattern = pattern->next)
        if (matches(pattern->text, name))
            return true;
    return false;
}
