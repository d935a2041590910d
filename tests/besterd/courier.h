/*
 * courier: deliveries under test, with sessions to deliver to. The accounts are
 * played: they answer when the test calls courier_account_says.
 */
#ifndef TESTS_BESTERD_COURIER_H
#define TESTS_BESTERD_COURIER_H

#include "tests/besterd/support.h"

#include "besterd/delivery.h"

enum { SESSIONS = 8, QUEUE = 3000000 };

struct courier {
    struct ev_loop *loop;
    struct streams *streams;
    struct config *config;
    struct accounts accounts;
    struct session_context context;
    struct roster roster;
    struct deliveries deliveries;
    struct session *sessions[SESSIONS];
    struct wire far[SESSIONS];
    size_t session_count;
    struct origin *origin;
    struct ticket *ticket;
    unsigned resolved; /* calls of on_resolved */
    /* What the accounts were asked, and what they say at once. */
    char asked[SESSIONS][80];
    uint64_t asked_number[SESSIONS];
    size_t asked_count;
    enum status accounts_status;
};

int courier_set_up(void **state);
int courier_tear_down(void **state);
/* Another message instead. id_token may be NULL. */
void courier_new_ticket(struct courier *self, const char *id_token);
/* A session of user; its index. */
size_t courier_log_in(struct courier *self, const char *user);
/* sendClients: targets and message as JSON. */
void courier_deliver(struct courier *self, const char *targets, const char *message);
/* Everything is known, and the report is covered by this pattern. */
void courier_expect_report(struct courier *self, const char *pattern);
/* The answer to the accounts' question of that index. */
void courier_account_says(struct courier *self, size_t question, enum status status);
/* Fills the connection of a session, so that it takes nothing more. */
void courier_clog_up(struct courier *self, size_t i);

#endif
