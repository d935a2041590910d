#include "besterd/accounts_sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "besterd/log.h"
#include "libbester/worker.h"

enum { VERIFIES_MAX = 1024, LOOKUPS_MAX = 8192, HASHERS_MAX = 4 };

struct sqlite_accounts {
    struct accounts accounts;
    struct account_store *store; /* used on the lookup thread alone */
    struct worker *lookup;       /* one thread */
    struct worker *hashers;
    size_t verifies; /* under way, in either */
    size_t jobs;     /* under way, of any kind */
    bool closing;    /* nobody is to be called any more */
    bool ailing;     /* the database failed when it was last asked */
};

/* A question on its way: lookup, then, for a verify, a hasher. */
struct question {
    struct worker_job job;
    struct sqlite_accounts *owner;
    uint64_t ticket;
    enum status status; /* of the lookup, then of the whole */
    bool is_verify;
    char username[USERNAME_CAP];
    char hash[PASSWORD_HASH_CAP];
    struct fault fault;
    size_t password_len;
    char password[];
};

static struct sqlite_accounts *of(struct accounts *accounts)
{
    return (struct sqlite_accounts *)accounts;
}

/* ---- answering, on the loop ---- */

static void question_free(struct question *self)
{
    self->owner->jobs--;
    self->owner->verifies -= self->is_verify ? 1 : 0;
    password_wipe(self->password, self->password_len);
    password_wipe(self->hash, sizeof self->hash);
    free(self);
}

static void answer(struct question *self, enum status status)
{
    struct sqlite_accounts *owner = self->owner;
    uint64_t ticket = self->ticket;
    bool is_verify = self->is_verify;
    question_free(self);
    if (owner->closing)
        return;
    const struct accounts_callbacks *callbacks = owner->accounts.callbacks;
    (is_verify ? callbacks->verified : callbacks->exists)(ticket, status, owner->accounts.user);
}

/* One line when the database fails and one when it works again, not one for
 * each message. */
static void note_health(struct sqlite_accounts *self, const struct question *question)
{
    bool ails = question->status != STATUS_OK && question->status != STATUS_NOT_FOUND;
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

static void run_hash(struct worker_job *job)
{
    struct question *self = (struct question *)job;
    struct span password = {.at = self->password, .len = self->password_len};
    bool known = self->status == STATUS_OK;
    self->status = password_verify(password, known ? self->hash : NULL);
}

static void hash_done(struct worker_job *job, bool cancelled)
{
    struct question *self = (struct question *)job;
    if (!cancelled && self->status == STATUS_INTERNAL)
        log_line(LOG_LEVEL_ERROR, "accounts",
            "the password of \"%s\" cannot be checked: what is "
            "stored is no hash",
            self->username);
    answer(self, cancelled ? STATUS_OVERLOADED : self->status);
}

static void run_lookup(struct worker_job *job)
{
    struct question *self = (struct question *)job;
    self->status = account_store_find(self->owner->store, self->username, self->hash, &self->fault);
}

static void lookup_done(struct worker_job *job, bool cancelled)
{
    struct question *self = (struct question *)job;
    struct sqlite_accounts *owner = self->owner;
    if (cancelled || owner->closing) {
        answer(self, STATUS_OVERLOADED);
        return;
    }
    note_health(owner, self);
    bool found = self->status == STATUS_OK;
    if (!found && self->status != STATUS_NOT_FOUND) {
        answer(self, wire_status(self->status));
    } else if (!self->is_verify) {
        answer(self, found ? STATUS_OK : STATUS_UNKNOWN_USER);
    } else {
        self->job = (struct worker_job){.run = run_hash, .done = hash_done};
        if (worker_submit(owner->hashers, &self->job) != STATUS_OK)
            answer(self, STATUS_OVERLOADED);
    }
}

/* ---- asking ---- */

static enum status ask(struct sqlite_accounts *self, const char *username, struct span password,
    bool is_verify, uint64_t ticket)
{
    if (is_verify && self->verifies == VERIFIES_MAX)
        return STATUS_OVERLOADED;
    struct question *question = calloc(1, sizeof *question + password.len);
    if (question == NULL)
        return STATUS_NO_MEMORY;
    question->job = (struct worker_job){.run = run_lookup, .done = lookup_done};
    question->owner = self;
    question->ticket = ticket;
    question->is_verify = is_verify;
    /* A longer name is nobody's, however it got here. */
    size_t len = strnlen(username, USERNAME_CAP - 1);
    memcpy(question->username, username, len);
    question->password_len = password.len;
    if (password.len > 0)
        memcpy(question->password, password.at, password.len);
    self->jobs++;
    self->verifies += is_verify ? 1 : 0;
    enum status status = worker_submit(self->lookup, &question->job);
    if (status != STATUS_OK)
        question_free(question);
    return status;
}

static enum status verify_sqlite(
    struct accounts *accounts, const char *username, struct span password, uint64_t ticket)
{
    /* Too long to be anybody's; an empty one instead is refused as any other. */
    if (password.len > PASSWORD_MAX)
        password.len = 0;
    return ask(of(accounts), username, password, true, ticket);
}

static enum status exists_sqlite(struct accounts *accounts, const char *username, uint64_t ticket)
{
    return ask(of(accounts), username, (struct span){.at = NULL, .len = 0}, false, ticket);
}

/* ---- opening and closing ---- */

static void free_sqlite(struct accounts *accounts)
{
    struct sqlite_accounts *self = of(accounts);
    self->closing = true;
    worker_free(self->lookup);
    worker_free(self->hashers);
    /* A thread that hangs on a dead disk was left behind; it still uses these. */
    if (self->jobs > 0)
        return;
    account_store_free(self->store);
    free(self);
}

static const struct accounts_kind sqlite_kind = {
    .name = "sqlite", .verify = verify_sqlite, .exists = exists_sqlite, .free = free_sqlite};

/* One processor is left to the loop. */
static unsigned hasher_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors <= 2)
        return 1;
    return processors - 1 < HASHERS_MAX ? (unsigned)processors - 1 : HASHERS_MAX;
}

enum status accounts_sqlite_new(
    struct accounts **out, const char *path, struct ev_loop *loop, struct fault *fault)
{
    struct sqlite_accounts *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->accounts.kind = &sqlite_kind;
    self->store = account_store_new(path);
    self->lookup = worker_new(loop, 1, LOOKUPS_MAX);
    self->hashers = worker_new(loop, hasher_count(), VERIFIES_MAX);
    enum status status = STATUS_NO_MEMORY;
    if (self->store != NULL && self->lookup != NULL && self->hashers != NULL) {
        status = account_store_create(self->store, fault);
        if (status != STATUS_OK && status != STATUS_NO_MEMORY)
            status = STATUS_IO;
    }
    if (status == STATUS_OK && password_init() != STATUS_OK)
        status = fault_set(fault, STATUS_IO, 0, "libsodium cannot be used");
    if (status == STATUS_OK)
        *out = &self->accounts;
    else
        free_sqlite(&self->accounts);
    return status;
}
