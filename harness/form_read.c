#include "harness/form_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void saying_release(struct saying *self)
{
    json_decref(self->wire);
    free(self->bytes);
    free(self->label);
    *self = (struct saying){0};
}

static enum status blame(char *word, const char *name, enum status status)
{
    snprintf(word, FORM_WORD_MAX, "%s", name);
    return status;
}

/* ---- words -> wire --------------------------------------------------------------------------- */

static const struct word *form_word(const struct form *form, const char *name)
{
    for (size_t i = 0; i < WORDS_MAX && form->words[i].name; i++)
        if (strcmp(form->words[i].name, name) == 0)
            return &form->words[i];
    return NULL;
}

static const struct form *form_for(enum edge_kind edge, const json_t *value)
{
    const struct form *form;

    for (size_t i = 0; (form = form_at(i)); i++)
        if (form_is_of(form, edge) && form_admits_key(form, json_object_get(value, form->key)))
            return form;
    return NULL;
}

static json_t *form_to_wire(
    const struct form *form, const json_t *value, char *word, struct fault *fault)
{
    json_t *header = must_json(json_object());
    json_t *payload = must_json(json_object());
    json_t *wire = must_json(json_pack("{s:o, s:o}", "header", header, "payload", payload));
    const char *name;
    json_t *member;

    if (form->fixed.member)
        json_object_set_new(header, form->fixed.member, json_string(form->fixed.value));
    json_object_foreach ((json_t *)value, name, member) {
        const struct word *known = form_word(form, name);

        if (!known) {
            blame(word, name,
                fault_set(fault, STATUS_INVALID, 0, "no word \"%s\" beside \"%s\" on this line",
                    name, form->key));
            json_decref(wire);
            return NULL;
        }
        json_object_set(known->part == PART_HEADER ? header : payload, known->member, member);
    }
    return wire;
}

/* ---- words for every edge -------------------------------------------------------------------- */

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)((at - digits) & 15) : -1;
}

static enum status read_hex(const json_t *value, struct saying *out, struct fault *fault)
{
    const char *text = json_string_value(value);
    int half = -1;

    out->bytes = must_alloc(strlen(text) / 2 + 1);
    for (; *text; text++) {
        int digit = hex_digit(*text);

        if (*text == ' ')
            continue;
        if (digit < 0)
            return fault_set(fault, STATUS_INVALID, 0, "'%c' is no hexadecimal digit", *text);
        if (half < 0) {
            half = digit;
        } else {
            out->bytes[out->len++] = (char)(half * 16 + digit);
            half = -1;
        }
    }
    if (half >= 0)
        return fault_set(fault, STATUS_INVALID, 0, "half a byte is left over");
    return STATUS_OK;
}

static enum status read_text(const json_t *value, struct saying *out, struct fault *fault)
{
    (void)fault;
    out->wire = json_incref((json_t *)value);
    return STATUS_OK;
}

static enum status read_nothing(const json_t *value, struct saying *out, struct fault *fault)
{
    (void)value, (void)out, (void)fault;
    return STATUS_OK;
}

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}
static bool is_true(const json_t *value)
{
    return json_is_true(value);
}

/* A line whose object holds one of these (and at most "as", "answers" beside it)
 * means this, on every edge. */
static const struct bare_word {
    const char *name;
    enum body body;
    bool (*admits)(const json_t *value);
    const char *wants;
    enum status (*read)(const json_t *value, struct saying *out, struct fault *fault);
    bool not_asked; /* in what a handler is asked, it is data */
} bare_words[] = {
    {"raw", BODY_RAW, is_text, "a text", read_text, false},
    {"text", BODY_TEXT, is_text, "a text", read_text, true},
    {"hex", BODY_HEX, is_text, "a text", read_hex, false},
    {"close", BODY_CLOSE, is_true, "true", read_nothing, false},
    {"silent", BODY_SILENT, is_true, "true", read_nothing, true},
};
enum { BARE_COUNT = sizeof(bare_words) / sizeof(bare_words[0]) };

static bool is_question(enum edge_kind edge)
{
    return edge == EDGE_SERVER_ONESHOT || edge == EDGE_SERVER_STREAM;
}

/* What a handler is asked is any value, and {"text": …} a likely one. */
static const struct bare_word *bare_word_of(enum edge_kind edge, const json_t *value)
{
    for (size_t i = 0; i < BARE_COUNT; i++)
        if (json_object_size(value) == 1 && json_object_get(value, bare_words[i].name) &&
            !(is_question(edge) && bare_words[i].not_asked))
            return &bare_words[i];
    return NULL;
}

bool form_is_bare(enum edge_kind edge, const json_t *value)
{
    return bare_word_of(edge, value) != NULL;
}

static enum status read_bare(const struct bare_word *bare, const json_t *value, bool doing,
    struct saying *out, char *word, struct fault *fault)
{
    const json_t *member = json_object_get(value, bare->name);

