#include "besterd/origin.h"

#include <stdlib.h>
#include <string.h>

#include "besterd/username.h"
#include "libbester/address.h"
#include "libbester/bytes.h"
#include "libbester/frame.h"
#include "libbester/json.h"

/* A quoted character may grow to six bytes. */
enum { TOKEN_MAX = 6 * (USER_NAME_MAX + SERVER_NAME_MAX) + 3 };

struct identity {
    const char *user;   /* NULL: not known */
    const char *server; /* of the user */
    const char *scope;
    const char *via; /* this server */
    bool authenticated;
};

static struct span quote(char token[TOKEN_MAX], const char *text)
{
    return json_quote_into(token, TOKEN_MAX, span_of(text));
}

static struct blob *make_question(const struct identity *identity)
{
    char user[TOKEN_MAX], server[TOKEN_MAX], via[TOKEN_MAX];
    struct parts parts;

    parts_init(&parts);
    parts_add_text(&parts, "{");
    if (identity->user) {
        parts_add_text(&parts, "\"user\":");
        parts_add(&parts, quote(user, identity->user));
        parts_add_text(&parts, ",\"server\":");
        parts_add(&parts, quote(server, identity->server));
        parts_add_text(&parts, ",");
    }
    parts_add_text(&parts, "\"scope\":\"");
    parts_add_text(&parts, identity->scope);
    parts_add_text(&parts,
        identity->authenticated ? "\",\"authenticated\":true" : "\",\"authenticated\":false");
    parts_add_text(&parts, ",\"via\":");
    parts_add(&parts, quote(via, identity->via));
    parts_add_text(&parts, "}");
    return parts_blob(&parts);
}

static struct blob *make_forward(const struct identity *identity)
{
    char user[TOKEN_MAX], server[TOKEN_MAX];
    struct parts parts;

    parts_init(&parts);
    parts_add_text(&parts, "{\"user\":");
    parts_add(&parts, quote(user, identity->user));
    parts_add_text(&parts, ",\"server\":");
    parts_add(&parts, quote(server, identity->server));
    parts_add_text(&parts, identity->authenticated ? "}" : ",\"authenticated\":false}");
    return parts_blob(&parts);
}

static struct blob *make_from(const struct identity *identity)
{
    char address[USER_NAME_MAX + SERVER_NAME_MAX + 1];
    char token[TOKEN_MAX];
    struct parts parts;
    size_t user = strlen(identity->user);
    size_t server = strlen(identity->server);

    memcpy(address, identity->user, user);
    address[user] = '@';
    memcpy(address + user + 1, identity->server, server + 1);
    parts_init(&parts);
    parts_add(&parts, quote(token, address));
    return parts_blob(&parts);
}

static struct origin *origin_new(const struct identity *identity)
{
    struct origin *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->refs = 1;
    self->authenticated = identity->authenticated;
    self->question = make_question(identity);
    if (identity->user) {
        self->from = make_from(identity);
        self->forward = make_forward(identity);
    }
    if (!self->question || (identity->user && (!self->from || !self->forward))) {
        origin_unref(self);
        return NULL;
    }
    return self;
}

struct origin *origin_new_client(const char *user, const char *server)
{
    struct origin *self = origin_new(&(struct identity){
        .user = user, .server = server, .scope = "client", .via = server, .authenticated = true});

    if (self && (self->user = strdup(user)) == NULL) {
        origin_unref(self);
        return NULL;
    }
    return self;
}

struct origin *origin_new_handler(const char *server)
{
    return origin_new(&(struct identity){.scope = "handler", .via = server, .authenticated = true});
}

struct claim {
    char user[USERNAME_CAP];
    char server[SERVER_NAME_MAX];
    bool unauthenticated; /* who claims it has it from somebody that he does not know */
};

static enum status bad_claim(struct fault *fault)
{
    return fault_set(fault, STATUS_MALFORMED, 0,
        "header.origin: must be {\"user\": …, \"server\": …}, two strings");
}

static enum status read_claim(struct claim *self, struct span text, struct fault *fault)
{
    struct json_cursor cursor;
    struct span name, value, user = {0}, server = {0}, authenticated = {0};
    char given[USER_NAME_MAX];
    bool twice = false;
    size_t len;

    *self = (struct claim){.unauthenticated = false};
    json_begin(&cursor, text, JSON_DEPTH_MAX);
    enum status status = json_enter_object(&cursor, fault);
    while (status == STATUS_OK && json_next_member(&cursor, &name, fault) == PULL_READY) {
        struct span *member = json_string_is(name, "user")            ? &user
                              : json_string_is(name, "server")        ? &server
                              : json_string_is(name, "authenticated") ? &authenticated
                                                                      : NULL;

        status = json_skip(&cursor, &value, fault);
        twice = twice || (member && member->at);
        if (member)
            *member = value;
    }
    if (status != STATUS_OK || twice ||
        json_decode(user, given, sizeof(given), &len) != STATUS_OK ||
        json_decode(server, self->server, sizeof(self->server), NULL) != STATUS_OK ||
        !self->server[0])
        return bad_claim(fault);
    self->unauthenticated = json_kind_of(authenticated) == JSON_KIND_FALSE;
    return username_normalise((struct span){given, len}, self->user, fault) == STATUS_OK
               ? STATUS_OK
               : STATUS_MALFORMED;
}

static enum status make(struct origin **out, const struct identity *identity, struct fault *fault)
{
    struct origin *self = origin_new(identity);

    if (!self)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    *out = self;
    return STATUS_OK;
}

enum status origin_new_legacy(
    struct origin **out, struct span text, const struct config *config, struct fault *fault)
{
    struct identity identity = {.scope = "server", .via = config->server_name};
    struct claim claim;

    if (!text.at)
        return make(out, &identity, fault);
    enum status status = read_claim(&claim, text, fault);
    if (status != STATUS_OK)
        return status;
    const struct config_peer *peer = config_find_peer(config, span_of(claim.server));
    if (strcmp(claim.server, config->server_name) == 0)
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "header.origin: another server cannot speak for a user of this one");
    if (peer && !peer->legacy)
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "header.origin: users of %.100s are believed over its own connection only",
            claim.server);
    identity.user = claim.user;
    identity.server = claim.server;
    return make(out, &identity, fault);
}

enum status origin_new_pinned(struct origin **out, struct span text, const struct config_peer *peer,
    const char *server, struct fault *fault)
{
    struct identity identity = {.scope = "server", .via = server, .authenticated = true};
    struct claim claim;

    if (!text.at)
        return make(out, &identity, fault);
    enum status status = read_claim(&claim, text, fault);
    if (status != STATUS_OK)
        return status;
    if (!config_peer_speaks_for(peer, claim.server, server))
        return fault_set(fault, STATUS_NOT_ALLOWED, 0,
            "header.origin: %.100s is not believed about users of %.100s (relaysFor)", peer->name,
            claim.server);
    identity.user = claim.user;
    identity.server = claim.server;
    identity.authenticated = !claim.unauthenticated;
    return make(out, &identity, fault);
}

struct origin *origin_ref(struct origin *self)
{
    self->refs++;
    return self;
}

void origin_unref(struct origin *self)
{
    if (!self || --self->refs > 0)
        return;
    free(self->user);
    blob_unref(self->from);
    blob_unref(self->question);
    blob_unref(self->forward);
    free(self);
}
