#include "harness/canonical.h"

#include <stdlib.h>
#include <string.h>

#include "harness/canonical_tree.h"
#include "harness/must.h"

enum { STEP_INDENT = 8 };

static bool has_member(const struct canonical_node *self, const char *name)
{
    for (size_t i = 0; self->kind == JSON_KIND_OBJECT && i < self->count; i++)
        if (json_string_is(self->items[i].name, name))
            return true;
    return false;
}

/* A configuration has "server", and names its own "handlers" and "clients". */
static bool is_play(const struct canonical_node *root)
{
    return has_member(root, "play") || has_member(root, "steps") || has_member(root, "servers");
}

char *canonical_text(struct span text, size_t *len, struct mistake *mistake)
{
    struct canonical_node root;
    char *result = NULL;
    size_t written = 0;

    if (canonical_tree_read(&root, text, mistake) != STATUS_OK)
        return NULL;
    canonical_tree_order(&root, is_play(&root) ? ROLE_PLAY : ROLE_OTHER);
    FILE *out = must_stream(&result, &written);
    canonical_layout(out, &root, 0, 0, 0);
    putc('\n', out);
    fclose(out);
    canonical_tree_release(&root);
    if (len)
        *len = written;
    return result;
}

/* What jansson has written, it can be read again. */
static void read_dumped(struct canonical_node *root, const char *text)
{
    struct mistake mistake;

    if (canonical_tree_read(root, span_of(text), &mistake) != STATUS_OK) {
        fprintf(stderr, "harness: a value can't be laid out: %s\n", mistake.text);
        exit(EXIT_INTERNAL);
    }
}

char *canonical_value(const json_t *value)
{
    struct mistake mistake;
    char *text = must_dump(value);
    char *result = canonical_text(span_of(text), NULL, &mistake);

    free(text);
    return result;
}

char *canonical_step(const json_t *step)
{
    struct canonical_node root;
    char *text = must_dump(step);
    char *result = NULL;
    size_t len = 0;

    read_dumped(&root, text);
    canonical_tree_order(&root, ROLE_STEP);
    FILE *out = must_stream(&result, &len);
    canonical_layout(out, &root, STEP_INDENT, STEP_INDENT, 1);
    fclose(out);
    canonical_tree_release(&root);
    free(text);
    return result;
}

/* ---- whether two texts mean the same --------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const struct canonical_node *left = a;
    const struct canonical_node *right = b;
    size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = memcmp(left->name.at, right->name.at, len);

    return order ? order : (left->name.len > right->name.len) - (left->name.len < right->name.len);
}

static bool same(struct canonical_node *a, struct canonical_node *b)
{
    if (a->kind != b->kind || a->count != b->count || !span_equal(a->token, b->token))
        return false;
    if (a->kind == JSON_KIND_OBJECT && a->count > 0) {
        qsort(a->items, a->count, sizeof(*a->items), compare_names);
        qsort(b->items, b->count, sizeof(*b->items), compare_names);
    }
    for (size_t i = 0; i < a->count; i++)
        if (!span_equal(a->items[i].name, b->items[i].name) || !same(&a->items[i], &b->items[i]))
            return false;
    return true;
}

bool canonical_same(struct span a, struct span b)
{
    struct canonical_node left;
    struct canonical_node right;
    struct mistake mistake;

    if (canonical_tree_read(&left, a, &mistake) != STATUS_OK)
        return false;
    bool answer = canonical_tree_read(&right, b, &mistake) == STATUS_OK;
    if (answer) {
        answer = same(&left, &right);
        canonical_tree_release(&right);
    }
    canonical_tree_release(&left);
    return answer;
}
