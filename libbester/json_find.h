/*
 * json_find: one value out of a JSON text that is known to be valid, by its path.
 * For what is not hot: the text is walked anew at each call. Pure.
 */
#ifndef BESTER_JSON_FIND_H
#define BESTER_JSON_FIND_H

#include "libbester/status.h"

enum { JSON_FIND_NAME_MAX = 256 }; /* a longer name of a member is never found */

/* The value at a path of members' names, "limits.maxFrame"; of several members
 * of one name the last, as JSON libraries do. The empty path is value itself.
 * Absent if there is none, or if value is absent. */
struct span json_find(struct span value, struct span path);

#endif
