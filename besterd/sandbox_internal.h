/* sandbox_internal: what the files of sandbox share. For nobody else. */
#ifndef BESTERD_SANDBOX_INTERNAL_H
#define BESTERD_SANDBOX_INTERNAL_H

#include "besterd/sandbox.h"

/* sandbox_files.c: Landlock. The version of its interface; 0: errno says why not. */
unsigned sandbox_landlock(const struct config *config);
/* sandbox_calls.c: seccomp. False: errno says why not. */
bool sandbox_seccomp(void);
/* System calls refused so far. */
unsigned long sandbox_refused(void);

#endif
