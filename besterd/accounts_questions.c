#include "besterd/accounts_questions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"

enum { VERIFIES_MAX = 1024, QUESTIONS_MAX = 8192, HASHERS_MAX = 4 };

/* ---- a question's life ---- */

static struct question *of_turn(struct turn *turn)
{
    return (struct question *)((char *)turn - offsetof(struct question, turn));
}

/* Whether there is room for a verify, or some was made. */
static bool make_room(struct questions *self, uint64_t from)
{
    if (self->verifies < VERIFIES_MAX)
        return true;
    struct turn *last = turns_last_of_many(&self->turns, flows_under_way(&self->flows, from) + 1);
    if (last == NULL)
        return false;
    turns_withdraw(&self->turns, last);
    flows_leave(&self->flows, last->flow);
    question_answer(of_turn(last), STATUS_OVERLOADED);
    return true;
}

enum status question_new(struct question **out, struct questions *owner, const char *username,
    struct span password, bool is_verify, uint64_t from, uint64_t ticket)
{
    if (owner->count >= QUESTIONS_MAX || (is_verify && !make_room(owner, from)))
        return STATUS_OVERLOADED;
    /* Too long to be anybody's; an empty one instead is refused as any other. */
    if (password.len > PASSWORD_MAX)
        password.len = 0;
    struct question *self = calloc(1, sizeof *self + password.len);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->owner = owner;
    self->from = from;
    self->ticket = ticket;
    self->is_verify = is_verify;
    /* A longer name is nobody's, however it got here. */
    size_t len = strnlen(username, USERNAME_CAP - 1);
    memcpy(self->username, username, len);
    self->password_len = password.len;
    if (password.len > 0)
        memcpy(self->password, password.at, password.len);
    owner->count++;
    owner->verifies += is_verify ? 1 : 0;
    *out = self;
    return STATUS_OK;
}

void question_forget(struct question *self)
{
    if (self->plain != NULL)
        password_wipe(self->plain, self->plain_len);
    free(self->plain);
    self->plain = NULL;
    self->plain_len = 0;
    password_wipe(self->hash, sizeof self->hash);
}

void question_free(struct question *self)
{
    self->owner->count--;
    self->owner->verifies -= self->is_verify ? 1 : 0;
    question_forget(self);
    password_wipe(self->password, self->password_len);
    free(self);
}

void question_answer(struct question *self, enum status status)
{
    struct questions *owner = self->owner;
    uint64_t ticket = self->ticket;
    bool is_verify = self->is_verify;
    question_free(self);
    if (owner->closing)
        return;
    const struct accounts_callbacks *callbacks = owner->accounts->callbacks;
    (is_verify ? callbacks->verified : callbacks->exists)(ticket, status, owner->accounts->user);
}

/* ---- hashing ---- */

static void run_hash(struct worker_job *job)
{
    struct question *self = (struct question *)job;
    struct span password = {.at = self->password, .len = self->password_len};
    struct span plain = {.at = self->plain, .len = self->plain_len};
    if (self->status != STATUS_OK)
        self->status = password_verify(password, NULL);
    else if (self->plain != NULL)
        self->status = password_verify_plain(password, plain, self->hash);
    else
        self->status = password_verify(password, self->hash);
}

static void hash_next(struct questions *self);

static void hash_done(struct worker_job *job, bool cancelled)
{
    struct question *self = (struct question *)job;
    struct questions *owner = self->owner;
    flows_leave(&owner->flows, self->turn.flow);
    owner->hashing--;
    if (cancelled) {
        question_answer(self, STATUS_OVERLOADED);
        return;
    }
    if (self->status == STATUS_INTERNAL)
        log_line(LOG_LEVEL_ERROR, "accounts",
            "the password of \"%s\" cannot be checked: what is "
            "stored is no hash",
            self->username);
    if (self->status == STATUS_OK && self->plain != NULL && !owner->closing)
        owner->replace(self);
    else
        question_answer(self, self->status);
    hash_next(owner);
}

