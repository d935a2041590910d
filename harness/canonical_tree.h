/*
 * canonical_tree: a JSON text as a tree of its tokens, for canonical*.c alone.
 *
 * A node borrows its bytes from the text, which must outlive it. canonical_tree_read
 * makes a tree, canonical_tree_release frees what it owns (all nodes but the first).
 */
#ifndef HARNESS_CANONICAL_TREE_H
#define HARNESS_CANONICAL_TREE_H

#include "harness/source.h"
#include "libbester/json.h"

/* What a value is in a play: where it stands says so. */
enum canonical_role {
    ROLE_OTHER, /* it is in no play */
    ROLE_DATA,  /* in a play, but nothing of its own: what a line says, a configuration */
    ROLE_PLAY,
    ROLE_SECTION, /* "servers", "clients" and so on */
    ROLE_MEMBER,  /* of the cast */
    ROLE_RULES,
    ROLE_RULE,
    ROLE_STEPS, /* all of the play */
    ROLE_LINES, /* steps within a step */
    ROLE_STRANDS,
    ROLE_STEP,
    ROLE_COUNT
};

struct canonical_node {
    enum json_kind kind;
    enum canonical_role role;
    struct span name;             /* with its quotes; absent: an element, or the outermost */
    struct span token;            /* of a scalar */
    struct canonical_node *items; /* members or elements */
    size_t count;
    size_t width; /* on one line, in characters, without its name */
    bool apart;   /* an empty line stands before it */
};

/* STATUS_INVALID: *mistake says what and where; *self needs no release then. */
MUST_CHECK enum status canonical_tree_read(
    struct canonical_node *self, struct span text, struct mistake *mistake);
void canonical_tree_release(struct canonical_node *self);

/* Gives each node of a play its role, and their members their order. */
void canonical_tree_order(struct canonical_node *self, enum canonical_role role);

/* Whether nothing is gained by breaking it: one scalar, however deep in. */
bool canonical_node_is_atom(const struct canonical_node *self);
/* How many characters its name takes, with what follows it. */
size_t canonical_node_lead(const struct canonical_node *self);

/* Writes it from column on, in a line that is indented so; tail characters must fit
 * behind it. The column of its end. */
size_t canonical_layout(
    FILE *out, const struct canonical_node *self, size_t indent, size_t column, size_t tail);

#endif
