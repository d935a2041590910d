/*
 * orphans: processes that somebody of a cast started and left behind, in whatever
 * group or session they are. They become children of the harness, which ends them.
 *
 * Whose they are is told by a mark that every process of a cast has in its
 * environment and hands on, or else by the directory that they are in. Who has wiped
 * his environment and gone elsewhere is ended with the harness itself.
 *
 * The harness is two processes: one that does the work, and its guard, which does
 * nothing until the other has ended, however that was, and then ends what is left.
 */
#ifndef HARNESS_ORPHANS_H
#define HARNESS_ORPHANS_H

#include <stddef.h>

/* The name of the mark in the environment; its value is the directory of the cast.
 * It does not begin with BESTER_: a server takes that away from what it starts. */
#define ORPHANS_MARK "HARNESS_CAST"

/* Before anything is started: orphans come to us, broken pipes are no death, and
 * as many files may be open as the system allows. Returns in a new process, whose
 * guard hands signals down to it and its exit status up. */
void orphans_adopt(void);
/* Ends and reaps every orphan with the mark of that directory, and all of whom it is
 * an ancestor; returns how many. Nobody else of that cast may still run. */
size_t orphans_end_of(const char *directory);
/* Ends and reaps every child that is left; returns how many there were. */
size_t orphans_end(void);

#endif