static bool wait_for_turn(struct question *self)
{
    struct questions *owner = self->owner;
    struct flow *flow = flows_enter(&owner->flows, self->from);
    if (flow == NULL)
        return false;
    if (flow_turns(flow) == NULL)
        flow_join(flow, &owner->turns);
    turns_add(&owner->turns, flow, &self->turn, TURN_COST);
    return true;
}

/* Whether it may be hashed. One whose account changed meanwhile is looked up and
 * hashed again, and was asked for once. */
static enum status admit(struct question *self)
{
    const struct accounts *accounts = self->owner->accounts;
    enum status status = STATUS_OK;
    if (!self->admitted && accounts->callbacks->admit != NULL)
        status = accounts->callbacks->admit(self->ticket, accounts->user);
    self->admitted = true;
    return status;
}

/* Gives the hashers what they can do now, so that the order of the rest is still open. */
static void hash_next(struct questions *self)
{
    size_t most_of_one = self->hashers_count > 1 ? self->hashers_count / 2 : 1;
    struct turn *turn;
    while (!self->closing && self->hashing < self->hashers_count &&
           (turn = turns_next_within(&self->turns, most_of_one)) != NULL) {
        turns_take(&self->turns, turn);
        struct question *next = of_turn(turn);
        enum status status = admit(next);
        next->job = (struct worker_job){.run = run_hash, .done = hash_done};
        if (status == STATUS_OK && worker_submit(self->hashers, &next->job) != STATUS_OK)
            status = STATUS_OVERLOADED;
        if (status == STATUS_OK) {
            self->hashing++;
            continue;
        }
        flows_leave(&self->flows, turn->flow);
        question_answer(next, status);
    }
}

/* ---- what the look-up gave ---- */

/* One line when the accounts fail and one when they work again, not one for each
 * message. */
static void note_health(struct questions *self, const struct question *question)
{
    bool ails = question->status != STATUS_OK && question->status != STATUS_NOT_FOUND;
    if (ails && question->fault.text[0] == '\0')
        return;
    if (ails && !self->ailing)
        log_line(LOG_LEVEL_ERROR, "accounts", "%s", question->fault.text);
    if (!ails && self->ailing)
        log_line(LOG_LEVEL_INFO, "accounts", "the database works again");
    self->ailing = ails;
}

static enum status wire_status(enum status status)
{
    return status == STATUS_NO_MEMORY ? STATUS_OVERLOADED : status;
}

void question_looked_up(struct question *self, enum status status)
{
    struct questions *owner = self->owner;
    if (owner->closing) {
        question_answer(self, STATUS_OVERLOADED);
        return;
    }
    self->status = status;
    note_health(owner, self);
    bool found = status == STATUS_OK;
    if (!found && status != STATUS_NOT_FOUND) {
        question_answer(self, wire_status(status));
    } else if (!self->is_verify) {
        question_answer(self, found ? STATUS_OK : STATUS_UNKNOWN_USER);
    } else if (!wait_for_turn(self)) {
        question_answer(self, STATUS_OVERLOADED);
    } else {
        hash_next(owner);
    }
}

/* ---- opening and closing ---- */

/* One processor is left to the loop. */
static unsigned hasher_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors <= 2)
        return 1;
    return processors - 1 < HASHERS_MAX ? (unsigned)processors - 1 : HASHERS_MAX;
}

enum status questions_init(struct questions *self, struct ev_loop *loop, struct fault *fault)
{
    memset(self, 0, sizeof *self);
    self->hashers_count = hasher_count();
    self->hashers = worker_new(loop, hasher_count(), VERIFIES_MAX);
    if (self->hashers == NULL)
        return STATUS_NO_MEMORY;
    if (password_init() != STATUS_OK)
        return fault_set(fault, STATUS_IO, 0, "libsodium cannot be used");
    return STATUS_OK;
}

void questions_close(struct questions *self)
{
    self->closing = true;
    worker_free(self->hashers);
    self->hashers = NULL;
    struct turn *turn;
    while ((turn = turns_next(&self->turns)) != NULL) {
        turns_withdraw(&self->turns, turn);
        flows_leave(&self->flows, turn->flow);
        question_answer(of_turn(turn), STATUS_OVERLOADED);
    }
}
