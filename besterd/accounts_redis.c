#include "besterd/accounts_redis.h"

#include <stdlib.h>
#include <string.h>

#include "besterd/accounts_redis_internal.h"
#include "besterd/log.h"

static struct redis_accounts *of(struct accounts *accounts)
{
    return (struct redis_accounts *)accounts;
}

/* ---- looking up ---- */

static void nobody_cares(const struct redis_answer *answer, void *user)
{
    (void)answer, (void)user;
}

/* Two passwords: only somebody else can have written that. */
static void drop_plain(struct redis_accounts *self, const struct question *question)
{
    struct redis_words words;
    struct redis_key key;
    redis_key_make(&key, &self->settings, question->username);
    log_line(LOG_LEVEL_WARNING, "accounts",
        "\"%s\" has a password as plain text beside the hash; the hash counts, the other is "
        "removed",
        question->username);
    (void)!redis_link_ask(self->link,
        redis_words_set(&words, "HDEL", key.text, REDIS_FIELD_PLAIN, NULL), nobody_cares, NULL);
}

/* Takes over what was found. */
static enum status take_account(
    struct redis_accounts *self, struct question *question, const struct redis_account *account)
{
    if (account->hash.at != NULL) {
        if (account->plain.at != NULL && question->is_verify)
            drop_plain(self, question);
        return redis_account_hash(account, question->hash, &question->fault);
    }
    /* Longer than any password that can be given: then nobody has it. */
    size_t len = account->plain.len <= PASSWORD_MAX ? account->plain.len : 0;
    question->plain = malloc(len + 1);
    if (question->plain == NULL)
        return STATUS_NO_MEMORY;
    memcpy(question->plain, account->plain.at, len);
    question->plain_len = len;
    return STATUS_OK;
}

static void on_looked_up(const struct redis_answer *answer, void *user)
{
    struct question *question = user;
    struct redis_accounts *self = of(question->owner->accounts);
    struct redis_account account;
    enum status status = answer->status;
    if (status == STATUS_OK) {
        status = redis_account_read(&account, answer->reply);
        if (status == STATUS_OK)
            status = take_account(self, question, &account);
        if (status == STATUS_MALFORMED) {
            status = STATUS_INTERNAL;
            redis_link_distrust(self->link);
        }
    } else {
        question->fault = answer->fault;
    }
    question_looked_up(question, status);
}

static enum status ask_link(struct redis_accounts *self, struct question *question)
{
    struct redis_words words;
    struct redis_key key;
    redis_key_make(&key, &self->settings, question->username);
    redis_account_words(&words, &key);
    return redis_link_ask(self->link, &words, on_looked_up, question);
}

void redis_accounts_look_up(struct redis_accounts *self, struct question *question)
{
    if (ask_link(self, question) != STATUS_OK)
        question_answer(question, STATUS_OVERLOADED);
}

/* ---- asking ---- */

static enum status ask(struct redis_accounts *self, const char *username, struct span password,
    bool is_verify, uint64_t from, uint64_t ticket)
{
    struct question *question;
    enum status status =
        question_new(&question, &self->questions, username, password, is_verify, from, ticket);
    if (status != STATUS_OK)
        return status;
    status = ask_link(self, question);
    if (status != STATUS_OK)
        question_free(question);
    return status;
}

static enum status verify_redis(struct accounts *accounts, const char *username,
    struct span password, uint64_t from, uint64_t ticket)
{
    return ask(of(accounts), username, password, true, from, ticket);
}

static enum status exists_redis(struct accounts *accounts, const char *username, uint64_t ticket)
{
    return ask(of(accounts), username, (struct span){.at = NULL, .len = 0}, false, 0, ticket);
}

/* ---- opening and closing ---- */

static void free_redis(struct accounts *accounts)
{
    struct redis_accounts *self = of(accounts);
    questions_close(&self->questions);
    redis_link_free(self->link); /* answers, and so frees, what it has */
    while (self->first != NULL) {
        struct question *question = self->first;
        self->first = question->next;
        question_free(question);
    }
    config_redis_release(&self->settings);
    free(self);
}

static const struct accounts_kind redis_kind = {
    .name = "redis", .verify = verify_redis, .exists = exists_redis, .free = free_redis};

enum status accounts_redis_new(struct accounts **out, const struct config_redis *settings,
    struct ev_loop *loop, struct fault *fault)
{
    struct redis_accounts *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->accounts.kind = &redis_kind;
    self->last = &self->first;
    enum status status = questions_init(&self->questions, loop, fault);
    self->questions.accounts = &self->accounts;
    self->questions.replace = redis_accounts_replace;
    if (status == STATUS_OK)
        status = config_redis_copy(&self->settings, settings);
    if (status == STATUS_OK)
        status = redis_link_new(&self->link, settings, loop, fault);
    if (status == STATUS_OK)
        *out = &self->accounts;
    else
        free_redis(&self->accounts);
    return status;
}
