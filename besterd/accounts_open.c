#include "besterd/accounts_open.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 65536, WAITING_FIRST = 16 };

struct answer {
    uint64_t ticket;
    enum status status;
    bool is_verify;
};

struct open_accounts {
    struct accounts accounts;
    struct ev_loop *loop;
    ev_timer soon; /* never started, only fed: answers come from the loop */
    struct answer *waiting;
    size_t count;
    size_t room;
};

static struct open_accounts *of(struct accounts *accounts)
{
    return (struct open_accounts *)accounts;
}

static enum status answer_soon(struct accounts *accounts, struct answer answer)
{
    struct open_accounts *self = of(accounts);
    if (self->count == WAITING_MAX)
        return STATUS_OVERLOADED;
    if (self->count == self->room) {
        size_t room = self->room == 0 ? WAITING_FIRST : 2 * self->room;
        struct answer *grown = realloc(self->waiting, room * sizeof *grown);
        if (grown == NULL)
            return STATUS_NO_MEMORY;
        self->waiting = grown;
        self->room = room;
    }
    self->waiting[self->count++] = answer;
    ev_feed_event(self->loop, &self->soon, EV_TIMER);
    return STATUS_OK;
}

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct open_accounts *self = timer->data;
    struct accounts *accounts = &self->accounts;
    struct answer *answers = self->waiting;
    size_t count = self->count;
    /* A callback may ask again: that goes into a new list. */
    self->waiting = NULL;
    self->count = 0;
    self->room = 0;
    for (size_t i = 0; i < count; i++) {
        accounts_answered *tell =
            answers[i].is_verify ? accounts->callbacks->verified : accounts->callbacks->exists;
        tell(answers[i].ticket, answers[i].status, accounts->user);
    }
    free(answers);
}

static enum status verify_open(struct accounts *accounts, const char *username,
    struct span password, uint64_t from, uint64_t ticket)
{
    (void)from;
    bool taken = username[0] != '\0' && password.len > 0;
    struct answer answer = {
        .ticket = ticket, .status = taken ? STATUS_OK : STATUS_AUTH_FAILED, .is_verify = true};
    return answer_soon(accounts, answer);
}

static enum status exists_open(struct accounts *accounts, const char *username, uint64_t ticket)
{
    (void)username; /* whoever logs in exists */
    return answer_soon(accounts, (struct answer){.ticket = ticket, .status = STATUS_OFFLINE});
}

static void free_open(struct accounts *accounts)
{
    struct open_accounts *self = of(accounts);
    ev_clear_pending(self->loop, &self->soon);
    free(self->waiting);
    free(self);
}

static const struct accounts_kind open_kind = {
    .name = "open", .verify = verify_open, .exists = exists_open, .free = free_open};

enum status accounts_open_new(struct accounts **out, struct ev_loop *loop)
{
    struct open_accounts *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->accounts.kind = &open_kind;
    self->loop = loop;
    ev_timer_init(&self->soon, on_soon, 0., 0.);
    self->soon.data = self;
    *out = &self->accounts;
    return STATUS_OK;
}
