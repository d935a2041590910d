#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/account_redis.h"
#include "besterd/account_store_kind.h"

/* SCAN gives about as many keys at a time; more than LIST_MAX is nonsense. */
enum { SCAN_COUNT = 500, LIST_MAX = 100000, EDIT_ROUNDS = 10, KEYS_FIRST = 64 };

struct redis_store {
    struct account_store store;
    struct config_redis settings;
    struct redis_guard guard;
    redisContext *context; /* NULL: not connected */
    char name[ADDRESS_TEXT_MAX];
};

static struct redis_store *of(struct account_store *store)
{
    return (struct redis_store *)store;
}

static void hang_up(struct redis_store *self)
{
    if (self->context != NULL)
        redisFree(self->context);
    self->context = NULL;
}

static void free_redis(struct account_store *store)
{
    struct redis_store *self = of(store);
    hang_up(self);
    config_redis_release(&self->settings);
    free(self);
}

/* ---- failures ---- */

static enum status tell(
    const struct redis_store *self, const struct fault *why, struct fault *fault)
{
    return fault_set(fault, why->status, 0, "Redis at %s: %s", self->name, why->text);
}

/* The connection is of no use any more: says why and hangs up. */
static enum status failed(struct redis_store *self, struct fault *fault)
{
    struct fault why;
    if (self->context == NULL)
        (void)fault_set(&why, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    else if (self->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EINPROGRESS))
        (void)fault_set(
            &why, STATUS_OVERLOADED, 0, "no answer in %u ms", self->settings.timeout_ms);
    else
        redis_end_fault(self->context, &self->guard, &why);
    hang_up(self);
    return tell(self, &why, fault);
}

static enum status nonsense(struct redis_store *self, struct fault *fault)
{
    struct fault why;
    hang_up(self);
    (void)fault_set(&why, STATUS_INTERNAL, 0, "does not answer as Redis does");
    return tell(self, &why, fault);
}

/* ---- asking ---- */

/* STATUS_OK: *out is an answer that is no error, the caller's to free. Otherwise
 * it stays as it is, NULL with every caller. */
static enum status say(struct redis_store *self, const struct redis_words *words, redisReply **out,
    struct fault *fault)
{
    struct fault why;
    redisReply *reply = redis_converse(self->context, words);
    if (reply == NULL)
        return failed(self, fault);
    if (reply->type != REDIS_REPLY_ERROR) {
        *out = reply;
        return STATUS_OK;
    }
    enum status status = redis_error_status(reply, &why);
    freeReplyObject(reply);
    (void)tell(self, &why, fault);
    return status;
}

static enum status greet(struct redis_store *self, struct fault *fault)
{
    struct redis_greeting greeting;
    struct fault why;
    enum status status = redis_greeting_make(&greeting, &self->settings, fault);
    for (size_t i = 0; status == STATUS_OK && i < greeting.count; i++) {
        redisReply *reply = redis_converse(self->context, &greeting.commands[i]);
        status = reply != NULL ? redis_greeting_answer(reply, &why) : failed(self, fault);
        if (reply != NULL && status != STATUS_OK)
            status = tell(self, &why, fault);
        freeReplyObject(reply);
    }
    redis_greeting_wipe(&greeting);
    if (status != STATUS_OK)
        hang_up(self);
    return status;
}

static enum status ensure_open(struct redis_store *self, struct fault *fault)
{
    const struct address *address = &self->settings.address;
    struct timeval patience = {.tv_sec = (time_t)(self->settings.timeout_ms / 1000),
        .tv_usec = (suseconds_t)(self->settings.timeout_ms % 1000) * 1000};
    if (self->context != NULL)
        return STATUS_OK;
    self->guard.why = NULL;
    self->context = address->kind == ADDRESS_UNIX
                        ? redisConnectUnixWithTimeout(address->path, patience)
                        : redisConnectWithTimeout(address->host, address->port, patience);
    if (self->context == NULL || self->context->err != 0)
        return failed(self, fault);
    redis_guard_begin(&self->guard, self->context->reader, LIST_MAX, false);
    (void)fcntl(self->context->fd, F_SETFD, FD_CLOEXEC);
    if (redisSetTimeout(self->context, patience) != REDIS_OK)
        return failed(self, fault);
    return greet(self, fault);
}

static enum status create_redis(struct account_store *store, struct fault *fault)
{
    return ensure_open(of(store), fault);
}

/* Looks an account up; the answer holds what *account points to. */
static enum status look_up(struct redis_store *self, const struct redis_key *key,
    struct redis_account *account, redisReply **answer, struct fault *fault)
{
    struct redis_words words;
    redisReply *reply = NULL;
    redis_account_words(&words, key);
    enum status status = say(self, &words, &reply, fault);
    if (status != STATUS_OK)
        return status;
    status = redis_account_read(account, reply);
    if (status == STATUS_OK)
        *answer = reply;
    else
        freeReplyObject(reply);
    return status == STATUS_MALFORMED ? nonsense(self, fault) : status;
}

