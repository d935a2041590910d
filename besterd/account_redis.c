#include "besterd/account_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "besterd/password.h"
#include "libbester/secret.h"

/* ---- commands ---- */

void redis_words_add(struct redis_words *self, struct span word)
{
    self->at[self->count] = word.at;
    self->len[self->count] = word.len;
    self->count++;
}

struct redis_words *redis_words_set(struct redis_words *self, ...)
{
    va_list words;
    const char *word;
    self->count = 0;
    va_start(words, self);
    while ((word = va_arg(words, const char *)) != NULL)
        redis_words_add(self, span_of(word));
    va_end(words);
    return self;
}

void redis_key_make(
    struct redis_key *self, const struct config_redis *settings, const char *username)
{
    size_t before = strlen(settings->prefix);
    size_t len = strnlen(username, USERNAME_MAX);
    memcpy(self->text, settings->prefix, before);
    memcpy(self->text + before, username, len);
    self->text[before + len] = '\0';
    self->len = before + len;
}

redisReply *redis_converse(redisContext *context, const struct redis_words *words)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    redisReply *reply =
        redisCommandArgv(context, words->count, (const char **)words->at, words->len);
    int error = errno;
    if (!was_pending)
        (void)sigtimedwait(&pipe_only, NULL, &(struct timespec){.tv_sec = 0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return reply;
}

/* ---- errors ---- */

/* Redis names the kind of an error in its first word. What is not here needs
 * somebody to set things right. */
static const struct error_row {
    const char *start;
    enum status status;
} error_rows[] = {
    {"LOADING", STATUS_OVERLOADED},
    {"BUSY ", STATUS_OVERLOADED},
    {"READONLY", STATUS_OVERLOADED},
    {"MASTERDOWN", STATUS_OVERLOADED},
    {"MISCONF", STATUS_OVERLOADED},
    {"NOREPLICAS", STATUS_OVERLOADED},
    {"OOM", STATUS_OVERLOADED},
    {"TRYAGAIN", STATUS_OVERLOADED},
    {"CLUSTERDOWN", STATUS_OVERLOADED},
    {"ERR max number of clients", STATUS_OVERLOADED},
    {"WRONGTYPE", STATUS_NOT_FOUND},
};

static enum status status_of_error(const char *text)
{
    for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
        if (strncmp(text, error_rows[i].start, strlen(error_rows[i].start)) == 0)
            return error_rows[i].status;
    }
    return STATUS_INTERNAL;
}

/* What may be shown of an error. A Redis that does not know a command repeats
 * the words behind it. */
static int shown_len(const char *text)
{
    enum { SHOWN_MAX = 160 };
    const char *words = strstr(text, ", with args");
    size_t len = words != NULL ? (size_t)(words - text) : strcspn(text, "\r\n");
    return len < SHOWN_MAX ? (int)len : SHOWN_MAX;
}

enum status redis_error_status(const redisReply *reply, struct fault *fault)
{
    return fault_set(
        fault, status_of_error(reply->str), 0, "%.*s", shown_len(reply->str), reply->str);
}

/* ---- the greeting ---- */

