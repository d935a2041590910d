/*
 * privileges: from root to the user that the configuration names (server.user).
 *
 * What only root may do is done first; the rest of a start, all handlers and the
 * life of the server belong to that user. Where the configuration names none, or
 * the process is not root's, nothing here does anything.
 */
#ifndef BESTERD_PRIVILEGES_H
#define BESTERD_PRIVILEGES_H

#include "besterd/config.h"

/* STATUS_INVALID: the configuration names another user than this one, who is not
 * root; *fault says so. As root with no user named it logs a warning. */
MUST_CHECK enum status privileges_check(const struct config *config, struct fault *fault);

/* Between the two, files are made and opened as by that user. */
void privileges_lend(const struct config *config);
void privileges_regain(const struct config *config);

/* For good: real, effective and saved ids and the groups, all looked at afterwards. A
 * core can still be written. STATUS_INTERNAL: it did not work, and the process must
 * not go on; *fault says why. */
MUST_CHECK enum status privileges_drop(const struct config *config, struct fault *fault);
/* After that: logs a warning for each file that will be needed again and that the
 * user cannot have. */
void privileges_tell_missing(const struct config *config);

#endif
