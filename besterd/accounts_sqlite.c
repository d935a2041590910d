#include "besterd/accounts_sqlite.h"

#include <stdlib.h>

#include "besterd/account_store.h"
#include "besterd/accounts_questions.h"

enum { LOOKUPS_MAX = 8192 };

struct sqlite_accounts {
    struct accounts accounts;
    struct questions questions;
    struct account_store *store; /* used on the lookup thread alone */
    struct worker *lookup;       /* one thread */
};

static struct sqlite_accounts *of(struct accounts *accounts)
{
    return (struct sqlite_accounts *)accounts;
}

/* ---- asking ---- */

static void run_lookup(struct worker_job *job)
{
    struct question *self = (struct question *)job;
    const struct sqlite_accounts *accounts = of(self->owner->accounts);
    self->status = account_store_find(accounts->store, self->username, self->hash, &self->fault);
}

static void lookup_done(struct worker_job *job, bool cancelled)
{
    struct question *self = (struct question *)job;
    question_looked_up(self, cancelled ? STATUS_OVERLOADED : self->status);
}

static enum status ask(struct sqlite_accounts *self, const char *username, struct span password,
    bool is_verify, uint64_t from, uint64_t ticket)
{
    struct question *question;
    enum status status =
        question_new(&question, &self->questions, username, password, is_verify, from, ticket);
    if (status != STATUS_OK)
        return status;
    question->job = (struct worker_job){.run = run_lookup, .done = lookup_done};
    status = worker_submit(self->lookup, &question->job);
    if (status != STATUS_OK)
        question_free(question);
    return status;
}

static enum status verify_sqlite(struct accounts *accounts, const char *username,
    struct span password, uint64_t from, uint64_t ticket)
{
    return ask(of(accounts), username, password, true, from, ticket);
}

static enum status exists_sqlite(struct accounts *accounts, const char *username, uint64_t ticket)
{
    return ask(of(accounts), username, (struct span){.at = NULL, .len = 0}, false, 0, ticket);
}

/* ---- opening and closing ---- */

static void free_sqlite(struct accounts *accounts)
{
    struct sqlite_accounts *self = of(accounts);
    self->questions.closing = true;
    worker_free(self->lookup);
    questions_close(&self->questions);
    /* A thread that hangs on a dead disk was left behind; it still uses these. */
    if (self->questions.count > 0)
        return;
    account_store_free(self->store);
    free(self);
}

static const struct accounts_kind sqlite_kind = {
    .name = "sqlite", .verify = verify_sqlite, .exists = exists_sqlite, .free = free_sqlite};

enum status accounts_sqlite_new(
    struct accounts **out, const char *path, struct ev_loop *loop, struct fault *fault)
{
    struct sqlite_accounts *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->accounts.kind = &sqlite_kind;
    enum status status = questions_init(&self->questions, loop, fault);
    self->questions.accounts = &self->accounts;
    self->store = account_store_new(path);
    self->lookup = worker_new(loop, 1, LOOKUPS_MAX);
    if (status == STATUS_OK && (self->store == NULL || self->lookup == NULL))
        status = STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = account_store_create(self->store, fault);
        if (status != STATUS_OK && status != STATUS_NO_MEMORY)
            status = STATUS_IO;
    }
    if (status == STATUS_OK)
        *out = &self->accounts;
    else
        free_sqlite(&self->accounts);
    return status;
}
