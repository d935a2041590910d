/*
 * quote: what was said on the wire, as a play says it: with what text.h would take
 * for a capture or a name doubled, and with the names of the cast in place of its
 * addresses. Pure; what is returned is a new value.
 */
#ifndef HARNESS_QUOTE_H
#define HARNESS_QUOTE_H

#include "harness/topology.h"

/* topology: NULL if no address is known; seen_from: the member from whose side ${S2}
 * is understood. */
json_t *quote_text(const struct topology *topology, const char *text, int seen_from);
/* Every `what` in *text becomes `with`; *text is malloc'd, and may be another
 * afterwards. */
void quote_replace(char **text, const char *what, const char *with);

#endif
