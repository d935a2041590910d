#include "besterd/accounts_redis_link.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/accounts_redis_link_internal.h"
#include "besterd/log.h"

static const double PAUSE_FIRST_S = 0.1;
static const double PAUSE_MOST_S = 30.;

/* ---- lists ---- */

static void list_init(struct asked_list *self)
{
    self->first = NULL;
    self->last = &self->first;
}

static void list_push(struct asked_list *self, struct asked *asked)
{
    asked->next = NULL;
    *self->last = asked;
    self->last = &asked->next;
}

static struct asked *list_pop(struct asked_list *self)
{
    struct asked *asked = self->first;
    if (asked == NULL)
        return NULL;
    self->first = asked->next;
    if (self->first == NULL)
        self->last = &self->first;
    return asked;
}

/* ---- answering ---- */

static void asked_forget_bytes(struct asked *self)
{
    if (self->bytes == NULL)
        return;
    password_wipe(self->bytes, self->len);
    redisFreeCommand(self->bytes);
    self->bytes = NULL;
}

static void asked_answer(struct asked *self, const struct redis_answer *answer)
{
    redis_answered *answered = self->answered;
    void *user = self->user;
    asked_forget_bytes(self);
    free(self);
    answered(answer, user);
}

static void asked_fail(struct asked *self)
{
    const struct redis_link *link = self->link;
    struct redis_answer answer = {
        .status = link->is_freed ? STATUS_SHUTTING_DOWN : link->end.status, .fault = {.text = ""}};
    asked_answer(self, &answer);
}

static void fail_waiting(struct redis_link *self)
{
    struct asked_list waiting = self->waiting;
    struct asked *asked;
    if (waiting.first == NULL)
        return;
    /* An answer may ask again: that goes into a new list. */
    list_init(&self->waiting);
    while ((asked = waiting.first) != NULL) {
        waiting.first = asked->next;
        asked_fail(asked);
    }
}

/* ---- the end of a connection ---- */

/* One line for each way to fail, not one for each attempt. */
static void log_end(struct redis_link *self, const struct fault *why)
{
    bool again = strcmp(self->logged, why->text) == 0;
    log_line(again ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "accounts",
        "Redis at %s: %s; nobody can log in meanwhile", self->name, why->text);
    memcpy(self->logged, why->text, sizeof self->logged);
}

void redis_link_end(struct redis_link *self, const struct fault *why)
{
    redisAsyncContext *context = self->context;
    self->end = *why;
    self->state = LINK_AWAY;
    self->context = NULL;
    dial_free(self->dial);
    self->dial = NULL;
    list_init(&self->sent); /* on_reply still comes for each */
    ev_timer_stop(self->loop, &self->deadline);
    self->ended_at = ev_now(self->loop);
    if (!self->is_freed) {
        log_end(self, why);
        ev_timer_stop(self->loop, &self->pause);
        ev_timer_set(&self->pause, self->pause_s, 0.);
        ev_timer_start(self->loop, &self->pause);
        self->pause_s = self->pause_s * 2 < PAUSE_MOST_S ? self->pause_s * 2 : PAUSE_MOST_S;
    }
    if (context != NULL)
        redisAsyncFree(context);
    fail_waiting(self);
}

void redis_link_end_with(struct redis_link *self, enum status status, const char *text)
{
    struct fault why;
    (void)fault_set(&why, status, 0, "%s", text);
    redis_link_end(self, &why);
}

void redis_link_lost(struct redis_link *self, const redisAsyncContext *context)
{
    struct fault why;
    self->context = NULL;
    redis_end_fault(&context->c, &self->guard, &why);
    redis_link_end(self, &why);
}

void redis_link_distrust(struct redis_link *self)
{
    if (self->context != NULL)
        redis_link_end_with(self, STATUS_INTERNAL, "does not answer as Redis does");
}

/* ---- sending and being answered ---- */

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct asked *asked = data;
    struct redis_link *self = asked->link;
    if (reply == NULL) {
        if (context == self->context)
            redis_link_lost(self, context);
        asked_fail(asked);
        return;
    }
    assert(context == self->context && asked == self->sent.first);
    (void)list_pop(&self->sent);
    self->guard.awaited--;
    struct redis_answer answer = {.status = STATUS_OK, .reply = reply, .fault = {.text = ""}};
    if (answer.reply->type == REDIS_REPLY_ERROR) {
        struct fault why;
        answer.status = redis_error_status(reply, &why);
        answer.reply = NULL;
        (void)fault_set(&answer.fault, answer.status, 0, "Redis at %s: %s", self->name, why.text);
    }
    asked_answer(asked, &answer);
}

/* Once sent it is hiredis's to give back, through on_reply. */
static bool send_one(struct redis_link *self, struct asked *asked)
{
    if (redisAsyncFormattedCommand(self->context, on_reply, asked, asked->bytes, asked->len) !=
        REDIS_OK)
        return false;
    asked_forget_bytes(asked);
    ev_now_update(self->loop); /* a turn of the loop may have taken long */
    asked->deadline = ev_now(self->loop) + self->settings.timeout_ms / 1000.;
    list_push(&self->sent, asked);
    self->guard.awaited++;
    if (!ev_is_active(&self->deadline)) {
        ev_timer_set(&self->deadline, self->settings.timeout_ms / 1000., 0.);
        ev_timer_start(self->loop, &self->deadline);
    }
    return true;
}

static void send_waiting(struct redis_link *self)
{
    while (self->state == LINK_UP && self->waiting.first != NULL) {
        struct asked *asked = self->waiting.first;
        struct asked *next = asked->next;
        if (!send_one(self, asked)) {
            redis_link_end_with(self, STATUS_OVERLOADED, "takes no command");
            return;
        }
        self->waiting.first = next;
        if (next == NULL)
            self->waiting.last = &self->waiting.first;
    }
}

