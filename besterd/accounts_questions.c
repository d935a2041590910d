#include "besterd/accounts_questions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"

enum { VERIFIES_MAX = 1024, QUESTIONS_MAX = 8192, HASHERS_MAX = 4 };

/* ---- a question's life ---- */

enum status question_new(struct question **out, struct questions *owner, const char *username,
    struct span password, bool is_verify, uint64_t ticket)
{
    if (owner->count >= QUESTIONS_MAX || (is_verify && owner->verifies >= VERIFIES_MAX))
        return STATUS_OVERLOADED;
    /* Too long to be anybody's; an empty one instead is refused as any other. */
    if (password.len > PASSWORD_MAX)
        password.len = 0;
    struct question *self = calloc(1, sizeof *self + password.len);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->owner = owner;
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

static void hash_done(struct worker_job *job, bool cancelled)
{
    struct question *self = (struct question *)job;
    if (cancelled) {
        question_answer(self, STATUS_OVERLOADED);
        return;
    }
    if (self->status == STATUS_INTERNAL)
        log_line(LOG_LEVEL_ERROR, "accounts",
            "the password of \"%s\" cannot be checked: what is "
            "stored is no hash",
            self->username);
    if (self->status == STATUS_OK && self->plain != NULL && !self->owner->closing)
        self->owner->replace(self);
    else
        question_answer(self, self->status);
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
    } else {
        self->job = (struct worker_job){.run = run_hash, .done = hash_done};
        if (worker_submit(owner->hashers, &self->job) != STATUS_OK)
            question_answer(self, STATUS_OVERLOADED);
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
}
