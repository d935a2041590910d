#include "harness/form_table.h"

#include <string.h>

#include "harness/must.h"

static const struct word *word_of_member(
    const struct form *form, enum part part, const char *member)
{
    for (size_t i = 0; i < WORDS_MAX && form->words[i].name; i++)
        if (form->words[i].part == part && strcmp(form->words[i].member, member) == 0)
            return &form->words[i];
    return NULL;
}

/* Moves the members of one part into *words; false when one has no word. */
static bool show_part(const struct form *form, enum part part, const json_t *wire, json_t *words)
{
    const char *name;
    json_t *member;

    json_object_foreach (json_object_get(wire, part_name(part)), name, member) {
        const struct word *word = word_of_member(form, part, name);

        if (part == PART_HEADER && form->fixed.member && strcmp(name, form->fixed.member) == 0)
            continue;
        if (!word)
            return false;
        json_object_set(words, word->name, member);
    }
    return true;
}

static bool has_fixed(const struct form *form, const json_t *wire)
{
    const json_t *got;

    if (!form->fixed.member)
        return true;
    got = json_object_get(json_object_get(wire, "header"), form->fixed.member);
    return json_is_string(got) && strcmp(json_string_value(got), form->fixed.value) == 0;
}

/* Which words come first, whatever order the wire has: type, data, …; status … */
static json_t *in_order(const struct form *form, json_t *words)
{
    json_t *ordered = must_json(json_object());

    for (size_t i = 0; i < WORDS_MAX && form->words[i].name; i++) {
        json_t *member = json_object_get(words, form->words[i].name);

        if (member)
            json_object_set(ordered, form->words[i].name, member);
    }
    json_decref(words);
    return ordered;
}

static json_t *show_by(const struct form *form, const json_t *wire)
{
    json_t *words = must_json(json_object());
    const char *name;
    json_t *member;
    bool ok = has_fixed(form, wire);

    json_object_foreach ((json_t *)wire, name, member) {
        bool part = strcmp(name, "header") == 0 || strcmp(name, "payload") == 0;

        ok = ok && part && json_is_object(member);
    }
    ok = ok && show_part(form, PART_HEADER, wire, words) &&
         show_part(form, PART_PAYLOAD, wire, words) &&
         form_admits_key(form, json_object_get(words, form->key));
    if (ok)
        return in_order(form, words);
    json_decref(words);
    return NULL;
}

/* A login, or any frame that holds a password: it never shows. */
static json_t *show_login(const json_t *wire)
{
    const json_t *header = json_object_get(wire, "header");
    const json_t *authentication = json_object_get(header, "authentication");
    json_t *user = json_object_get(authentication, "username");
    json_t *features = json_object_get(header, "features");

    if (!authentication)
        return NULL;
    if (!user)
        return must_json(json_pack("{s:s}", "login", "without a username"));
    json_t *login = must_json(json_pack("{s:O}", "user", user));
    if (features)
        json_object_set(login, "features", features);
    return must_json(json_pack("{s:o}", "login", login));
}

static json_t *show_question(enum edge_kind edge, const json_t *data)
{
    if (form_is_bare(edge, data) || form_question_in_words(edge, data))
        return must_json(json_pack("{s:O}", "ask", data));
    return must_json(json_deep_copy(data));
}

json_t *form_show(enum edge_kind edge, const json_t *wire)
{
    json_t *shown = NULL;

    if (edge == EDGE_STDIN || edge == EDGE_STDOUT)
        return must_json(json_pack("{s:O}", "json", wire));
    if (edge == EDGE_SERVER_ONESHOT)
        return show_question(edge, wire);
    if (edge == EDGE_ONESHOT_SERVER || edge == EDGE_STREAM_SERVER)
        shown = answer_show(wire);
    else if (edge == EDGE_CLIENT_INFORMER || edge == EDGE_INFORMER_CLIENT)
        shown = informer_show(edge, wire);
    else if (edge == EDGE_CLIENT_SERVER)
        shown = show_login(wire);
    for (size_t i = 0; !shown && form_at(i); i++)
        if (form_is_of(form_at(i), edge))
            shown = show_by(form_at(i), wire);
    return shown ? shown : must_json(json_deep_copy(wire));
}
