#include <fcntl.h>
#include <hiredis/adapters/libev.h>
#include <unistd.h>

#include "besterd/accounts_redis_link_internal.h"

/* An answer is a few fields of an account: more is not Redis. */
enum { ANSWER_ELEMENTS_MAX = 16, ANSWER_BYTES_MAX = 64 * 1024 };

/* ---- the greeting ---- */

static void on_greeted(redisAsyncContext *context, void *reply, void *data)
{
    struct redis_link *self = data;
    struct fault why;
    if (context != self->context)
        return; /* it was we who ended it */
    if (reply == NULL) {
        redis_link_lost(self, context);
        return;
    }
    self->guard.awaited--;
    self->greetings--;
    if (redis_greeting_answer(reply, &why) != STATUS_OK)
        redis_link_end(self, &why);
    else if (self->greetings == 0)
        redis_link_up(self);
}

/* Right away: hiredis sends it when it is connected. */
static void greet(struct redis_link *self)
{
    struct redis_greeting greeting;
    struct fault why = {.status = STATUS_OVERLOADED, .text = "takes no command"};
    self->state = LINK_GREETING;
    self->greetings = 0;
    bool good = redis_greeting_make(&greeting, &self->settings, &why) == STATUS_OK;
    if (!good)
        why.status = STATUS_INTERNAL;
    for (size_t i = 0; good && i < greeting.count; i++) {
        const struct redis_words *words = &greeting.commands[i];
        good = redisAsyncCommandArgv(self->context, on_greeted, self, words->count,
                   (const char **)words->at, words->len) == REDIS_OK;
        self->guard.awaited += good ? 1 : 0;
        self->greetings += good ? 1 : 0;
    }
    redis_greeting_wipe(&greeting);
    if (!good)
        redis_link_end(self, &why);
}

/* ---- connecting ---- */

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct redis_link *self = context->data;
    (void)status;
    if (context == self->context)
        redis_link_lost(self, context);
}

/* hiredis calls this for each piece that it has read, before it looks at it. */
static void add_read(void *adapter)
{
    const redisAsyncContext *context = ((redisLibevEvents *)adapter)->context;
    struct redis_link *self = context->data;
    self->add_read(adapter);
    if (context->c.reader->len - context->c.reader->pos > ANSWER_BYTES_MAX)
        ev_feed_event(self->loop, &self->deadline, EV_CUSTOM);
}

static void use_context(struct redis_link *self, redisAsyncContext *context)
{
    if (context == NULL) {
        redis_link_end_with(self, STATUS_OVERLOADED, status_help(STATUS_NO_MEMORY));
        return;
    }
    self->context = context;
    context->data = self;
    redis_guard_begin(&self->guard, context->c.reader, ANSWER_ELEMENTS_MAX, true);
    if (context->err != 0 || redisLibevAttach(self->loop, context) != REDIS_OK ||
        redisAsyncSetDisconnectCallback(context, on_disconnected) != REDIS_OK) {
        struct fault why;
        redis_end_fault(&context->c, &self->guard, &why);
        redis_link_end(self, &why);
        return;
    }
    /* A handler's process must not inherit it. */
    (void)fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);
    self->add_read = context->ev.addRead;
    context->ev.addRead = add_read;
    greet(self);
}

/* The name led to something that takes connections. hiredis makes its own. */
static void on_found(int fd, const struct fault *fault, void *user)
{
    struct redis_link *self = user;
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    struct address address;
    self->dial = NULL; /* it frees itself */
    if (fd < 0) {
        redis_link_end_with(self, STATUS_OVERLOADED, fault->text);
        return;
    }
    bool known = getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
                 address_from_sockaddr(&address, (struct sockaddr *)&peer, len) == STATUS_OK;
    close(fd);
    if (known)
        use_context(self, redisAsyncConnect(address.host, address.port));
    else
        redis_link_end_with(self, STATUS_OVERLOADED, "hung up at once");
}

void redis_link_attempt(struct redis_link *self)
{
    const struct address *address = &self->settings.address;
    double timeout_s = self->settings.timeout_ms / 1000.;
    ev_timer_stop(self->loop, &self->pause);
    ev_now_update(self->loop);
    self->attempt_deadline = ev_now(self->loop) + timeout_s;
    ev_timer_set(&self->deadline, timeout_s, 0.);
    ev_timer_start(self->loop, &self->deadline);
    self->guard = (struct redis_guard){.awaited = 0};
    if (self->resolver != NULL) {
        self->state = LINK_FINDING;
        self->dial = dial_new(self->loop, self->resolver, address, timeout_s, on_found, self);
        if (self->dial == NULL)
            redis_link_end_with(self, STATUS_OVERLOADED, status_help(STATUS_NO_MEMORY));
    } else if (address->kind == ADDRESS_UNIX) {
        use_context(self, redisAsyncConnectUnix(address->path));
    } else {
        use_context(self, redisAsyncConnect(address->host, address->port));
    }
}
