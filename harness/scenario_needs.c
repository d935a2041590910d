/* What a play needs of its servers, "needs", held against what it uses; and what it
 * "proves". */
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/needs.h"
#include "harness/scenario_load.h"

static bool use(struct loader *self, enum feature feature, struct where at, const char *what)
{
    if (self->scenario->needs & need_bit(feature))
        return true;
    return load_fail(self, at, "%s: not every server has this; \"%s\" is missing in \"needs\"",
        what, feature_word(feature));
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* A member on the wire by which a line shows that it uses a feature. */
static const struct sign {
    enum edge_kind edge;
    bool doing;
    const char *part;
    const char *member;
    enum feature feature;
} signs[] = {
    {EDGE_SERVER_CLIENT, false, "payload", "server", FEATURE_LOGIN_ANSWER},
    {EDGE_SERVER_CLIENT, false, "payload", "reason", FEATURE_REASONS},
    {EDGE_SERVER_CLIENT, false, "payload", "detail", FEATURE_REASONS},
    {EDGE_SERVER_CLIENT, false, "payload", "outcome", FEATURE_OUTCOMES},
    {EDGE_SERVER_CLIENT, false, "payload", "recipients", FEATURE_OUTCOMES},
    {EDGE_SERVER_CLIENT, false, "payload", "servers", FEATURE_OUTCOMES},
    {EDGE_SERVER_CLIENT, false, "header", "from", FEATURE_STAMPS},
    {EDGE_SERVER_CLIENT, false, "header", "id", FEATURE_STAMPS},
    {EDGE_SERVER_CLIENT, false, "header", "time", FEATURE_STAMPS},
    {EDGE_SERVER_CLIENT, false, "header", "authenticated", FEATURE_STAMPS},
    {EDGE_SERVER_CLIENT, false, "header", "seq", FEATURE_ACKS},
    {EDGE_CLIENT_SERVER, true, "header", "ack", FEATURE_ACKS},
    {EDGE_SERVER_SERVER, false, "payload", "reason", FEATURE_REASONS},
    {EDGE_SERVER_SERVER, false, "payload", "detail", FEATURE_REASONS},
    {EDGE_SERVER_SERVER, false, "payload", "outcome", FEATURE_OUTCOMES},
    {EDGE_SERVER_SERVER, false, "payload", "recipients", FEATURE_OUTCOMES},
    {EDGE_SERVER_SERVER, false, "header", "origin", FEATURE_ORIGIN},
    {EDGE_SERVER_SERVER, false, "header", "hops", FEATURE_ORIGIN},
    {EDGE_SERVER_SERVER, false, "header", "trace", FEATURE_ORIGIN},
};

static bool check_signs(
    struct loader *self, const struct line *line, const json_t *wire, struct where at)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        const struct sign *sign = &signs[i];
        const json_t *part = json_object_get(wire, sign->part);

        if (sign->edge == line->edge && sign->doing == line->doing &&
            json_object_get(part, sign->member) && !use(self, sign->feature, at, sign->member))
            return false;
    }
    return true;
}

static bool check_builtin(struct loader *self, const char *name, struct where at)
{
    static const char *const of_administration[] = {"addUser", "changePassword", "kick", "queue",
        "register", "reload", "removeUser", "sessions", "shutdown"};

    if (strcmp(name, "close") == 0)
        return true;
    for (size_t i = 0; i < sizeof(of_administration) / sizeof(of_administration[0]); i++)
        if (strcmp(of_administration[i], name) == 0)
            return use(self, FEATURE_ADMINISTRATION, at, name);
    return use(self, FEATURE_BUILTINS, at, name);
}

/* What a message is used for that a member alone does not show. */
static bool check_message(
    struct loader *self, const struct line *line, const json_t *payload, struct where at)
{
    const char *type = json_string_value(json_object_get(payload, "type"));
    const json_t *command = json_object_get(json_object_get(payload, "data"), "command");
    const char *name = json_string_value(json_object_get(command, "type"));
    bool id = json_object_get(payload, "id") != NULL;

    if (!type)
        return true;
    if (line->doing && !id && !use(self, FEATURE_MISSING_ID, at, "a message without an id"))
        return false;
    if (!line->doing && id && line->edge == EDGE_SERVER_SERVER &&
        !use(self, FEATURE_PEER_ID, at, "the id of a message between servers"))
        return false;
    return !line->doing || strcmp(type, "builtin") != 0 || !name || check_builtin(self, name, at);
}

static bool check_login(struct loader *self, const json_t *words, struct where at)
{
    const json_t *features = json_object_get(words, "features");

    for (size_t i = 0; i < json_array_size(features); i++) {
        const char *name = json_string_value(json_array_get(features, i));

        if (name && strcmp(name, "acks") == 0 && !use(self, FEATURE_ACKS, at, name))
            return false;
        if (name && strcmp(name, "receipts") == 0 && !use(self, FEATURE_RECEIPTS, at, name))
            return false;
    }
    return true;
}

