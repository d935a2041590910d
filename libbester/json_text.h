/*
 * json_text: a jansson value as text, whole or not at all.
 *
 * json_dumps of jansson 2.14 does not look whether a member's name found memory: what
 * it returns then is no JSON. This takes its place wherever text leaves a program.
 */
#ifndef BESTER_JSON_TEXT_H
#define BESTER_JSON_TEXT_H

#include <jansson.h>

/* flags: JSON_COMPACT and the like. The caller frees it. NULL when out of memory, when
 * value is NULL, or when it is one that flags do not allow. */
char *json_text(const json_t *value, size_t flags);

#endif
