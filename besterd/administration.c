#include "besterd/administration.h"

#include <stdlib.h>
#include <string.h>

#include "besterd/admin_request.h"
#include "besterd/log.h"
#include "libbester/json_text.h"

enum { REQUESTS_MAX = 256 }; /* under way at once, of all users together */

struct administration {
    struct ev_loop *loop;
    const struct config *config;
    const struct administration_deeds *deeds;
    void *server;
    struct account_store *store; /* used on the thread alone; NULL: there are no accounts */
    struct worker *worker;       /* one thread */
    struct admin_request *first; /* to be done at the end of the turn, in order */
    struct admin_request **last;
    ev_timer due; /* never started: fed */
    size_t count; /* under way */
    bool closing;
};

enum audience { EVERYBODY, WHERE_REGISTRATION_IS_OPEN, ADMINISTRATORS };

struct administration_row {
    const char *name;
    enum audience audience;
    struct admin_argument arguments[ADMIN_ARGUMENTS_MAX + 1];
    /* One that changes accounts: on the thread, then on the loop if it went well. */
    void (*change)(struct admin_request *self, struct account_store *store);
    /* On the loop. The members of the answer besides "command": a new object; NULL:
     * none, or self->status says why not. */
    json_t *(*run)(struct admin_request *self);
};

/* ---- what is done on the loop ---- */

#define log_deed(self, ...) log_line(LOG_LEVEL_INFO, (self)->asker, __VA_ARGS__)

static json_t *end_sessions(struct admin_request *self, const char *user, uint64_t except,
    enum status reason, const char *why)
{
    const struct administration *owner = self->owner;
    size_t count =
        owner->deeds->end_sessions(owner->server, user, self->number, except, reason, why);

    return json_pack("{s:I}", "ended", (json_int_t)count);
}

/* Whoever else was logged in with the old password must know the new one. */
static json_t *run_password_changed(struct admin_request *self)
{
    log_deed(self, "has changed the password");
    return end_sessions(
        self, self->asker, self->session, STATUS_AUTH_FAILED, "the password was changed");
}

static json_t *run_user_added(struct admin_request *self)
{
    log_deed(self, "has added the user %s", self->user);
    return NULL;
}

static json_t *run_registered(struct admin_request *self)
{
    log_line(LOG_LEVEL_INFO, self->user, "has registered");
    return NULL;
}

static json_t *run_user_removed(struct admin_request *self)
{
    log_deed(self, "has removed the user %s", self->user);
    return end_sessions(self, self->user, 0, STATUS_AUTH_FAILED, "the account was removed");
}

static json_t *run_kick(struct admin_request *self)
{
    if (!self->user[0] && !self->number) {
        self->status = fault_set(
            &self->fault, STATUS_MALFORMED, 0, "builtin kick: args must name a user or a session");
        return NULL;
    }
    log_deed(self, "ends the sessions of %s (session %llu; 0 is every one)",
        self->user[0] ? self->user : "anybody", (unsigned long long)self->number);
    return end_sessions(self, self->user[0] ? self->user : NULL, 0, STATUS_NOT_ALLOWED,
        "an administrator ended this session");
}

static json_t *run_sessions(struct admin_request *self)
{
    const struct administration *owner = self->owner;

    return owner->deeds->sessions(owner->server, self->user[0] ? self->user : NULL, self->number);
}

static json_t *run_queue(struct admin_request *self)
{
    return self->owner->deeds->queue(self->owner->server);
}

static json_t *run_reload(struct admin_request *self)
{
    json_t *ignored = NULL;

    log_deed(self, "has the configuration read again");
    self->status = self->owner->deeds->reload(self->owner->server, &ignored, &self->fault);
    return self->status == STATUS_OK ? json_pack("{s:o}", "ignored", ignored) : NULL;
}

static json_t *run_shutdown(struct admin_request *self)
{
    log_deed(self, "ends the server");
    self->owner->deeds->shutdown(self->owner->server);
    return NULL;
}

/* ---- the table ---- */

#define NO_ARGUMENTS     \
    {                    \
        {                \
            .name = NULL \
        }                \
    }

