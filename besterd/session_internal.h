/*
 * session_internal: what the files of session share. For nobody else.
 *
 * session.c: birth, the end, messages. session_login.c: logging in.
 */
#ifndef BESTERD_SESSION_INTERNAL_H
#define BESTERD_SESSION_INTERNAL_H

#include "besterd/log.h"
#include "besterd/session.h"

#define AUTH_ID SPAN_LITERAL("\"auth_special\"")

/* "session 12"; returns subject. */
const char *session_subject(const struct session *self, char subject[32]);

#define session_log(self, level, ...)                                          \
    do {                                                                       \
        char subject_[32];                                                     \
        if (log_enabled(level))                                                \
            log_line((level), session_subject((self), subject_), __VA_ARGS__); \
    } while (0)

/* What its client can cause as often as he likes. */
#define session_log_bounded(self, level, ...)                                                      \
    do {                                                                                           \
        char subject_[32];                                                                         \
        if (log_enabled(level))                                                                    \
            limits_log(                                                                            \
                (self)->context->limits, (level), session_subject((self), subject_), __VA_ARGS__); \
    } while (0)

/* It has come to a limit. */
#define session_hit(self, limit, ...)                                                          \
    do {                                                                                       \
        char subject_[32];                                                                     \
        limits_hit(                                                                            \
            (self)->context->limits, (limit), session_subject((self), subject_), __VA_ARGS__); \
    } while (0)

/* Says why, then ends. For what makes the rest of the stream worthless. */
void session_refuse(
    struct session *self, struct span id_token, enum status reason, const char *detail);
/* The first message of a client. */
void session_log_in(struct session *self, const struct message *message);

#endif
