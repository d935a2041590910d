/*
 * profile: the settings that a person keeps in a file, $XDG_CONFIG_HOME/bester/config:
 *
 *     # what holds when no profile is named
 *     server = besters://T@example.org
 *     password_command = pass show bester
 *
 *     [work]
 *     server = unix:/run/work.sock
 *
 * and the passwords in the file beside it, `credentials`. Plain values; nothing
 * is allocated.
 */
#ifndef BESTER_PROFILE_H
#define BESTER_PROFILE_H

#include "libbester/status.h"

enum { PROFILE_VALUE_MAX = 1024, PROFILE_PATH_MAX = 4096 };

/* "" is: not said. */
struct profile {
    char server[PROFILE_VALUE_MAX];
    char user[PROFILE_VALUE_MAX];
    char password_file[PROFILE_VALUE_MAX];
    char password_command[PROFILE_VALUE_MAX];
    char ca[PROFILE_VALUE_MAX];
    char pin[PROFILE_VALUE_MAX];
    char connect_timeout[PROFILE_VALUE_MAX];
};

/* Reads the profile of that name; NULL: what stands before the first [NAME] or
 * below [default], and nothing at all is no mistake then. STATUS_NOT_FOUND: there
 * is no such profile; STATUS_INVALID: a line makes no sense, or somebody else
 * may write to the file, which can name a command; STATUS_IO. *fault names file
 * and line. */
MUST_CHECK enum status profile_load(struct profile *self, const char *name, struct fault *fault);

/* The path of a file of our configuration; false: no such place. */
bool profile_path(const char *file, char out[PROFILE_PATH_MAX]);

/* Goes through the file `credentials`, whose lines are "SERVER PASSWORD": for each,
 * match is asked whether this SERVER is the one; the first it is puts its
 * password into out. STATUS_NOT_FOUND: none, or no file; STATUS_INVALID: others
 * can read the file, or a line makes no sense; STATUS_TOO_LARGE, STATUS_IO. */
MUST_CHECK enum status profile_password(bool (*match)(const char *server, void *user), void *user,
    char *out, size_t cap, struct fault *fault);

#endif