static const struct administration_row rows[] = {
    {"addUser", ADMINISTRATORS,
        {{"user", ARGUMENT_USER, false}, {"password", ARGUMENT_PASSWORD, false}},
        admin_request_add_user, run_user_added},
    {"changePassword", EVERYBODY,
        {{"old", ARGUMENT_PASSWORD, false}, {"new", ARGUMENT_NEW_PASSWORD, false}},
        admin_request_change_password, run_password_changed},
    {"kick", ADMINISTRATORS, {{"user", ARGUMENT_USER, true}, {"session", ARGUMENT_NUMBER, true}},
        NULL, run_kick},
    {"queue", ADMINISTRATORS, NO_ARGUMENTS, NULL, run_queue},
    {"register", WHERE_REGISTRATION_IS_OPEN,
        {{"user", ARGUMENT_USER, false}, {"password", ARGUMENT_PASSWORD, false}},
        admin_request_add_user, run_user_added},
    {"reload", ADMINISTRATORS, NO_ARGUMENTS, NULL, run_reload},
    {"removeUser", ADMINISTRATORS, {{"user", ARGUMENT_USER, false}}, admin_request_remove_user,
        run_user_removed},
    {"sessions", ADMINISTRATORS, {{"user", ARGUMENT_USER, true}, {"from", ARGUMENT_NUMBER, true}},
        NULL, run_sessions},
    {"shutdown", ADMINISTRATORS, NO_ARGUMENTS, NULL, run_shutdown},
};

/* Of who is not logged in: cannot be asked for by name. */
static const struct administration_row registration = {
    "register", EVERYBODY, NO_ARGUMENTS, admin_request_add_user, run_registered};

const struct administration_row *administration_find(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* ---- under way ---- */

/* Tells what came of it and frees the request. facts are taken over. */
static void answer(struct admin_request *self, json_t *facts)
{
    struct administration *owner = self->owner;
    enum status status = self->status;
    char *text = NULL;

    if (status == STATUS_OK) {
        json_t *data = json_pack("{s:s}", "command", self->row->name);

        if (!facts || json_object_update(data, facts) == 0)
            text = json_text(data, JSON_COMPACT);
        json_decref(data);
        if (!text)
            status = STATUS_NO_MEMORY;
    }
    if (status != STATUS_OK && self->fault.text[0] == '\0')
        (void)fault_set(&self->fault, status, 0, "%s", status_help(status));
    if (status != STATUS_OK && !status_on_wire(status))
        status = STATUS_INTERNAL;
    json_decref(facts);
    owner->count--;
    if (self->row == &registration)
        owner->deeds->registered(self->session, status, self->fault.text, owner->server);
    else
        owner->deeds->answer(self->ticket, status, span_of(text), self->fault.text, owner->server);
    free(text);
    admin_request_free(self);
}

static void finish(struct admin_request *self)
{
    answer(self, self->status == STATUS_OK ? self->row->run(self) : NULL);
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct administration *self = watcher->data;
    struct admin_request *next = self->first;

    (void)loop, (void)events;
    self->first = NULL;
    self->last = &self->first;
    while (next) {
        struct admin_request *request = next;

        next = request->next;
        finish(request);
    }
}

static void run_on_thread(struct worker_job *job)
{
    struct admin_request *self = (struct admin_request *)job;

    self->row->change(self, self->owner->store);
}

static void thread_done(struct worker_job *job, bool cancelled)
{
    struct admin_request *self = (struct admin_request *)job;

    if (cancelled || self->owner->closing) {
        self->owner->count--;
        admin_request_free(self);
    } else {
        finish(self);
    }
}

static enum status start(
    struct administration *self, struct admin_request *request, struct fault *fault)
{
    enum status status = STATUS_OK;

    if (request->row->change && !self->store)
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "builtin %s: there are no accounts, database.type is \"open\"", request->row->name);
    if (request->row->change) {
        request->job = (struct worker_job){.run = run_on_thread, .done = thread_done};
        status = worker_submit(self->worker, &request->job);
    } else {
        *self->last = request;
        self->last = &request->next;
        ev_feed_event(self->loop, &self->due, EV_CUSTOM);
    }
    if (status != STATUS_OK)
        return fault_set(fault, status, 0, "%s", status_help(status));
    self->count++;
    return STATUS_OK;
}

