#include "besterd/admin_request.h"

#include <stdlib.h>
#include <string.h>

void admin_request_free(struct admin_request *self)
{
    if (!self)
        return;
    password_wipe(&self->password, sizeof(self->password));
    password_wipe(&self->new_password, sizeof(self->new_password));
    free(self);
}

/* ---- arguments ---- */

static enum status read_user(struct admin_request *self, const json_t *value, struct fault *fault)
{
    if (!json_is_string(value))
        return fault_set(fault, STATUS_INVALID, 0, "must be a username");
    return username_normalise(
        (struct span){json_string_value(value), json_string_length(value)}, self->user, fault);
}

static enum status read_secret(
    struct admin_secret *secret, const json_t *value, struct fault *fault)
{
    size_t len = json_is_string(value) ? json_string_length(value) : 0;

    /* A login with such a one could not be told from a shorter one, and is refused. */
    if (len == 0 || len > PASSWORD_MAX || memchr(json_string_value(value), '\0', len))
        return fault_set(fault, STATUS_INVALID, 0,
            "must be a text of 1 to %d bytes, none of them zero", PASSWORD_MAX);
    memcpy(secret->text, json_string_value(value), len);
    secret->len = len;
    password_wipe((char *)json_string_value(value), len); /* jansson only frees it */
    return STATUS_OK;
}

static enum status read_password(
    struct admin_request *self, const json_t *value, struct fault *fault)
{
    return read_secret(&self->password, value, fault);
}

static enum status read_new_password(
    struct admin_request *self, const json_t *value, struct fault *fault)
{
    return read_secret(&self->new_password, value, fault);
}

static enum status read_number(struct admin_request *self, const json_t *value, struct fault *fault)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1)
        return fault_set(fault, STATUS_INVALID, 0, "must be the number of a session");
    self->number = (uint64_t)json_integer_value(value);
    return STATUS_OK;
}

static enum status (*const readers[])(
    struct admin_request *self, const json_t *value, struct fault *fault) = {
    [ARGUMENT_USER] = read_user,
    [ARGUMENT_PASSWORD] = read_password,
    [ARGUMENT_NEW_PASSWORD] = read_new_password,
    [ARGUMENT_NUMBER] = read_number,
};

static const struct admin_argument *find(const struct admin_argument *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list;
    return NULL;
}

static enum status read_object(struct admin_request *self, const char *command, const json_t *args,
    const struct admin_argument *list, struct fault *fault)
{
    struct fault inner = {.text = ""};
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)args, name, value) {
        const struct admin_argument *argument = find(list, name);

        if (!argument)
            return fault_set(
                fault, STATUS_MALFORMED, 0, "builtin %s: args.%.64s is not known", command, name);
        if (readers[argument->kind](self, value, &inner) != STATUS_OK)
            return fault_set(
                fault, STATUS_MALFORMED, 0, "builtin %s: args.%s: %s", command, name, inner.text);
    }
    for (; list->name; list++)
        if (!list->optional && !json_object_get(args, list->name))
            return fault_set(
                fault, STATUS_MALFORMED, 0, "builtin %s: args.%s is missing", command, list->name);
    return STATUS_OK;
}

enum status admin_request_read(struct admin_request *self, const char *command, struct span args,
    const struct admin_argument list[ADMIN_ARGUMENTS_MAX + 1], struct fault *fault)
{
    json_error_t error;
    json_t *value = args.at ? json_loadb(args.at, args.len,
                                  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error)
                            : json_object();
    enum status status = STATUS_OK;

    if (json_is_null(value)) {
        json_decref(value);
        value = json_object();
    }
    if (json_is_object(value))
        status = read_object(self, command, value, list, fault);
    else if (value)
        status = fault_set(
            fault, STATUS_MALFORMED, 0, "builtin %s: args must be an object or null", command);
    else if (args.at && json_error_code(&error) != json_error_out_of_memory)
        status = fault_set(fault, STATUS_MALFORMED, 0, "builtin %s: args: %s", command, error.text);
    else
        status = fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    json_decref(value);
    return status;
}

/* ---- the accounts, on a thread ---- */

/* What the account store says, as a report has it. */
static enum status tell(struct admin_request *self, enum status status)
{
    if (status == STATUS_INVALID) /* of account_store_add: it is there already */
        status = STATUS_NOT_ALLOWED;
    if (status == STATUS_NOT_FOUND)
        status = STATUS_UNKNOWN_USER;
    if (status != STATUS_OK && self->fault.text[0] == '\0')
        (void)fault_set(&self->fault, status, 0, "%s", status_help(status));
    self->status = status;
    return status;
}

static enum status hash_of(
    struct admin_request *self, const struct admin_secret *secret, char hash[PASSWORD_HASH_CAP])
{
    enum status status = password_hash((struct span){secret->text, secret->len}, hash);

    return tell(self, status == STATUS_NO_MEMORY ? STATUS_OVERLOADED : status);
}

void admin_request_change_password(struct admin_request *self, struct account_store *store)
{
    char hash[PASSWORD_HASH_CAP];
    enum status status = account_store_find(store, self->asker, hash, &self->fault);

    if (tell(self, status) != STATUS_OK)
        return;
    if (hash[0] == '\0') { /* as the reference left it; a login replaces it */
        (void)fault_set(&self->fault, STATUS_NOT_ALLOWED, 0, "log in again first");
        (void)tell(self, STATUS_NOT_ALLOWED);
        return;
    }
    status = password_verify((struct span){self->password.text, self->password.len}, hash);
    if (status == STATUS_AUTH_FAILED)
        (void)fault_set(&self->fault, status, 0, "args.old is not the password");
    if (tell(self, status) == STATUS_OK && hash_of(self, &self->new_password, hash) == STATUS_OK)
        (void)tell(self, account_store_change(store, self->asker, hash, &self->fault));
}

void admin_request_add_user(struct admin_request *self, struct account_store *store)
{
    char hash[PASSWORD_HASH_CAP];

    if (hash_of(self, &self->password, hash) == STATUS_OK)
        (void)tell(self, account_store_add(store, self->user, hash, &self->fault));
}

void admin_request_remove_user(struct admin_request *self, struct account_store *store)
{
    (void)tell(self, account_store_remove(store, self->user, &self->fault));
}
