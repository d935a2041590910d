/*
 * visit: a session under test and the far end of its connection. The accounts are
 * played: they answer when the test calls session_verified.
 */
#ifndef TESTS_BESTERD_VISIT_H
#define TESTS_BESTERD_VISIT_H

#include "tests/besterd/support.h"

#include "besterd/session.h"

struct visit {
    struct ev_loop *loop;
    struct streams *streams;
    struct config *config;
    struct accounts accounts;
    struct session_context context;
    struct session *session; /* NULL once gone */
    struct wire far;
    /* What was told. */
    char asked[100]; /* "user/password" */
    enum status accounts_status;
    unsigned logins, messages, leaves, goings;
    char last[4096]; /* data of the last message */
    unsigned hold;   /* messages that stay in flight: the test ends them */
};

#define LOGIN(authentication) \
    "{\"header\":{\"authentication\":" authentication "},\"payload\":{\"type\":\"dummy\"}}"
#define T_LOGIN LOGIN("{\"username\":\"T\",\"password\":\"p\"}")
#define MESSAGE(data) "{\"payload\":{\"type\":\"chat\",\"data\":" data ",\"id\":\"1\"}}"
#define GOOD_LOGIN                                                                    \
    "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},\"payload\":" \
    "{\"id\":\"auth_special\"}}"

int visit_set_up(void **state);
int visit_tear_down(void **state);
/* Another session instead, and nothing told yet. */
void visit_start_anew(struct visit *self);
/* Logs in as T. */
void visit_log_in(struct visit *self);
/* The session says this, then the end of output, and is gone. */
void visit_expect_refused(struct visit *self, const char *report);

#endif
