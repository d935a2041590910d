/*
 * book: what one has learnt in a session: the types and their templates, and the
 * names of people. Completion and sending look things up here; nothing here asks
 * the server.
 *
 * Owns everything it gives out; pointers are valid until the book changes.
 */
#ifndef BESTER_CLI_BOOK_H
#define BESTER_CLI_BOOK_H

#include "libbester/address.h"
#include "libbester/template.h"

struct book_type {
    char name[TEMPLATE_NAME_MAX];
    struct type_template *sheet; /* NULL: it has none */
    bool own_looked_for;         /* the user's own file, which goes before the server's */
};

enum {
    BOOK_TYPES_MAX = 1024,
    BOOK_PEOPLE_MAX = 4096,
    BOOK_NAME_MAX = USER_NAME_MAX + SERVER_NAME_MAX
};

struct book {
    struct book_type *types;
    size_t type_count;
    char (*people)[BOOK_NAME_MAX];
    size_t people_count;
};

void book_init(struct book *self);
void book_release(struct book *self);

/* Takes in the answer to `types`; what is known already stays. STATUS_INVALID:
 * it makes no sense, or a template has a mistake (*fault says where; the others
 * are taken in all the same). */
MUST_CHECK enum status book_learn_types(struct book *self, struct span data, struct fault *fault);
/* The template of a type: the user's own, else the server's; NULL: none, and if
 * the user's own has a mistake, *fault says so (else its text is empty). */
const struct type_template *book_template(struct book *self, const char *type, struct fault *fault);

/* The same without looking for a file. */
const struct type_template *book_known_template(const struct book *self, const char *type);

/* Whether a name can stand on the screen, and in a list, as it is. */
bool book_is_showable(const char *name);
/* Remembers a name; one that could not be shown as it is is left out. */
void book_meet(struct book *self, const char *name);

#endif