static struct asked *asked_new(
    struct redis_link *link, const struct redis_words *words, redis_answered *answered, void *user)
{
    struct asked *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->link = link;
    self->answered = answered;
    self->user = user;
    int len =
        redisFormatCommandArgv(&self->bytes, words->count, (const char **)words->at, words->len);
    if (len >= 0) {
        self->len = (size_t)len;
        return self;
    }
    free(self);
    return NULL;
}

enum status redis_link_ask(
    struct redis_link *self, const struct redis_words *words, redis_answered *answered, void *user)
{
    struct asked *asked = asked_new(self, words, answered, user);
    if (asked == NULL)
        return STATUS_NO_MEMORY;
    if (self->state == LINK_UP && self->waiting.first == NULL && send_one(self, asked))
        return STATUS_OK;
    list_push(&self->waiting, asked);
    if (self->state == LINK_AWAY || self->state == LINK_UP)
        ev_feed_event(self->loop, &self->pause, EV_CUSTOM);
    return STATUS_OK;
}

void redis_link_up(struct redis_link *self)
{
    self->state = LINK_UP;
    self->pause_s = PAUSE_FIRST_S;
    ev_timer_stop(self->loop, &self->deadline);
    log_line(LOG_LEVEL_INFO, "accounts",
        self->logged[0] != '\0' ? "Redis at %s works again" : "the accounts are in Redis at %s",
        self->name);
    self->logged[0] = '\0';
    send_waiting(self);
}

/* ---- time ---- */

/* An answer has come and was not read yet: it was we who were slow. */
static bool is_heard(const struct redis_link *self)
{
    struct pollfd readable = {.fd = self->context->c.fd, .events = POLLIN};
    return poll(&readable, 1, 0) == 1;
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct redis_link *self = timer->data;
    const struct asked *oldest = self->sent.first;
    double timeout_s = self->settings.timeout_ms / 1000.;
    char text[80];
    if ((events & EV_CUSTOM) != 0) {
        if (self->context != NULL)
            redis_link_end_with(self, STATUS_INTERNAL, "answers more than an account can hold");
        return;
    }
    bool is_up = self->state == LINK_UP;
    if (is_up && oldest == NULL)
        return;
    double left_s = (is_up ? oldest->deadline : self->attempt_deadline) - ev_now(loop);
    if (left_s > 0. || (left_s > -timeout_s && self->context != NULL && is_heard(self))) {
        ev_timer_set(timer, left_s > 0. ? left_s : 0., 0.);
        ev_timer_start(loop, timer);
        return;
    }
    snprintf(text, sizeof text, "%s in %u ms", is_up ? "no answer" : "no connection",
        self->settings.timeout_ms);
    redis_link_end_with(self, STATUS_OVERLOADED, text);
}

/* The pause is over, or a question cannot wait for its end. */
static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct redis_link *self = timer->data;
    bool just_failed = ev_now(loop) - self->ended_at < PAUSE_FIRST_S;
    if (self->state == LINK_UP)
        send_waiting(self);
    else if (self->state == LINK_AWAY && just_failed && (events & EV_TIMER) == 0)
        fail_waiting(self);
    else if (self->state == LINK_AWAY)
        redis_link_attempt(self);
}

/* ---- opening and closing ---- */

static bool is_name(const struct address *address)
{
    struct sockaddr_storage endpoint;
    socklen_t len;
    return address->kind != ADDRESS_UNIX &&
           address_to_sockaddr(address, &endpoint, &len) != STATUS_OK;
}

static enum status link_open(
    struct redis_link *self, const struct config_redis *settings, struct fault *fault)
{
    struct redis_greeting greeting;
    enum status status = redis_greeting_make(&greeting, settings, fault);
    redis_greeting_wipe(&greeting);
    if (status == STATUS_OK)
        status = config_redis_copy(&self->settings, settings);
    if (status != STATUS_OK)
        return status;
    address_format_short(&settings->address, self->name, sizeof self->name);
    if (!is_name(&settings->address))
        return STATUS_OK;
    self->resolver = worker_new(self->loop, 1, 1);
    return self->resolver != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status redis_link_new(struct redis_link **out, const struct config_redis *settings,
    struct ev_loop *loop, struct fault *fault)
{
    struct redis_link *self = calloc(1, sizeof *self);
    if (self == NULL)
        return STATUS_NO_MEMORY;
    self->loop = loop;
    self->pause_s = PAUSE_FIRST_S;
    list_init(&self->waiting);
    list_init(&self->sent);
    ev_init(&self->deadline, on_deadline);
    ev_init(&self->pause, on_pause);
    self->deadline.data = self->pause.data = self;
    /* What has come is looked at before it is too late. */
    ev_set_priority(&self->deadline, EV_MINPRI);
    enum status status = link_open(self, settings, fault);
    if (status != STATUS_OK) {
        redis_link_free(self);
        return status;
    }
    if (!address_is_local(&settings->address) && strcmp(settings->address.host, "localhost") != 0)
        log_line(LOG_LEVEL_WARNING, "accounts",
            "Redis at %s is asked without encryption; whoever is on the way can read along",
            self->name);
    ev_feed_event(loop, &self->pause, EV_TIMER);
    *out = self;
    return STATUS_OK;
}

void redis_link_free(struct redis_link *self)
{
    struct fault why = {.status = STATUS_SHUTTING_DOWN, .text = ""};
    if (self == NULL)
        return;
    self->is_freed = true;
    redis_link_end(self, &why);
    ev_timer_stop(self->loop, &self->pause);
    ev_timer_stop(self->loop, &self->deadline);
    worker_free(self->resolver);
    config_redis_release(&self->settings);
    free(self);
}