    if (!bare->admits(member))
        return blame(word, bare->name,
            fault_set(fault, STATUS_INVALID, 0, "\"%s\" wants %s", bare->name, bare->wants));
    if (bare->body == BODY_SILENT && !doing)
        return blame(word, bare->name,
            fault_set(fault, STATUS_INVALID, 0,
                "\"silent\" is for actors; {\"quiet\": […]} is for servers"));
    out->body = bare->body;
    enum status status = bare->read(member, out, fault);
    return status == STATUS_OK ? status : blame(word, bare->name, status);
}

/* What a login that is expected must hold. Its password shows nowhere, not even in a
 * difference. */
static json_t *login_pattern(const json_t *login)
{
    json_t *user = json_object_get(login, "user");
    json_t *features = json_object_get(login, "features");
    json_t *authentication = must_json(json_pack("{s:b}", "...", 1));
    json_t *header = must_json(json_pack("{s:o}", "authentication", authentication));

    if (user)
        json_object_set(authentication, "username", user);
    if (features)
        json_object_set(header, "features", features);
    return must_json(json_pack("{s:o}", "header", header));
}

static enum status read_login(
    bool doing, const json_t *login, struct saying *out, char *word, struct fault *fault)
{
    const char *name;
    json_t *member;

    if (!json_is_object(login))
        return blame(word, "login",
            fault_set(fault, STATUS_INVALID, 0,
                "\"login\" wants an object: {}, or with user, password, features"));
    json_object_foreach ((json_t *)login, name, member)
        if (strcmp(name, "user") != 0 && strcmp(name, "password") != 0 &&
            strcmp(name, "features") != 0)
            return blame(word, "login",
                fault_set(fault, STATUS_INVALID, 0,
                    "no word \"%s\" in a login: user, password, features", name));
    if (!doing && json_object_get(login, "password"))
        return blame(word, "login",
            fault_set(fault, STATUS_INVALID, 0,
                "a password that is expected would show in the report when it differs"));
    out->body = BODY_LOGIN;
    out->open_levels = 2;
    out->wire = doing ? json_incref((json_t *)login) : login_pattern(login);
    return STATUS_OK;
}

/* A question is any value; it is one in words only when "ask" is among them (or
 * for a stream, a whole frame). */
bool form_question_in_words(enum edge_kind edge, const json_t *value)
{
    if (json_object_get(value, "ask"))
        return true;
    return edge == EDGE_SERVER_STREAM && json_object_size(value) == 2 &&
           json_object_get(value, "header") && json_object_get(value, "payload");
}

/* Nothing of the data is open; in a stream's frame it is two levels down. */
static enum status read_data(enum edge_kind edge, const json_t *data, struct saying *out)
{
    if (edge == EDGE_SERVER_ONESHOT) {
        out->wire = json_incref((json_t *)data);
    } else {
        out->wire = must_json(json_pack("{s:{s:O}}", "payload", "data", data));
        out->open_levels = 2;
    }
    return STATUS_OK;
}

static enum status read_question(
    enum edge_kind edge, const json_t *value, struct saying *out, char *word, struct fault *fault)
{
    const json_t *ask = json_object_get(value, "ask");

    if (!form_question_in_words(edge, value))
        return read_data(edge, value, out);
    if (edge == EDGE_SERVER_ONESHOT && json_object_size(value) != 1)
        return blame(word, "ask",
            fault_set(fault, STATUS_INVALID, 0,
                "a one-shot handler is told the data alone: only \"ask\" and \"as\" stand here"));
    if (edge == EDGE_SERVER_ONESHOT)
        return read_data(edge, ask, out);
    out->open_levels = 2;
    out->wire = ask ? form_to_wire(form_for(edge, value), value, word, fault)
                    : json_incref((json_t *)value);
    return out->wire ? STATUS_OK : STATUS_INVALID;
}

static enum status read_informer(enum edge_kind edge, bool doing, const json_t *value,
    struct saying *out, char *word, struct fault *fault)
{
    out->open_levels = doing ? 0 : 1;
    out->wire = informer_to_wire(edge, value, word, fault);
    return out->wire ? STATUS_OK : STATUS_INVALID;
}

static bool is_informers(enum edge_kind edge)
{
    return edge == EDGE_CLIENT_INFORMER || edge == EDGE_INFORMER_CLIENT;
}

static bool is_whole_frame(const json_t *value)
{
    return json_object_get(value, "header") || json_object_get(value, "payload");
}

static enum status read_message(enum edge_kind edge, bool doing, const json_t *value,
    struct saying *out, char *word, struct fault *fault)
{
    const struct form *form = form_for(edge, value);

