/*
 * sandbox: takes away from this process, for good, what a server that runs does not
 * need. Whoever takes it over has no more than this, either.
 *
 * Two things of Linux, each for itself: Landlock says which files there are, seccomp
 * which system calls. Where a kernel lacks one of them besterd runs without it and
 * says so. What is started later would inherit both, which is why handlers have a
 * process of their own (spawner.h).
 *
 * A refused system call fails with EPERM, is counted, and the first of each number is
 * logged: nothing that besterd does should come to it, so it is a fault of ours, or
 * an attack.
 *
 * Has state of its own, because a process has but one sandbox. Threads that were
 * started before sandbox_confine_files are not bound by it: there should be none.
 */
#ifndef BESTERD_SANDBOX_H
#define BESTERD_SANDBOX_H

#include "besterd/config.h"

/* From now on: the directories of the files that config names, for reading or writing
 * as the server must (footprint.h); what name resolution and lazily loaded libraries
 * read; and nothing else, no program to be executed, no signal to other processes.
 * What is in use stays in use. Without server.sandbox nothing happens. */
void sandbox_confine_files(const struct config *config);
/* From now on: the system calls of a server whose listeners are open. For all threads. */
void sandbox_confine_calls(const struct config *config);

struct sandbox_state {
    unsigned landlock; /* the version of its interface; 0: it is not in force */
    bool system_calls; /* the filter is in force */
    unsigned long refused;
};
struct sandbox_state sandbox_state(void);
/* One line of the log about what is in force. */
void sandbox_tell(const struct config *config);

#endif
