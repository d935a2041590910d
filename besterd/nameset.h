/*
 * nameset: a list of names and patterns, made ready once and then only asked whether it
 * has a name. In a pattern '*' stands for any characters, also none; every other
 * character for itself. To ask costs the same however many names there are, and a
 * little for each pattern.
 *
 * Owns what it remembers.
 */
#ifndef BESTERD_NAMESET_H
#define BESTERD_NAMESET_H

#include <stdbool.h>

struct nameset;

/* list: ended by NULL. NULL when out of memory. */
struct nameset *nameset_new(char *const *list);
void nameset_free(struct nameset *self); /* NULL is legal */
bool nameset_has(const struct nameset *self, const char *name);

#endif