/* ---- who may ---- */

static bool is_administrator(const struct config *config, const char *user)
{
    for (char **name = config->administrators; name && *name; name++)
        if (strcmp(*name, user) == 0)
            return true;
    return false;
}

static enum status may_ask(const struct administration *self,
    const struct administration_question *question, struct fault *fault)
{
    const char *name = question->row->name;
    bool is_one = is_administrator(self->config, question->user);

    if (question->row->audience == ADMINISTRATORS && !is_one)
        return fault_set(fault, STATUS_NOT_ALLOWED, 0, "builtin %s: for administrators only", name);
    if (question->row->audience == WHERE_REGISTRATION_IS_OPEN && !is_one &&
        self->config->registration == REGISTRATION_CLOSED)
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "builtin %s: new accounts are made by administrators", name);
    return STATUS_OK;
}

/* NULL: *status and *fault say why. */
static struct admin_request *make_request(struct administration *self,
    const struct administration_row *row, enum status *status, struct fault *fault)
{
    struct admin_request *request = self->count < REQUESTS_MAX ? calloc(1, sizeof(*request)) : NULL;

    if (request) {
        request->owner = self;
        request->row = row;
    } else if (self->count < REQUESTS_MAX) {
        *status = fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    } else {
        *status = fault_set(
            fault, STATUS_OVERLOADED, 0, "%d commands are under way already", REQUESTS_MAX);
    }
    return request;
}

enum status administration_ask(struct administration *self,
    const struct administration_question *question, struct fault *fault)
{
    enum status status = may_ask(self, question, fault);

    if (status != STATUS_OK)
        return status;
    struct admin_request *request = make_request(self, question->row, &status, fault);
    if (!request)
        return status;
    request->ticket = question->ticket;
    request->session = question->session;
    memccpy(request->asker, question->user, '\0', USERNAME_MAX);
    status = admin_request_read(
        request, question->row->name, question->args, question->row->arguments, fault);
    if (status == STATUS_OK)
        status = start(self, request, fault);
    if (status != STATUS_OK)
        admin_request_free(request);
    return status;
}

enum status administration_register(struct administration *self, uint64_t session,
    const char *username, struct span password, struct fault *fault)
{
    enum status status = STATUS_OK;
    struct admin_request *request = make_request(self, &registration, &status, fault);

    if (!request)
        return status;
    request->session = session;
    memccpy(request->user, username, '\0', USERNAME_MAX);
    memcpy(request->password.text, password.at, password.len); /* it fits: PASSWORD_MAX */
    request->password.len = password.len;
    status = start(self, request, fault);
    if (status != STATUS_OK)
        admin_request_free(request);
    return status;
}

/* ---- birth and end ---- */

struct administration *administration_new(struct ev_loop *loop, const struct config *config,
    const struct administration_deeds *deeds, void *server)
{
    struct administration *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->loop = loop;
    self->config = config;
    self->deeds = deeds;
    self->server = server;
    self->last = &self->first;
    ev_init(&self->due, on_due);
    self->due.data = self;
    if (config->database == DATABASE_OPEN)
        return self;
    self->store = account_store_of(config);
    self->worker = worker_new(loop, 1, REQUESTS_MAX);
    if (self->store && self->worker)
        return self;
    administration_free(self);
    return NULL;
}

void administration_free(struct administration *self)
{
    struct admin_request *request;

    if (!self)
        return;
    self->closing = true;
    ev_clear_pending(self->loop, &self->due);
    while ((request = self->first) != NULL) {
        self->first = request->next;
        self->count--;
        admin_request_free(request);
    }
    worker_free(self->worker);
    /* A thread that hangs on a dead disk was left behind; it still uses these. */
    if (self->count > 0)
        return;
    account_store_free(self->store);
    free(self);
}

void administration_reconfigure(struct administration *self, const struct config *config)
{
    self->config = config;
}
