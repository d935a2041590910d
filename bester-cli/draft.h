/*
 * draft: the text that was edited and could not be sent, kept in
 * $XDG_STATE_HOME/bester/draft, readable for the person alone, so that it outlives the
 * program. Where there is no such directory nothing is kept.
 */
#ifndef BESTER_CLI_DRAFT_H
#define BESTER_CLI_DRAFT_H

#include <stdbool.h>

/* Takes the place of what was kept. false: it cannot be written. */
bool draft_keep(const char *text);
/* malloc'd; NULL: there is none. */
char *draft_read(void);
void draft_forget(void);

#endif