static enum status read_password(struct redis_greeting *self, const char *path, struct fault *fault)
{
    struct stat stat_now;
    struct fault why = {.text = "is empty"};
    /* O_NONBLOCK: a FIFO named by mistake must not hang the server. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum status status = STATUS_IO;
    if (fd < 0 || fstat(fd, &stat_now) != 0)
        (void)fault_set(&why, STATUS_IO, 0, "%s", strerror(errno));
    else if (!S_ISREG(stat_now.st_mode))
        (void)fault_set(&why, STATUS_IO, 0, "is not a file");
    else if ((stat_now.st_mode & S_IRWXO) != 0)
        (void)fault_set(&why, STATUS_IO, 0, "everybody may read or write it (chmod o= helps)");
    else
        status =
            secret_read_line(fd, self->password, sizeof self->password, &self->password_len, &why);
    if (fd >= 0)
        close(fd);
    if (status == STATUS_OK && self->password_len > 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_IO, 0, "the password file %s: %s", path, why.text);
}

enum status redis_greeting_make(
    struct redis_greeting *self, const struct config_redis *settings, struct fault *fault)
{
    memset(self, 0, sizeof *self);
    if (settings->password_file != NULL) {
        enum status status = read_password(self, settings->password_file, fault);
        if (status != STATUS_OK)
            return status;
        struct redis_words *auth = &self->commands[self->count++];
        redis_words_set(auth, "AUTH", settings->user, NULL);
        redis_words_add(auth, (struct span){.at = self->password, .len = self->password_len});
    }
    if (settings->index != 0) {
        snprintf(self->index, sizeof self->index, "%u", settings->index);
        redis_words_set(&self->commands[self->count++], "SELECT", self->index, NULL);
    }
    redis_words_set(&self->commands[self->count++], "PING", NULL);
    return STATUS_OK;
}

void redis_greeting_wipe(struct redis_greeting *self)
{
    password_wipe(self, sizeof *self);
}

/* None of these is about a key. */
static enum status greeting_status(const char *text)
{
    enum status status = status_of_error(text);
    return status == STATUS_NOT_FOUND ? STATUS_INTERNAL : status;
}

enum status redis_greeting_answer(const redisReply *reply, struct fault *fault)
{
    if (reply->type == REDIS_REPLY_STATUS &&
        (strcmp(reply->str, "OK") == 0 || strcmp(reply->str, "PONG") == 0))
        return STATUS_OK;
    if (reply->type != REDIS_REPLY_ERROR)
        return fault_set(fault, STATUS_INTERNAL, 0, "does not answer as Redis does");
    /* Behind a quote there might be the password. */
    return fault_set(fault, greeting_status(reply->str), 0, "%.*s",
        (int)strcspn(reply->str, "'`\"\r\n,"), reply->str);
}

/* ---- answers ---- */

void redis_end_fault(
    const redisContext *context, const struct redis_guard *guard, struct fault *fault)
{
    if (guard->why != NULL)
        (void)fault_set(fault, STATUS_INTERNAL, 0, "%s", guard->why);
    else if (context->err == REDIS_ERR_PROTOCOL)
        (void)fault_set(fault, STATUS_INTERNAL, 0, "does not answer as Redis does");
    else if (context->err == REDIS_ERR_EOF)
        (void)fault_set(fault, STATUS_OVERLOADED, 0, "closed the connection");
    else if (context->err == REDIS_ERR_OTHER)
        /* Redis hangs up with an answer that nobody asked for. */
        (void)fault_set(fault, greeting_status(context->errstr), 0, "%.*s",
            shown_len(context->errstr), context->errstr);
    else
        (void)fault_set(fault, STATUS_OVERLOADED, 0, "%s", context->errstr);
}

void redis_account_words(struct redis_words *words, const struct redis_key *key)
{
    redis_words_set(words, "HMGET", key->text, REDIS_FIELD_HASH, REDIS_FIELD_PLAIN, NULL);
}

static bool read_field(struct span *out, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING)
        *out = (struct span){.at = reply->str, .len = reply->len};
    else
        *out = (struct span){.at = NULL, .len = 0};
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL;
}

enum status redis_account_read(struct redis_account *self, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !read_field(&self->hash, reply->element[0]) || !read_field(&self->plain, reply->element[1]))
        return STATUS_MALFORMED;
    return self->hash.at != NULL || self->plain.at != NULL ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status redis_account_hash(
    const struct redis_account *self, char hash[PASSWORD_HASH_CAP], struct fault *fault)
{
    if (self->hash.len >= PASSWORD_HASH_CAP)
        return fault_set(
            fault, STATUS_INTERNAL, 0, "holds what is no password hash in " REDIS_FIELD_HASH);
    if (self->hash.len > 0)
        memcpy(hash, self->hash.at, self->hash.len);
    hash[self->hash.len] = '\0';
    return STATUS_OK;
}