static enum status find_redis(struct account_store *store, const char *username,
    char hash[PASSWORD_HASH_CAP], struct fault *fault)
{
    struct redis_store *self = of(store);
    struct redis_account account;
    struct redis_key key;
    struct fault why;
    redisReply *answer = NULL;
    enum status status = ensure_open(self, fault);
    redis_key_make(&key, &self->settings, username);
    if (status == STATUS_OK)
        status = look_up(self, &key, &account, &answer, fault);
    if (status != STATUS_OK)
        return status;
    status = redis_account_hash(&account, hash, &why);
    if (status != STATUS_OK)
        (void)tell(self, &why, fault);
    freeReplyObject(answer);
    return status;
}

/* ---- changing ---- */

struct edit {
    const char *username;
    const char *hash; /* NULL: the account goes */
    bool is_new;
    struct redis_key key;
};

/* What the key is good for: STATUS_OK: the edit may be made. */
static enum status check_edit(
    struct redis_store *self, const struct edit *edit, struct fault *fault)
{
    struct redis_account account;
    struct redis_words words;
    redisReply *answer = NULL;
    enum status status = look_up(self, &edit->key, &account, &answer, fault);
    freeReplyObject(answer);
    if (status == STATUS_OK && edit->is_new)
        return account_store_is_there(edit->username, fault);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (!edit->is_new)
        return account_store_is_not_there(edit->username, fault);
    answer = NULL;
    status = say(self, redis_words_set(&words, "EXISTS", edit->key.text, NULL), &answer, fault);
    if (answer != NULL && answer->type != REDIS_REPLY_INTEGER)
        status = nonsense(self, fault);
    else if (answer != NULL && answer->integer != 0)
        status = fault_set(fault, STATUS_INVALID, 0,
            "the key \"%s\" holds something that is no account", edit->key.text);
    freeReplyObject(answer);
    return status;
}

static enum status say_only(
    struct redis_store *self, const struct redis_words *words, struct fault *fault)
{
    redisReply *answer = NULL;
    enum status status = say(self, words, &answer, fault);
    freeReplyObject(answer);
    return status;
}

/* The change itself. *done: false when somebody else was there in between. */
static enum status make_edit(
    struct redis_store *self, const struct edit *edit, bool *done, struct fault *fault)
{
    struct redis_words words;
    redisReply *answer = NULL;
    const char *key = edit->key.text;
    enum status status = say_only(self, redis_words_set(&words, "MULTI", NULL), fault);
    if (status == STATUS_OK && edit->hash == NULL)
        status = say_only(self, redis_words_set(&words, "DEL", key, NULL), fault);
    if (status == STATUS_OK && edit->hash != NULL)
        status = say_only(
            self, redis_words_set(&words, "HSET", key, REDIS_FIELD_HASH, edit->hash, NULL), fault);
    if (status == STATUS_OK && edit->hash != NULL)
        status =
            say_only(self, redis_words_set(&words, "HDEL", key, REDIS_FIELD_PLAIN, NULL), fault);
    if (status == STATUS_OK)
        status = say(self, redis_words_set(&words, "EXEC", NULL), &answer, fault);
    if (answer == NULL) {
        hang_up(self); /* which also forgets the transaction */
        return status;
    }
    bool is_list = answer->type == REDIS_REPLY_ARRAY;
    *done = is_list;
    for (size_t i = 0; is_list && i < answer->elements; i++)
        is_list = answer->element[i]->type == REDIS_REPLY_INTEGER;
    if (*done ? !is_list : answer->type != REDIS_REPLY_NIL)
        status = nonsense(self, fault);
    freeReplyObject(answer);
    return status;
}

/* Sees what is there and changes it, as one: begun again when somebody else
 * changes it meanwhile. */
static enum status run_edit(struct redis_store *self, struct edit *edit, struct fault *fault)
{
    struct redis_words words;
    redis_key_make(&edit->key, &self->settings, edit->username);
    for (int round = 0; round < EDIT_ROUNDS; round++) {
        bool done = false;
        enum status status = ensure_open(self, fault);
        if (status == STATUS_OK)
            status = say_only(self, redis_words_set(&words, "WATCH", edit->key.text, NULL), fault);
        if (status != STATUS_OK)
            return status;
        status = check_edit(self, edit, fault);
        if (status == STATUS_OK)
            status = make_edit(self, edit, &done, fault);
        else
            hang_up(self);
        if (status != STATUS_OK || done)
            return status;
    }
    return fault_set(fault, STATUS_OVERLOADED, 0,
        "Redis at %s: the account is changed by others all the time", self->name);
}

static enum status add_redis(
    struct account_store *store, const char *username, const char *hash, struct fault *fault)
{
    struct edit edit = {.username = username, .hash = hash, .is_new = true};
    return run_edit(of(store), &edit, fault);
}