static bool check_line(struct loader *self, const struct line *line, struct where at)
{
    const json_t *wire = line->saying.wire;
    const json_t *payload = json_object_get(wire, "payload");
    bool servers = line->edge == EDGE_SERVER_SERVER;

    if (line->saying.body == BODY_LOGIN)
        return check_login(self, wire, at);
    if (line->saying.body != BODY_JSON)
        return true;
    if (!check_signs(self, line, wire, at))
        return false;
    return !(servers || line->edge == EDGE_CLIENT_SERVER) || check_message(self, line, payload, at);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool check_steps(struct loader *self, const struct steps *steps);

static bool check_step(struct loader *self, const struct step *step)
{
    bool server = (step->kind == STEP_METRICS || step->kind == STEP_LOG ||
                      step->kind == STEP_EXIT || step->kind == STEP_SIGNAL) &&
                  self->scenario->members[step->member].kind == MEMBER_SERVER;

    if (step->kind == STEP_LINE || step->kind == STEP_NEVER)
        return check_line(self, &step->line, step->at);
    if (server && step->kind == STEP_LOG)
        return use(self, FEATURE_LOG, step->at, "a line of the log");
    if (server && step->kind == STEP_METRICS)
        return use(self, FEATURE_METRICS, step->at, "what a server counts");
    if (server && step->kind == STEP_EXIT)
        return use(self, FEATURE_EXIT, step->at, "how a server ends");
    if (server && step->signal == SIGHUP)
        return use(self, FEATURE_RELOAD, step->at, "SIGHUP");
    return check_steps(self, &step->body);
}

static bool check_steps(struct loader *self, const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (!check_step(self, &steps->items[i]))
            return false;
    return true;
}

/* ---- the cast -------------------------------------------------------------------------------- */

/* The members that a configuration of Part I has. */
static const char *const first_members[] = {"network", "network/types", "network/tcp[46]",
    "network/tcp[46]/*", "network/unix", "network/unix/address", "handlers",
    "handlers/availableTypes", "handlers/typeMap", "handlers/typeMap/*",
    "handlers/typeMap/*/handlerBinary", "handlers/typeMap/*/unixDomainSocketPath", "database",
    "database/type", "database/redis", "database/redis/address", "database/redis/port", "admin",
    "admin/info", "admin/info/*"};

static bool is_first(const char *path)
{
    for (size_t i = 0; i < sizeof(first_members) / sizeof(first_members[0]); i++) {
        bool all = strcmp(first_members[i], "admin/info/*") == 0;

        if (fnmatch(first_members[i], path, all ? 0 : FNM_PATHNAME) == 0)
            return true;
    }
    return false;
}

/* A member that is taken away (null) is not used. */
static bool check_config(
    struct loader *self, const json_t *config, const char *before, struct where at)
{
    const char *name;
    json_t *value;
    bool ok = true;

    json_object_foreach ((json_t *)config, name, value) {
        char *path = must_print("%s%s%s", before, *before ? "/" : "", name);

        if (!json_is_null(value) && !is_first(path))
            ok = use(self, FEATURE_CONFIGURATION, at, path);
        else
            ok = check_config(self, value, path, at);
        free(path);
        if (!ok)
            return false;
    }
    return true;
}

static bool check_member(struct loader *self, const struct member *member)
{
    if (member->handler.stream && !use(self, FEATURE_STREAM, member->at, "protocol stream"))
        return false;
    if (member->server.pinned && !use(self, FEATURE_PINNED, member->at, "pinned"))
        return false;
    if (member->handler.by_server &&
        !use(self, FEATURE_HANDLER_START, member->at, "startedBy server"))
        return false;
    if (!check_config(self, member->handler.config, "handlers/typeMap/TYPE", member->at) ||
        !check_config(self, member->server.config, "", member->at))
        return false;
    for (size_t i = 0; i < member->rule_count; i++) {
        struct line reply = {
            .edge = EDGE_CLIENT_SERVER, .doing = true, .saying = member->rules[i].reply};

        if (member->kind == MEMBER_CLIENT && !check_line(self, &reply, member->rules[i].at))
            return false;
    }
    return true;
}

/* ---- the words ------------------------------------------------------------------------------- */

static bool is_list_of_texts(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return json_is_array(value);
}

bool load_needs(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct scenario *scenario = into;

    if (!is_list_of_texts(value))
        return load_fail_member(
            self, object, "needs", "\"needs\" wants a list of features: docs/harness.md has them");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *word = json_string_value(json_array_get(value, i));
        enum feature feature;

        if (!feature_find(word, strlen(word), &feature)) {
            char *words = needs_words();
            load_fail(self, source_where_element(&scenario->source, value, i),
                "no feature \"%s\"; there are %s", word, words);
            free(words);
            return false;
        }
        scenario->needs |= need_bit(feature);
    }
    scenario->tells_needs = true;
    return true;
}

bool load_proves(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct scenario *scenario = into;

    if (!is_list_of_texts(value))
        return load_fail_member(
            self, object, "proves", "\"proves\" wants a list of names of sentences");
    scenario->proves = value;
    return true;
}

bool load_check_needs(struct loader *self)
{
    const struct scenario *scenario = self->scenario;

    if (!scenario->tells_needs)
        return true;
    for (size_t i = 0; i < scenario->member_count; i++)
        if (!check_member(self, &scenario->members[i]))
            return false;
    return check_steps(self, &scenario->steps);
}
