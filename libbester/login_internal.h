/*
 * login_internal: what the files of the module login share. login.c says where
 * to and as whom; login_password.c finds the password.
 */
#ifndef BESTER_LOGIN_INTERNAL_H
#define BESTER_LOGIN_INTERNAL_H

#include "libbester/login.h"
#include "libbester/profile.h"

/* Everything but the password; *profile: what of it counts. */
MUST_CHECK enum status login_look(struct login *self, const struct login_settings *settings,
    const char *operand, struct profile *profile, struct fault *fault);
MUST_CHECK enum status login_choose_password(struct login *self,
    const struct login_settings *settings, const struct profile *profile, struct fault *fault);

#endif
