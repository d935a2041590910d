/*
 * inquirer: who asks accounts from a loop, and notes what was answered.
 */
#ifndef TESTS_BESTERD_INQUIRER_H
#define TESTS_BESTERD_INQUIRER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "besterd/accounts.h"

enum { ANSWERS_MAX = 4096 };

struct answer {
    uint64_t ticket;
    enum status status;
    bool is_verify;
};

struct inquirer {
    struct ev_loop *loop;
    struct accounts *accounts;
    struct answer answers[ANSWERS_MAX];
    size_t count;
    size_t wanted;  /* the loop ends at so many */
    bool is_asking; /* inside of a call: nothing may be answered now */
    bool ask_again; /* ask from within an answer */
};

static inline void inquirer_answered(
    struct inquirer *self, uint64_t ticket, enum status status, bool is_verify)
{
    assert_false(self->is_asking);
    assert_true(self->count < ANSWERS_MAX);
    self->answers[self->count++] =
        (struct answer){.ticket = ticket, .status = status, .is_verify = is_verify};
    if (self->ask_again) {
        self->ask_again = false;
        assert_int_equal(accounts_exists(self->accounts, "again", ticket + 1), STATUS_OK);
    }
    if (self->count == self->wanted)
        ev_break(self->loop, EVBREAK_ALL);
}

static inline void inquirer_verified(uint64_t ticket, enum status status, void *user)
{
    inquirer_answered(user, ticket, status, true);
}

static inline void inquirer_existence_told(uint64_t ticket, enum status status, void *user)
{
    inquirer_answered(user, ticket, status, false);
}

static const struct accounts_callbacks inquirer_callbacks = {
    .verified = inquirer_verified, .exists = inquirer_existence_told};

static inline void inquirer_open(struct inquirer *self, const struct config *config)
{
    struct fault fault = {.text = ""};
    enum status status =
        accounts_open(&self->accounts, config, self->loop, &inquirer_callbacks, self, &fault);
    if (status != STATUS_OK)
        fail_msg("%s", fault.text);
}

static inline void inquirer_close(struct inquirer *self)
{
    accounts_free(self->accounts);
    self->accounts = NULL;
}

/* Runs the loop until count more answers are in, or a few more than that. A test
 * that waits for ever is ended by whoever runs it. */
static inline void wait_for(struct inquirer *self, size_t count)
{
    self->wanted = self->count + count;
    ev_run(self->loop, 0);
    assert_true(self->count >= self->wanted);
}

static inline enum status verify(struct inquirer *self, const char *username, const char *password)
{
    self->is_asking = true;
    assert_int_equal(accounts_verify(self->accounts, username, span_of(password), 0, 7), STATUS_OK);
    self->is_asking = false;
    wait_for(self, 1);
    const struct answer *last = &self->answers[self->count - 1];
    assert_int_equal(last->ticket, 7);
    assert_true(last->is_verify);
    return last->status;
}

static inline enum status exists(struct inquirer *self, const char *username)
{
    self->is_asking = true;
    assert_int_equal(accounts_exists(self->accounts, username, 8), STATUS_OK);
    self->is_asking = false;
    wait_for(self, 1);
    const struct answer *last = &self->answers[self->count - 1];
    assert_int_equal(last->ticket, 8);
    assert_false(last->is_verify);
    return last->status;
}

#endif