static enum status change_redis(
    struct account_store *store, const char *username, const char *hash, struct fault *fault)
{
    struct edit edit = {.username = username, .hash = hash};
    return run_edit(of(store), &edit, fault);
}

static enum status remove_redis(
    struct account_store *store, const char *username, struct fault *fault)
{
    struct edit edit = {.username = username};
    return run_edit(of(store), &edit, fault);
}

/* ---- listing ---- */

struct names {
    char **at;
    size_t count;
    size_t room;
};

static void names_free(struct names *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->at[i]);
    free(self->at);
}

static enum status names_add(struct names *self, const char *name)
{
    if (self->count == self->room) {
        size_t room = self->room == 0 ? KEYS_FIRST : 2 * self->room;
        char **grown = realloc(self->at, room * sizeof *grown);
        if (grown == NULL)
            return STATUS_NO_MEMORY;
        self->at = grown;
        self->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return STATUS_NO_MEMORY;
    self->at[self->count++] = copy;
    return STATUS_OK;
}

/* Adds the name in a key, if it is one of ours: who could log in with it. */
static enum status add_key(
    struct redis_store *self, struct span key, struct names *names, struct fault *fault)
{
    char name[USERNAME_CAP];
    struct redis_account account;
    redisReply *answer = NULL;
    struct redis_key again;
    size_t before = strlen(self->settings.prefix);
    if (key.len < before || memcmp(key.at, self->settings.prefix, before) != 0)
        return STATUS_OK;
    struct span rest = {.at = key.at + before, .len = key.len - before};
    if (username_normalise(rest, name, NULL) != STATUS_OK || !span_is(rest, name))
        return STATUS_OK;
    redis_key_make(&again, &self->settings, name);
    enum status status = look_up(self, &again, &account, &answer, fault);
    freeReplyObject(answer);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    return status == STATUS_OK ? names_add(names, name) : status;
}

/* One step of SCAN; cursor is "0" when it was the last. */
static enum status scan_step(struct redis_store *self, const char *pattern, char cursor[32],
    struct names *names, struct fault *fault)
{
    struct redis_words words;
    redisReply *answer = NULL;
    char count[16];
    snprintf(count, sizeof count, "%d", SCAN_COUNT);
    enum status status =
        say(self, redis_words_set(&words, "SCAN", cursor, "MATCH", pattern, "COUNT", count, NULL),
            &answer, fault);
    if (answer == NULL)
        return status;
    const redisReply *next = answer->elements == 2 ? answer->element[0] : NULL;
    const redisReply *keys = answer->elements == 2 ? answer->element[1] : NULL;
    if (next == NULL || next->type != REDIS_REPLY_STRING || next->len >= 32 ||
        keys->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(answer);
        return nonsense(self, fault);
    }
    memcpy(cursor, next->str, next->len + 1);
    for (size_t i = 0; status == STATUS_OK && i < keys->elements; i++) {
        const redisReply *key = keys->element[i];
        status = key->type == REDIS_REPLY_STRING
                     ? add_key(self, (struct span){.at = key->str, .len = key->len}, names, fault)
                     : nonsense(self, fault);
    }
    freeReplyObject(answer);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* SCAN may give a key twice. */
static void tell_names(struct names *names, account_store_each *each, void *user)
{
    if (names->count > 0)
        qsort(names->at, names->count, sizeof *names->at, compare_names);
    for (size_t i = 0; i < names->count; i++) {
        if (i == 0 || strcmp(names->at[i - 1], names->at[i]) != 0)
            each(names->at[i], user);
    }
}

static enum status list_redis(
    struct account_store *store, account_store_each *each, void *user, struct fault *fault)
{
    struct redis_store *self = of(store);
    struct names names = {.at = NULL};
    char pattern[2 * CONFIG_REDIS_PREFIX_MAX + 2];
    char cursor[32] = "0";
    size_t len = 0;
    for (const char *at = self->settings.prefix; *at != '\0'; at++) {
        if (strchr("*?[]^\\", *at) != NULL)
            pattern[len++] = '\\';
        pattern[len++] = *at;
    }
    memcpy(pattern + len, "*", 2);
    enum status status = ensure_open(self, fault);
    do {
        if (status == STATUS_OK)
            status = scan_step(self, pattern, cursor, &names, fault);
    } while (status == STATUS_OK && strcmp(cursor, "0") != 0);
    if (status == STATUS_OK)
        tell_names(&names, each, user);
    names_free(&names);
    return status;
}

static const struct account_store_kind redis_kind = {.free = free_redis,
    .create = create_redis,
    .find = find_redis,
    .add = add_redis,
    .change = change_redis,
    .remove = remove_redis,
    .list = list_redis};

struct account_store *account_store_redis_new(const struct config_redis *settings)
{
    struct redis_store *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->store.kind = &redis_kind;
    if (config_redis_copy(&self->settings, settings) != STATUS_OK) {
        free(self);
        return NULL;
    }
    address_format_short(&settings->address, self->name, sizeof self->name);
    return &self->store;
}
