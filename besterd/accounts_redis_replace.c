/* Plain text becomes a hash:
 *
 *   WATCH key, HMGET key argon2id password    is it still what was looked up?
 *   MULTI, HSET key argon2id HASH, HDEL key password, EXEC
 *
 * all on one connection. EXEC does nothing when the account was changed since
 * WATCH: then the user is looked up again. A script could do the same at once,
 * but would carry the password to where Redis logs slow commands. */
#include <string.h>

#include "besterd/accounts_redis_internal.h"
#include "besterd/log.h"

enum { ROUNDS_MAX = 4 };

static struct redis_accounts *of(struct question *question)
{
    return (struct redis_accounts *)question->owner->accounts;
}

static void next(struct redis_accounts *self);

/* ---- the ends ---- */

/* One line when it fails and one when it works again. */
static void note(struct redis_accounts *self, const struct fault *fault)
{
    bool ails = fault != NULL;
    if (ails && fault->text[0] == '\0')
        return;
    if (ails && !self->replace_ails)
        log_line(LOG_LEVEL_ERROR, "accounts",
            "a password that is stored as plain text cannot be replaced, so nobody with such a "
            "one can log in: %s",
            fault->text);
    if (!ails && self->replace_ails)
        log_line(LOG_LEVEL_INFO, "accounts", "passwords stored as plain text are replaced again");
    self->replace_ails = ails;
}

static void done(struct redis_accounts *self)
{
    struct question *question = self->replacing;
    self->replacing = NULL;
    note(self, NULL);
    log_line(LOG_LEVEL_INFO, "accounts",
        "the password of \"%s\", which was stored as plain text, is a hash now",
        question->username);
    question_answer(question, STATUS_OK);
    next(self);
}

static void failed(struct redis_accounts *self, enum status status)
{
    struct question *question = self->replacing;
    self->replacing = NULL;
    if (!self->questions.closing)
        note(self, &self->replace_fault);
    /* A key of another kind, or one that is gone, was told by HMGET. */
    question_answer(question, status == STATUS_NOT_FOUND ? STATUS_OVERLOADED : status);
    if (!self->questions.closing)
        next(self);
}

/* It is not what it was any more. */
static void begin_again(struct redis_accounts *self)
{
    struct question *question = self->replacing;
    self->replacing = NULL;
    question_forget(question);
    if (++question->rounds < ROUNDS_MAX)
        redis_accounts_look_up(self, question);
    else
        question_answer(question, STATUS_OVERLOADED);
    next(self);
}

/* ---- the steps ---- */

/* WATCH, MULTI and what stands between that and EXEC: "OK" or "QUEUED". */
static void on_said(const struct redis_answer *answer, void *user)
{
    struct redis_accounts *self = user;
    if (self->replace_fault.status != STATUS_OK)
        return;
    if (answer->status != STATUS_OK) {
        self->replace_fault = answer->fault;
        self->replace_fault.status = answer->status;
    } else if (answer->reply->type != REDIS_REPLY_STATUS) {
        self->replace_fault.status = STATUS_INTERNAL;
        redis_link_distrust(self->link);
    }
}

static bool say(struct redis_accounts *self, const struct redis_words *words)
{
    return redis_link_ask(self->link, words, on_said, self) == STATUS_OK;
}

static bool is_done(const redisReply *reply)
{
    bool good = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    for (size_t i = 0; good && i < 2; i++)
        good = reply->element[i]->type == REDIS_REPLY_INTEGER;
    return good;
}

static void on_executed(const struct redis_answer *answer, void *user)
{
    struct redis_accounts *self = user;
    if (answer->status != STATUS_OK) {
        /* EXECABORT; what was refused before says why. */
        enum status status = answer->status;
        if (self->replace_fault.status != STATUS_OK)
            status = self->replace_fault.status;
        else
            self->replace_fault = answer->fault;
        failed(self, status);
    } else if (answer->reply->type == REDIS_REPLY_NIL) {
        begin_again(self);
    } else if (is_done(answer->reply)) {
        done(self);
    } else {
        redis_link_distrust(self->link);
        failed(self, STATUS_INTERNAL);
    }
}

static void execute(struct redis_accounts *self)
{
    const struct question *question = self->replacing;
    struct redis_words words;
    struct redis_key key;
    redis_key_make(&key, &self->settings, question->username);
    bool good = say(self, redis_words_set(&words, "MULTI", NULL)) &&
                say(self, redis_words_set(
                              &words, "HSET", key.text, REDIS_FIELD_HASH, question->hash, NULL)) &&
                say(self, redis_words_set(&words, "HDEL", key.text, REDIS_FIELD_PLAIN, NULL)) &&
                redis_link_ask(self->link, redis_words_set(&words, "EXEC", NULL), on_executed,
                    self) == STATUS_OK;
    if (good)
        return;
    /* No memory in the middle of a transaction: only a new connection forgets it. */
    redis_link_distrust(self->link);
    failed(self, STATUS_OVERLOADED);
}

static bool is_unchanged(const struct redis_account *account, const struct question *question)
{
    return account->hash.at == NULL && account->plain.at != NULL &&
           account->plain.len == question->plain_len &&
           memcmp(account->plain.at, question->plain, question->plain_len) == 0;
}

/* On the connection that watches: what is asked from here goes out there too. */
static void on_watched(const struct redis_answer *answer, void *user)
{
    struct redis_accounts *self = user;
    struct redis_account account = {.hash = {.at = NULL}};
    struct redis_words words;
    enum status status = answer->status;
    if (status == STATUS_OK)
        status = redis_account_read(&account, answer->reply);
    if (status == STATUS_MALFORMED) {
        redis_link_distrust(self->link);
        failed(self, STATUS_INTERNAL);
    } else if (self->replace_fault.status != STATUS_OK) {
        failed(self, self->replace_fault.status); /* nothing is watched */
    } else if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        self->replace_fault = answer->fault;
        failed(self, status);
    } else if (is_unchanged(&account, self->replacing)) {
        execute(self);
    } else if (say(self, redis_words_set(&words, "UNWATCH", NULL))) {
        begin_again(self);
    } else {
        failed(self, STATUS_OVERLOADED);
    }
}

static void watch(struct redis_accounts *self)
{
    struct redis_words words;
    struct redis_key key;
    redis_key_make(&key, &self->settings, self->replacing->username);
    self->replace_fault = (struct fault){.status = STATUS_OK};
    bool good = say(self, redis_words_set(&words, "WATCH", key.text, NULL));
    redis_account_words(&words, &key);
    if (!good || redis_link_ask(self->link, &words, on_watched, self) != STATUS_OK)
        failed(self, STATUS_OVERLOADED);
}

/* ---- one at a time ---- */

static void next(struct redis_accounts *self)
{
    if (self->replacing != NULL || self->first == NULL)
        return;
    self->replacing = self->first;
    self->first = self->replacing->next;
    if (self->first == NULL)
        self->last = &self->first;
    watch(self);
}

void redis_accounts_replace(struct question *question)
{
    struct redis_accounts *self = of(question);
    question->next = NULL;
    *self->last = question;
    self->last = &question->next;
    next(self);
}