    out->body = BODY_JSON;
    out->open_levels = doing ? 0 : 2;
    if (is_whole_frame(value))
        out->wire = json_incref((json_t *)value);
    else if (edge == EDGE_ONESHOT_SERVER || edge == EDGE_STREAM_SERVER)
        out->wire = answer_to_wire(edge == EDGE_STREAM_SERVER, doing, value, word, fault);
    else if (form)
        out->wire = form_to_wire(form, value, word, fault);
    else
        return fault_set(fault, STATUS_INVALID, 0,
            "no known form: a message has \"type\", a report \"status\", a whole frame \"header\" "
            "or \"payload\"; or one of raw, text, hex, close, silent");
    return out->wire ? STATUS_OK : STATUS_INVALID;
}

/* What stands in a line that a program reads or writes. */
static enum status read_line(
    bool doing, const json_t *value, struct saying *out, char *word, struct fault *fault)
{
    const json_t *json = json_object_size(value) == 1 ? json_object_get(value, "json") : NULL;

    if (json_is_string(value) || json) {
        out->body = json ? BODY_JSON : BODY_RAW;
        out->wire = json_incref((json_t *)(json ? json : value));
        return STATUS_OK;
    }
    const struct bare_word *bare = bare_word_of(EDGE_STDIN, value);
    if (doing && bare && bare->body != BODY_RAW && bare->body != BODY_SILENT)
        return read_bare(bare, value, doing, out, word, fault);
    return fault_set(fault, STATUS_INVALID, 0,
        doing ? "a program reads a line (a text, or {\"json\": …}), or {\"text\": …} or {\"hex\": "
                "…} as it stands, or {\"close\": true}"
              : "a program writes a line: a text, or {\"json\": …}");
}

/* Where a line may carry a label, and what the word for it is. "as" names a
 * question when it comes, "answers" says which one is answered. */
static const char *label_word(enum edge_kind edge, bool doing)
{
    switch (edge) {
    case EDGE_SERVER_ONESHOT:
    case EDGE_SERVER_STREAM:
        return "as";
    case EDGE_ONESHOT_SERVER:
    case EDGE_STREAM_SERVER:
        return "answers";
    case EDGE_SERVER_SERVER:
        return doing ? "answers" : "as";
    default:
        return NULL;
    }
}

/* Moves the label of *value into *out; *value then becomes a copy without it. */
static enum status take_label(enum edge_kind edge, bool doing, json_t **value, struct saying *out,
    char *word, struct fault *fault)
{
    const char *name = label_word(edge, doing);
    const json_t *label = name ? json_object_get(*value, name) : NULL;

    /* In a question without words, "as" is a member of the data. */
    if (!label || (is_question(edge) && !json_object_get(*value, "ask")))
        return STATUS_OK;
    if (!json_is_string(label))
        return blame(word, name, fault_set(fault, STATUS_INVALID, 0, "\"%s\" wants a text", name));
    out->label = must_copy(json_string_value(label));
    json_t *copy = must_json(json_copy(*value));
    json_object_del(copy, name);
    json_decref(*value);
    *value = copy;
    return STATUS_OK;
}

enum status form_read(enum edge_kind edge, bool doing, const json_t *line, struct saying *out,
    char word[FORM_WORD_MAX], struct fault *fault)
{
    json_t *value = json_incref((json_t *)line);
    const struct bare_word *bare;

    *out = (struct saying){.body = BODY_JSON};
    word[0] = '\0';
    enum status status = take_label(edge, doing, &value, out, word, fault);
    if (status != STATUS_OK)
        goto out;
    bare = bare_word_of(edge, value);
    if (edge == EDGE_STDIN || edge == EDGE_STDOUT)
        status = read_line(doing, value, out, word, fault);
    else if (bare)
        status = read_bare(bare, value, doing, out, word, fault);
    else if (is_question(edge))
        status = read_question(edge, value, out, word, fault);
    else if (!json_is_object(value))
        status = fault_set(fault, STATUS_INVALID, 0, "an object is wanted here");
    else if (is_informers(edge))
        status = read_informer(edge, doing, value, out, word, fault);
    else if (edge == EDGE_CLIENT_SERVER && json_object_size(value) == 1 &&
             json_object_get(value, "login"))
        status = read_login(doing, json_object_get(value, "login"), out, word, fault);
    else
        status = read_message(edge, doing, value, out, word, fault);
out:
    json_decref(value);
    if (status != STATUS_OK)
        saying_release(out);
    return status;
}

json_t *form_login(const json_t *words, const char *user, const char *password)
{
    json_t *named_user = json_object_get(words, "user");
    json_t *named_password = json_object_get(words, "password");
    json_t *features = json_object_get(words, "features");
    json_t *authentication = must_json(json_object());
    json_t *header =
        must_json(json_pack("{s:s, s:o}", "scope", "client", "authentication", authentication));

    json_object_set_new(
        authentication, "username", named_user ? json_incref(named_user) : json_string(user));
    json_object_set_new(authentication, "password",
        named_password ? json_incref(named_password) : json_string(password));
    if (features)
        json_object_set(header, "features", features);
    return must_json(json_pack("{s:o, s:{s:s, s:n, s:s}}", "header", header, "payload", "type",
        "dummy", "data", "id", "0"));
}
