/*
 * orphans: processes that a server started and left behind become children of
 * the harness, which ends them before it ends itself.
 */
#ifndef HARNESS_ORPHANS_H
#define HARNESS_ORPHANS_H

#include <stddef.h>

/* Before anything is started: orphans come to us, broken pipes are no death, and
 * as many files may be open as the system allows. */
void orphans_adopt(void);
/* Ends and reaps every child that is left; returns how many there were. */
size_t orphans_end(void);

#endif
