/* How one logs in. */
#include <stdio.h>
#include <string.h>

#include "besterd/password.h"
#include "besterd/session_internal.h"
#include "besterd/username.h"
#include "libbester/json.h"

static struct blob *login_answer(const struct config *config)
{
    char name[6 * SERVER_NAME_MAX + 3];
    char limits[96];
    struct parts parts;
    struct span server_name = json_quote_into(name, sizeof(name), span_of(config->server_name));

    snprintf(limits, sizeof(limits), ",\"features\":[],\"limits\":{\"maxFrame\":%zu}}",
        config->limits.max_frame_bytes);
    parts_init(&parts);
    parts_add_text(&parts, "{\"name\":");
    parts_add(&parts, server_name);
    parts_add_text(&parts, ",\"version\":\"" BESTER_VERSION "\"");
    parts_add_text(&parts, limits);
    return parts_blob(&parts);
}

/* Why a login failed, for the person who tried. */
static const char *login_detail(enum status status)
{
    return status == STATUS_OVERLOADED ? "passwords cannot be checked at the moment; try later"
                                       : status_help(status);
}

/* Entered into the lists of the server, or not. */
static enum status session_join(struct session *self, struct fault *fault)
{
    self->origin = origin_new_client(self->user, self->context->config->server_name);
    if (!self->origin)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    self->limits_user = limits_user(self->context->limits, self->user);
    self->state = SESSION_CLIENT;
    return self->context->callbacks->on_login(self, fault, self->context->server);
}

enum status session_guess(struct session *self)
{
    struct fault fault;

    if (self->state != SESSION_VERIFYING)
        return STATUS_CLOSED;
    enum status status =
        limits_guess(self->context->limits, self->guest, self->user, &self->guess_taken, &fault);
    self->guessing = status == STATUS_OK;
    if (status == STATUS_OK)
        return status;
    /* Told now, while it is known how long; the accounts' answer comes too late. */
    session_refuse(self, AUTH_ID, status, fault.text);
    return status;
}

void session_verified(struct session *self, enum status status)
{
    struct fault fault;

    if (self->state != SESSION_VERIFYING)
        return; /* it has ended meanwhile */
    ev_timer_stop(streams_loop(self->context->streams), &self->timer);
    if (self->guessing)
        limits_guessed(self->context->limits, self->guest, self->user, self->guess_taken, status);
    if (status != STATUS_OK)
        (void)fault_set(&fault, status, 0, "%s", login_detail(status));
    else
        status = session_join(self, &fault);
    if (status != STATUS_OK) {
        session_refuse(
            self, AUTH_ID, status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
        return;
    }
    struct blob *server = login_answer(self->context->config);

    self->since_s = ev_now(streams_loop(self->context->streams));
    self->max_frame = self->context->config->limits.max_frame_bytes;
    stream_set_max_frame(self->stream, self->max_frame);
    stream_set_pool(self->stream, NULL);
    session_log(self, LOG_LEVEL_INFO, "logged in as %s", self->user);
    metrics_count(self->context->metrics, METRIC_LOGINS, STATUS_OK, 0);
    session_report(self, &(struct report){
                             .id_token = AUTH_ID,
                             .good = true,
                             .server = server ? blob_span(server) : (struct span){0},
                         });
    blob_unref(server);
    session_let_go(self, HOLD_LOGIN);
}

void session_registered(struct session *self, enum status status, const char *detail)
{
    if (status == STATUS_OK)
        session_verified(self, status);
    else if (self->state == SESSION_VERIFYING)
        session_refuse(self, AUTH_ID, status, detail);
}

/* The accounts are asked, or a new one is made: session_verified or
 * session_registered follows. */
static enum status session_ask_accounts(struct session *self, const struct message *message,
    const char *name, struct span password, struct fault *fault)
{
    const struct session_context *context = self->context;

    self->user = strdup(name);
    if (!self->user)
        return fault_set(fault, STATUS_INTERNAL, 0, "%s", status_help(STATUS_NO_MEMORY));
    enum status status = STATUS_NOT_FOUND;
    if (context->callbacks->on_register)
        status =
            context->callbacks->on_register(self, message, name, password, fault, context->server);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = limits_login(context->limits, self->guest, name, fault);
    if (status != STATUS_OK)
        return status;
    status = accounts_verify(
        context->accounts, name, password, limits_address(self->guest), self->number);
    if (status != STATUS_OK)
        (void)fault_set(fault, status, 0, "%s", login_detail(status));
    return status;
}

static void session_verify(struct session *self, const struct message *message,
    struct span username, struct span password_token)
{
    char name[USERNAME_CAP];
    char given[USER_NAME_MAX + USERNAME_CAP]; /* room for white space to strip */
    char password[PASSWORD_MAX + 1];
    size_t len;
    struct fault fault = {.text = "the username is missing or too long"};

    if (json_decode(username, given, sizeof(given), &len) != STATUS_OK ||
        username_normalise((struct span){given, len}, name, &fault) != STATUS_OK) {
        session_refuse(self, AUTH_ID, STATUS_AUTH_FAILED, fault.text);
        return;
    }
    if (json_decode(password_token, password, sizeof(password), &len) != STATUS_OK || len == 0) {
        session_refuse(
            self, AUTH_ID, STATUS_AUTH_FAILED, "the password is missing, empty or too long");
        goto out;
    }
    enum status status =
        session_ask_accounts(self, message, name, (struct span){password, len}, &fault);
    if (status == STATUS_OK) {
        self->state = SESSION_VERIFYING;
        session_hold(self, HOLD_LOGIN);
    } else {
        session_refuse(
            self, AUTH_ID, status_on_wire(status) ? status : STATUS_INTERNAL, fault.text);
    }
out:
    password_wipe(password, sizeof(password));
}

void session_log_in(struct session *self, const struct message *message)
{
    struct json_cursor cursor;
    struct span name, value, username = {0}, password = {0};
    bool twice = false;

    if (json_kind_of(message->authentication) != JSON_KIND_OBJECT) {
        session_refuse(self, AUTH_ID, STATUS_AUTH_REQUIRED,
            "the first message must log in: header.authentication is missing");
        return;
    }
    json_begin(&cursor, message->authentication, JSON_DEPTH_MAX);
    enum status status = json_enter_object(&cursor, NULL);
    while (status == STATUS_OK && json_next_member(&cursor, &name, NULL) == PULL_READY) {
        struct span *member = json_string_is(name, "username")   ? &username
                              : json_string_is(name, "password") ? &password
                                                                 : NULL;

        status = json_skip(&cursor, &value, NULL);
        twice = twice || (member && member->at);
        if (member)
            *member = value;
    }
    if (twice)
        session_refuse(
            self, AUTH_ID, STATUS_MALFORMED, "header.authentication: a member is named twice");
    else
        session_verify(self, message, username, password);
}
